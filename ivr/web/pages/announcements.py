"""The page Announcements: what callers hear now, what is drafted, and the buttons that change it at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, HTTPException, Query
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response

from ivr.access import Who
from ivr.announce import recording
from ivr.announce.model import ENDED, OUTAGE, ClipRef, Version
from ivr.announce.publish import NeedsConfirmation, Outcome, clip_folder
from ivr.announce.speech import wave_file
from ivr.announce.typed import eta_time
from ivr.announce.wording import variant, wording
from ivr.errors import InputError, SpeechError
from ivr.record.figures import AGAIN_HOURS
from ivr.web.announcement_form import plain, plainly
from ivr.web.announcement_notices import Notice
from ivr.web.announcement_parts import Desk, desk_of, facts, group, mark, sound_name, stamp
from ivr.web.api.types import Id, Text
from ivr.web.guard import allow
from ivr.web.page import language_of, render
from ivr.web.parts import Parts, parts_of
from ivr.web.words import speak

router = APIRouter(include_in_schema=False)
See = Annotated[Who, Depends(allow("announcements.see"))]
Change = Annotated[Who, Depends(allow("announcements.change"))]
P = Annotated[Parts, Depends(parts_of)]
Act = Callable[[Desk, str, datetime], Awaitable[Outcome]]
BACK_MIN = 10  # so long what was ended can be put back by one press


@router.get("/announcements", response_class=HTMLResponse)
async def page(
    request: Request, who: See, parts: P, ended: Annotated[bool, Query()] = False, said: Annotated[Text, Query()] = "",
) -> HTMLResponse:  # fmt: skip
    """Show all announcements, and what was just done."""
    notice = desk_of(parts).notices.take(said, who.name) if said else None
    return render(request, "announcements/list.html", who, {
        **await _listed(parts, ended), "notice": notice, "plainly": plainly,
    })  # fmt: skip


@router.get("/announcements/list", response_class=HTMLResponse)
async def listed(request: Request, who: See, parts: P, ended: Annotated[bool, Query()] = False) -> HTMLResponse:
    """Show the cards alone, after something changed."""
    return render(request, "announcements/cards.html", who, await _listed(parts, ended))


@router.get("/announcements/counters", response_class=HTMLResponse)
async def counters(
    request: Request, who: See, parts: P, ended: Annotated[bool, Query()] = False, shown: Annotated[Text, Query()] = "",
) -> HTMLResponse:  # fmt: skip
    """Show the numbers of every card, each in its place; say so when there is another card to be shown."""
    values, there = await _listed(parts, ended), set(shown.split("."))
    groups: dict[str, list[Version]] = values["groups"]  # type: ignore[assignment]
    seen = {name: [each for each in of if mark(name, each) in there] for name, of in groups.items()}
    answer = render(request, "announcements/counters.html", who, {**values, "groups": seen})
    if shown and shown != values["stamp"]:
        answer.headers["HX-Trigger"] = "announcements-changed"
    return answer


async def _listed(parts: Parts, ended: bool) -> dict[str, object]:
    desk, now = desk_of(parts), datetime.now(UTC)
    groups = await desk.grouped(now, ended=ended)
    ids = [each.announcement_id for name, of in groups.items() for each in of if name != "proposed"]
    return {
        "groups": groups, "stamp": stamp(groups), "counters": await desk.counters(ids), "now": now, "ended": ended,
        "ago": lambda moment: max(0, int((now - moment).total_seconds() // 60)), "outage": OUTAGE,
    }  # fmt: skip


@router.get("/announcements/sound/{name}.wav")
async def sound(name: Text, who: See, parts: P) -> FileResponse:
    """Give the sound of a clip of ours; nothing else has such a name."""
    folder = clip_folder(parts.settings)
    if not recording.NAME.fullmatch(name):
        raise HTTPException(404)
    try:
        file = wave_file(ClipRef(str(folder / name), 0))
    except SpeechError:
        raise HTTPException(404) from None
    return FileResponse(file, media_type="audio/wav", headers={"Cache-Control": "private, max-age=3600"})


@router.get("/announcements/{announcement_id}", response_class=HTMLResponse)
async def show(request: Request, announcement_id: Id, who: See, parts: P) -> HTMLResponse:
    """Show one announcement: what is heard, its figures, and every version it had."""
    return await _show(request, who, parts, announcement_id)


async def _show(
    request: Request, who: Who, parts: Parts, announcement_id: str, mistake: str = "", status: int = 200
) -> HTMLResponse:
    desk, now = desk_of(parts), datetime.now(UTC)
    history = await desk.publisher.store.history(announcement_id)
    newest = history[-1]
    figures = await desk.figures.of(newest.announcement_id, now)
    return render(request, "announcements/show.html", who, {
        "version": newest, "group": group(newest, now), "history": history[::-1], "figures": figures,
        "heard": _heard(newest, now, desk), "mistake": plain(mistake), "now": now, "again_hours": AGAIN_HOURS,
        "by_version": {each.version: each for each in figures.versions},
        "ago": lambda moment: max(0, int((now - moment).total_seconds() // 60)),
    }, status=status)  # fmt: skip


def _heard(version: Version, now: datetime, desk: Desk) -> list[dict[str, object]]:
    """Return what each language hears now: text, and the clip when there is one."""
    which = variant(version, max(now, version.starts or now), desk.publisher.zone)
    found: list[dict[str, object]] = []
    for language in version.texts:
        clip = version.clips.get(language, {}).get(which)
        found.append({
            "language": language, "text": wording(version, language, which, desk.publisher.zone),
            "own": language in version.recordings, "sound": sound_name(clip.file) if clip else "",
            "seconds": clip.seconds if clip else None, "voice": clip.voice if clip else "",
        })  # fmt: skip
    return found


# -- buttons


@router.post("/announcements/{announcement_id}/publish", response_class=HTMLResponse)
async def publish(
    request: Request, announcement_id: Id, who: Change, parts: P, confirmed: Annotated[Text, Form()] = "",
    version: Annotated[int, Form(ge=0, le=10**6)] = 0,
) -> Response:  # fmt: skip
    """Bring a draft to the phones; one that concerns many asks once more."""

    async def act(desk: Desk, author: str, now: datetime) -> Outcome:
        return await desk.publisher.publish(announcement_id, author, now, confirmed=bool(confirmed))

    return await _done(request, who, parts, announcement_id, "publish", act, version)


@router.post("/announcements/{announcement_id}/approve")
async def approve(
    request: Request, announcement_id: Id, who: Change, parts: P, version: Annotated[int, Form(ge=0, le=10**6)] = 0
) -> Response:
    """Say that a draft is fit to be heard."""

    async def act(desk: Desk, author: str, now: datetime) -> Outcome:
        return await desk.publisher.approve(announcement_id, author, now)

    return await _done(request, who, parts, announcement_id, "approve", act, version)


@router.post("/announcements/{announcement_id}/eta")
async def set_eta(
    request: Request, announcement_id: Id, who: Change, parts: P, quick: Annotated[Text, Form()] = "",
    eta: Annotated[Text, Form()] = "", version: Annotated[int, Form(ge=0, le=10**6)] = 0,
) -> Response:  # fmt: skip
    """Change the expected end: `quick` is +60 (minutes from now or from the old end), unknown, or '' for the field."""

    async def act(desk: Desk, author: str, now: datetime) -> Outcome:
        held = await desk.publisher.store.last(announcement_id)
        wanted = _eta(quick, eta, held, now, desk, say=speak(language_of(request, who)))
        return await desk.publisher.update(announcement_id, author, now, eta=wanted)

    return await _done(request, who, parts, announcement_id, "change", act, version)


def _eta(
    quick: str, typed: str, held: Version, now: datetime, desk: Desk, say: Callable[..., str]
) -> datetime | None:
    if quick == "unknown":
        return None
    if quick in ("+60", "+120"):
        return max(now, held.eta or now) + timedelta(minutes=int(quick))
    try:
        return eta_time(typed, now, desk.publisher.zone)
    except ValueError:
        raise InputError(say("announcements.error_time", example="18:30")) from None


@router.post("/announcements/{announcement_id}/restore")
async def restore(
    request: Request, announcement_id: Id, who: Change, parts: P, version: Annotated[int, Form(ge=0, le=10**6)] = 0
) -> Response:
    """Say that it is over; who asked to be told is called."""

    async def act(desk: Desk, author: str, now: datetime) -> Outcome:
        return await desk.publisher.restore(announcement_id, author, now)

    return await _done(request, who, parts, announcement_id, "restore", act, version)


@router.post("/announcements/{announcement_id}/end")
async def end(request: Request, announcement_id: Id, who: Change, parts: P) -> Response:
    """Take it off the phones, or a draft away; whatever somebody else has changed meanwhile."""

    async def act(desk: Desk, author: str, now: datetime) -> Outcome:
        return await desk.publisher.end(announcement_id, author, now)

    return await _done(request, who, parts, announcement_id, "end", act, 0)


@router.post("/announcements/{announcement_id}/again", response_class=HTMLResponse)
async def again(
    request: Request, announcement_id: Id, who: Change, parts: P, confirmed: Annotated[Text, Form()] = ""
) -> Response:
    """Put back what has just been ended: the same once more, as a new announcement."""

    async def act(desk: Desk, author: str, now: datetime) -> Outcome:
        history = await desk.publisher.store.history(announcement_id)
        if len(history) < 2 or history[-1].state != ENDED or now - history[-1].at > timedelta(minutes=BACK_MIN):
            raise InputError(speak(language_of(request, who))("announcements.error_again"))
        sure = bool(confirmed) or bool(history[-2].clips)
        return await desk.publisher.post(desk.as_draft(history[-2], now), author, now, confirmed=sure)

    return await _done(request, who, parts, announcement_id, "publish", act, 0)


async def _done(
    request: Request, who: Who, parts: Parts, announcement_id: str, what: str, act: Act, expected: int
) -> Response:
    """Do it, write it down, and lead back to the list, which tells what was done."""
    desk, now = desk_of(parts), datetime.now(UTC)
    before = await desk.publisher.store.last(announcement_id)
    if expected and before.version != expected:
        say, at = speak(language_of(request, who)), before.at.astimezone(desk.publisher.zone)
        told = say("announcements.changed_meanwhile", who=before.author, at=f"{at:%H:%M}")
        return await _show(request, who, parts, before.announcement_id, told, 409)
    try:
        outcome = await act(desk, who.name, now)
    except NeedsConfirmation as asked:
        return render(request, "announcements/confirm.html", who, {
            "asked": asked, "action": request.url.path, "version": before, "fields": [("version", str(expected))],
        }, status=409)  # fmt: skip
    except InputError as error:
        return await _show(request, who, parts, before.announcement_id, str(error), 422)
    await parts.audit.note(who, f"announcement.{what}", outcome.version.announcement_id, facts(before),
                           facts(outcome.version))  # fmt: skip
    return to_list(desk, who, what, outcome)


def to_list(desk: Desk, who: Who, what: str, outcome: Outcome) -> Response:
    """Send the browser to the list, which tells what was done."""
    said = desk.notices.keep(Notice(what, who.name, outcome))
    return RedirectResponse(f"/announcements?{urlencode({'said': said})}", 303)
