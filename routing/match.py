"""What the scripts must do, said plainly: the reference model of one routing group. Pure; time is passed in.

No index, no cost in mind: every decision looks at all agents and all calls. Property tests hold the Lua
scripts and this model together (tests/redis/test_scripts_agree.py); read this to learn what a script means.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from routing.errors import QueueFull, StaleOffer, UnknownAgent
from routing.model import PRIORITY_CREDIT_MS, AgentState, CallState, Cause, Policy, Status

CLAIM_MS = 10_000
TRIED_MAX = 32


@dataclass
class Call:
    """A call as Redis records it. agent  '' without one.  due_ms  when its offer, or being detached, ends."""

    call_id: str
    controller: str
    node: str
    queue: str
    skill: str
    level: int
    priority: int
    entered_ms: int
    attached_ms: int
    state: CallState = "waiting"
    agent: str = ""
    token: int = 0
    taken: bool = False
    due_ms: int = 0
    tried: list[str] = field(default_factory=list)

    @property
    def score(self) -> int:
        """Smaller is served first: entry time less what its priority is worth."""
        return self.entered_ms - self.priority * PRIORITY_CREDIT_MS

    @property
    def rank(self) -> tuple[int, str]:
        return self.score, self.call_id


@dataclass
class Agent:
    """An agent as Redis records him. until_ms  end of wrap-up or back-off.  missed  cause -> times in a row."""

    agent_id: str
    skills: Mapping[str, int]
    ring_ms: int
    wrap_up_ms: int
    idle_since_ms: int
    status: Status = "in"
    state: AgentState = "ready"
    call: str = ""
    token: int = 0
    until_ms: int = 0
    missed: dict[str, int] = field(default_factory=dict)


def fits(skill: str, level: int, skills: Mapping[str, int]) -> bool:
    """Tell whether these skills meet the need; an absent skill never does."""
    return skill in skills and skills[skill] >= level


class Model:
    """One routing group. Operations are those of `routing/scripts/`, names and arguments alike."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.calls: dict[str, Call] = {}
        self.agents: dict[str, Agent] = {}
        self.controllers: dict[str, int] = {}
        self.token = 0

    # Decisions

    def ready(self, call: Call) -> list[Agent]:
        """Agents who could take the call now, longest idle first."""
        able = [
            a
            for a in self.agents.values()
            if a.status == "in" and a.state == "ready" and fits(call.skill, call.level, a.skills)
        ]
        return sorted(able, key=lambda a: (a.idle_since_ms, a.agent_id))

    def best_agent(self, call: Call) -> Agent | None:
        """The agent idle longest; those who did not take this call only when nobody else is ready."""
        ready = self.ready(call)
        fresh = [a for a in ready if a.agent_id not in call.tried]
        again = sorted(ready, key=lambda a: call.tried.index(a.agent_id) if a.agent_id in call.tried else -1)
        return next(iter(fresh or again), None)

    def best_call(self, agent: Agent) -> Call | None:
        """The first waiting call the agent fits, over all queues."""
        able = [c for c in self.calls.values() if c.state == "waiting" and fits(c.skill, c.level, agent.skills)]
        return min(able, key=lambda c: c.rank, default=None)

    def agents_in(self, call: Call) -> int:
        """Agents signed in, not paused and able to take the call, busy or not."""
        return sum(a.status == "in" and fits(call.skill, call.level, a.skills) for a in self.agents.values())

    def position(self, call_id: str) -> int:
        """The place of a call among those with the same need; 1 is next."""
        call = self.calls[call_id]
        return 1 + sum(
            other.rank < call.rank
            for other in self.calls.values()
            if other.state == "waiting" and (other.skill, other.level) == (call.skill, call.level)
        )

    # Moves

    def _offer(self, call: Call, agent: Agent, now: int) -> None:
        self.token = self.token + 1 if self.token else now
        call.state, call.agent, call.token, call.taken = "offered", agent.agent_id, self.token, False
        call.due_ms = now + CLAIM_MS
        agent.state, agent.call, agent.token = "reserved", call.call_id, self.token

    def _place(self, call: Call, now: int) -> None:
        agent = self.best_agent(call)
        if agent:
            self._offer(call, agent, now)

    def _wait(self, call: Call) -> None:
        call.state, call.agent, call.token, call.taken, call.due_ms = "waiting", "", 0, False, 0

    def _free(self, agent: Agent, now: int, idle_since_ms: int) -> None:
        if agent.status == "out":
            del self.agents[agent.agent_id]
            return
        agent.state, agent.call, agent.token, agent.until_ms = "ready", "", 0, 0
        agent.idle_since_ms = idle_since_ms
        call = self.best_call(agent) if agent.status == "in" else None
        if call:
            self._offer(call, agent, now)

    def _rest(self, agent: Agent, state: AgentState, now: int, until_ms: int) -> None:
        if until_ms <= now or agent.status == "out":
            self._free(agent, now, now)
        else:
            agent.state, agent.call, agent.token, agent.until_ms = state, "", 0, until_ms

    def _release(self, call: Call, was: CallState, wrap_up: bool, now: int) -> None:
        if not call.agent:
            return
        agent = self.agents[call.agent]
        call.agent, call.token, call.taken = "", 0, False
        if wrap_up:
            self._rest(agent, "wrap_up", now, now + agent.wrap_up_ms)
        else:
            self._free(agent, now, now if was == "bridged" else agent.idle_since_ms)

    def _return(self, call: Call, cause: Cause, now: int) -> None:
        agent = self.agents[call.agent]
        call.tried = [*(t for t in call.tried if t != agent.agent_id), agent.agent_id][-TRIED_MAX:]
        self._wait(call)
        self._place(call, now)
        agent.missed[cause] = agent.missed.get(cause, 0) + 1
        if 0 < self.policy.pause_after[cause] <= agent.missed[cause] and agent.status == "in":
            agent.status = "paused"
        self._rest(agent, "back_off", now, now + round(self.policy.back_off_s[cause] * 1000))

    # Agents

    def agent_sign_in(self, now: int, agent_id: str, skills: Mapping[str, int], ring_ms: int, wrap_up_ms: int) -> None:
        agent = self.agents.setdefault(agent_id, Agent(agent_id, skills, ring_ms, wrap_up_ms, now))
        agent.skills, agent.ring_ms, agent.wrap_up_ms = skills, ring_ms, wrap_up_ms
        agent.status = "in"
        agent.missed.clear()
        if agent.state == "ready":
            self._free(agent, now, agent.idle_since_ms)

    def agent_sign_out(self, now: int, agent_id: str) -> None:
        agent = self.agents.get(agent_id)
        if agent and agent.call:
            agent.status = "out"
        elif agent:
            del self.agents[agent_id]

    def agent_pause(self, now: int, agent_id: str, wish: str) -> None:
        agent = self.agents.get(agent_id)
        if not agent or agent.status == "out":
            raise UnknownAgent(agent_id)
        if wish == "pause" or (wish == "toggle" and agent.status == "in"):
            agent.status = "paused"
        elif agent.status == "paused":
            agent.status = "in"
            agent.missed.clear()
            if agent.state == "ready":
                self._free(agent, now, now)

    def agent_ready(self, now: int, agent_id: str) -> None:
        agent = self.agents.get(agent_id)
        if not agent:
            raise UnknownAgent(agent_id)
        if agent.state in ("wrap_up", "back_off"):
            self._free(agent, now, now)

    # Calls

    def call_enqueue(self, now: int, new: Call, max_len: int | None = None, keep: bool = False) -> None:
        """Put `new` in line; its entered_ms is what the caller claims."""
        old = self.calls.get(new.call_id)
        if keep and old and old.state != "detached":
            return
        in_queue = sum(c.queue == new.queue and c.state != "bridged" for c in self.calls.values())
        if not old and max_len is not None and in_queue >= max_len and not self.ready(new):
            raise QueueFull(new.queue)
        new.entered_ms = min(new.entered_ms, now, old.entered_ms if old else now)
        self.controllers.setdefault(new.controller, now)
        new.attached_ms, new.tried = now, old.tried if old else []
        self.calls[new.call_id] = new
        if old and old.agent:
            agent = self.agents[old.agent]
            if old.state == "bridged":
                self._rest(agent, "wrap_up", now, now + agent.wrap_up_ms)
            else:
                self._free(agent, now, agent.idle_since_ms)
        if new.state == "waiting":
            self._place(new, now)

    def call_end(
        self,
        now: int,
        call_id: str,
        outcome: str,
        wrap_up: bool,
        controller: str,
        node: str,
        attached_before_ms: int | None = None,
    ) -> bool:
        call = self.calls.get(call_id)
        if not call:
            return False
        early = attached_before_ms is None or call.attached_ms < attached_before_ms
        ours = {
            "completed": True,
            "abandoned": call.controller in (controller, ""),
            "gone": call.node == node and early,
        }[outcome]
        if ours:
            talked = call.state == "bridged" or (call.state == "offered" and outcome == "completed")
            self._forget(call, talked and wrap_up, now)
        return ours

    def _forget(self, call: Call, wrap_up: bool, now: int) -> None:
        del self.calls[call.call_id]
        self._release(call, call.state, wrap_up, now)

    # Offers

    def _offered(self, call_id: str, token: int) -> Call:
        call = self.calls.get(call_id)
        if not call or call.state != "offered" or call.token != token:
            raise StaleOffer(call_id)
        return call

    def offer_take(self, now: int, call_id: str, token: int) -> None:
        call = self._offered(call_id, token)
        agent = self.agents[call.agent]
        if not call.taken:
            call.taken, agent.state = True, "ringing"
            call.due_ms = now + agent.ring_ms + round(self.policy.ring_margin_s * 1000)

    def offer_accept(self, now: int, call_id: str, token: int) -> None:
        call = self.calls.get(call_id)
        if call and call.state == "bridged" and call.token == token:
            return
        call = self._offered(call_id, token)
        call.state, call.taken, call.due_ms, call.tried = "bridged", False, 0, []
        agent = self.agents[call.agent]
        agent.state = "talking"
        agent.missed.clear()

    def offer_refuse(self, now: int, call_id: str, token: int, cause: Cause) -> None:
        self._return(self._offered(call_id, token), cause, now)

    # Time

    def controller_beat(self, now: int, controller: str) -> None:
        self.controllers[controller] = now

    def controller_leave(self, now: int, controller: str) -> None:
        if controller in self.controllers:
            self.controllers[controller] = 0

    def sweep_due(self, now: int) -> None:
        """Do all that is due, in the order of its time."""
        dead_before = now - round(self.policy.dead_after_s * 1000)
        for beat_ms, controller in sorted((beat, name) for name, beat in self.controllers.items()):
            if beat_ms < dead_before:
                self._bury(controller, now)
        for due_ms, member in sorted(self._due()):
            if due_ms <= now and (due_ms, member) in self._due():
                self._act(member, now)

    def _due(self) -> list[tuple[int, str]]:
        offers = [(c.due_ms, f"offer {c.call_id}") for c in self.calls.values() if c.state == "offered"]
        lost = [(c.due_ms, f"lost {c.call_id}") for c in self.calls.values() if c.state == "detached"]
        return offers + lost + [(a.until_ms, f"agent {a.agent_id}") for a in self.agents.values() if a.until_ms]

    def _act(self, member: str, now: int) -> None:
        kind, _, name = member.partition(" ")
        if kind == "agent":
            self._free(self.agents[name], now, now)
        elif kind == "lost":
            self._forget(self.calls[name], False, now)
        elif self.calls[name].taken:
            self._return(self.calls[name], "no_answer", now)
        else:
            call = self.calls[name]
            agent = self.agents[call.agent]
            self._wait(call)
            self._free(agent, now, agent.idle_since_ms)
            if call.state == "waiting":  # he is paused, or has other skills by now: somebody else may be ready
                self._place(call, now)

    def _bury(self, controller: str, now: int) -> None:
        held = [c for c in self.calls.values() if c.controller == controller]
        for call in sorted(held, key=lambda c: (c.entered_ms, c.call_id)):
            call.controller = ""
            if call.state != "bridged":
                was, call.state = call.state, "detached"
                call.due_ms = now + round(self.policy.lost_after_s * 1000)
                self._release(call, was, False, now)
        del self.controllers[controller]
