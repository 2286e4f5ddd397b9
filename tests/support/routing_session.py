"""A caller and the session that leads him through a queue: what ivr/waiting.py does, without Asterisk.

`routing_life` starts sessions in its controllers; phones ring, are answered or not, as its chance says.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import Protocol

from routing.errors import RoutingError, UnknownCall
from routing.model import Cause, Offer, Placement, Plan
from routing.router import Router
from routing.waiting import Waiting
from tests.support.routing_rules import Broken
from tests.support.virtual_loop import VirtualLoop

LOOK_S = 2.0


class World(Protocol):
    """What a session needs of the life around it.

    fates  how ringing may end.  phones  call -> (how its ringing ends, when).  past  offers that are over.
    """

    loop: VirtualLoop
    fates: tuple[str, ...]
    past: list[Offer]
    phones: dict[str, tuple[str, float]]

    def broken(self, broken: Broken) -> None: ...


@dataclass
class Caller:
    """A channel at Asterisk. gone  its owner hung up.  answered  an agent's phone was picked up for it.

    number  '' withheld.  asks_for  an agent he would like.

    phase  what its session is doing: line, ring, talk; '' without a session.
    """

    call_id: str
    plan: Plan
    priority: int
    talk_s: float
    number: str = ""
    asks_for: str = ""
    entered_ms: int | None = None
    led_by: str = ""
    phase: str = ""
    answered: bool = False
    outcome: str = ""
    gone: asyncio.Event = field(default_factory=asyncio.Event)


class Session:
    """One controller leads one caller through the queue."""

    def __init__(self, life: World, router: Router, caller: Caller) -> None:
        self.life, self.router, self.caller = life, router, caller
        self.in_line = self.talking = False

    async def run(self) -> None:
        caller = self.caller
        try:
            if caller.answered:  # the talk outlived its controller
                await self.router.complete(caller.call_id)
                caller.outcome = "talked"
                return
            with self.router.waiting(caller.call_id) as line:
                caller.outcome = await self._wait(line)
        except RoutingError as error:
            self.life.loop.tell(f"session {caller.call_id} {error!r}")
            caller.outcome = ""  # he hears a prompt and comes again
        finally:
            await self._leave()

    async def _wait(self, line: Waiting) -> str:
        placement = await self._enqueue()
        if placement is None:
            return "full"
        offer = placement.offer
        while True:
            while offer is None:
                self.caller.phase = "line"
                if self.caller.gone.is_set():
                    return "abandoned"
                offer = await self._next_offer(line) or await self._look()
            self.caller.phase = "ring"
            cause = await self._ring(offer)
            if self.talking:
                return "talked"
            if self.caller.gone.is_set():
                return "abandoned"
            placement = await self._refuse(offer, cause)
            self.life.past.append(offer)
            offer = placement.offer

    async def _enqueue(self) -> Placement | None:
        caller = self.caller
        self.in_line = True
        placement = await self.router.enqueue(caller.call_id, "q", caller.plan, priority=caller.priority,
                                              entered_ms=caller.entered_ms,
                                              max_len=None if caller.entered_ms else 4, caller=caller.number,
                                              resume_min=0.2, affinity=caller.asks_for, affinity_wait_s=4, talk_s=3)
        if placement:
            if caller.entered_ms and placement.entered_ms > caller.entered_ms:
                raise Broken(f"8 {caller.call_id} came back to a worse place")
            caller.entered_ms = placement.entered_ms
        return placement

    async def _next_offer(self, line: Waiting) -> Offer | None:
        offer = asyncio.ensure_future(line.next_offer(None))
        hung_up = asyncio.ensure_future(self.caller.gone.wait())
        taken = None
        try:
            await asyncio.wait((offer, hung_up), timeout=LOOK_S, return_when=asyncio.FIRST_COMPLETED)
            taken = None if hung_up.done() else _result(offer)
            return taken
        finally:
            for task in (offer, hung_up):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
            if (late := _result(offer)) is not None and late is not taken:
                line.put_back(late)

    async def _look(self) -> Offer | None:
        if self.caller.gone.is_set():
            return None
        try:
            if await self.router.position(self.caller.call_id) is None:
                placement = await self._enqueue()
                return placement.offer if placement else None
        except RoutingError:
            pass
        return None

    async def _ring(self, offer: Offer) -> Cause:
        """Ring as long as the phone does; talk when it is answered. Returns why it was not."""
        chance, loop, caller = self.life.loop.random, self.life.loop, self.caller
        if caller.outcome:
            self.life.broken(Broken(f"10 {offer.agent_id} rings for {caller.call_id}, who has left"))
        fate = chance.choice(self.life.fates)
        ring_s = offer.ring_s if fate == "no_answer" else chance.uniform(0.05, offer.ring_s)
        loop.tell(f"ring {offer.agent_id} for {caller.call_id} token {offer.token}: {fate}")
        self.life.phones[caller.call_id] = (fate, loop.time() + ring_s)
        await self._until_gone(ring_s)
        self.life.phones.pop(caller.call_id, None)
        if caller.gone.is_set() or fate != "answer":
            return "no_answer" if fate == "answer" else fate  # type: ignore[return-value]
        await self._talk(offer)
        return "no_answer"

    async def _talk(self, offer: Offer) -> None:
        caller = self.caller
        self.talking = caller.answered = True
        caller.phase = "talk"
        accepting = asyncio.ensure_future(self._accept(offer))
        try:
            talked = asyncio.ensure_future(self._until_gone(caller.talk_s))
            await asyncio.wait((accepting, talked), return_when=asyncio.FIRST_COMPLETED)
            if accepting.done() and not accepting.result():  # the agent was given away in the same moment
                self.talking = caller.answered = False
                talked.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await talked
        finally:
            accepting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await accepting

    async def _accept(self, offer: Offer) -> bool:
        while True:
            try:
                return await self.router.accept(offer)
            except RoutingError:
                await asyncio.sleep(1)

    async def _refuse(self, offer: Offer, cause: Cause) -> Placement:
        try:
            return await self.router.refuse(offer, cause)
        except UnknownCall:
            placement = await self._enqueue()
            assert placement is not None, "no limit holds for a call that was in line before"
            return placement

    async def _until_gone(self, for_s: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(for_s):
                await self.caller.gone.wait()

    async def _leave(self) -> None:
        if not self.in_line:
            return
        if self.talking:
            await self.router.complete(self.caller.call_id)
        else:
            await self.router.abandon(self.caller.call_id)


def _result(offer: asyncio.Future[Offer | None]) -> Offer | None:
    return offer.result() if offer.done() and not offer.cancelled() else None
