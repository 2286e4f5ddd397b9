"""One life of a routing group on the virtual loop: controllers with the real Router, callers, agents, and trouble.

A seed says everything: who calls when, what the network does, which task goes next, which controller dies, stands
still or is cut off, and at which await. For a while there is trouble; then the network is good, everything has to
come right, the callers go, and nothing may be left.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Awaitable, Callable
from typing import Any

from routing.errors import RoutingError
from routing.model import AgentProfile, Need, Offer, Plan, Step
from routing.router import Router
from tests.support.lossy_redis import Outcome
from tests.support.routing_group import Controller, Group
from tests.support.routing_rules import Broken
from tests.support.routing_session import Caller, Session

TROUBLE_S, SETTLE_S, CALM_S, END_S = 15.0, 18.0, 4.0, 30.0
RECONCILE_S, UNTAKEN_MS = 5.0, 3000
NET, TV, BOTH = Need("internet>=2"), Need("tv"), Need("internet>=1&tv>=1")
PLANS = (
    Plan(NET),
    Plan(TV),
    Plan(BOTH, (Step(2, TV),)),
    Plan(Need("internet>=3"), (Step(3, Need("internet"), priority=2), Step(6, TV, lend="b"))),
    Plan(NET, order="fewest_calls"),
    Plan(TV, prefer=Need("pl"), order="most_skilled", ageing=3),
)
SKILLS = ({"internet": 3}, {"internet": 2, "tv": 1}, {"tv": 2, "pl": 5}, {"internet": 1, "tv": 3}, {"tv": 1})


class Desk(Controller):
    """A process that leads sessions, and looks at the channels now and then."""

    def __init__(self, life: Life, name: str) -> None:
        super().__init__(life, name)
        self.life = life
        self.begin(self._reconcile())

    def lead(self, caller: Caller) -> None:
        """Begin a session; when it is over the caller has an outcome, or calls again."""
        caller.led_by = self.name
        task = self.begin(Session(self.life, self.router, caller).run())
        task.add_done_callback(functools.partial(self.life.led, caller, self))

    async def _reconcile(self) -> None:
        while True:
            await asyncio.sleep(RECONCILE_S)
            with contextlib.suppress(RoutingError):
                seen = await self.router.snapshot()
                led = {caller.call_id for caller in self.life.callers.values() if caller.led_by == self.name}
                if any(call.call_id not in led for call in seen.calls):
                    await self.router.reconcile(self.life.channels())


class Life(Group):
    """Everything of one seed: `live` raises Broken with it, the step, and the last lines of the trace.

    trouble  False: a life in which nothing goes wrong.
    """

    def __init__(self, seed: int, url: str, *, trouble: bool = True) -> None:
        super().__init__(seed, url)
        if trouble:
            some = self.loop.random.choice((0.0, 0.02, 0.1))
            self.faults.lost, self.faults.unheard, self.faults.late, self.faults.full = some, some, some / 2, some / 4
        self.trouble = trouble
        self.callers: dict[str, Caller] = {}
        self.phones: dict[str, tuple[str, float]] = {}
        self.past: list[Offer] = []

    fates: tuple[str, ...] = ("answer", "answer", "answer", "reject", "busy", "no_answer", "unreachable")

    def make_controller(self, name: str) -> Controller:
        return Desk(self, name)

    def live(self) -> None:
        """Live this life to its end."""
        self.run(self._live())

    async def _live(self) -> None:
        chance = self.loop.random
        for _ in range(chance.randint(2, 3)):
            self.start_controller()
        for n, skills in enumerate(SKILLS[: chance.randint(2, 5)]):
            self.loop.spawn("", self._work(f"a{n + 1}", skills))
        for n in range(chance.randint(5, 12)):
            self.loop.spawn("", self._call(f"c{n + 1}"))
        self.loop.before_step = self._trouble if self.trouble else None
        await self.pass_s(TROUBLE_S)
        self.loop.before_step = None
        self.loop.stopped.clear()
        self.faults.stop()
        self.loop.tell("-- the trouble is over")
        await self.pass_s(SETTLE_S)
        self.calm, self.also = True, self._in_line
        await self.pass_s(CALM_S)
        for caller in self.callers.values():
            caller.gone.set()
        await self.pass_s(END_S, until=self.is_over)
        self.rules.over(self.server.dump)
        if lost := [caller.call_id for caller in self.callers.values() if not caller.outcome]:
            raise Broken(f"15 callers {lost} have no outcome")

    def is_over(self) -> bool:
        dump = self.server.dump
        return not dump.records("call") and all(agent["state"] == "ready" for agent in dump.records("agent").values()) \
            and all(caller.outcome for caller in self.callers.values())

    # The world

    def channels(self) -> list[str]:
        """Calls whose channel is up."""
        return [c.call_id for c in self.callers.values() if not c.outcome]

    async def _call(self, call_id: str) -> None:
        chance = self.loop.random
        await asyncio.sleep(chance.uniform(0, TROUBLE_S))
        caller = Caller(call_id, chance.choice(PLANS), chance.choice((0, 0, 0, 2)), chance.uniform(0.5, 6),
                        chance.choice(("", "p1", "p2")), chance.choice(("", "", "a1", "a2")))
        self.callers[call_id] = caller
        self._lead(caller)
        await asyncio.sleep(chance.choice((0.5, 4, 10, 60)) * chance.random())
        caller.gone.set()

    def _lead(self, caller: Caller) -> None:
        able = self.alive
        if caller.gone.is_set():
            caller.outcome = caller.outcome or "abandoned"
        elif able:
            self.loop.random.choice(able).lead(caller)
        else:
            self.loop.call_later(0.5, self._lead, caller)

    def led(self, caller: Caller, controller: Controller, task: asyncio.Task[Any]) -> None:
        """A session is over. Of a dead controller's the channel lives on: another one takes it, in time."""
        caller.led_by = caller.phase = ""
        if not task.cancelled() and isinstance(error := task.exception(), BaseException):
            self.broken(error if isinstance(error, Broken) else Broken(f"session {caller.call_id}: {error!r}"))
        if controller.redis.dead and task.cancelled():
            caller.outcome = ""
            fate, at = self.phones.pop(caller.call_id, ("", 0.0))
            rest_s = max(0.0, at - self.loop.time())
            if fate == "answer":
                caller.answered = True
            if caller.answered:
                rest_s += self.loop.random.uniform(0, caller.talk_s)
            self.loop.call_later(rest_s + self.loop.random.uniform(0.1, 2), self._lead, caller)
        elif not caller.outcome:
            self.loop.call_later(self.loop.random.uniform(0.1, 2), self._lead, caller)

    async def _work(self, agent_id: str, skills: dict[str, int]) -> None:
        """An agent: in most of the time, sometimes away, by whichever controller."""
        chance = self.loop.random
        profile = AgentProfile(agent_id, f"phone-{agent_id}", skills, 2, chance.choice((0, 1, 3)),
                               projects=("b",) if chance.random() < 0.3 else ())
        await asyncio.sleep(chance.uniform(0, 2))
        while True:
            self._ask(lambda router: router.sign_in(profile))
            await asyncio.sleep(chance.uniform(1, 8))
            does = chance.randrange(6 if self.loop.before_step else 1)
            if does == 1:
                self._ask(lambda router: router.pause(agent_id, "lunch"))
            elif does == 2:
                self._ask(lambda router: router.sign_out(agent_id))
            elif does == 3:
                self._ask(lambda router: router.end_wrap_up(agent_id))
            elif does == 4:
                self._ask(lambda router: router.toggle_pause(agent_id))
            elif does == 5:
                self._supervise(profile)
            await asyncio.sleep(chance.uniform(0.2, 2))

    def _supervise(self, profile: AgentProfile) -> None:
        chance = self.loop.random
        does = chance.randrange(4)
        waiting = [c.call_id for c in self.callers.values() if c.phase == "line"]
        if does == 0:
            changed = AgentProfile(profile.agent_id, profile.endpoint, chance.choice(SKILLS), 2, 1)
            self._ask(lambda router: router.update(changed))
        elif does == 1:
            lends = chance.random() < 0.6
            self._ask(lambda router: router.lend("b", lends))
        elif does == 2 and self.past:  # an answer out of the past
            old, accepts = chance.choice(self.past), chance.random() < 0.5
            self._ask(lambda router: router.accept(old) if accepts else router.refuse(old, "reject"))
        elif waiting:
            call_id, plan, priority = chance.choice(waiting), chance.choice(PLANS), chance.choice((0, 5))
            self._ask(lambda router: router.change(call_id, plan=plan, priority=priority))

    def _ask(self, what: Callable[[Router], Awaitable[Any]]) -> None:
        """Let some controller do it; nobody waits for the answer."""
        able = self.alive
        if able:
            controller = self.loop.random.choice(able)

            async def ask() -> None:
                with contextlib.suppress(RoutingError):
                    await what(controller.router)

            controller.begin(ask())

    # Trouble

    def _start_controller(self) -> None:
        name = f"k{next(self.names)}"
        self.controllers[name] = Controller(self, name)

    def _trouble(self) -> None:
        """Before any step: somebody may die, leave, stand still or be cut off."""
        chance = self.loop.random
        if chance.random() > 0.002:
            return
        able = self.alive
        if not able:
            return
        controller, what = chance.choice(able), chance.choice(("dies", "dies", "leaves", "stands still", "is cut off"))
        self.loop.tell(f"-- {controller.name} {what}")
        if what == "dies":
            controller.die()
            self.loop.call_later(chance.uniform(0.2, 5), self.start_controller)
        elif what == "leaves":
            self.loop.spawn("", self._leave(controller))
        elif what == "stands still":
            self.loop.stop_owner(controller.name, chance.choice((0.5, 2, 5, 12)))
        else:
            self.faults.away[controller.name] = self.loop.time() + chance.choice((0.5, 2, 5))

    async def _leave(self, controller: Controller) -> None:
        """End in good order: the rest of the calls is for others."""
        leaving = self.loop.spawn(controller.name, controller.router.close())
        await asyncio.wait((leaving,), timeout=3)
        controller.die()
        await asyncio.sleep(self.loop.random.uniform(0.2, 3))
        self.start_controller()

    def _in_line(self, done: Outcome) -> None:
        """1: who hears music is in line, with the controller that plays it; his offer is taken soon."""
        calls = done.after.records("call")
        for caller in self.callers.values():
            if caller.phase != "line" or caller.gone.is_set():
                continue
            call = calls.get(caller.call_id)
            if call is None or call["state"] not in ("waiting", "offered") or call["controller"] != caller.led_by:
                raise Broken(f"1 {caller.call_id} hears music of {caller.led_by}; Redis has {call}")
            if call["state"] == "offered" and call.get("taken") != "1" \
                    and int(call["since_ms"]) < done.now_ms - UNTAKEN_MS:
                raise Broken(f"13 nobody took the offer of {caller.call_id}")
