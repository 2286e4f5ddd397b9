"""The form of an announcement: whom it concerns, what they hear, until when; shown while somebody types."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from ivr.access import Who
from ivr.announce import recording
from ivr.announce.cautions import nobody
from ivr.announce.draft import Draft
from ivr.announce.model import AFTER, ENDED, KINDS, TEXT_MOST, Version
from ivr.announce.publish import NeedsConfirmation, Outcome, clip_folder
from ivr.announce.wording import ADVISED_S, language_order
from ivr.call import CLASSES, LANGUAGES
from ivr.errors import InputError, SpeechError
from ivr.web import announcement_form as forms
from ivr.web.announcement_form import Form, Read, file_of, form_from, form_of, hidden, plain, plainly
from ivr.web.announcement_parts import Desk, desk_of, facts, sound_name
from ivr.web.api.types import Text
from ivr.web.guard import allow
from ivr.web.page import language_of, render
from ivr.web.pages.announcements import to_list
from ivr.web.parts import Parts, parts_of
from ivr.web.words import speak

TYPED = 1 << 20  # bytes of a form without files: a list of 20,000 numbers fits
router = APIRouter(include_in_schema=False)
See = Annotated[Who, Depends(allow("announcements.see"))]
Typing = Annotated[Who, Depends(allow("announcements.change", body=TYPED))]
Sending = Annotated[Who, Depends(allow("announcements.change", body=3 * recording.LARGEST + 2 * TYPED))]
Recording = Annotated[Who, Depends(allow("announcements.change", body=recording.LARGEST + (64 << 10), per_minute=30))]
P = Annotated[Parts, Depends(parts_of)]


@router.get("/announcements/new", response_class=HTMLResponse)
async def new(
    request: Request, who: Typing, parts: P, like: Annotated[Text, Query()] = "", area: Annotated[Text, Query()] = "",
) -> HTMLResponse:  # fmt: skip
    """Show the form. like  an announcement to begin from.  area  whom it concerns."""
    form = Form(areas=[area] if area else [])
    if like:
        held = await desk_of(parts).publisher.store.last(like)
        form = form_from(held, _zone(parts))
        form.version, form.until, form.starts = 0, "", ""
    return await _compose(request, who, parts, form, {})


@router.post("/announcements/new", response_class=HTMLResponse)
async def sent(request: Request, who: Sending, parts: P) -> Response:
    """Publish, keep as a draft, or only show what would be heard (for browsers without scripts)."""
    return await _sent(request, who, parts, None)


@router.get("/announcements/{announcement_id}/change", response_class=HTMLResponse)
async def change(request: Request, announcement_id: Text, who: Typing, parts: P) -> HTMLResponse:
    """Show the form with everything an announcement holds."""
    held = await desk_of(parts).publisher.store.last(announcement_id)
    if held.state == ENDED:
        raise InputError(_say(request, who)("announcements.error_ended"))
    return await _compose(request, who, parts, form_from(held, _zone(parts)), {}, held)


@router.post("/announcements/{announcement_id}/change", response_class=HTMLResponse)
async def changed(request: Request, announcement_id: Text, who: Sending, parts: P) -> Response:
    """Replace what an announcement holds by what was typed."""
    return await _sent(request, who, parts, await desk_of(parts).publisher.store.last(announcement_id))


async def _sent(request: Request, who: Who, parts: Parts, held: Version | None) -> Response:
    desk, now, say = desk_of(parts), datetime.now(UTC), _say(request, who)
    async with request.form() as data:
        form = form_of(data)
        errors = await _take_files(form, data, parts)
        action, confirmed = data.get("action", "publish"), bool(data.get("confirmed"))
    if held and form.version != held.version and action in ("publish", "draft"):
        at = f"{held.at.astimezone(_zone(parts)):%H:%M}"
        errors[""] = say("announcements.changed_meanwhile", who=held.author, at=at)
        form.version = held.version
        return await _compose(request, who, parts, form, errors, held, status=409)
    found = forms.read(form, say, parts.settings.country_code, _zone(parts), now, held)
    errors = found.errors | errors
    if errors or found.draft is None or action not in ("publish", "draft"):
        shown = await _shown(desk, found, now) if action == "preview" else {}
        status = 422 if errors and action != "edit" else 200
        return await _compose(request, who, parts, form, errors, held, status=status, shown=shown)
    try:
        outcome = await _do(desk, found.draft, held, who.name, now, str(action), confirmed)
    except NeedsConfirmation as asked:
        return render(request, "announcements/confirm.html", who, {
            "asked": asked, "action": request.url.path, "version": found.draft.version("", 1, who.name, now),
            "fields": hidden(form), "back": True,
        }, status=409)  # fmt: skip
    except (InputError, SpeechError) as error:
        return await _compose(request, who, parts, form, {"": plain(str(error))}, held, status=422)
    what = "change" if held else "publish" if action == "publish" else "draft"
    await parts.audit.note(who, f"announcement.{what}", outcome.version.announcement_id, facts(held) if held else None,
                           facts(outcome.version))  # fmt: skip
    return to_list(desk, who, what, outcome)


async def _do(
    desk: Desk, draft: Draft, held: Version | None, author: str, now: datetime, action: str, confirmed: bool
) -> Outcome:
    if held is None:
        return await desk.publisher.post(draft, author, now, hold=action == "draft", confirmed=confirmed)
    revised = await desk.publisher.revise(held.announcement_id, draft, author, now, confirmed=confirmed)
    if action == "publish" and revised.version.state in ("draft", "approved"):
        return await desk.publisher.publish(held.announcement_id, author, now, confirmed=confirmed)
    return revised


async def _take_files(form: Form, data: FormData, parts: Parts) -> dict[str, str]:
    """Put what came as files where typed text would be: lists of numbers, recordings; return the mistakes."""
    errors = {}
    listed = file_of(data, "numbers_file")
    if listed is not None:
        content = await listed.read(TYPED + 1)
        if len(content) > TYPED:
            errors["numbers"] = f"{len(content) >> 10} kB > {TYPED >> 10} kB"
        else:
            text = content.decode("utf-8", "replace").replace("\0", "").lstrip("\ufeff")
            form.numbers = "\n".join(filter(None, (form.numbers, text.strip())))
    for language in LANGUAGES:
        file = file_of(data, f"file_{language}")
        if file is None:
            continue
        try:
            kept = await recording.take(await file.read(recording.LARGEST + 1), language, clip_folder(parts.settings))
            form.recordings[language] = kept.name
        except InputError as error:
            errors[f"text_{language}"] = str(error)
    return errors


async def _compose(
    request: Request, who: Who, parts: Parts, form: Form, errors: dict[str, str], held: Version | None = None, *,
    status: int = 200, shown: dict[str, object] | None = None,
) -> HTMLResponse:  # fmt: skip
    desk = desk_of(parts)
    tree, choices = await asyncio.gather(desk.areas.tree(), desk.choices())
    folder = clip_folder(parts.settings)
    return render(request, "announcements/compose.html", who, {
        "form": form, "errors": errors, "held": held, "top": tree.below(""), "choices": choices, "kinds": KINDS,
        "afters": AFTER, "all_classes": CLASSES, "spoken": LANGUAGES, "text_most": TEXT_MOST, "shown": shown or {},
        "chosen": [tree.area(each) for each in form.all_areas()], "advised_s": ADVISED_S,
        "own": {each: recording.find(name, folder) for each, name in form.recordings.items()},
        "default_language": parts.settings.default_language,
    }, status=status)  # fmt: skip


# -- while somebody types


@router.post("/announcements/preview", response_class=HTMLResponse)
async def audience(request: Request, who: Typing, parts: P) -> HTMLResponse:
    """Show who will hear it."""
    found, now = await _typed(request, who, parts)
    return render(request, "announcements/audience.html", who, await _audience(desk_of(parts), found, now))


@router.post("/announcements/sounds", response_class=HTMLResponse)
async def sounds(request: Request, who: Typing, parts: P) -> HTMLResponse:
    """Show what it will sound like, in every language it has a text in."""
    found, now = await _typed(request, who, parts)
    return render(request, "announcements/sounds.html", who, await _sounds(desk_of(parts), found, now))


@router.get("/announcements/areas", response_class=HTMLResponse)
async def areas(request: Request, who: See, parts: P, under: Annotated[Text, Query()] = "") -> HTMLResponse:
    """Show the areas right below one."""
    tree = await desk_of(parts).areas.tree()
    return render(request, "announcements/area_nodes.html", who, {"areas": tree.below(under), "chosen_paths": ()})


@router.get("/announcements/areas/found", response_class=HTMLResponse)
async def found_areas(
    request: Request, who: See, parts: P, area_search: Annotated[Text, Query()] = ""
) -> HTMLResponse:
    """Show the areas that look like what is being typed."""
    tree = await desk_of(parts).areas.tree()
    values: dict[str, object] = {"areas": tree.find(area_search), "wanted": area_search.strip()}
    return render(request, "announcements/area_found.html", who, values)


@router.post("/announcements/recording/{language}", response_class=HTMLResponse)
async def record(request: Request, language: Text, who: Recording, parts: P) -> HTMLResponse:
    """Take a recording of one language; the form keeps its name."""
    values: dict[str, object] = {"each": language, "kept": None, "mistake": ""}
    async with request.form() as data:
        file = file_of(data, f"file_{language}")
        content = await file.read(recording.LARGEST + 1) if file else b""
    try:
        values["kept"] = await recording.take(content, language, clip_folder(parts.settings))
    except InputError as error:
        values["mistake"] = str(error)
    return render(request, "announcements/recording.html", who, values, status=422 if values["mistake"] else 200)


async def _typed(request: Request, who: Who, parts: Parts) -> tuple[Read, datetime]:
    now = datetime.now(UTC)
    async with request.form() as data:
        form = form_of(data)
    return forms.read(form, _say(request, who), parts.settings.country_code, _zone(parts), now), now


async def _shown(desk: Desk, found: Read, now: datetime) -> dict[str, object]:
    return {**await _audience(desk, found, now), **await _sounds(desk, found, now)}


async def _audience(desk: Desk, found: Read, now: datetime) -> dict[str, object]:
    """Return who will hear it, also while the texts are still missing."""
    if found.target is None:
        mistake = next((text for name, text in found.errors.items()), "")
        return {"audience": None, "mistake": mistake, "cautions": []}
    draft = found.draft or Draft(found.target, {})
    seen = await desk.preview.preview(draft, now)
    share = seen.customers / seen.total if seen.total else 0.0
    counted = draft.target.everyone or draft.target.by_customer or draft.target.prefix or draft.target.classes
    return {
        "audience": seen, "mistake": "", "counted": bool(counted), "large": share > desk.settings.confirm_share,
        "cautions": plainly(await nobody(draft.target, desk.preview.reach)),
        "calls_large": not counted and seen.calls_24h_all
        and seen.calls_24h / seen.calls_24h_all > desk.settings.confirm_share,
    }  # fmt: skip


async def _sounds(desk: Desk, found: Read, now: datetime) -> dict[str, object]:
    if found.draft is None:
        return {"sounds": {}, "missing": {}, "sound_mistake": "", "waiting": True}
    values: dict[str, object] = {"sounds": {}, "sound_mistake": "", "advised_s": ADVISED_S, "waiting": False}
    try:
        made = await desk.preview.sounds(found.draft, now)
        values["sounds"] = {each: (sound, sound_name(sound.file)) for each, sound in made.items()}
    except (SpeechError, InputError) as error:
        values["sound_mistake"] = plain(str(error))
    default = desk.settings.default_language
    values["missing"] = {
        each: language_order(each, default, found.draft.texts)[0] for each in LANGUAGES if each not in found.draft.texts
    }
    return values


def _zone(parts: Parts) -> ZoneInfo:
    return ZoneInfo(parts.settings.timezone)


def _say(request: Request, who: Who) -> Callable[..., str]:
    return speak(language_of(request, who))
