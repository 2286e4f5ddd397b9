"""Call flows as JSON: versions, what callers did, the picture; roll back and promote."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel
from starlette.responses import Response

from ivr.access import Who
from ivr.errors import InputError
from ivr.picture import counted, picture
from ivr.versions.model import Content, since, state_of
from ivr.versions.store import Versions
from ivr.web.api.types import Text
from ivr.web.dialplan_change import change_noted
from ivr.web.guard import allow
from ivr.web.parts import Parts, parts_of

router = APIRouter(prefix="/api/v1/dialplans", tags=["dialplans"])


class VersionOut(BaseModel):
    """One version. state  live, canary, was live, ... since  when it became so, null for never."""

    version: str
    at: datetime
    author: str
    note: str
    state: str
    since: datetime | None
    calls: int
    failed: int
    hung_up: int


class WaysOut(BaseModel):
    """What callers did. steps  each with how often it was entered, left by which outcome, given up."""

    class Step(BaseModel):
        """One step of a flow."""

        flow: str
        step: str
        entered: int
        left: dict[str, int]
        hung_up: int

    period: str
    calls: int
    versions: dict[str, int]
    steps: list[Step]


class LiveOut(BaseModel):
    """What calls follow. tried  the version a share (percent) of new calls tries, '' for none."""

    version: str
    tried: str
    share: float


class RollBackIn(BaseModel):
    """version  '' ends the one that is tried, else goes back by one."""

    version: Text = ""
    note: Text = ""


class PromoteIn(BaseModel):
    """note  why, kept with the version."""

    note: Text = ""


@router.get("/versions", response_model=list[VersionOut], summary="Every version, the newest first")
async def versions(
    who: Annotated[Who, Depends(allow("dialplans.see"))], parts: Annotated[Parts, Depends(parts_of)]
) -> list[VersionOut]:
    """Who made it, what is with it, how its calls went."""
    store = Versions(parts.database)
    stored, history = await store.list(), await store.history()
    counts = await store.counts([each.version for each in stored])
    return [
        VersionOut(
            version=each.version, at=each.at, author=each.author, note=each.note, state=state_of(each.version, history),
            since=since(each.version, history), calls=counts[each.version].calls, failed=counts[each.version].failed,
            hung_up=counts[each.version].left,
        )
        for each in stored
    ]  # fmt: skip


@router.get("/live", response_model=LiveOut, summary="What new calls follow")
async def live(
    who: Annotated[Who, Depends(allow("dialplans.see"))], parts: Annotated[Parts, Depends(parts_of)]
) -> LiveOut:
    """The live version, and the one a share of new calls tries."""
    last = await Versions(parts.database).last()
    if last is None:
        raise InputError("nothing is live yet: `ivr dialplan reload` makes dialplans/ live")
    return LiveOut(version=last.version, tried=last.tried, share=last.share if last.tried else 0.0)


@router.get("/ways", response_model=WaysOut, summary="How callers went through the flows")
async def ways(
    who: Annotated[Who, Depends(allow("dialplans.see"))], parts: Annotated[Parts, Depends(parts_of)],
    period: Annotated[Text, Query(description="today, yesterday, 2026-11-22, 24h, 7d")] = "today",
    version: Annotated[Text, Query(description="only calls that followed this version")] = "",
) -> WaysOut:  # fmt: skip
    """Counts per step and outcome of the calls that began in the period."""
    found = await counted(parts.database, period, datetime.now(UTC), ZoneInfo(parts.settings.timezone), version)
    places = sorted({*found.entered, *found.dropped})
    return WaysOut(
        period=found.period, calls=found.total, versions=dict(found.calls),
        steps=[
            WaysOut.Step(
                flow=flow, step=step, entered=found.entered.get((flow, step), 0),
                left={each[2]: count for each, count in sorted(found.left.items()) if each[:2] == (flow, step)},
                hung_up=found.dropped.get((flow, step), 0),
            )
            for flow, step in places
        ],
    )  # fmt: skip


@router.get(
    "/picture", summary="The drawn flow, SVG", response_class=Response,
    responses={200: {"content": {"image/svg+xml": {}}}},
)  # fmt: skip
async def drawn(
    who: Annotated[Who, Depends(allow("dialplans.see"))], parts: Annotated[Parts, Depends(parts_of)],
    of: Annotated[Text, Query(description="a number or a flow; every flow unless given")] = "",
    period: Annotated[Text, Query(description="with counts of these calls; '' for none")] = "",
    language: Annotated[Literal["", "pl", "ru", "en"], Query(description="of the words shown")] = "",
    version: Annotated[Text, Query(description="of an older version; the live one unless given")] = "",
) -> Response:  # fmt: skip
    """The same picture as `ivr dialplan draw`."""
    zone, now = ZoneInfo(parts.settings.timezone), datetime.now(UTC)
    found = await counted(parts.database, period, now, zone) if period else None
    content = await _content(Versions(parts.database), version)
    return Response(await picture(content, [of] if of else [], found, language), media_type="image/svg+xml")


@router.post("/rollback", response_model=LiveOut, summary="Make an older version live again")
async def roll_back(
    wanted: RollBackIn, who: Annotated[Who, Depends(allow("dialplans.change"))],
    parts: Annotated[Parts, Depends(parts_of)],
) -> LiveOut:  # fmt: skip
    """As `ivr dialplan rollback`. Calls that are up keep what they began with."""
    await change_noted(
        who, parts, "dialplan.roll_back", wanted.note,
        lambda each: each.rollback(wanted.version, author=who.name, note=wanted.note),
    )  # fmt: skip
    return await live(who, parts)


@router.post("/promote", response_model=LiveOut, summary="Make the version that is tried live for everybody")
async def promote(
    wanted: PromoteIn, who: Annotated[Who, Depends(allow("dialplans.change"))],
    parts: Annotated[Parts, Depends(parts_of)],
) -> LiveOut:  # fmt: skip
    """As `ivr dialplan promote`."""
    await change_noted(
        who, parts, "dialplan.promote", wanted.note, lambda each: each.promote(author=who.name, note=wanted.note)
    )
    return await live(who, parts)


async def _content(store: Versions, version: str) -> Content:
    if version:
        name = await store.find(version)
    else:
        last = await store.last()
        if last is None:
            raise InputError("nothing is live yet: `ivr dialplan reload` makes dialplans/ live")
        name = last.version
    content = await store.read(name)
    assert content is not None, name
    return content
