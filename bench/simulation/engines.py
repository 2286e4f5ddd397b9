"""Ways to route under the virtual clock of `clock`: all answer the same few requests."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from heapq import heappop, heappush
from typing import NamedTuple, Protocol

from bench.simulation.load import Caller, Load
from routing import keys
from routing.match import Agent, Call
from routing.model import AgentProfile, Policy
from routing.reference import Model

POLICY = Policy(pause_after=dict.fromkeys(Policy().pause_after, 0))
BACK_OFF_MS = round(POLICY.back_off_s["no_answer"] * 1000)
CONTROLLER, NODE = "controller", "node"


class Made(NamedTuple):
    """An offer as an engine made it."""

    call_id: str
    agent_id: str
    token: int


class Engine(Protocol):
    """What the simulation asks. now  milliseconds, never going back."""

    def sign_in(self, now: int, agent: AgentProfile) -> None:
        """The agent is ready."""

    def enqueue(self, now: int, caller: Caller, entered_ms: int) -> None:
        """The call is offered or waits."""

    def accept(self, now: int, offer: Made) -> None:
        """The agent answered."""

    def refuse(self, now: int, offer: Made) -> None:
        """The phone rang for nothing."""

    def abandon(self, now: int, call_id: str) -> None:
        """The caller left."""

    def complete(self, now: int, call_id: str, *, wrap_up: bool) -> None:
        """The talk is over."""

    def sweep(self, now: int) -> None:
        """Do what is due."""

    def due_ms(self) -> int | None:
        """When something is due next."""

    def offers(self, now: int) -> list[Made]:
        """The offers made since asked last."""

    def place(self, now: int, call_id: str) -> tuple[int, int]:
        """Position (1 is next) and agents who are in and may take it, of a call that waits."""


class FirstCome:
    """First come, first served, any agent: the queue of a hotline that knows no skills. Longest idle agent first."""

    def __init__(self, load: Load) -> None:
        self._wrap_up_ms = {caller.call_id: caller.wrap_up_ms for caller in load.callers}
        self._entered: dict[str, int] = {}
        self._line: list[tuple[int, str]] = []
        self._idle: deque[str] = deque()
        self._resting: list[tuple[int, str]] = []
        self._agent_of: dict[str, str] = {}
        self._agents = 0
        self._made: list[Made] = []
        self._token = 0

    def sign_in(self, now: int, agent: AgentProfile) -> None:
        self._agents += 1
        self._free(agent.agent_id)

    def enqueue(self, now: int, caller: Caller, entered_ms: int) -> None:
        self._entered[caller.call_id] = entered_ms
        insort(self._line, (entered_ms, caller.call_id))
        self._match()

    def accept(self, now: int, offer: Made) -> None:
        """Nothing changes: the pair was made."""

    def refuse(self, now: int, offer: Made) -> None:
        del self._agent_of[offer.call_id]
        insort(self._resting, (now + BACK_OFF_MS, offer.agent_id))
        insort(self._line, (self._entered[offer.call_id], offer.call_id))
        self._match()

    def abandon(self, now: int, call_id: str) -> None:
        agent = self._agent_of.pop(call_id, None)
        if agent:
            self._free(agent)
        else:
            del self._line[self._at(call_id)]

    def complete(self, now: int, call_id: str, *, wrap_up: bool) -> None:
        agent = self._agent_of.pop(call_id)
        if wrap_up and self._wrap_up_ms[call_id]:
            insort(self._resting, (now + self._wrap_up_ms[call_id], agent))
        else:
            self._free(agent)

    def sweep(self, now: int) -> None:
        while self._resting and self._resting[0][0] <= now:
            self._free(self._resting.pop(0)[1])

    def due_ms(self) -> int | None:
        return self._resting[0][0] if self._resting else None

    def offers(self, now: int) -> list[Made]:
        made, self._made = self._made, []
        return made

    def place(self, now: int, call_id: str) -> tuple[int, int]:
        return self._at(call_id) + 1, self._agents

    def _at(self, call_id: str) -> int:
        return bisect_left(self._line, (self._entered[call_id], call_id))

    def _free(self, agent_id: str) -> None:
        self._idle.append(agent_id)
        self._match()

    def _match(self) -> None:
        while self._idle and self._line:
            self._token += 1
            call_id, agent_id = self._line.pop(0)[1], self._idle.popleft()
            self._agent_of[call_id] = agent_id
            self._made.append(Made(call_id, agent_id, self._token))


class _Told(Model):
    """The reference model; keeps the offers it makes."""

    def __init__(self, policy: Policy) -> None:
        super().__init__(policy)
        self.made: list[Made] = []

    def _offer(self, call: Call, agent: Agent, now: int) -> None:
        super()._offer(call, agent, now)
        self.made.append(Made(call.call_id, agent.agent_id, call.token))


class Skilled:
    """The routing engine as `routing.reference` says it: the scripts in Redis do the same, step for step."""

    def __init__(self, load: Load) -> None:
        self._model = _Told(POLICY)
        self._lending = load.lending
        self._wrap_up_ms = {caller.call_id: caller.wrap_up_ms for caller in load.callers}
        self._rests: list[int] = []

    def sign_in(self, now: int, agent: AgentProfile) -> None:
        for project in self._lending:
            self._model.project_lend(now, project, True)
        group = keys.group_name(agent.all_skills)
        self._model.agent_sign_in(now, agent.agent_id, group, round(agent.ring_s * 1000), round(agent.wrap_up_s * 1000))

    def enqueue(self, now: int, caller: Caller, entered_ms: int) -> None:
        self._model.controller_beat(now, CONTROLLER)
        call = Call(caller.call_id, CONTROLLER, NODE, caller.line.name, class_of(caller), entered_ms)
        call.wrap_up_ms = caller.wrap_up_ms
        self._model.call_enqueue(now, call)

    def accept(self, now: int, offer: Made) -> None:
        self._model.offer_accept(now, offer.call_id, offer.token)

    def refuse(self, now: int, offer: Made) -> None:
        heappush(self._rests, now + BACK_OFF_MS)
        self._model.offer_refuse(now, offer.call_id, offer.token, "no_answer")

    def abandon(self, now: int, call_id: str) -> None:
        self._model.call_end(now, call_id, "abandoned", True, CONTROLLER, NODE)

    def complete(self, now: int, call_id: str, *, wrap_up: bool) -> None:
        heappush(self._rests, now + self._wrap_up_ms[call_id])
        self._model.call_end(now, call_id, "completed", wrap_up, CONTROLLER, NODE)

    def sweep(self, now: int) -> None:
        self._model.controller_beat(now, CONTROLLER)
        self._model.sweep_due(now)
        while self._rests and self._rests[0] <= now:
            heappop(self._rests)

    def due_ms(self) -> int | None:
        """Ends of rests, relax steps and classes; every ring ends before its deadline here."""
        return min([*self._rests[:1], *self._model.rings.values(), *self._model.classes.values()], default=None)

    def offers(self, now: int) -> list[Made]:
        made, self._model.made = self._model.made, []
        for offer in made:
            self._model.offer_take(now, offer.call_id, offer.token)
        return made

    def place(self, now: int, call_id: str) -> tuple[int, int]:
        call = self._model.calls[call_id]
        return self._model.position(call_id, now), self._model.agents_in(call)


def class_of(caller: Caller) -> str:
    """Return the class of a call, as Redis would name it."""
    return keys.class_name(caller.plan, caller.line.priority, emergency=caller.line.emergency)
