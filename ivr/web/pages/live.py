"""The page Live: what is going on now; move a waiting call, change its priority, ask why it waits."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Form, HTTPException, Query
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from ivr import supervisor
from ivr.access import Who
from ivr.errors import InputError
from ivr.floor import CallNow
from ivr.web import floor_changes
from ivr.web.api.types import Id
from ivr.web.event_stream import EventStream
from ivr.web.guard import allow
from ivr.web.page import language_of, render
from ivr.web.parts import Parts, parts_of
from ivr.web.watched_pages import pieces_of
from ivr.web.words import speak

router = APIRouter(include_in_schema=False)
See = Annotated[Who, Depends(allow("live.see"))]
Change = Annotated[Who, Depends(allow("queues.change"))]
P = Annotated[Parts, Depends(parts_of)]
LAST = re.compile(r"[0-9a-f]{6}-[0-9]{1,12}")


@router.get("/live", response_class=HTMLResponse)
async def page(request: Request, who: See, wall: Annotated[bool, Query()] = False) -> HTMLResponse:
    """Show everything at once. wall  big figures, for a screen everybody sees."""
    pieces = pieces_of(request, "live", language_of(request, who))
    shown = await pieces.now()
    return render(request, "live/page.html", who, {
        "shown": shown, "at": pieces.name_of(shown), "now_ms": int(time.time() * 1000), "wall": wall,
    })  # fmt: skip


@router.get("/live/events")
async def events(
    request: Request, who: See, parts: P, at: Annotated[str, Query(alias="from", max_length=30)] = ""
) -> Response:
    """Send what is new, for as long as the page is open."""
    return stream(request, who, parts, "live", at)


@router.get("/live/calls/{call_id}", response_class=HTMLResponse)
async def call(request: Request, call_id: Id, who: See, parts: P) -> Response:
    """Tell why a call waits, with what may be done about it."""
    return await _panel(request, who, parts, call_id)


@router.post("/live/calls/{call_id}/move", response_class=HTMLResponse)
async def move(
    request: Request, call_id: Id, who: Change, parts: P, queue: Annotated[Id, Form()]
) -> Response:  # fmt: skip
    """Let a call wait in another queue."""
    say = speak(language_of(request, who))
    try:
        place = await floor_changes.move(parts, who, call_id, queue)
    except InputError as error:
        return await _panel(request, who, parts, call_id, mistake=str(error))
    done = say("live.moved", queue=queue, place=place) if place else say("live.moved_offered", queue=queue)
    return await _done(request, who, parts, call_id, done)


@router.post("/live/calls/{call_id}/priority", response_class=HTMLResponse)
async def priority(
    request: Request, call_id: Id, who: Change, parts: P,
    priority: Annotated[int, Form(ge=-100, le=100)], emergency: Annotated[bool, Form()] = False,
) -> Response:  # fmt: skip
    """Give a waiting call another priority."""
    say = speak(language_of(request, who))
    try:
        place = await floor_changes.raise_to(parts, who, call_id, priority, emergency)
    except InputError as error:
        return await _panel(request, who, parts, call_id, mistake=str(error))
    key = "live.raised" if place else "live.raised_offered"
    return await _done(request, who, parts, call_id, say(key, priority=priority, place=place))


def stream(request: Request, who: Who, parts: Parts, page: str, at: str) -> Response:
    """Return the events of a watched page. Raises HTTPException when too many watch."""
    if parts.watching.full:
        raise HTTPException(503, headers={"Retry-After": "10"})
    last = request.headers.get("last-event-id", "") or at
    pieces = pieces_of(request, page, language_of(request, who))
    return EventStream(parts.watching, pieces.events(last if LAST.fullmatch(last) else ""))


@dataclass(frozen=True)
class _Now:
    """A call as the panel shows it."""

    call: CallNow | None
    why: list[str]


async def _panel(
    request: Request, who: Who, parts: Parts, call_id: str, *, done: str = "", mistake: str = ""
) -> HTMLResponse:
    zone, say = ZoneInfo(parts.settings.timezone), speak(language_of(request, who))
    try:
        why = await supervisor.explain(parts.router, parts.records, call_id, zone)
    except InputError:
        why = [] if done or mistake else [say("live.gone")]
    call = next((each for each in (await parts.watching.now()).calls if each.call_id == call_id), None)
    waits = call is not None and call.state in ("waiting", "ringing", "detached")
    queues = await floor_changes.queues(parts) if waits and who.may("queues.change") else {}
    part = request.headers.get("hx-request") == "true"
    return render(request, "live/call_part.html" if part else "live/call.html", who, {
        "call_id": call_id, "why": why, "done": done, "mistake": mistake, "queue": call.queue if call else "",
        "priority": call.priority if call else 0, "emergency": bool(call and call.emergency),
        "queues": [(name, config.title or name) for name, config in sorted(queues.items())],
    }, status=422 if mistake else 200)  # fmt: skip


async def _done(request: Request, who: Who, parts: Parts, call_id: str, done: str) -> Response:
    if request.headers.get("hx-request") != "true":
        return RedirectResponse(f"/live/calls/{call_id}", 303)
    await parts.watching.wait_newer(parts.watching.number, 1.0)
    return await _panel(request, who, parts, call_id, done=done)
