"""What is going on now, as JSON: once, or as it changes; what supervisors do to calls; calls by quarter hours."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, HTTPException, Query
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from ivr.access import Who
from ivr.call import mask
from ivr.errors import InputError
from ivr.floor import CallNow, Floor, QueueNow
from ivr.record.quarter_hours import Quarter, quarter_hours
from ivr.web import floor_changes
from ivr.web.api.types import Id
from ivr.web.event_stream import EventStream, event
from ivr.web.guard import allow
from ivr.web.parts import Parts, parts_of
from ivr.web.pieces import BEAT_S
from routing.model import AgentView

router = APIRouter(prefix="/api/v1", tags=["live"])
See = Annotated[Who, Depends(allow("live.see"))]
Change = Annotated[Who, Depends(allow("queues.change"))]
P = Annotated[Parts, Depends(parts_of)]
STREAM = "`event: live` with data as of /live; `event: beat` when nothing happened"


class CallNowOut(BaseModel):
    """A call that is up. caller  masked, '' when withheld or not known yet. place  in line, 0 when it does not wait."""

    call_id: str
    state: str = Field(examples=["menu", "waiting", "ringing", "talking", "detached"])
    since: datetime
    caller: str
    dialled: str
    queue: str
    entered: datetime | None = Field(description="when its wait began")
    place: int
    priority: int
    emergency: bool
    agent_id: str


class WaitOut(BaseModel):
    """How long somebody who calls now would wait: nine of ten between low_s and high_s."""

    low_s: float
    high_s: float
    mean_s: float


class QueueOut(BaseModel):
    """A queue now, and what came of its callers today. service_level  0 to 1, null before the first call."""

    name: str
    title: str
    project: str
    waiting: int
    longest_since: datetime | None
    talking: int
    agents_ready: int
    agents_in: int
    expected_wait: WaitOut | None
    target_s: int
    target_percent: int
    service_level: float | None
    answered: int
    abandoned: int


class AgentNowOut(BaseModel):
    """An agent who is signed in. status  what he wishes: in, paused, out. state  what happens."""

    agent_id: str
    name: str
    status: str
    state: str
    since: datetime
    reason: str
    call_id: str
    calls: int
    talk_ms: int


class AnnouncementNowOut(BaseModel):
    """An announcement callers hear now, and how many did."""

    announcement_id: str
    version: int
    matched: int
    heard: int
    ended: int
    chose_agent: int


class EndOut(BaseModel):
    """A call that ended lately."""

    call_id: str
    ended_at: datetime | None
    caller: str
    disposition: str
    queue: str
    agent_id: str
    wait_ms: int | None
    talk_ms: int | None


class LiveOut(BaseModel):
    """Everything at one moment. redis_lost, database_lost  since when each does not answer, null while it does."""

    at: datetime
    redis_lost: datetime | None
    database_lost: datetime | None
    calls: list[CallNowOut]
    queues: list[QueueOut]
    agents: list[AgentNowOut]
    announcements: list[AnnouncementNowOut]
    ended: list[EndOut]


class QueuesOut(BaseModel):
    """All queues."""

    queues: list[QueueOut]


class MoveIn(BaseModel):
    """queue  to wait in."""

    queue: Id


class PriorityIn(BaseModel):
    """priority  a point is worth a minute of waiting. emergency  before all that are none; null: as it is."""

    priority: int = Field(ge=-100, le=100)
    emergency: bool | None = None


class PlaceOut(BaseModel):
    """Where the call stands. place  1 is next, null while it is offered to an agent."""

    call: str
    place: int | None


class QuarterOut(BaseModel):
    """Calls that began in the quarter hour from `at`."""

    at: datetime
    offered: int
    announced: int = Field(description="ended by an announcement")
    answered: int
    abandoned: int


class QuartersOut(BaseModel):
    """A day of the hotline's time zone: 96 quarter hours, 92 or 100 where clocks change."""

    day: date
    timezone: str
    quarters: list[QuarterOut]


@router.get("/live", response_model=LiveOut, summary="What is going on now")
async def live(who: See, parts: P) -> LiveOut:
    """Calls, queues, agents, announcements, the last ends; at most a second old."""
    return live_out(await parts.watching.now())


@router.get(
    "/live/events", summary="The same as server-sent events, whenever something changed",
    response_class=Response, responses={200: {"content": {"text/event-stream": {}}, "description": STREAM}},
)  # fmt: skip
async def events(request: Request, who: See, parts: P) -> Response:
    """At most about one event in a second. A reader too slow is disconnected; the next event tells everything again."""
    if parts.watching.full:
        raise HTTPException(503, headers={"Retry-After": "10"})
    return EventStream(parts.watching, _events(parts))


@router.get("/queues", response_model=QueuesOut, summary="All queues: who waits, expected wait, service level today")
async def queues(who: See, parts: P) -> QueuesOut:
    """The queues of the call flows, and those that hold calls."""
    return QueuesOut(queues=[_queue(each) for each in (await parts.watching.now()).queues])


@router.post("/calls/{call_id}/move", response_model=PlaceOut, summary="Let a waiting call wait in another queue")
async def move(call_id: Id, wanted: MoveIn, who: Change, parts: P) -> PlaceOut:
    """It keeps its entry time. `call_id` may be the beginning or end of an id."""
    return PlaceOut(call=call_id, place=await floor_changes.move(parts, who, call_id, wanted.queue))


@router.post("/calls/{call_id}/priority", response_model=PlaceOut, summary="Give a waiting call another priority")
async def priority(call_id: Id, wanted: PriorityIn, who: Change, parts: P) -> PlaceOut:
    """Acts at once."""
    place = await floor_changes.raise_to(parts, who, call_id, wanted.priority, wanted.emergency)
    return PlaceOut(call=call_id, place=place)


@router.get("/reports/quarter-hours", response_model=QuartersOut, summary="Calls of a day by quarter hours")
async def quarters(
    who: Annotated[Who, Depends(allow("reports.see"))], parts: P,
    day: Annotated[date | None, Query(description="today when not given")] = None,
) -> QuartersOut:  # fmt: skip
    """Offered, ended by an announcement, answered by an agent, left the queue."""
    zone = ZoneInfo(parts.settings.timezone)
    day = day or datetime.now(UTC).astimezone(zone).date()
    if not 2000 <= day.year <= 2200:
        raise InputError("a day between the years 2000 and 2200 expected")
    found = await quarter_hours(parts.database, day, zone)
    return QuartersOut(day=day, timezone=parts.settings.timezone, quarters=[_quarter(each) for each in found])


def live_out(floor: Floor) -> LiveOut:
    """Return a floor as JSON."""
    return LiveOut(
        at=floor.at, redis_lost=floor.redis_lost, database_lost=floor.database_lost,
        calls=[_call(each) for each in floor.calls], queues=[_queue(each) for each in floor.queues],
        agents=[agent_now(each) for each in floor.agents],
        announcements=[
            AnnouncementNowOut(
                announcement_id=each.version.announcement_id, version=each.version.version,
                matched=each.counts.matched, heard=each.counts.heard, ended=each.counts.ended,
                chose_agent=each.counts.chose_agent,
            ) for each in floor.announcements
        ],
        ended=[
            EndOut(
                call_id=each.call_id, ended_at=each.ended_at, caller=mask(each.ani), disposition=each.disposition,
                queue=each.queue, agent_id=each.agent_id, wait_ms=each.wait_ms, talk_ms=each.talk_ms,
            ) for each in floor.ends
        ],
    )  # fmt: skip


def agent_now(view: AgentView) -> AgentNowOut:
    """Return an agent who is signed in as JSON."""
    return AgentNowOut(
        agent_id=view.agent_id, name=view.name, status=view.status, state=view.state, since=_at(view.since_ms),
        reason=view.reason, call_id=view.call_id, calls=view.calls, talk_ms=view.talk_ms,
    )  # fmt: skip


async def _events(parts: Parts) -> AsyncIterator[str]:
    """Give every state that differs from the one before."""
    told = ""
    while True:
        floor = await parts.watching.now()
        number = parts.watching.number
        text = live_out(floor).model_dump_json()
        _, _, what = text.partition(",")  # without the time of the look
        if what != told:
            told = what
            yield event("live", text)
        if not await parts.watching.wait_newer(number, BEAT_S):
            yield event("beat")


def _call(call: CallNow) -> CallNowOut:
    return CallNowOut(
        call_id=call.call_id, state=call.state, since=_at(call.since_ms), caller=call.caller, dialled=call.dialled,
        queue=call.queue, entered=_at(call.entered_ms) if call.entered_ms else None, place=call.place,
        priority=call.priority, emergency=call.emergency, agent_id=call.agent_id,
    )  # fmt: skip


def _queue(queue: QueueNow) -> QueueOut:
    wait = queue.ewt
    return QueueOut(
        name=queue.name, title=queue.title, project=queue.project, waiting=queue.waiting,
        longest_since=None if queue.longest_since_ms is None else _at(queue.longest_since_ms),
        talking=queue.talking, agents_ready=queue.ready, agents_in=queue.agents_in,
        expected_wait=WaitOut(low_s=wait.low_s, high_s=wait.high_s, mean_s=wait.mean_s) if wait else None,
        target_s=queue.target_s, target_percent=queue.percent, service_level=queue.today.level,
        answered=queue.today.answered, abandoned=queue.today.abandoned,
    )  # fmt: skip


def _quarter(each: Quarter) -> QuarterOut:
    return QuarterOut(
        at=each.at, offered=each.offered, announced=each.announced, answered=each.answered, abandoned=each.abandoned
    )  # fmt: skip





def _at(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
