"""Announcements as JSON: list, write, preview, publish, change, restore, end; their figures.

Two who change at once: give the version you looked at as `If-Match`; if it is no longer the newest, 409 says whose is.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, HTTPException, Query, Response

from ivr.access import Who
from ivr.announce.draft import Draft
from ivr.announce.model import APPROVED, CONDITIONS, DRAFT, Version, condition
from ivr.announce.publish import NeedsConfirmation, Outcome
from ivr.announce.typed import read_target
from ivr.errors import InputError
from ivr.record.figures import AGAIN_HOURS
from ivr.web.announcement_form import plain, plainly
from ivr.web.announcement_parts import desk_of, facts, sound_name
from ivr.web.api.announcement_types import (
    ChangeIn,
    DraftIn,
    EtaIn,
    FiguresOut,
    Language,
    OutcomeOut,
    PreviewOut,
    RestoreIn,
    SoundOut,
    VersionOut,
    figures_out,
    version_out,
)
from ivr.web.api.types import Id, Problem
from ivr.web.guard import allow
from ivr.web.parts import Parts, parts_of

BODY = 2 << 20  # 20,000 numbers fit
router = APIRouter(prefix="/api/v1/announcements", tags=["announcements"], responses={
    401: {"model": Problem}, 403: {"model": Problem}, 422: {"model": Problem}, 503: {"model": Problem},
})  # fmt: skip
See = Annotated[Who, Depends(allow("announcements.see"))]
Change = Annotated[Who, Depends(allow("announcements.change", body=BODY))]
P = Annotated[Parts, Depends(parts_of)]
Match = Annotated[str | None, Header(max_length=20, description='the version you looked at, as in `ETag`: "3"')]
Confirmed = Annotated[bool, Query(description="also when it concerns more than the set share of all customers")]
CONFLICT: dict[int | str, dict[str, Any]] = {
    409: {"model": Problem, "description": "changed by somebody else meanwhile, or so large that it must be confirmed"}
}


@router.get("", response_model=list[VersionOut], summary="List announcements, the newest first")
async def find(
    who: See, parts: P,
    holds: Annotated[Literal["", "draft", "approved", "scheduled", "live", "overdue", "restored", "expired", "ended"],
                     Query(description="only those of which this holds")] = "",
    ended: Annotated[bool, Query(description="ended ones as well")] = False,
    most: Annotated[int, Query(ge=1, le=500)] = 200,
) -> list[VersionOut]:  # fmt: skip
    """Give the newest version of each."""
    now, publisher = datetime.now(UTC), parts.publisher
    assert holds in ("", *CONDITIONS)
    found = await publisher.store.newest(ended=ended or holds == "ended")
    return [version_out(each, now, who) for each in found if holds in ("", condition(each, now))][:most]


@router.get("/{announcement_id}", response_model=VersionOut, summary="Get one announcement with its versions")
async def get(announcement_id: Id, who: See, parts: P, response: Response) -> VersionOut:
    """Give the newest version; `versions` holds all of them, the oldest first."""
    now = datetime.now(UTC)
    history = await _history(parts, announcement_id)
    response.headers["ETag"] = _tag(history[-1])
    return version_out(history[-1], now, who, history)


@router.post("", response_model=OutcomeOut, status_code=201, summary="Write an announcement: a draft, or heard at once",
             responses=CONFLICT)  # fmt: skip
async def create(
    body: DraftIn, who: Change, parts: P, response: Response,
    publish: Annotated[bool, Query(description="callers hear it at once; else it is kept as a draft")] = False,
    confirmed: Confirmed = False,
) -> OutcomeOut:  # fmt: skip
    """Keep it as a draft, or bring it to the phones with `publish=true`."""
    desk, now = desk_of(parts), datetime.now(UTC)
    draft = draft_of(body, parts)
    outcome = await _asked(desk.publisher.post(draft, who.name, now, hold=not publish, confirmed=confirmed))
    return await _noted(parts, who, "publish" if publish else "draft", None, outcome, now, response)


@router.put("/{announcement_id}", response_model=OutcomeOut, summary="Replace everything in an announcement",
            responses=CONFLICT)  # fmt: skip
async def replace(
    announcement_id: Id, body: DraftIn, who: Change, parts: P, response: Response, if_match: Match = None,
    confirmed: Confirmed = False,
) -> OutcomeOut:  # fmt: skip
    """What is live stays live and is heard as it is now said; a draft stays a draft.

    A recording of a language stays while its text does.
    """
    held, desk, now = await _held(parts, announcement_id, if_match), desk_of(parts), datetime.now(UTC)
    draft = draft_of(body, parts)
    kept = {each: name for each, name in held.recordings.items() if draft.texts.get(each) == held.texts.get(each)}
    outcome = await _asked(desk.publisher.revise(
        held.announcement_id, dataclasses.replace(draft, recordings=kept), who.name, now, confirmed=confirmed
    ))  # fmt: skip
    return await _noted(parts, who, "change", held, outcome, now, response)


@router.patch("/{announcement_id}", response_model=OutcomeOut, summary="Change texts, expected end or expiry",
              responses=CONFLICT)  # fmt: skip
async def change(
    announcement_id: Id, body: ChangeIn, who: Change, parts: P, response: Response, if_match: Match = None
) -> OutcomeOut:
    """What is not given stays. `eta: {"kind": "unknown"}` takes the expected end away."""
    held, now = await _held(parts, announcement_id, if_match), datetime.now(UTC)
    given: dict[str, Any] = {"texts": body.texts or None, "until": body.until, "as_of": body.as_of, "note": body.note}
    if body.eta is not None:
        given["eta"], given["eta_from"] = _eta(body.eta)
    outcome = await parts.publisher.update(held.announcement_id, who.name, now, **given)
    return await _noted(parts, who, "change", held, outcome, now, response)


@router.post("/{announcement_id}/approve", response_model=OutcomeOut, summary="Approve a draft", responses=CONFLICT)
async def approve(
    announcement_id: Id, who: Change, parts: P, response: Response, if_match: Match = None
) -> OutcomeOut:
    """Say that it is fit to be heard; nobody hears it yet."""
    held, now = await _held(parts, announcement_id, if_match), datetime.now(UTC)
    outcome = await parts.publisher.approve(held.announcement_id, who.name, now)
    return await _noted(parts, who, "approve", held, outcome, now, response)


@router.post("/{announcement_id}/publish", response_model=OutcomeOut, summary="Bring a draft to the phones",
             responses=CONFLICT)  # fmt: skip
async def publish_draft(
    announcement_id: Id, who: Change, parts: P, response: Response, if_match: Match = None,
    confirmed: Confirmed = False,
) -> OutcomeOut:  # fmt: skip
    """`heard_after_s` is how long it took until the first controller's callers hear it."""
    held, now = await _held(parts, announcement_id, if_match), datetime.now(UTC)
    outcome = await _asked(parts.publisher.publish(held.announcement_id, who.name, now, confirmed=confirmed))
    return await _noted(parts, who, "publish", held, outcome, now, response)


@router.post("/{announcement_id}/restore", response_model=OutcomeOut, summary="Say that it works again",
             responses=CONFLICT)  # fmt: skip
async def restore(
    announcement_id: Id, body: RestoreIn, who: Change, parts: P, response: Response, if_match: Match = None
) -> OutcomeOut:
    """Callers hear so for some minutes more; who asked to be told is called."""
    held, now = await _held(parts, announcement_id, if_match), datetime.now(UTC)
    outcome = await parts.publisher.restore(
        held.announcement_id, who.name, now, texts=_plain(body.texts), minutes=body.minutes
    )
    return await _noted(parts, who, "restore", held, outcome, now, response)


@router.post("/{announcement_id}/end", response_model=OutcomeOut, summary="Take it off the phones")
async def end(announcement_id: Id, who: Change, parts: P, response: Response) -> OutcomeOut:
    """At once, whatever somebody else has changed meanwhile."""
    held, now = await _held(parts, announcement_id, None), datetime.now(UTC)
    outcome = await parts.publisher.end(held.announcement_id, who.name, now)
    return await _noted(parts, who, "end", held, outcome, now, response)


@router.post("/preview", response_model=PreviewOut, summary="Who would hear it, and what it would sound like")
async def preview(
    body: DraftIn, who: Change, parts: P,
    sound: Annotated[bool, Query(description="speak the texts as well; the very files publishing would use")] = False,
) -> PreviewOut:  # fmt: skip
    """Nothing is kept but sound."""
    desk, now, draft = desk_of(parts), datetime.now(UTC), draft_of(body, parts)
    seen = await desk.preview.preview(draft, now)
    sounds = await desk.preview.sounds(draft, now) if sound else {}
    return PreviewOut(
        customers=seen.customers, customers_all=seen.total, calls_24h=seen.calls_24h, calls_24h_all=seen.calls_24h_all,
        areas=[each.area for each in seen.sample if each.area],
        sounds=[SoundOut(language=language, text=each.text, seconds=each.seconds, voice=each.voice,
                         address=f"/announcements/sound/{sound_name(each.file)}.wav")
                for language, each in sounds.items()],
    )  # fmt: skip


@router.get("/{announcement_id}/figures", response_model=FiguresOut, summary="What an announcement achieved")
async def figures(
    announcement_id: Id, who: See, parts: P,
    again_hours: Annotated[
        float, Query(gt=0, le=168, description="a customer silent so long did not have to call again")
    ] = AGAIN_HOURS,
) -> FiguresOut:  # fmt: skip
    """Calls, each once, in total and by version. `saved_min` is an estimate."""
    held, now = (await _history(parts, announcement_id))[-1], datetime.now(UTC)
    return figures_out(await desk_of(parts).figures.of(held.announcement_id, now, again_hours=again_hours))


# -- the same for all


def draft_of(body: DraftIn, parts: Parts) -> Draft:
    """Return the draft a body means. Raises InputError."""
    target = read_target(parts.settings.country_code, **body.target.model_dump())
    eta, eta_from = _eta(body.eta)
    return Draft(
        target, _plain(body.texts), body.service, eta, body.until, body.kind, body.starts, eta_from, body.as_of,
        body.after, note=body.note,
    )  # fmt: skip


def _plain(texts: Mapping[Language, str]) -> dict[str, str]:
    return {str(language): text for language, text in texts.items()}


def _eta(eta: EtaIn) -> tuple[datetime | None, datetime | None]:
    if eta.kind == "unknown":
        return None, None
    if (eta.at if eta.kind == "time" else eta.earliest) is None:
        raise InputError(f"eta of kind {eta.kind} lacks its time; expected `at`, and `earliest` for a range")
    return eta.at, eta.earliest if eta.kind == "range" else None


async def _history(parts: Parts, announcement_id: str) -> Sequence[Version]:
    try:
        return await parts.publisher.store.history(announcement_id)
    except InputError as error:
        raise HTTPException(404, plain(str(error))) from error


async def _held(parts: Parts, announcement_id: str, if_match: str | None) -> Version:
    """Return the newest version; 409 when it is not the one somebody looked at."""
    held = (await _history(parts, announcement_id))[-1]
    if if_match is not None and if_match.strip() not in ("*", _tag(held), str(held.version)):
        raise HTTPException(409, f"{held.author} changed it at {held.at:%Y-%m-%d %H:%M:%S}Z: "
                                 f"the newest version is {held.version}")  # fmt: skip
    return held


async def _asked(work: Any) -> Outcome:
    """Return what was done; a large one that was not confirmed is a 409 naming the numbers."""
    try:
        done: Outcome = await work
    except NeedsConfirmation as asked:
        raise HTTPException(409, f"{asked} with confirmed=true") from asked
    return done


async def _noted(
    parts: Parts, who: Who, what: str, before: Version | None, outcome: Outcome, now: datetime, response: Response
) -> OutcomeOut:
    version = outcome.version
    await parts.audit.note(who, f"announcement.{what}", version.announcement_id, facts(before) if before else None,
                           facts(version))  # fmt: skip
    response.headers["ETag"] = _tag(version)
    found, total = outcome.audience or (None, None)
    return OutcomeOut(
        announcement=version_out(version, now, who), warnings=plainly(outcome.warnings), customers=found,
        customers_all=total, heard_after_s=outcome.heard_after_s, opt_ins=outcome.opt_ins,
        heard=version.state not in (DRAFT, APPROVED),
    )  # fmt: skip


def _tag(version: Version) -> str:
    return f'"{version.version}"'


