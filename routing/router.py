"""Router: puts calls in line and brings each to one agent. What the controller and the command line call.

Every operation is one Lua script, so no other controller sees half of it. Errors are `routing.errors`. All
operations end within about 2 s when Redis is gone, then raise RouterUnavailable; `abandon` and `complete` do
not raise, they are made good as soon as Redis is back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

import redis.asyncio

from routing import keys, link
from routing.errors import BadArgument, BudgetSpent, QueueFull, RouterUnavailable, StaleOffer, UnknownCall
from routing.events import Events
from routing.explain import reason_words
from routing.inquiry import Inquiry
from routing.measure import Measure
from routing.model import (
    CAUSES,
    PRIORITY_MAX,
    Cause,
    Need,
    Offer,
    Placement,
    Plan,
    Policy,
    check_id,
)
from routing.presence import HeldCall, Presence
from routing.scripts import Scripts
from routing.snapshot import calls_of_node, now_ms
from routing.supervise import Supervision
from routing.sweep import Owed, beat_for_ever, log, ms, sweep_for_ever
from routing.waiting import Offers, Waiting

DEFAULT_POLICY = Policy()


class Router(Supervision, Inquiry):
    """The queues of one routing group, seen from one controller.

    redis  any client of the right Redis, or of the right cluster: address and credentials are taken from it,
    connections are own ones.
    controller_id  names this controller; unique among those alive.  node  the Asterisk it sits beside.
    on_reset  awaited when Redis came back without what it held: sign the agents in again (`restore`).
    replaced  for tests: another clock (`scripts.load`).
    """

    def __init__(
        self,
        redis: redis.asyncio.Redis | redis.asyncio.RedisCluster,
        *,
        group: str = "main",
        controller_id: str,
        node: str = "main",
        policy: Policy = DEFAULT_POLICY,
        on_reset: Callable[[], Awaitable[None]] | None = None,
        replaced: Mapping[str, str] | None = None,
    ) -> None:
        self.controller_id, self.node = check_id("controller_id", controller_id), check_id("node", node)
        self.policy = policy
        self._root = keys.root(group)
        self._client, self._reader = link.command_client(redis), link.reader_client(redis)
        self._scripts = Scripts(self._client, self._root, replaced=replaced)
        self._offers = Offers(self._reader, f"{self._root}:offers:{controller_id}", self._take)
        self._owed = Owed(self._scripts)
        self._presence = Presence(self._client, self._scripts, controller_id, node, policy.dead_after_s)
        self._presence.on_reset, self._presence.on_empty = on_reset, self._restart_streams
        self.measure = Measure()
        self._events = Events(self._reader, self._root, self.measure.feed)
        self._events.on_changed = lambda event: self._presence.changed(event["call"], event["queue"], event["class"])

    @property
    def on_reset(self) -> Callable[[], Awaitable[None]] | None:
        """What is awaited when Redis came back without what it held."""
        return self._presence.on_reset

    @on_reset.setter
    def on_reset(self, callback: Callable[[], Awaitable[None]] | None) -> None:
        self._presence.on_reset = callback

    async def start(self) -> None:
        """Announce this controller. A dead Redis does not stop it: `run` recovers."""
        try:
            await self._presence.beat()
        except RouterUnavailable as error:
            log.error("redis_down: %s", error)

    async def run(self) -> None:
        """Heartbeat, sweep, receive offers, learn from what happens, for ever; cancel to stop."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(beat_for_ever(self._presence.beat, self.policy))
            tasks.create_task(sweep_for_ever(self._scripts, self.policy, self.controller_id))
            tasks.create_task(self._offers.read(self._presence.calls.__contains__))
            tasks.create_task(self._events.read())
            tasks.create_task(self._owed.pay_for_ever())

    async def close(self) -> None:
        """Leave: calls still held wait for another controller. Closes the connections."""
        try:
            await self._scripts.run("controller_leave", controller=self.controller_id)
        except RouterUnavailable:
            pass
        finally:
            await link.close(self._client)
            await link.close(self._reader)

    # Calls

    async def enqueue(
        self,
        call_id: str,
        queue: str,
        plan: Plan | Need,
        *,
        priority: int = 0,
        emergency: bool = False,
        entered_ms: int | None = None,
        max_len: int | None = None,
        caller: str = "",
        resume_min: float = 0,
        affinity: str = "",
        affinity_wait_s: float = 0,
        talk_s: float = 180,
        wrap_up_s: float | None = None,
        budget: str = "",
        budget_min: float = 0,
        node: str | None = None,
    ) -> Placement | None:
        """Make a call wait for an agent who meets what `plan` needs. This controller holds it from now on.

        A call known already keeps entry time and place; an offer or talk it had is over.
        entered_ms  first entry when known from elsewhere; only ever makes it earlier.
        max_len  calls the queue holds at most, None for no limit.
        caller, resume_min  who left this queue without an answer so lately gets his old entry time, once.
        affinity  the agent asked for, held for him when he may be free within affinity_wait_s, a talk lasting
        talk_s.  wrap_up_s  his rest after this call, None for his own.
        budget, budget_min  a counter of minutes talked, and how many there are.
        node  the Asterisk of the channel, None for this controller's, `-` for a call-back that has none.
        Returns None when the queue is full: the call is not in line.
        Raises BudgetSpent, RouterUnavailable (then `abandon` the call when giving up).
        """
        _check_entry(call_id, queue, priority, max_len)
        plan = plan if isinstance(plan, Plan) else Plan(plan)
        held = HeldCall(
            node=self.node if node is None else check_id("node", node),
            queue=queue,
            class_=keys.class_name(plan, priority, emergency=emergency),
            caller=caller and check_id("caller", caller),
            resume_ms=ms(resume_min * 60),
            affinity=affinity,
            affinity_ms=ms(affinity_wait_s),
            talk_ms=ms(talk_s),
            wrap_up_ms="" if wrap_up_s is None else ms(wrap_up_s),
            budget=budget and check_id("budget", budget),
            budget_ms=ms(budget_min * 60),
            entered_ms=entered_ms or 0,
        )
        self._owed.withdraw(call_id)
        return await self._enqueue(call_id, held, max_len)

    async def change(
        self,
        call_id: str,
        *,
        queue: str | None = None,
        plan: Plan | None = None,
        priority: int | None = None,
        emergency: bool | None = None,
    ) -> Placement:
        """Move a call to another queue, need or priority, whichever controller holds it; what is None stays.

        It keeps its entry time and is placed anew at once; one that rings goes by this if the agent does not
        answer, one that talks stays as it is. Raises UnknownCall.
        """
        if priority is not None:
            _check_priority(priority)
        queue, class_, reply = await self._change(call_id, queue, plan, priority, emergency)
        self._presence.changed(call_id, queue, class_)
        return Placement(reply.get("position"), None, reply["agents_in"], reply["entered_ms"])

    async def accept(self, offer: Offer) -> bool:
        """The agent answered. False when the offer was over by then: hang up on the agent.

        After RouterUnavailable keep the talk and repeat.
        """
        try:
            await self._scripts.run("offer_accept", call_id=offer.call_id, token=offer.token)
        except StaleOffer:
            return False
        self._presence.talks(offer.call_id)
        return True

    async def extend(self, offer: Offer, lease_s: float) -> bool:
        """Keep a taken offer `lease_s` more seconds from now: its agent rings later. False when it was over."""
        try:
            await self._scripts.run("offer_extend", call_id=offer.call_id, token=offer.token, lease_ms=ms(lease_s))
        except StaleOffer:
            return False
        return True

    async def refuse(self, offer: Offer, cause: Cause) -> Placement:
        """The agent did not take it: he backs off, the call keeps its place and goes to the next agent.

        An offer that was over already changes nothing: the offer in force, if any, comes by `next_offer`.
        Raises UnknownCall when this controller ended the call.
        """
        if cause not in CAUSES:
            raise BadArgument(f"cause {cause!r}: expected one of {', '.join(CAUSES)}")
        try:
            reply = await self._scripts.run(
                "offer_refuse",
                call_id=offer.call_id,
                token=offer.token,
                cause=cause,
                back_off_ms=ms(self.policy.back_off_s[cause]),
                pause_after=self.policy.pause_after[cause],
            )
        except StaleOffer:
            return await self._placement_now(offer.call_id)
        return await self._placement(offer.call_id, reply)

    async def abandon(self, call_id: str) -> None:
        """The caller left: no line, offer or ring of this call remains. Others' calls are left alone."""
        await self._end(call_id, "abandoned", wrap_up=True)

    async def complete(self, call_id: str, *, wrap_up: bool = True) -> None:
        """The talk is over: the agent goes into wrap-up or is ready at once. An unknown call is no error."""
        await self._end(call_id, "completed", wrap_up=wrap_up)

    def waiting(self, call_id: str) -> Waiting:
        """Return the inbox of a call: `with router.waiting(id) as line: offer = await line.next_offer(5)`."""
        return Waiting(self._offers, call_id)

    async def reconcile(self, live_call_ids: Collection[str], *, grace_s: float = 2) -> tuple[str, ...]:
        """End every call of this node whose channel is not among `live_call_ids`; free its agent.

        A talk ends in wrap-up. grace_s  calls enqueued so lately may be younger than the list and are left
        alone. Returns what was ended.
        """
        now = await now_ms(self._client, self._root)
        before = now - ms(grace_s) if grace_s else ""
        gone = []
        for call_id in await calls_of_node(self._client, self._root, self.node, set(live_call_ids)):
            reply = await self._scripts.run(
                "call_end",
                call_id=call_id,
                outcome="gone",
                wrap_up=1,
                controller=self.controller_id,
                node=self.node,
                attached_ms=before,
            )
            if reply["ended"]:
                self._forget(call_id)
                gone.append(call_id)
        return tuple(gone)

    async def _enqueue(self, call_id: str, held: HeldCall, max_len: int | None) -> Placement | None:
        self._presence.calls[call_id] = held
        try:
            reply = await self._scripts.run(
                "call_enqueue",
                call_id=call_id,
                controller=self.controller_id,
                mode="renew",
                max_len="" if max_len is None else max_len,
                **held.entry(),
            )
        except QueueFull:
            self._forget(call_id)
            return None
        except BudgetSpent:
            self._forget(call_id)
            raise
        if call_id in self._presence.calls:  # changed by a supervisor meanwhile, perhaps
            self._presence.calls[call_id] = replace(self._presence.calls[call_id], entered_ms=reply["entered_ms"])
        return await self._placement(call_id, reply)

    async def _placement(self, call_id: str, reply: dict[str, Any]) -> Placement:
        offer = None
        if "token" in reply:
            try:
                offer = await self._offers.take(call_id, reply["token"])
            except StaleOffer:
                return await self._placement_now(call_id)
        position = None if offer else reply["position"]
        return Placement(position, offer, reply["agents_in"], reply["entered_ms"])

    async def _placement_now(self, call_id: str) -> Placement:
        """Where the call stands; a call Redis lost is put in line again at its place."""
        try:
            now = await self._scripts.run("call_position", call_id=call_id)
        except UnknownCall:
            held = self._presence.calls.get(call_id)
            placement = await self._enqueue(call_id, held, None) if held else None
            if placement is None:
                raise
            return placement
        return Placement(now["position"], None, now["agents_in"], now["entered_ms"])

    async def _take(self, call_id: str, token: int) -> Offer:
        reply = await self._scripts.run(
            "offer_take", call_id=call_id, token=token, margin_ms=ms(self.policy.ring_margin_s)
        )
        held = self._presence.calls.get(call_id)
        return Offer(
            call_id,
            reply["agent_id"],
            reply["endpoint"],
            token,
            reply["deadline_ms"],
            reply["waited_ms"],
            reason_words(reply["reason"], keys.class_need(held.class_) if held else ""),
            reply["ring_ms"] / 1000,
            reply["name"],
            reply["language"],
            reply["queue"],
        )

    async def _end(self, call_id: str, outcome: str, *, wrap_up: bool) -> None:
        self._forget(call_id)
        await self._owed.end(
            call_id,
            outcome=outcome,
            wrap_up=int(wrap_up),
            controller=self.controller_id,
            node=self.node,
            attached_ms="",
        )

    def _restart_streams(self) -> None:
        self._offers.restart()
        self._events.restart()

    def _forget(self, call_id: str) -> None:
        self._presence.calls.pop(call_id, None)
        self._offers.forget(call_id)


def _check_entry(call_id: str, queue: str, priority: int, max_len: int | None) -> None:
    check_id("call_id", call_id)
    check_id("queue", queue)
    _check_priority(priority)
    if max_len is not None and max_len < 0:
        raise BadArgument(f"max_len {max_len}: expected 0 or more, or None for no limit")


def _check_priority(priority: int) -> None:
    if isinstance(priority, bool) or not isinstance(priority, int) or abs(priority) > PRIORITY_MAX:
        raise BadArgument(f"priority {priority!r}: expected a whole number, -{PRIORITY_MAX} to {PRIORITY_MAX}")
