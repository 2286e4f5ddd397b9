"""The page Calls: find calls, and read the story of one: what was heard and pressed, and why it went where it went."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Form, Query
from starlette.requests import Request
from starlette.responses import HTMLResponse

from ivr import supervisor
from ivr.access import Who
from ivr.call import DISPOSITIONS, mask
from ivr.desk.audit import Audit
from ivr.errors import InputError
from ivr.record.model import CallRecord
from ivr.record.period import period
from ivr.record.search import LIVING, Wanted, search
from ivr.record.story import tell
from ivr.web.api.types import Text
from ivr.web.cursor import Cursor, cursor_of, read_cursor
from ivr.web.guard import allow
from ivr.web.page import render
from ivr.web.parts import Parts, parts_of
from routing.errors import RoutingError

router = APIRouter(include_in_schema=False)
PERIODS = ("today", "yesterday", "24h", "7d", "30d")


@router.get("/calls", response_class=HTMLResponse)
async def page(
    request: Request, who: Annotated[Who, Depends(allow("calls.see"))], parts: Annotated[Parts, Depends(parts_of)],
    text: Annotated[Text, Query()] = "", ended: Annotated[Text, Query()] = "", queue: Annotated[Text, Query()] = "",
    agent: Annotated[Text, Query()] = "", announcement: Annotated[Text, Query()] = "",
    since: Annotated[Text, Query()] = "7d", after: Annotated[Cursor, Query()] = "",
) -> HTMLResponse:  # fmt: skip
    """Find calls. Typed text, and what is chosen beside it, stay in the address: it can be sent to a colleague."""
    asked = {"text": text, "ended": ended, "queue": queue, "agent": agent, "announcement": announcement, "since": since}
    return await _list(request, who, parts, asked, after, {"own": False})


@router.get("/my-calls", response_class=HTMLResponse)
async def mine(
    request: Request, who: Annotated[Who, Depends(allow("own.see"))], parts: Annotated[Parts, Depends(parts_of)],
    since: Annotated[Text, Query()] = "7d", after: Annotated[Cursor, Query()] = "",
) -> HTMLResponse:  # fmt: skip
    """Show an agent the calls he talked in."""
    return await _list(request, who, parts, {"since": since, "agent": who.agent_id}, after, {"own": True})


@router.get("/calls/{call_id}", response_class=HTMLResponse)
async def story(
    request: Request, call_id: Text, who: Annotated[Who, Depends(allow("calls.see"))],
    parts: Annotated[Parts, Depends(parts_of)],
) -> HTMLResponse:  # fmt: skip
    """Tell the story of one call."""
    return await _story(request, who, parts, call_id, reveal=False)


@router.post("/calls/{call_id}", response_class=HTMLResponse)
async def revealed(
    request: Request, call_id: Text, who: Annotated[Who, Depends(allow("numbers.reveal"))],
    parts: Annotated[Parts, Depends(parts_of)], why: Annotated[Text, Form()] = "",
) -> HTMLResponse:  # fmt: skip
    """Tell it with the caller's number in full; who asked, and why, is written down first."""
    record, _ = await parts.records.show(call_id)
    await Audit(parts.database).note(who, "call.reveal", record.call_id, after={"why": why})
    return await _story(request, who, parts, call_id, reveal=True)


async def _list(
    request: Request, who: Who, parts: Parts, asked: dict[str, str], after: str, more: dict[str, object]
) -> HTMLResponse:
    """Return the whole page, or for htmx its results only; a mistake is told beside the fields."""
    zone = ZoneInfo(parts.settings.timezone)
    values: dict[str, object] = {
        "asked": asked, "mistake": "", "calls": (), "next": "", "periods": PERIODS, "endings": (*DISPOSITIONS, LIVING),
        "caller": masked, "length": length, "is_result": "hx-request" in request.headers, **more,
    }  # fmt: skip
    try:
        chosen = period(asked["since"], datetime.now(UTC), zone)
        fields = {name: value for name, value in asked.items() if name != "since"}
        wanted = Wanted(**fields, since=chosen.begin, until=chosen.end, before=read_cursor(after))
        own_nobody = more["own"] and not who.agent_id
        found = None if own_nobody else await search(parts.database, wanted, parts.settings.country_code)
    except InputError as error:
        return render(request, "calls/page.html", who, {**values, "mistake": str(error)}, status=422)
    if found:
        values["calls"] = found.calls
        if found.more:
            last = found.calls[-1]
            values["next"] = "?" + urlencode({**asked, "after": cursor_of(last.started_at, last.call_id)})
    return render(request, "calls/page.html", who, values)


async def _story(request: Request, who: Who, parts: Parts, call_id: str, *, reveal: bool) -> HTMLResponse:
    record, trace = await parts.records.show(call_id)
    zone = ZoneInfo(parts.settings.timezone)
    caller = record.ani if reveal else mask(record.ani)
    heading, *lines = tell(record, trace, zone, caller=caller)
    told = [(line[:8].strip(), line[8:] if line[:6].strip() else line.strip()) for line in map(_split, lines)]
    try:
        why = await supervisor.explain(parts.router, parts.records, record.call_id, zone, reveal=reveal)
    except RoutingError:  # Redis is away: what is recorded tells all but why he still waits
        _, *why = supervisor.routing_story(record, trace, zone, caller)
    return render(request, "calls/story.html", who, {
        "record": record, "heading": heading, "told": told, "why": why, "caller": caller, "revealed": reveal,
        "length": length,
    })  # fmt: skip


def _split(line: str) -> str:
    """Return a line of a story with its clock in the first eight characters."""
    clock, _, rest = line.strip().partition(" ")
    return f"{clock:8}{rest}" if clock[:1].isdigit() and ":" in clock else f"{'':8}{line.strip()}"


def masked(record: CallRecord) -> str:
    """Return the caller's number as lists show it."""
    return mask(record.ani)


def length(record: CallRecord) -> str:
    """Return how long a call lasted as m:ss, '' while it is up."""
    if record.ended_at is None:
        return ""
    seconds = max(0, round((record.ended_at - record.started_at).total_seconds()))
    return f"{seconds // 60}:{seconds % 60:02}"
