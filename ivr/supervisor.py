"""What a supervisor asks of and does to calls in line: find one, move it, say why it waits or where it went.

Called by `ivr queue`. May import the router, records and dialplans.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Mapping
from zoneinfo import ZoneInfo

from ivr.call import TraceEntry, mask
from ivr.errors import InputError, nearest
from ivr.flow.model import QueueConfig
from ivr.record import trace as t
from ivr.record.model import CallRecord
from ivr.record.store import Records
from ivr.record.story import tell
from routing.errors import UnknownCall
from routing.model import Placement, Snapshot
from routing.router import Router
from routing.why import why

# What was heard and pressed meanwhile says nothing about routing.
_NOT_ROUTING = frozenset({t.PLAYED, t.INTERRUPTED, t.PRESSED, t.SILENT, t.MATCHED, t.NO_MATCH, t.HOURS, t.LANGUAGE})


def find_call(snapshot: Snapshot, text: str) -> str | None:
    """Return the id of the living call that is `text`, or begins or ends with it, or came `last`; None for none.

    Raises InputError when it could be several.
    """
    ids = [call.call_id for call in sorted(snapshot.calls, key=lambda c: (c.entered_ms, c.call_id), reverse=True)]
    if text in ids:
        return text
    if text == "last":
        return ids[0] if ids else None
    hits = [call_id for call_id in ids if text and (call_id.startswith(text) or call_id.endswith(text))]
    if len(hits) > 1:
        raise InputError(f"{text!r} could be call {', '.join(hits[:5])}{', ...' if len(hits) > 5 else ''}")
    return hits[0] if hits else None


async def waiting_call(router: Router, text: str) -> str:
    """Return the id of a call nobody has answered, found as by `find_call`. Raises InputError when there is none."""
    snapshot = await router.snapshot()
    found = find_call(snapshot, text)
    if found is None:
        near = nearest(text, [call.call_id for call in snapshot.calls])
        raise InputError(f"no call {text!r} is in a queue" + (f"; did you mean {near!r}?" if near else ""))
    agent = next((call.agent_id for call in snapshot.calls if call.call_id == found and call.state == "bridged"), "")
    if agent:
        raise InputError(f"call {found} waits no more: it talks to {agent}")
    return found


async def explain(router: Router, records: Records, text: str, zone: ZoneInfo, *, reveal: bool = False) -> list[str]:
    """Return in words why a call waits, or why it went where it went.

    reveal  shows its number in full.  Raises InputError when no such call is known.
    """
    call_id = find_call(await router.snapshot(), text)
    seen = await router.explain(call_id) if call_id else None
    if seen:
        return why(seen)
    record, trace = await records.show(call_id or text)
    return routing_story(record, trace, zone, record.ani if reveal else mask(record.ani))


def routing_story(record: CallRecord, trace: Iterable[TraceEntry], zone: ZoneInfo, caller: str) -> list[str]:
    """Return what is recorded of a call from its first queue on: places, offers with their reasons, ends."""
    entries = list(trace)
    first = next((n for n, entry in enumerate(entries) if entry.event in (t.QUEUED, t.OFFERED)), None)
    if first is None:
        told = tell(record, [], zone, caller=caller)
        return [told[0], "      it was never in a queue: `ivr call show` tells where it went"]
    kept = [entry for entry in entries[first:] if entry.event not in _NOT_ROUTING]
    return tell(record, kept, zone, caller=caller)


async def language_of(records: Records, call_id: str) -> str:
    """Return the language a call is recorded to speak, '' when it is not recorded (yet)."""
    try:
        record, _ = await records.show(call_id)
    except InputError:
        return ""
    return record.language


async def move(router: Router, call_id: str, queue: QueueConfig, language: str) -> int | None:
    """Make a call wait in another queue, by that queue's rules, at the place its first entry gives it.

    language  the caller's.  Returns its place, None when it is being offered.  Raises InputError when it is gone.
    """
    plan = queue.plan(language)
    return await _changed(
        router.change(call_id, queue=queue.name, plan=plan, priority=queue.priority, emergency=queue.emergency)
    )


async def raise_to(router: Router, call_id: str, priority: int, emergency: bool | None) -> int | None:
    """Give a call another priority; emergency  None leaves that as it is. Returns as `move` does."""
    return await _changed(router.change(call_id, priority=priority, emergency=emergency))


async def _changed(change: Awaitable[Placement]) -> int | None:
    try:
        return (await change).position
    except UnknownCall as error:
        raise InputError(f"{error} any more: it ended, or an agent answered") from error


def queue_named(queues: Mapping[str, QueueConfig], name: str) -> QueueConfig:
    """Return a queue of the dialplans. Raises InputError with the nearest name."""
    if name not in queues:
        near = nearest(name, queues)
        raise InputError(f"there is no queue {name!r}" + (f"; did you mean {near!r}?" if near else ""))
    return queues[name]
