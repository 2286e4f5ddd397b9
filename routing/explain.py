"""Why a call waits, or went to whom it went, in words. Pure.

`reason_words` tells a script's code for an offer (routing/scripts/include/offer.lua):

    <order>:<ready>:<idle_ms>:<tried>           first of so many ready agents by the queue's order: longest_idle,
                                                most_skilled, least_skilled, fewest_calls, least_talk, weighted;
                                                so many had not taken the call before
    relaxed:<order>:<ready>:<idle_ms>:<tried>   the same, because waiting, or lending, let him in
    freed:<waiting>:<waited_ms>:<priority>      the best call he fits when he became ready; so many waited in its class
    affinity:<idle_ms>                          he was asked for, and was ready
    held:<waited_ms>                            he was asked for, and the call waited for him

Any other text is shown as it is. `Explained` is a living call with all that decides over it; `why` tells it.
Called by `router`, `why`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from routing import keys
from routing.match import OFFERS_MAX
from routing.model import PROJECT
from routing.rules import Class, openings, read_class, ring_met

Record = Mapping[str, str]
Bar = Literal["", "later", "lending", "lacks"]

ORDER_WORDS = {
    "longest_idle": "longest idle",
    "most_skilled": "most skilled",
    "least_skilled": "least skilled",
    "fewest_calls": "with the fewest calls",
    "least_talk": "with the least talk time",
    "weighted": "best by skill and idle time",
}


@dataclass(frozen=True)
class Explained:
    """A call and all that decides over it, read at one moment. call, agents  records as Redis has them."""

    call_id: str
    now_ms: int
    call: Record
    agents: Mapping[str, Record]
    lending: frozenset[str] = frozenset()
    position: int = 0
    waiting: int = 0

    @property
    def waited_ms(self) -> int:
        return self.now_ms - int(self.call["entered_ms"])

    @cached_property
    def asks(self) -> Class:
        """What its class says."""
        return read_class(self.call["class"])

    @cached_property
    def delays(self) -> tuple[int, ...]:
        """The wait from which each ring counts."""
        rings = self.asks.rings
        groups = {record["group"]: keys.group_skills(record["group"]) for record in self.agents.values()}
        found = openings(self.asks, groups, self.lending).values()
        least = min((opening.ring for opening in found), default=len(rings))
        return tuple(0 if ring.skip and least >= k else ring.after_ms for k, ring in enumerate(rings))

    def standing(self, agent_id: str) -> Standing:
        """Tell how one agent stands to this call."""
        record = self.agents[agent_id]
        tries = self.tries(agent_id)
        skills = keys.group_skills(record["group"])
        ring = ring_met(self.asks, skills, self.lending)
        if ring is None:
            lent = ring_met(self.asks, skills, [each.lend for each in self.asks.rings])
            return Standing("lacks" if lent is None else "lending", lent, record, tries)
        return Standing("later" if self.waited_ms < self.delays[ring] else "", ring, record, tries)

    def tries(self, agent_id: str) -> int:
        """How often this agent did not take the call."""
        found = (part.rpartition(":") for part in self.call.get("tried", "").split())
        return next((int(times) for name, _, times in found if name == agent_id), 0)


@dataclass(frozen=True)
class Standing:
    """An agent beside a call. bar  what keeps him from it whatever he does: '' nothing, `later` a relax step's time,

    `lending` off, `lacks` a skill.  ring  the one that lets, or would let, him in.  tries  as in Explained.
    """

    bar: Bar
    ring: int | None
    record: Record
    tries: int

    @property
    def capped(self) -> bool:
        return self.tries >= OFFERS_MAX

    @property
    def state(self) -> str:
        """What he does, or `paused` or `out`: those get no call either way."""
        resting = self.record["state"] in ("ready", "back_off", "wrap_up")
        return self.record["status"] if resting and self.record["status"] != "in" else self.record["state"]


def reason_words(code: str, need: str = "") -> str:
    """Return the words for a script's code. need  what the call asks for, to be named; '' leaves it out."""
    kind, *numbers = code.split(":")
    who = f" with {need_words(need)}" if need else ""
    if kind == "relaxed" and len(numbers) == 4:
        return f"a relax step lets him in: {reason_words(':'.join(numbers))}"
    if not all(number.lstrip("-").isdigit() for number in numbers):
        return code
    values = [int(number) for number in numbers]
    if kind in ORDER_WORDS and len(values) == 3:
        ready, idle_ms, tried = values
        but = f", {many(tried, 'agent')} did not take this call before" if tried else ""
        return f"{ORDER_WORDS[kind]} of {many(ready, 'ready agent')}{who} (idle {span(idle_ms)}){but}"
    if kind == "freed" and len(values) == 3:
        waiting, waited_ms, priority = values
        what = f" for {need_words(need)}" if need else ""
        best = f"first of {waiting} waiting{what} (waited {span(waited_ms)}, priority {priority})"
        return f"{best} when this agent became ready"
    if kind == "affinity" and len(values) == 1:
        return f"the agent this call asks for, and ready (idle {span(values[0])})"
    if kind == "held" and len(values) == 1:
        return f"the agent this call asks for; it was held for him (waited {span(values[0])})"
    return code


def need_words(need: str) -> str:
    """Return `internet>=3&project/acme>=1` as `internet >= 3 and project acme`."""
    return " and ".join(_term_words(part) for part in need.split("&"))


def span(ms: int) -> str:
    """Return a length of time: `48 s`, `3 min 5 s`, `2 h 0 min`."""
    seconds = max(0, ms) // 1000
    if seconds < 120:
        return f"{seconds} s"
    if seconds < 7200:
        return f"{seconds // 60} min {seconds % 60} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60} min"


def _term_words(term: str) -> str:
    for op in (">=", "<="):
        skill, found, level = term.partition(op)
        if found:
            plain = op == ">=" and level == "1" and skill.startswith(PROJECT)
            return f"project {skill.removeprefix(PROJECT)}" if plain else f"{skill} {op} {level}"
    return term


def many(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
