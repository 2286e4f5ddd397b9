"""Connecting a caller to a fixed place of dialplans/numbers.toml. Called by `session.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ivr.flow.commands import Transferred
from ivr.record import trace as t

if TYPE_CHECKING:
    from ivr.session import Session

OUTCOMES = {"ANSWER": "answered", "BUSY": "busy", "NOANSWER": "no_answer"}


async def transfer(session: Session, target: str, ring_s: int) -> Transferred:
    """Ring `target` for `ring_s` seconds and stay until the talk is over; return how it ended."""
    await session.no_lease()
    await session.channel.gosub("dial-target", "s", "1", target, str(ring_s))
    session.take_lease_back()
    status = await session.channel.get_variable("HOTLINE_DIALSTATUS") or ""
    outcome = OUTCOMES.get(status, "failed")
    session.log.add(t.TRANSFERRED, session.step, target=target, outcome=outcome)
    return Transferred(outcome)
