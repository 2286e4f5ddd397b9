"""A routing group on the virtual loop: controllers with the real Router, the real scripts, and the rules watching.

`Group.run` runs one coroutine in it. Every request is followed by the invariants (routing_rules.py); the first one that
does not hold ends the run, with the seed and the last of what happened.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import uuid
from collections.abc import Callable, Coroutine
from typing import Any
from unittest import mock

from routing import link
from routing.model import Policy
from routing.router import Router
from tests.support.lossy_redis import Faults, LossyRedis, Outcome, Server, loaded
from tests.support.routing import MOVED_CLOCK
from tests.support.routing_rules import Broken, Rules
from tests.support.virtual_loop import VirtualLoop

POLICY = Policy(back_off_s={"reject": 1, "busy": 1, "no_answer": 2, "unreachable": 2}, dead_after_s=3, lost_after_s=10,
                ring_margin_s=1, beat_s=0.5, sweep_s=0.3)
STEPS_MAX = 200_000


class Controller:
    """A process with a Router. tasks  whatever runs in it."""

    def __init__(self, group: Group, name: str) -> None:
        self.group, self.name = group, name
        self.redis = LossyRedis(group.loop, group.server, name)
        self.router = Router(self.redis, group="test", controller_id=name, policy=group.policy,  # type: ignore[arg-type]
                             replaced=MOVED_CLOCK)
        self.tasks: list[asyncio.Task[Any]] = []
        self.begin(self._run())

    def begin(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Start a task of this process."""
        self.tasks = [task for task in self.tasks if not task.done()]
        task = self.group.loop.spawn(self.name, work)
        self.tasks.append(task)
        return task

    def die(self) -> None:
        """The process is gone: nothing of it runs on, nothing leaves it any more."""
        self.redis.dead = True
        self.group.loop.hurried.add(self.name)
        for task in self.tasks:
            task.cancel()

    async def _run(self) -> None:
        await self.router.start()
        await self.router.run()


class Group:
    """One group from an empty Redis on. `calm`: faults are long over, so the rules of liveness hold as well."""

    def __init__(self, seed: int, url: str, faults: Faults | None = None, policy: Policy = POLICY) -> None:
        self.seed, self.policy = seed, policy
        self.loop, self.rules, self.faults = VirtualLoop(seed), Rules(), faults or Faults()
        self.server = Server(self.loop, url, self.faults, self._watch)
        self.controllers: dict[str, Controller] = {}
        self.names, self._uuids = itertools.count(1), random.Random(seed)
        self.calm = False
        self.violation: Broken | None = None
        self.also: Callable[[Outcome], None] | None = None

    def start_controller(self) -> Controller:
        """Start another process, under a name none had before."""
        name = f"k{next(self.names)}"
        self.controllers[name] = self.make_controller(name)
        return self.controllers[name]

    def make_controller(self, name: str) -> Controller:
        return Controller(self, name)

    def states(self) -> dict[str, str]:
        """Return the state of every agent and call, as of the last request."""
        dump = self.server.dump
        return {name: record["state"] for kind in ("agent", "call") for name, record in dump.records(kind).items()}

    @property
    def alive(self) -> list[Controller]:
        return [controller for controller in self.controllers.values() if not controller.redis.dead]

    def run(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run `work` to its end. Raises Broken, or what `work` raises."""
        with contextlib.ExitStack() as stack:
            stack.enter_context(mock.patch.object(link, "command_client", _itself))
            stack.enter_context(mock.patch.object(link, "reader_client", _itself))
            stack.enter_context(mock.patch("time.monotonic", self.loop.time))
            stack.enter_context(mock.patch("uuid.uuid4", self._uuid))
            stack.enter_context(mock.patch("routing.scripts.load", _loaded))
            stack.callback(self.server.client.close)
            runner = stack.enter_context(asyncio.Runner(loop_factory=lambda: self.loop))
            try:
                runner.run(work)
            except Broken as broken:
                self.broken(broken)
            finally:
                self.loop.before_step = None
                self.loop.stopped.clear()
                for controller in self.controllers.values():
                    controller.die()
        if self.violation or self.loop.broken:
            last = "\n".join(self.loop.trace[-60:])
            raise Broken(f"seed {self.seed}, step {self.loop.steps}: {self.violation or self.loop.broken}\n{last}")

    async def pass_s(self, for_s: float, until: Callable[[], bool] = bool) -> None:
        """Let time pass, at most until `until()`; stop at the first violation."""
        ends = self.loop.time() + for_s
        while self.loop.time() < ends and not until():
            await asyncio.sleep(min(0.25, max(0.0, ends - self.loop.time())))
            if self.violation:
                raise self.violation
            if self.loop.steps > STEPS_MAX:
                raise Broken(f"no end after {STEPS_MAX} steps")

    def broken(self, broken: Broken) -> None:
        """Keep the first violation; the run ends with it."""
        self.violation = self.violation or broken
        self.loop.tell(f"BROKEN {broken}")

    def _uuid(self) -> uuid.UUID:
        return uuid.UUID(int=self._uuids.getrandbits(128))

    def _watch(self, done: Outcome) -> None:
        if self.violation:
            return
        try:
            self.rules.look(done)
            if self.calm:
                self.rules.calm(done.after, done.now_ms)
            if self.also:
                self.also(done)
        except Broken as broken:
            self.broken(broken)


def _itself(client: Any) -> Any:
    return client


def _loaded(_: object) -> Any:
    return loaded()
