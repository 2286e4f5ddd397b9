"""Is the right call taken each time, and does nobody starve? Judged from the plans alone, not by the engine's own code.

An offer is wrong when another waiting call, whose needs the agent meets by now, is worth more (tier, then points with
ageing and steps up to the cap), or as much and older. The starvation bound: once a call is worth the cap, no younger
call of its tier is taken before it by an agent it may have.
"""

from __future__ import annotations

from bisect import bisect_left
from functools import lru_cache

from bench.simulation.clock import Event, Life
from bench.simulation.load import MINUTE_MS, Caller, Load
from routing.model import PRIORITY_CAP, Plan, Step
from routing.rules import meets

# An agent is not offered the same call again after so many offers: then it passes by him.
OFFERS_MAX = 3
DAY_MS = 24 * 60 * MINUTE_MS


class Order:
    """Watches a run. offers  judged; capped  calls that reached the cap; the rest are faults: call and agent."""

    def __init__(self, load: Load, lives: dict[str, Life]) -> None:
        self._skills, self._lending, self._lives = load.skills, set(load.lending), lives
        self._waiting: dict[str, Caller] = {}
        self._refused: dict[tuple[str, str], int] = {}
        self.offers = 0
        self.capped: set[str] = set()
        self.overtaken: list[tuple[str, str]] = []
        self.not_best: list[tuple[str, str]] = []
        self.not_able: list[tuple[str, str]] = []
        self._delay_ms = lru_cache(maxsize=None)(self._delay_of)

    def event(self, event: Event) -> None:
        call, agent, now = event.get("call", ""), event.get("agent", ""), int(event["at_ms"])
        if event["type"] == "waiting":
            self._waiting[call] = self._lives[call].caller
        elif event["type"] == "refused":
            self._waiting[call] = self._lives[call].caller
            self._refused[call, agent] = self._refused.get((call, agent), 0) + 1
        elif event["type"] == "ended":
            self._waiting.pop(call, None)
        elif event["type"] == "offered":
            self._offered(self._waiting.pop(call), agent, now)

    def waits(self, now: int, life: Life, position: int, agents_in: int) -> None:
        """Nothing: offers are judged."""

    def longest_after_cap_s(self) -> float:
        """The longest any call waited from being worth the cap until somebody answered."""
        capped = [self._lives[call_id] for call_id in self.capped]
        return max((((life.waited_ms or 0) - capped_after_ms(life.caller)) / 1000 for life in capped), default=0.0)

    def _offered(self, taken: Caller, agent: str, now: int) -> None:
        self.offers += 1
        mine = self._worth(taken, now)
        if not self._open(taken, agent, now, at_latest=True):
            self.not_able.append((taken.call_id, agent))
        for other in self._waiting.values():
            worth = self._worth(other, now)
            if worth[1] >= PRIORITY_CAP:
                self.capped.add(other.call_id)
            if worth <= mine or not self._open(other, agent, now):
                continue
            self.not_best.append((taken.call_id, agent))
            if worth[1] >= PRIORITY_CAP and worth[0] == mine[0]:
                self.overtaken.append((other.call_id, taken.call_id))

    def _worth(self, caller: Caller, now: int) -> tuple[int, float, int]:
        """More is better: tier, points, minus the entry time."""
        return int(caller.line.emergency), points(caller, now - caller.at_ms), -caller.at_ms

    def _open(self, caller: Caller, agent: str, now: int, *, at_latest: bool = False) -> bool:
        """Whether waiting lets this agent in by now; for another's turn, for at least a millisecond."""
        delay_ms = self._delay_ms(caller.plan, agent)
        if delay_ms is None or self._refused.get((caller.call_id, agent), 0) >= OFFERS_MAX:
            return False
        waited_ms = now - caller.at_ms
        return waited_ms >= delay_ms if at_latest else waited_ms > delay_ms

    def _delay_of(self, plan: Plan, agent: str) -> int | None:
        """From which wait on the agent may take a call of this plan; None for never."""
        rings = [Step(1, plan.need), *(step for step in plan.steps if step.need)]
        rings = [ring for ring in rings if not ring.lend or ring.lend in self._lending]
        nobody_before = True
        for n, ring in enumerate(rings):
            assert ring.need
            if meets(ring.need, self._skills[agent]):
                return 0 if n == 0 or (ring.skip_if_nobody and nobody_before) else round(ring.after_s * 1000)
            need = ring.need
            nobody_before = nobody_before and not any(meets(need, skills) for skills in self._skills.values())
        return None


def points(caller: Caller, waited_ms: int) -> float:
    """What waiting made a call worth, up to the cap."""
    bonus = sum(step.priority for step in caller.plan.steps if waited_ms >= step.after_s * 1000)
    return min(PRIORITY_CAP, caller.line.priority + bonus + caller.plan.ageing * waited_ms / MINUTE_MS)


def capped_after_ms(caller: Caller) -> int:
    """From which wait on the call is worth the cap."""
    return bisect_left(range(DAY_MS), True, key=lambda waited_ms: points(caller, waited_ms) >= PRIORITY_CAP)
