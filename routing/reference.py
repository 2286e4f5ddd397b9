"""What every script does, said plainly: the operations on one routing group. Pure; time is passed in.

Names and arguments are those of `routing/scripts/`; who gets whom is decided in `match`. Read this to learn what a
script means; property tests hold both together (tests/redis/test_scripts_agree.py).
"""

from __future__ import annotations

from collections.abc import Iterable

from routing.errors import BudgetSpent, QueueFull, StaleOffer, UnknownAgent, UnknownCall
from routing.match import Agent, Call, Group
from routing.model import AgentState, CallState, Cause, Policy
from routing.rules import read_class

CLAIM_MS = 10_000
TRIED_MAX = 32
HELD_MAX = 5
RING_BATCH = 40
CLASS_IDLE_MS = 3_600_000
NEVER = 1 << 60


class Model(Group):
    """One routing group with its time.

    classes  known ones -> when it is looked whether anybody waits in them.  rings  class -> when waiting next
    lets more agents in.  least  class -> first ring anybody signed in meets.
    resume  caller -> (queue, entry time, until).  budget  name -> milliseconds talked.
    """

    def __init__(self, policy: Policy) -> None:
        super().__init__()
        self.policy = policy
        self.controllers: dict[str, int] = {}
        self.resume: dict[str, tuple[str, int, int]] = {}
        self.budget: dict[str, int] = {}
        self.classes: dict[str, int] = {}
        self.rings: dict[str, int] = {}
        self.least: dict[str, int] = {}
        self.token = 0

    # Moves

    def _offer(self, call: Call, agent: Agent, now: int) -> None:
        self.token = self.token + 1 if self.token else now
        call.state, call.agent, call.token, call.taken, call.held = "offered", agent.agent_id, self.token, False, ""
        call.due_ms = now + CLAIM_MS
        agent.state, agent.call, agent.token, agent.since_ms = "reserved", call.call_id, self.token, now

    def _place(self, call: Call, now: int) -> None:
        self._know(call.name, now)
        agent = self.best_agent(call, now)
        if agent:
            self._offer(call, agent, now)
        else:
            self._line_add(call, now)

    def _line_add(self, call: Call, now: int) -> None:
        self._know(call.name, now)
        opens = [o.delay_ms for o in self.openings(call.name).values() if o.delay_ms > now - call.entered_ms]
        if opens:
            self.rings[call.name] = min(self.rings.get(call.name, NEVER), call.entered_ms + min(opens))

    def _know(self, name: str, now: int) -> None:
        if name not in self.classes:
            self.classes[name], self.least[name] = now + CLASS_IDLE_MS, self._least(name)

    def _hold(self, call: Call, agent_id: str, wait_ms: int, talk_ms: int, now: int) -> bool:
        """The call asks for one agent: offered to him, or held for him while he may soon be free."""
        agent = self.agents.get(agent_id)
        if not agent or agent.status != "in" or agent_id in call.tried or not self.open_to(call, agent, now):
            return False
        if agent.state == "ready":
            self._offer(call, agent, now)
            return True
        free_ms = agent.until_ms or (max(now, agent.since_ms + talk_ms) if agent.state == "talking" else now + talk_ms)
        if free_ms > now + wait_ms or len(self.held_for(agent_id)) >= HELD_MAX:
            return False
        call.held, call.due_ms = agent_id, now + wait_ms
        return True

    def _unhold(self, calls: Iterable[Call], now: int) -> None:
        for call in list(calls):
            call.held, call.due_ms = "", 0
            self._place(call, now)

    def _refit(self, now: int, lender: str = "") -> None:
        """Groups came or went, or a project lends or not: where that changes from when on others are let in, the
        next sweep looks."""
        before = self._groups.keys()
        if {agent.group for agent in self.agents.values()} == before and not lender:
            return
        self.regroup()
        for name in self.classes:
            least = self._least(name)
            joined = any(o.delay_ms for group, o in self.openings(name).items() if group not in before)
            lends = any(ring.lend == lender for ring in read_class(name).rings if ring.lend)
            if least != self.least[name] or lends or joined:
                self.rings[name] = min(self.rings.get(name, NEVER), now)
            self.least[name] = least

    def _least(self, name: str) -> int:
        return min((o.ring for o in self.openings(name).values()), default=len(read_class(name).rings))

    def _wait(self, call: Call) -> None:
        call.state, call.agent, call.token, call.taken, call.due_ms = "waiting", "", 0, False, 0

    def _free(self, agent: Agent, now: int, idle_since_ms: int) -> None:
        if agent.status == "out":
            del self.agents[agent.agent_id]
            self._refit(now)
            return
        agent.state, agent.call, agent.token, agent.until_ms, agent.since_ms = "ready", "", 0, 0, now
        agent.idle_since_ms = idle_since_ms
        call = self.best_call(agent, now) if agent.status == "in" else None
        if call:
            self._offer(call, agent, now)

    def _rest(self, agent: Agent, state: AgentState, now: int, until_ms: int) -> None:
        if until_ms <= now or agent.status == "out":
            self._free(agent, now, now)
        else:
            agent.state, agent.call, agent.token, agent.until_ms, agent.since_ms = state, "", 0, until_ms, now

    def _release(self, call: Call, was: CallState, wrap_up: bool, now: int) -> None:
        """Take its agent out of the call. call  as it was when `was` was its state."""
        call.held = ""
        if not call.agent:
            return
        agent = self.agents[call.agent]
        call.agent, call.token, call.taken = "", 0, False
        if was == "bridged":
            agent.talk_ms += now - call.answered_ms
            if call.budget:
                self.budget[call.budget] = self.budget.get(call.budget, 0) + now - call.answered_ms
        if wrap_up:
            rest_ms = agent.wrap_up_ms if call.wrap_up_ms is None else call.wrap_up_ms
            self._rest(agent, "wrap_up", now, now + rest_ms)
        else:
            self._free(agent, now, now if was == "bridged" else agent.idle_since_ms)

    def _return(self, call: Call, cause: Cause, now: int) -> None:
        agent = self.agents[call.agent]
        times = call.tried.pop(agent.agent_id, 0) + 1
        call.tried = dict([*call.tried.items(), (agent.agent_id, times)][-TRIED_MAX:])
        self._wait(call)
        self._place(call, now)
        agent.missed[cause] = agent.missed.get(cause, 0) + 1
        pauses = 0 < self.policy.pause_after[cause] <= agent.missed[cause] and agent.status == "in"
        if pauses:
            agent.status = "paused"
        self._rest(agent, "back_off", now, now + round(self.policy.back_off_s[cause] * 1000))
        if pauses:
            self._unhold(self.held_for(agent.agent_id), now)

    # Agents

    def _agent(self, agent_id: str) -> Agent:
        if agent_id not in self.agents:
            raise UnknownAgent(agent_id)
        return self.agents[agent_id]

    def agent_sign_in(
        self, now: int, agent_id: str, group: str, ring_ms: int, wrap_up_ms: int, mode: str = "sign_in"
    ) -> None:
        agent = self.agents.get(agent_id)
        if mode == "update" and (not agent or agent.status == "out"):
            raise UnknownAgent(agent_id)
        new = agent is None
        agent = self.agents.setdefault(agent_id, Agent(agent_id, group, ring_ms, wrap_up_ms, now, since_ms=now))
        moves = agent.group != group
        agent.group, agent.ring_ms, agent.wrap_up_ms = group, ring_ms, wrap_up_ms
        if mode == "sign_in":
            agent.status = "in"
            agent.missed.clear()
        self._refit(now)
        if moves and not new:
            self._unhold(self.held_for(agent_id), now)
        if agent.state == "ready" and agent.status == "in":
            self._free(agent, now, agent.idle_since_ms)

    def agent_sign_out(self, now: int, agent_id: str) -> None:
        agent = self.agents.get(agent_id)
        if not agent:
            return
        if agent.call:
            agent.status = "out"
        else:
            del self.agents[agent_id]
            self._refit(now)
        self._unhold(self.held_for(agent_id), now)

    def agent_pause(self, now: int, agent_id: str, wish: str) -> None:
        agent = self._agent(agent_id)
        if agent.status == "out":
            raise UnknownAgent(agent_id)
        if wish == "pause" or (wish == "toggle" and agent.status == "in"):
            agent.status = "paused"
            self._unhold(self.held_for(agent_id), now)
        elif agent.status == "paused":
            agent.status = "in"
            agent.missed.clear()
            if agent.state == "ready":
                self._free(agent, now, now)

    def agent_ready(self, now: int, agent_id: str) -> None:
        agent = self._agent(agent_id)
        if agent.state in ("wrap_up", "back_off"):
            self._free(agent, now, now)

    def agent_extend(self, now: int, agent_id: str, extra_ms: int) -> None:
        agent = self._agent(agent_id)
        if agent.state == "wrap_up":
            agent.until_ms += extra_ms

    def project_lend(self, now: int, project: str, on: bool) -> None:
        if on != (project in self.lending):
            (self.lending.add if on else self.lending.remove)(project)
            self._refit(now, project)

    # Calls

    def call_enqueue(
        self, now: int, new: Call, max_len: int | None = None, keep: bool = False, affinity: str = "",
        affinity_ms: int = 0, talk_ms: int = 0, budget_ms: int = 0,
    ) -> None:  # fmt: skip
        """Put `new` in line; its entered_ms is what the caller claims."""
        old = self.calls.get(new.call_id)
        if keep and old and old.state != "detached":
            return
        in_queue = sum(c.queue == new.queue and c.state != "bridged" for c in self.calls.values())
        new.entered_ms = min(new.entered_ms, now)
        if not old and max_len is not None and in_queue >= max_len and not self.able(new, now):
            raise QueueFull(new.queue)
        if not old and new.budget and self.budget.get(new.budget, 0) >= budget_ms:
            raise BudgetSpent(new.budget)
        place = self.resume.get(new.caller)
        if old:
            new.entered_ms = min(new.entered_ms, old.entered_ms)
        elif place and place[0] == new.queue and place[2] >= now:
            new.entered_ms = min(new.entered_ms, place[1])
            del self.resume[new.caller]
        if not new.resume_ms:
            new.caller = ""
        self._know(new.name, now)
        self.controllers.setdefault(new.controller, now)
        new.attached_ms, new.tried = now, old.tried if old else {}
        self.calls[new.call_id] = new
        if old and old.agent:
            self._line_add(new, now)
            self._release(old, old.state, old.state == "bridged", now)
            if new.state == "waiting":
                self._place(new, now)
        elif not affinity or not self._hold(new, affinity, affinity_ms, talk_ms, now):
            self._place(new, now)

    def call_change(self, now: int, call_id: str, queue: str, name: str) -> None:
        call = self.calls.get(call_id)
        if not call:
            raise UnknownCall(call_id)
        if call.state != "bridged":
            call.queue, call.name = queue, name
        if call.state == "waiting":
            self._unhold([call], now)

    def call_end(
        self, now: int, call_id: str, outcome: str, wrap_up: bool, controller: str, node: str,
        attached_before_ms: int | None = None,
    ) -> bool:  # fmt: skip
        call = self.calls.get(call_id)
        if not call:
            return False
        early = attached_before_ms is None or call.attached_ms < attached_before_ms
        held_here = call.controller in (controller, "")
        ours = {"completed": True, "abandoned": held_here, "gone": call.node == node and early}[outcome]
        if ours:
            talked = call.state == "bridged" or (call.state == "offered" and outcome == "completed")
            self._forget(call, outcome, talked and wrap_up, now)
        return ours

    def _forget(self, call: Call, outcome: str, wrap_up: bool, now: int) -> None:
        del self.calls[call.call_id]
        if call.state != "bridged" and outcome != "completed" and call.caller:
            self.resume[call.caller] = call.queue, call.entered_ms, now + call.resume_ms
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
            call.taken, agent.state, agent.since_ms = True, "ringing", now
            call.due_ms = now + agent.ring_ms + round(self.policy.ring_margin_s * 1000)

    def offer_extend(self, now: int, call_id: str, token: int, lease_ms: int) -> None:
        call = self._offered(call_id, token)
        if not call.taken:
            raise StaleOffer(call_id)
        call.due_ms = now + lease_ms

    def offer_accept(self, now: int, call_id: str, token: int) -> None:
        call = self.calls.get(call_id)
        if call and call.state == "bridged" and call.token == token:
            return
        call = self._offered(call_id, token)
        call.state, call.taken, call.due_ms, call.tried, call.answered_ms = "bridged", False, 0, {}, now
        agent = self.agents[call.agent]
        agent.state, agent.since_ms = "talking", now
        agent.calls += 1
        agent.missed.clear()

    def offer_refuse(self, now: int, call_id: str, token: int, cause: Cause) -> None:
        self._return(self._offered(call_id, token), cause, now)

    # Time

    def controller_beat(self, now: int, controller: str) -> None:
        self.controllers[controller] = now

    def controller_leave(self, now: int, controller: str) -> None:
        if controller in self.controllers:
            self.controllers[controller] = 0

    def sweep_due(self, now: int, sweeper: str = "") -> None:
        """Do all that is due, in the order of its time. sweeper  the controller that sweeps, so it is alive."""
        dead_before = now - round(self.policy.dead_after_s * 1000)
        for beat_ms, controller in sorted((beat, name) for name, beat in self.controllers.items()):
            if beat_ms < dead_before and controller != sweeper:
                self._bury(controller, now)
        for _, member in sorted((due_ms, member) for member, due_ms in self._due().items() if due_ms <= now):
            if self._due().get(member, NEVER) <= now:
                self._act(member, now)

    def _due(self) -> dict[str, int]:
        """What is to be done when, as the index `due` has it."""
        found = {f"class {name}": due_ms for name, due_ms in self.classes.items()}
        found |= {f"ring {name}": due_ms for name, due_ms in self.rings.items()}
        kinds = {"offered": "offer", "detached": "lost", "waiting": "hold"}
        found |= {f"{kinds[c.state]} {c.call_id}": c.due_ms for c in self.calls.values() if c.due_ms}
        return found | {f"agent {a.agent_id}": a.until_ms for a in self.agents.values() if a.until_ms}

    def _act(self, member: str, now: int) -> None:
        kind, _, name = member.partition(" ")
        if kind == "agent":
            self._free(self.agents[name], now, now)
        elif kind == "lost":
            self._forget(self.calls[name], "lost", False, now)
        elif kind == "hold":
            self._unhold([self.calls[name]], now)
        elif kind == "ring":
            self._open(name, now)
        elif kind == "class":
            self._drop(name, now)
        elif self.calls[name].taken:
            self._return(self.calls[name], "no_answer", now)
        else:
            call = self.calls[name]
            agent = self.agents[call.agent]
            self._wait(call)
            self._line_add(call, now)
            self._free(agent, now, agent.idle_since_ms)
            if call.state == "waiting":  # he is paused, or has other skills by now: somebody else may be ready
                self._place(call, now)

    def _open(self, name: str, now: int) -> None:
        """Waiting let more agents in: offer the calls they may take now; look again when the next one is let in."""
        del self.rings[name]
        looked = self.line(name)[:RING_BATCH]
        offered = 0
        for call in looked:
            agent = self.best_agent(call, now)
            if agent:
                self._offer(call, agent, now)
                offered += 1
            elif not call.tried:
                looked = []  # who is behind him waits shorter
                break
        waiting = self.line(name)
        opens = [call.entered_ms + o.delay_ms for o in self.openings(name).values() for call in waiting
                 if o.delay_ms and call.entered_ms + o.delay_ms > now]  # fmt: skip
        if offered and len(looked) == RING_BATCH:
            self.rings[name] = now
        elif opens:
            self.rings[name] = min(opens)

    def _drop(self, name: str, now: int) -> None:
        if self.line(name):
            self.classes[name] = now + CLASS_IDLE_MS
        else:
            del self.classes[name], self.least[name]
            self.rings.pop(name, None)

    def _bury(self, controller: str, now: int) -> None:
        held = [c for c in self.calls.values() if c.controller == controller]
        for call in sorted(held, key=lambda c: (c.entered_ms, c.call_id)):
            call.controller = ""
            if call.state != "bridged":
                was, call.state = call.state, "detached"
                call.due_ms = now + round(self.policy.lost_after_s * 1000)
                self._release(call, was, False, now)
        del self.controllers[controller]
