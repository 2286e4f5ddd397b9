"""Who gets whom: the decisions of routing, said plainly. Pure; time is passed in.

No index, no cost in mind: every decision looks at all agents and all calls. `rules` says what each rule means,
`reference` what the operations do; property tests hold the Lua scripts and these three together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from routing.keys import group_skills
from routing.model import AgentState, CallState, Status
from routing.rules import Opening, openings, read_class

OFFERS_MAX = 3  # of one call to one agent


@dataclass
class Call:
    """A call as Redis records it. agent  '' without one.  tried  agent -> offers he did not take, last one last.

    held  the agent it waits for.  due_ms  when its offer, hold, or being detached, ends.
    wrap_up_ms  None for the agent's own.
    """

    call_id: str
    controller: str
    node: str
    queue: str
    name: str  # of its class
    entered_ms: int
    attached_ms: int = 0
    caller: str = ""
    resume_ms: int = 0
    wrap_up_ms: int | None = None
    budget: str = ""
    state: CallState = "waiting"
    agent: str = ""
    token: int = 0
    taken: bool = False
    due_ms: int = 0
    answered_ms: int = 0
    held: str = ""
    tried: dict[str, int] = field(default_factory=dict)

    def rank(self, now: int) -> tuple[int, int, int, str]:
        """The least is served first: tier, value, original entry time, id."""
        tier, value = read_class(self.name).value(now - self.entered_ms)
        return -tier, -value, self.entered_ms, self.call_id


@dataclass
class Agent:
    """An agent as Redis records him. until_ms  end of wrap-up or back-off.  missed  cause -> times in a row."""

    agent_id: str
    group: str
    ring_ms: int
    wrap_up_ms: int
    idle_since_ms: int = 0
    status: Status = "in"
    state: AgentState = "ready"
    since_ms: int = 0
    call: str = ""
    token: int = 0
    until_ms: int = 0
    calls: int = 0
    talk_ms: int = 0
    missed: dict[str, int] = field(default_factory=dict)


class Group:
    """The calls and agents of one routing group, and who gets whom. lending  projects that lend their agents now."""

    def __init__(self) -> None:
        self.calls: dict[str, Call] = {}
        self.agents: dict[str, Agent] = {}
        self.lending: set[str] = set()
        self._fits: dict[str, dict[str, Opening]] = {}
        self._groups: dict[str, Mapping[str, int]] = {}

    def regroup(self) -> None:
        """Agents came, left or changed skills, or lending changed: what fits what is worked out anew."""
        self._groups = {agent.group: group_skills(agent.group) for agent in self.agents.values()}
        self._fits = {}

    def openings(self, name: str) -> dict[str, Opening]:
        """Return the groups that fit a class, now or after waiting."""
        if name not in self._fits:
            self._fits[name] = openings(read_class(name), self._groups, self.lending)
        return self._fits[name]

    def open_to(self, call: Call, agent: Agent, now: int) -> bool:
        """The agent meets the need the call has after waiting so long."""
        opening = self.openings(call.name).get(agent.group)
        return opening is not None and now - call.entered_ms >= opening.delay_ms

    def able(self, call: Call, now: int) -> list[Agent]:
        """Agents ready for this call, in the order of its queue."""
        cls, fits = read_class(call.name), self.openings(call.name)

        def order(agent: Agent) -> tuple[int, int, str]:
            score = {"fewest_calls": agent.calls, "least_talk": agent.talk_ms}.get(cls.order, agent.idle_since_ms)
            return fits[agent.group].rank, score - fits[agent.group].offset_ms, agent.agent_id

        ready = [a for a in self.agents.values() if a.status == "in" and a.state == "ready"
                 and self.open_to(call, a, now) and call.tried.get(a.agent_id, 0) < OFFERS_MAX]  # fmt: skip
        return sorted(ready, key=order)

    def best_agent(self, call: Call, now: int) -> Agent | None:
        """The first of the able; those who did not take this call only when nobody else is ready."""
        able = self.able(call, now)
        turn = list(call.tried)
        fresh = [a for a in able if a.agent_id not in turn]
        return next(iter(fresh or sorted(able, key=lambda a: turn.index(a.agent_id))), None)

    def line(self, name: str) -> list[Call]:
        """The calls waiting in a class, first one first."""
        found = [c for c in self.calls.values() if c.state == "waiting" and not c.held and c.name == name]
        return sorted(found, key=lambda c: (c.entered_ms, c.call_id))

    def held_for(self, agent_id: str) -> list[Call]:
        found = [c for c in self.calls.values() if c.held == agent_id]
        return sorted(found, key=lambda c: (c.entered_ms, c.call_id))

    def best_call(self, agent: Agent, now: int) -> Call | None:
        """The best waiting call the agent may take, over all queues and those held for him."""
        found = self.held_for(agent.agent_id)[:1]
        found += [c for c in self.calls.values() if c.state == "waiting" and not c.held
                  and c.tried.get(agent.agent_id, 0) < OFFERS_MAX]  # fmt: skip
        return min((c for c in found if self.open_to(c, agent, now)), key=lambda c: c.rank(now), default=None)

    def agents_in(self, call: Call) -> int:
        """Agents signed in, not paused and able to take the call now or later, busy or not."""
        fits = self.openings(call.name)
        return sum(a.status == "in" and a.group in fits for a in self.agents.values())

    def position(self, call_id: str, now: int) -> int:
        """The place of a call among those of its line; 1 is next."""
        call = self.calls[call_id]
        line = read_class(call.name).line

        def better(other: Call) -> bool:
            mine, his = call.rank(now), other.rank(now)
            return his < mine if other.name == call.name and not call.held else his[:3] < mine[:3]

        return 1 + sum(better(c) for c in self.calls.values()
                       if c.state == "waiting" and not c.held and read_class(c.name).line == line)  # fmt: skip
