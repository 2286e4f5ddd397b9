"""What supervisors do to calls in line, and who did it. Called by the page Live and the API."""

from __future__ import annotations

from collections.abc import Mapping

from ivr import supervisor
from ivr.access import Who
from ivr.floor import CallNow
from ivr.flow.model import QueueConfig
from ivr.versions.folder import in_force
from ivr.web.parts import Parts


async def queues(parts: Parts) -> Mapping[str, QueueConfig]:
    """Return the queues calls may wait in now. Raises ConfigError, DatabaseError."""
    return (await in_force(parts.settings))[-1].queues


async def move(parts: Parts, who: Who, text: str, queue: str, language: str = "") -> int | None:
    """Make a waiting call wait in another queue; return its place, None while it is offered. Raises InputError.

    text  its id, or the beginning or end of it.  language  the caller's, as recorded when ''.
    """
    wanted = supervisor.queue_named(await queues(parts), queue)
    call_id = await supervisor.waiting_call(parts.router, text)
    before = _known(parts, call_id)
    spoken = language or await supervisor.language_of(parts.records, call_id)
    place = await supervisor.move(parts.router, call_id, wanted, spoken)
    parts.watching.looked()
    was: dict[str, object] = {"queue": before.queue} if before else {}
    await parts.audit.note(who, "call.move", call_id, was, {"queue": queue})
    return place


async def raise_to(parts: Parts, who: Who, text: str, priority: int, emergency: bool | None) -> int | None:
    """Give a waiting call another priority. Returns and raises as `move`."""
    call_id = await supervisor.waiting_call(parts.router, text)
    before = _known(parts, call_id)
    place = await supervisor.raise_to(parts.router, call_id, priority, emergency)
    parts.watching.looked()
    was: dict[str, object] = {"priority": before.priority, "emergency": before.emergency} if before else {}
    await parts.audit.note(who, "call.priority", call_id, was, {"priority": priority, "emergency": emergency})
    return place


def _known(parts: Parts, call_id: str) -> CallNow | None:
    """Return the call as it was last seen, for the audit log."""
    calls = parts.watching.floor.calls if parts.watching.floor else ()
    return next((each for each in calls if each.call_id == call_id), None)
