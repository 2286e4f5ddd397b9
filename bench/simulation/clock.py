"""Callers and agents live their lives under a virtual clock, before any engine that routes.

The engine decides who is offered to whom; everything else (who leaves, how long a phone rings and a talk lasts) is
in the load. Says what happens in the words of the events stream, as Redis does. The same load and engine give the
same run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Protocol

from bench.simulation.engines import BACK_OFF_MS, Engine, Made, class_of
from bench.simulation.load import START_MS, Caller, Load
from routing import keys
from routing.rules import meets

# A caller an agent without the skill answers is heard so long before he is put in line again, so often at most.
MISROUTED_TALK_MS = 45_000
TRANSFERS_MAX = 8
ASK_MS = 60_000

Event = Mapping[str, str]


@dataclass
class Life:
    """What became of a call. *_ms  since START of the clock; None for never. wrong  agents without the skill."""

    caller: Caller
    entered_ms: int
    helped_ms: int | None = None
    left_ms: int | None = None
    agent: str = ""
    offers: int = 0
    wrong: int = 0
    waited: bool = False
    state: str = "new"

    @property
    def waited_ms(self) -> int | None:
        """Until the agent who could help answered; None when nobody did."""
        return None if self.helped_ms is None else self.helped_ms - self.entered_ms


class Watcher(Protocol):
    """Who is told of everything."""

    def event(self, event: Event) -> None:
        """An event of the stream."""

    def waits(self, now: int, life: Life, position: int, agents_in: int) -> None:
        """A call has to wait, or still waits a minute later, and so on."""


@dataclass
class Run:
    """A finished run. busy_ms  agent -> time ringing, talking and in wrap-up, until `open_ms` was over."""

    load: Load
    lives: dict[str, Life]
    open_ms: int
    busy_ms: dict[str, int] = field(default_factory=dict)

    @property
    def fates(self) -> list[tuple[int | None, int | None, str, int, int]]:
        """What became of every call: helped and left when, by whom, after how many offers and wrong agents."""
        return [(life.helped_ms, life.left_ms, life.agent, life.offers, life.wrong) for life in self.lives.values()]

    @property
    def occupancy(self) -> dict[str, float]:
        """Share of the time in which calls came that an agent was busy."""
        return {agent.agent_id: self.busy_ms.get(agent.agent_id, 0) / self.open_ms for agent in self.load.agents}


class Simulation:
    """One run of a load.

    asks  how often the watchers see a call that waits: as it begins to, then each minute.
    skilled  the engine knows skills: an agent without them is a fault.
    """

    def __init__(
        self, load: Load, engine: Engine, watchers: tuple[Watcher, ...] = (), *, asks: int = 0, skilled: bool = True
    ) -> None:
        self.load, self.engine, self.watchers, self.asks, self.skilled = load, engine, watchers, asks, skilled
        self.now = START_MS
        self._queue: list[tuple[int, int, Callable[[], None]]] = []
        self._order = 0
        self._sweep_at: int | None = None
        self._live: dict[str, Made] = {}
        self._began: dict[str, int] = {}
        self._rests: dict[str, int] = {}
        self.lives = {caller.call_id: Life(caller, caller.at_ms) for caller in load.callers}
        last = max((caller.at_ms for caller in load.callers), default=START_MS)
        self.result = Run(load, self.lives, last - START_MS)

    def run(self) -> Run:
        """Sign everybody in, let all callers come, until nobody is left."""
        for agent in self.load.agents:
            self.engine.sign_in(self.now, agent)
            self._say("agent_signed_in", agent=agent.agent_id, group=keys.group_name(agent.all_skills))
        for caller in self.load.callers:
            self._at(caller.at_ms, self._arrive, caller.call_id)
        while self._queue:
            self.now, _, act = heappop(self._queue)
            act()
            self._offers()
            self._watch_due()
        return self.result

    def _at(self, ms: int, act: Callable[..., None], *what: object) -> None:
        self._order += 1
        heappush(self._queue, (ms, self._order, lambda: act(*what)))

    def _say(self, kind: str, **fields: object) -> None:
        event = {"type": kind, "at_ms": str(self.now), **{name: str(value) for name, value in fields.items()}}
        for watcher in self.watchers:
            watcher.event(event)

    def _watch_due(self) -> None:
        due = self.engine.due_ms()
        if due is not None and (self._sweep_at is None or due < self._sweep_at):
            self._sweep_at = due
            self._at(max(due, self.now), self._sweep, due)

    def _sweep(self, due: int) -> None:
        if self._sweep_at == due:
            self._sweep_at = None
        self._rested()
        self.engine.sweep(self.now)

    # Callers

    def _arrive(self, call_id: str) -> None:
        self._wait(self.lives[call_id])
        self._at(self.now + self.lives[call_id].caller.patience_ms, self._leave, call_id)

    def _wait(self, life: Life) -> None:
        caller = life.caller
        self._say("waiting", call=caller.call_id, queue=caller.line.name, entered_ms=life.entered_ms,
                  **{"class": class_of(caller)})  # fmt: skip
        life.state = "waiting"
        self.engine.enqueue(self.now, caller, life.entered_ms)
        self._offers()
        if self.asks and life.state == "waiting" and not life.waited:
            life.waited = True
            self._ask(caller.call_id, self.asks)

    def _ask(self, call_id: str, times: int) -> None:
        """Let the watchers see a call that waits, each minute."""
        life = self.lives[call_id]
        if life.state == "waiting":
            place = self.engine.place(self.now, call_id)
            for watcher in self.watchers:
                watcher.waits(self.now, life, *place)
        if times > 1 and life.helped_ms is None and life.left_ms is None:
            self._at(self.now + ASK_MS, self._ask, call_id, times - 1)

    def _leave(self, call_id: str) -> None:
        life = self.lives[call_id]
        if life.state in ("waiting", "offered"):
            state, life.state, life.left_ms = life.state, "left", self.now
            self._ended(life, state, "abandoned")
            offer = self._live.pop(call_id, None)
            self.engine.abandon(self.now, call_id)
            if offer:
                self._busy(offer, self.now)

    # Offers

    def _offers(self) -> None:
        for made in self.engine.offers(self.now):
            life = self.lives[made.call_id]
            life.state, life.offers = "offered", life.offers + 1
            self._live[made.call_id] = made
            self._began[made.agent_id] = self.now
            self._say("offered", call=made.call_id, agent=made.agent_id, queue=life.caller.line.name)
            after_ms = self.load.pick_up_ms(made.call_id, made.agent_id, life.offers)
            if after_ms is None:
                self._at(self.now + round(self.load.ring_s * 1000), self._refuse, made)
            else:
                self._at(self.now + after_ms, self._answer, made)

    def _answer(self, offer: Made) -> None:
        if self._live.get(offer.call_id) != offer:
            return
        life = self.lives[offer.call_id]
        caller = life.caller
        self.engine.accept(self.now, offer)
        self._say("bridged", call=caller.call_id, agent=offer.agent_id, queue=caller.line.name,
                  waited_ms=self.now - life.entered_ms)  # fmt: skip
        life.state = "bridged"
        if self._able(offer):
            life.helped_ms, life.agent = self.now, offer.agent_id
            self._at(self.now + caller.talk_ms, self._finish, offer, True)
        else:
            assert not self.skilled, f"{offer.call_id} was given to {offer.agent_id} who has none of its needs"
            life.wrong += 1
            self._at(self.now + MISROUTED_TALK_MS, self._finish, offer, False)

    def _refuse(self, offer: Made) -> None:
        if self._live.get(offer.call_id) != offer:
            return
        life = self.lives[offer.call_id]
        del self._live[offer.call_id]
        life.state = "waiting"
        self._busy(offer, self.now + BACK_OFF_MS)
        self._say("refused", call=offer.call_id, agent=offer.agent_id, queue=life.caller.line.name, cause="no_answer")
        self.engine.refuse(self.now, offer)

    def _finish(self, offer: Made, helped: bool) -> None:
        life = self.lives[offer.call_id]
        del self._live[offer.call_id]
        self._ended(life, "bridged", "completed", offer.agent_id)
        self._busy(offer, self.now + (life.caller.wrap_up_ms if helped else 0))
        self.engine.complete(self.now, offer.call_id, wrap_up=helped)
        life.state = "ended"
        self._offers()
        if not helped and life.wrong <= TRANSFERS_MAX:
            self._wait(life)

    def _able(self, offer: Made) -> bool:
        """Whether this agent meets one of the needs this call may have by now."""
        plan, skills = self.lives[offer.call_id].caller.plan, self.load.skills[offer.agent_id]
        return any(meets(need, skills) for need in (plan.need, *(step.need for step in plan.steps if step.need)))

    def _ended(self, life: Life, state: str, outcome: str, agent: str = "") -> None:
        waited_ms = self.now - life.entered_ms
        self._say("ended", call=life.caller.call_id, queue=life.caller.line.name, state=state, outcome=outcome,
                  waited_ms=waited_ms, agent=agent)  # fmt: skip

    def _busy(self, offer: Made, ready_ms: int) -> None:
        """Book what the agent did since the offer; he is ready at `ready_ms`."""
        began_ms, agent = self._began.pop(offer.agent_id), offer.agent_id
        open_ms = max(0, min(ready_ms, START_MS + self.result.open_ms) - began_ms)
        self.result.busy_ms[agent] = self.result.busy_ms.get(agent, 0) + open_ms
        self._rests[agent] = ready_ms
        self._rested()

    def _rested(self) -> None:
        for agent in [agent for agent, until in self._rests.items() if until <= self.now]:
            del self._rests[agent]
            self._say("agent_ready", agent=agent)
