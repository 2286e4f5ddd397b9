"""Calls as JSON: find them, read the story of one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, HTTPException, Query
from pydantic import BaseModel, Field

from ivr.access import Who
from ivr.call import TraceEntry, mask
from ivr.desk.audit import Audit
from ivr.record.model import CallRecord
from ivr.record.period import period
from ivr.record.search import PAGE, PAGE_MOST, Wanted, search
from ivr.record.story import tell
from ivr.web.api.types import Text
from ivr.web.cursor import Cursor, cursor_of, read_cursor
from ivr.web.guard import allow
from ivr.web.parts import Parts, parts_of

router = APIRouter(prefix="/api/v1/calls", tags=["calls"])


class CallOut(BaseModel):
    """One call. caller  masked unless revealed. ended_at  null while it is up. disposition  '' until it ended."""

    call_id: str
    caller: str
    dialled: str
    project: str
    flow: str
    flow_version: str
    language: str
    started_at: datetime
    ended_at: datetime | None
    queue: str
    wait_ms: int | None
    agent_id: str
    offers: int
    talk_ms: int | None
    announcements: list[str] = Field(description="heard ones, `id version`")
    disposition: str
    end_reason: str


class CallsOut(BaseModel):
    """A page of calls, newest first. next  to be given as `after`, null on the last page."""

    calls: list[CallOut]
    next: str | None


class EntryOut(BaseModel):
    """One thing that happened, as docs/trace.md describes."""

    at_ms: int
    step: str
    event: str
    detail: dict[str, str | int | float | bool | list[str] | None]


class StoryOut(BaseModel):
    """A call with its trace, and the same in sentences."""

    call: CallOut
    trace: list[EntryOut]
    story: list[str]


@router.get("", response_model=CallsOut, summary="Find calls, the newest first")
async def find(
    who: Annotated[Who, Depends(allow("calls.see"))], parts: Annotated[Parts, Depends(parts_of)],
    text: Annotated[Text, Query(description="number, account, or part of a call id")] = "",
    ended: Annotated[Text, Query(description="a disposition, or `up`")] = "",
    queue: Annotated[Text, Query()] = "", agent: Annotated[Text, Query()] = "", flow: Annotated[Text, Query()] = "",
    dialled: Annotated[Text, Query()] = "", announcement: Annotated[Text, Query(description="its id")] = "",
    since: Annotated[Text, Query(description="today, yesterday, 2026-11-22, 24h, 7d, 90min")] = "24h",
    after: Annotated[Cursor, Query(description="`next` of the page before")] = "",
    most: Annotated[int, Query(ge=1, le=PAGE_MOST)] = PAGE,
) -> CallsOut:  # fmt: skip
    """Calls that fit everything given. Numbers are masked."""
    chosen = period(since, datetime.now(UTC), ZoneInfo(parts.settings.timezone))
    wanted = Wanted(
        text, ended, queue, agent, flow, dialled, announcement, chosen.begin, chosen.end, read_cursor(after)
    )
    found = await search(parts.database, wanted, parts.settings.country_code, most=most)
    last = found.calls[-1] if found.more else None
    return CallsOut(
        calls=[call_out(each) for each in found.calls],
        next=cursor_of(last.started_at, last.call_id) if last else None,
    )


@router.get("/{call_id}", response_model=StoryOut, summary="One call: its record, its trace, its story")
async def show(
    call_id: Text, who: Annotated[Who, Depends(allow("calls.see"))], parts: Annotated[Parts, Depends(parts_of)],
    reveal: Annotated[bool, Query(description="the number in full; needs numbers.reveal, and is written down")] = False,
) -> StoryOut:  # fmt: skip
    """A call by its id, the beginning or end of it, or `last`."""
    if reveal and not who.may("numbers.reveal"):
        raise HTTPException(403, "numbers.reveal")
    record, trace = await parts.records.show(call_id)
    if reveal:
        await Audit(parts.database).note(who, "call.reveal", record.call_id)
    caller = record.ani if reveal else mask(record.ani)
    told = tell(record, trace, ZoneInfo(parts.settings.timezone), caller=caller)
    return StoryOut(call=call_out(record, caller), trace=[_entry(each) for each in trace], story=told)


def call_out(record: CallRecord, caller: str | None = None) -> CallOut:
    """Return a record as JSON. caller  as it may be shown, masked unless given."""
    values = {name: getattr(record, name) for name in CallOut.model_fields if hasattr(record, name)}
    return CallOut(
        **{**values, "announcements": list(record.announcements)},
        caller=mask(record.ani) if caller is None else caller,
        dialled=record.dnis,
    )


def _entry(entry: TraceEntry) -> EntryOut:
    return EntryOut(at_ms=entry.at_ms, step=entry.step, event=entry.event, detail=dict(entry.detail))
