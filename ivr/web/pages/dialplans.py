"""The page Dialplans: the drawn flows with what callers did, versions, what changed, roll back. Editing is in files."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Form, Query
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from ivr.access import Who
from ivr.call import LANGUAGES
from ivr.errors import ConfigError, InputError
from ivr.flow.drawing.ways import Ways
from ivr.picture import counted, picture
from ivr.versions.compare import alike, changes, difference, words_changed
from ivr.versions.folder import unpublished
from ivr.versions.judge import Counts
from ivr.versions.model import Change, Stored, since, state_of, told
from ivr.versions.store import Versions
from ivr.web.api.types import Text
from ivr.web.dialplan_change import change_noted
from ivr.web.guard import allow
from ivr.web.page import render
from ivr.web.parts import Parts, parts_of

router = APIRouter(include_in_schema=False)
PERIODS = ("today", "yesterday", "24h", "7d")
SHOWN = 20  # versions and lines of the history


@dataclass(frozen=True)
class Row:
    """A version as the page lists it. share  percent of new calls that follow it."""

    stored: Stored
    state: str
    since: datetime | None
    counts: Counts
    share: float


@router.get("/dialplans", response_class=HTMLResponse)
async def page(
    request: Request, who: Annotated[Who, Depends(allow("dialplans.see"))], parts: Annotated[Parts, Depends(parts_of)],
    of: Annotated[Text, Query()] = "", period: Annotated[Text, Query()] = "today", words: Annotated[Text, Query()] = "",
    version: Annotated[Text, Query()] = "",
) -> HTMLResponse:  # fmt: skip
    """Draw the flow a number or a name leads to, with the counts of a period, and list the versions."""
    store = Versions(parts.database)
    history = await store.history()
    if not history:
        return render(request, "dialplans/page.html", who, {"rows": (), "drawn": "", "mistake": ""})
    last = history[-1]
    mistake, drawn, ways = "", "", None
    shown = await store.find(version) if version else last.version
    content = await store.read(shown)
    assert content is not None, shown
    try:
        dialplans = content.build()
        numbers = {number.number: number for number in dialplans.numbers.values()}
        of = of or next(iter(numbers), next(iter(dialplans.flows), ""))
        zone = ZoneInfo(parts.settings.timezone)
        ways = await counted(parts.database, period, datetime.now(UTC), zone, shown if version else "")
        drawn = await picture(content, [of] if of else [], ways, words if words in LANGUAGES else "")
    except (InputError, ConfigError) as error:
        mistake, numbers, dialplans = str(error), {}, None
    return render(request, "dialplans/page.html", who, {
        "drawn": drawn, "mistake": mistake, "numbers": numbers, "flows": dialplans.flows if dialplans else {},
        "of": of, "period": period, "periods": PERIODS, "words": words, "shown": shown, "chosen": version,
        "rows": await _rows(store, history), "steps": _steps(ways), "last": last, "calls": ways.total if ways else 0,
        "history": [(each, told(each, before)) for each, before in zip(history, (None, *history), strict=False)][
            -SHOWN:
        ][::-1],
        "pending": unpublished(parts.settings, last),
    })  # fmt: skip


@router.get("/dialplans/diff", response_class=HTMLResponse)
async def compared(
    request: Request, who: Annotated[Who, Depends(allow("dialplans.see"))], parts: Annotated[Parts, Depends(parts_of)],
    a: Annotated[Text, Query()], b: Annotated[Text, Query()],
) -> HTMLResponse:  # fmt: skip
    """Show how two versions differ: in words, and line by line."""
    store = Versions(parts.database)
    names = [await store.find(a), await store.find(b)]
    sides = [content for name in names if (content := await store.read(name))]
    before, after = sides
    try:
        words = [*changes(before.build(), after.build()), *words_changed(before.files, after.files)]
    except ConfigError as error:
        words = [str(error)]
    lines = difference(*alike(before.files, after.files), (names[0], names[1]))
    kinds = {"+": "added", "-": "removed", "@": "place"}
    marked = [(line, "file" if line[:3] in ("---", "+++") else kinds.get(line[:1], "")) for line in lines]
    return render(request, "dialplans/diff.html", who, {"names": names, "words": words, "lines": marked})


@router.post("/dialplans/rollback")
async def roll_back(
    who: Annotated[Who, Depends(allow("dialplans.change"))], parts: Annotated[Parts, Depends(parts_of)],
    version: Annotated[Text, Form()] = "", note: Annotated[Text, Form()] = "",
) -> Response:  # fmt: skip
    """Make an older version live again, or end the one that is tried."""
    await change_noted(
        who, parts, "dialplan.roll_back", note, lambda each: each.rollback(version, author=who.name, note=note)
    )
    return RedirectResponse("/dialplans", status_code=303)


@router.post("/dialplans/promote")
async def promote(
    who: Annotated[Who, Depends(allow("dialplans.change"))], parts: Annotated[Parts, Depends(parts_of)],
    note: Annotated[Text, Form()] = "",
) -> Response:  # fmt: skip
    """Make the version that is tried live for every call."""
    await change_noted(who, parts, "dialplan.promote", note, lambda each: each.promote(author=who.name, note=note))
    return RedirectResponse("/dialplans", status_code=303)


async def _rows(store: Versions, history: tuple[Change, ...]) -> list[Row]:
    stored = (await store.list())[:SHOWN]
    counts = await store.counts([each.version for each in stored])
    last = history[-1]
    shares = {last.version: 100.0 - last.share, last.tried: last.share} if last.tried else {last.version: 100.0}
    return [
        Row(each, state_of(each.version, history), since(each.version, history), counts[each.version],
            shares.get(each.version, 0.0))
        for each in stored
    ]  # fmt: skip


def _steps(ways: Ways | None) -> list[tuple[str, str, int, int]]:
    """Return flow, step, how often it was entered and given up: the picture as a table."""
    if ways is None:
        return []
    places = sorted({*ways.entered, *ways.dropped})
    return [(*place, ways.entered.get(place, 0), ways.dropped.get(place, 0)) for place in places]
