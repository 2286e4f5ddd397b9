"""A caller's way through queues: into the first one, and wherever its keys and its overflow lead him.

Whatever queue he waits in, his first entry counts, and no limit drops his call: a full queue, an end of
patience or nobody signed in lead to the queue's overflow, else back to the flow. Called by `session.py`.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ivr.callback import callback
from ivr.errors import CallEnded
from ivr.flow.commands import Queued
from ivr.flow.model import LEAVE, Action
from ivr.message import message
from ivr.opt_in import opt_in
from ivr.record import trace as t
from ivr.record.hearing import OPTED_IN, WAITING
from ivr.sound import Prompt
from ivr.telling import Telling
from ivr.waiting import OPT_IN, WaitForAgent

if TYPE_CHECKING:
    from ivr.session import Session

LIMITS = ("nobody", "full", "too_long", "timeout")
STAYS_MOST = 20  # a caller who goes from queue to queue is led back to the flow after so many


async def wait_in_queue(session: Session, name: str) -> Queued:
    """Bring the caller to an agent of queue `name`, or wherever keys and overflow lead; return how it ended.

    outcome `callback`, `message`, `opted_in`  it is arranged, he waits no longer.  `key`  one that leaves to the flow.
    """
    queue = session.queue(session.take_resumed_queue() or name) or session.dialplans.queues[name]
    telling = Telling(queue, time.monotonic())
    entered_ms = session.listening.take_entered_ms()
    overflowed: set[str] = set()
    first, ended = True, Queued("failed")
    for _ in range(STAYS_MOST):
        stay = WaitForAgent(session, telling, entered_ms, first=first)
        ended = await stay.run()
        telling, entered_ms = stay.telling, stay.entered_ms
        queue = telling.queue
        if ended.outcome == OPT_IN:
            if await _opted_in(session, stay):
                return Queued("opted_in")
            first = False
            continue
        action = _action(ended, stay, overflowed)
        if action.kind == "leave":
            if ended.outcome in LIMITS:
                session.log.add(t.OVERFLOW, session.step, queue=queue.name, why=ended.outcome)
            return ended
        if ended.outcome in LIMITS:
            overflowed.add(queue.name)
            session.log.add(t.OVERFLOW, session.step, queue=queue.name, why=ended.outcome, to=str(action))
        if action.kind == "queue":
            telling = await _other_queue(session, action)
            first = True
        elif await _arranged(session, action, stay):
            return Queued(action.kind)
        elif ended.outcome in LIMITS:  # he declined what the overflow offered
            return ended
        else:
            first = False
    return ended


def _action(ended: Queued, stay: WaitForAgent, overflowed: set[str]) -> Action:
    """Return what follows: what the pressed key does, or the overflow of a queue that had not sent him on yet."""
    queue = stay.queue
    if ended.outcome == "key":
        return queue.keys[ended.key]
    if ended.outcome in LIMITS and queue.name not in overflowed:
        return queue.overflow
    return LEAVE


async def _other_queue(session: Session, action: Action) -> Telling:
    """Lead him to another queue of the dialplans he began with; his first entry goes with him."""
    queue = session.dialplans.queues[action.queue]
    session.log.add(t.MOVED, session.step, queue=queue.name, by=str(action))
    await session.remember_queue(queue.name)
    await session.play((Prompt("queue_moved"),))
    return Telling(queue, time.monotonic())


async def _opted_in(session: Session, stay: WaitForAgent) -> bool:
    """Arrange that he is called when what he heard of is over; False when he prefers to wait, at his place."""
    try:
        booked = await opt_in(session, stay.opt_in)
    except CallEnded:
        session.disposition = "abandoned" if session.disposition == "failed" else session.disposition
        raise
    session.listening.decided(OPTED_IN if booked else WAITING)
    return booked


async def _arranged(session: Session, action: Action, stay: WaitForAgent) -> bool:
    """Offer a call-back or a message; False when he prefers to wait."""
    offer = callback if action.kind == "callback" else message
    try:
        return await offer(session, stay.queue, stay.entered_ms)
    except CallEnded:
        session.disposition = "abandoned" if session.disposition == "failed" else session.disposition
        raise
