"""The one way an announcement goes live, changes and ends: clips made and verified, then one transaction.

After the transaction a hint goes over Redis and the first controller's answer is waited for; controllers
also poll, so a lost hint costs half a second. Called by the command line, the page, the API and machines that draft.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from redis.asyncio import Redis

from ivr.announce.audience import Reach
from ivr.announce.cautions import cautions
from ivr.announce.draft import Draft, check, default_until
from ivr.announce.model import (
    APPROVED,
    CONTINUE,
    DRAFT,
    ENDED,
    LIVE,
    NOTE_MOST,
    PLANNED,
    RESTORED,
    Target,
    Version,
)
from ivr.announce.speech import Maker, make_clips, spoken_maker
from ivr.announce.store import Announcements
from ivr.announce.wording import restored_texts
from ivr.answers import ANNOUNCEMENTS, Answers
from ivr.db import Database
from ivr.errors import DatabaseError, InputError, SpeechError
from ivr.settings import Settings

RESTORED_MIN, RESTORED_MOST_MIN = 60, 24 * 60
DAY = timedelta(days=1)
CALLS_MOST = 50_000  # calls looked at when nothing else says how many a target concerns
Keep = Literal["keep"]

__all__ = ["Draft", "NeedsConfirmation", "Outcome", "Publisher", "clip_folder"]


class NeedsConfirmation(InputError):
    """It concerns so many that it is asked twice; nothing was changed.

    audience  those concerned, and all.  of  what was counted: customers, or calls of the last 24 hours.
    """

    def __init__(self, audience: tuple[int, int], of: str) -> None:
        self.audience, self.of = audience, of
        found, total = audience
        self.said = f"this concerns {found} of {total} {of} ({found / total:.0%})"
        super().__init__(f"{self.said}; expected a second confirmation")


@dataclass(frozen=True)
class Outcome:
    """What was done. audience  customers concerned, and all; None where they do not matter.

    heard_after_s  until the first controller's callers hear it, None when none answered.  opt_ins  callers who asked to
    be told and are called now.
    """

    version: Version
    warnings: tuple[str, ...] = ()
    audience: tuple[int, int] | None = None
    heard_after_s: float | None = None
    opt_ins: int = 0


@dataclass
class Publisher:
    """Post, change, restore and end announcements. redis  None sends no hint.  maker  replaced in tests.

    Where an id is asked for, its beginning or `last` will do. Every change is a new version by `author` at `now`.
    """

    database: Database
    settings: Settings
    redis: Redis | None = None
    maker: Maker | None = None
    store: Announcements = field(init=False)

    def __post_init__(self) -> None:
        self.store = Announcements(self.database, clip_folder(self.settings).parent)
        self.reach = Reach(self.database)
        self.zone = ZoneInfo(self.settings.timezone)

    # -- towards the phones

    async def post(
        self, draft: Draft, author: str, now: datetime, *, hold: bool = False, confirmed: bool = False
    ) -> Outcome:
        """Bring a new announcement to the phones, or keep it as a draft when `hold`.

        Raises InputError when something in it is wrong, NeedsConfirmation when it concerns many and was not `confirmed`
        (nothing is kept), SpeechError when no voice could speak it (it is kept as a draft).
        """
        version = draft.version(await self.store.unused_id(), 1, author, now)
        check(version, now, self.zone)
        if hold:
            return await self._keep(version, now)
        try:
            return await self._go_live(version, now, confirmed)
        except SpeechError as error:
            await self.store.add(version)
            retry = f"ivr announce publish {version.announcement_id}"
            raise SpeechError(f"{error}; kept as a draft, `{retry}` tries again") from error

    async def draft(self, draft: Draft, author: str, now: datetime) -> Outcome:
        """Keep a draft."""
        return await self.post(draft, author, now, hold=True)

    async def draft_again(self, draft: Draft, author: str, now: datetime) -> Outcome:
        """Keep a draft of a machine; an open one of the same source, service and target is changed instead.

        What a person has changed in it since stays: only the note is new. The same once more is no new version.
        """
        same = (draft.source, draft.service, draft.target)
        drafts = (each for each in await self.store.newest() if each.state in (DRAFT, APPROVED) and now < each.until)
        held = next((each for each in drafts if (each.source, each.service, each.target) == same), None)
        if held is None:
            return await self.draft(draft, author, now)
        fresh = draft.version(held.announcement_id, held.version + 1, author, now)
        if held.author != author:
            fresh = replace(_next(held, held.author, now), note=fresh.note)
        elif draft.until is None and draft.eta == held.eta:
            fresh = replace(fresh, until=held.until)
        if fresh == replace(held, version=fresh.version, at=fresh.at):
            return Outcome(held, (), await self._audience(held.target))
        return await self._keep(fresh, now)

    async def approve(self, announcement_id: str, author: str, now: datetime) -> Outcome:
        """Say that a draft is fit to be heard; a change of it afterwards takes that back."""
        held = await self.store.last(announcement_id)
        if held.state != DRAFT:
            raise InputError(f"announcement {held.announcement_id} is not a draft, it is {held.state}")
        return await self._keep(replace(_next(held, author, now), state=APPROVED), now)

    async def publish(self, announcement_id: str, author: str, now: datetime, *, confirmed: bool = False) -> Outcome:
        """Bring a draft to the phones, approved or not."""
        held = await self.store.last(announcement_id)
        if held.state not in (DRAFT, APPROVED):
            raise InputError(f"announcement {held.announcement_id} is not a draft, it is {held.state}")
        fresh = _next(held, author, now)
        check(fresh, now, self.zone, eta_is_new=False)
        return await self._go_live(fresh, now, confirmed)

    # -- while it is heard

    async def update(
        self, announcement_id: str, author: str, now: datetime, *, texts: Mapping[str, str] | None = None,
        eta: datetime | Keep | None = "keep", until: datetime | None = None, eta_from: datetime | Keep | None = "keep",
        as_of: bool | None = None, starts: datetime | Keep | None = "keep", after: str | None = None,
        note: str | None = None,
    ) -> Outcome:  # fmt: skip
        """Change some things of a live announcement or a draft; the rest stays.

        A new expected end beyond the expiry moves the expiry as well, unless `until` is given; it takes away the
        earliest end of a range, unless that is given too.
        """
        held = await self._changeable(announcement_id)
        changed = replace(
            _next(held, author, now), texts={**held.texts, **(texts or {})},
            recordings={each: name for each, name in held.recordings.items() if each not in (texts or {})},
        )  # fmt: skip
        if eta != "keep":
            begin = held.eta_from if held.kind == PLANNED else None
            changed = replace(changed, eta=eta, eta_from=begin, until=max(held.until, default_until(eta, now)))
        changed = replace(
            changed, until=until or changed.until, eta_from=changed.eta_from if eta_from == "keep" else eta_from,
            as_of=held.as_of if as_of is None else as_of, starts=held.starts if starts == "keep" else starts,
            after=after or held.after, note=held.note if note is None else note.strip()[:NOTE_MOST],
        )  # fmt: skip
        check(changed, now, self.zone, eta_is_new=eta != "keep")
        return await self._change(changed, held, now, confirmed=True)

    async def revise(
        self, announcement_id: str, draft: Draft, author: str, now: datetime, *, confirmed: bool = False
    ) -> Outcome:
        """Replace everything in a live announcement or a draft by `draft`, but where it came from."""
        held = await self._changeable(announcement_id)
        source = replace(draft, source=held.source)
        changed = replace(source.version(held.announcement_id, held.version + 1, author, now), state=held.state)
        check(changed, now, self.zone, eta_is_new=changed.eta != held.eta)
        return await self._change(changed, held, now, confirmed=confirmed or changed.target == held.target)

    async def restore(
        self, announcement_id: str, author: str, now: datetime, *, texts: Mapping[str, str] | None = None,
        minutes: int = RESTORED_MIN,
    ) -> Outcome:  # fmt: skip
        """Say that it is over: heard for so many minutes more, and who asked to be told is called.

        texts  by language; without one a standard sentence is said. A call does not end after it: whoever calls now
        may be the one for whom it is not over.
        """
        if not 1 <= minutes <= RESTORED_MOST_MIN:
            raise InputError(f"{minutes} minutes; expected 1 to {RESTORED_MOST_MIN}")
        held = await self.store.last(announcement_id)
        if held.state != LIVE:
            raise InputError(f"announcement {held.announcement_id} is not live, it is {held.state}")
        over = replace(
            _next(held, author, now), texts={**restored_texts(held.service), **(texts or {})}, eta=None, eta_from=None,
            starts=None, as_of=False, after=CONTINUE, until=now + timedelta(minutes=minutes), state=RESTORED,
            recordings={},
        )  # fmt: skip
        check(over, now, self.zone)
        outcome = await self._go_live(over, now, True, RESTORED)
        return await self._release(outcome, now)

    async def end(self, announcement_id: str, author: str, now: datetime) -> Outcome:
        """Take an announcement off the phones."""
        held = await self.store.last(announcement_id)
        if held.state == ENDED:
            at = held.at.astimezone(self.zone)
            raise InputError(f"announcement {held.announcement_id} was ended by {held.author} at {at:%H:%M on %d.%m.}")
        return await self._store(replace(_next(held, author, now), state=ENDED), (), None)

    # -- the same for all

    async def _changeable(self, announcement_id: str) -> Version:
        held = await self.store.last(announcement_id)
        if held.state == ENDED:
            raise InputError(f"announcement {held.announcement_id} has ended; post a new one")
        return held

    async def _change(self, changed: Version, held: Version, now: datetime, *, confirmed: bool) -> Outcome:
        if held.state in (DRAFT, APPROVED):
            return await self._keep(replace(changed, state=DRAFT, clips={}), now)
        return await self._go_live(changed, now, confirmed, held.state)

    async def _keep(self, version: Version, now: datetime) -> Outcome:
        await self.store.add(version)
        return Outcome(version, await self.cautions(version, now), await self._audience(version.target))

    async def _go_live(self, version: Version, now: datetime, confirmed: bool, state: str = LIVE) -> Outcome:
        if not confirmed:
            await self._ask(version.target, now)
        live = replace(version, state=state)
        clips = await make_clips(
            live, now=now, zone=self.zone, folder=clip_folder(self.settings), maker=self.maker or spoken_maker()
        )
        live = replace(live, clips=clips)
        return await self._store(live, await self.cautions(live, now), await self._audience(live.target))

    async def _ask(self, target: Target, now: datetime) -> None:
        """Raise NeedsConfirmation when more than the set share of customers, or of calls, is concerned."""
        of, audience = "customers", await self._audience(target)
        if audience is None:
            of, audience = "calls of the last 24 hours", await self._calls(target, now)
        found, total = audience
        if total and found / total > self.settings.confirm_share:
            raise NeedsConfirmation(audience, of)

    async def _store(self, version: Version, said: tuple[str, ...], audience: tuple[int, int] | None) -> Outcome:
        answers = Answers(self.redis, ANNOUNCEMENTS)
        await answers.open()
        try:
            snapshot = await self.store.add(version)
            heard = await answers.wait_first(snapshot) if snapshot else None
        finally:
            await answers.close()
        note = (heard.note,) if heard and heard.note else ()
        after_s = heard.after_ms / 1000 if heard and heard.taken else None
        return Outcome(version, (*said, *note), audience, after_s)

    async def _release(self, outcome: Outcome, now: datetime) -> Outcome:
        """Have those called who asked to be told; what cannot be done now is a warning, not an error."""
        from ivr.desk.opt_ins import OptIns

        try:
            released = await OptIns(self.database).release(outcome.version.announcement_id, now)
        except DatabaseError as error:
            return replace(outcome, warnings=(*outcome.warnings, f"who asked to be told is not called yet: {error}"))
        return replace(outcome, opt_ins=released)

    async def cautions(self, version: Version, now: datetime) -> tuple[str, ...]:
        """Return what is doubtful about a version, kept or not."""
        default = self.settings.default_language
        return tuple(await cautions(version, await self.store.live(now), self.reach, default))

    async def _audience(self, target: Target) -> tuple[int, int] | None:
        """Return how many customers are concerned, and all; None for who dials a number, customer or not."""
        counts = target.everyone or target.by_customer or target.prefix or target.classes
        return await self.reach.customers(target) if counts else None

    async def _calls(self, target: Target, now: datetime) -> tuple[int, int]:
        """Return how many calls of the last 24 hours came to the target's number or project, and all."""
        calls = await self.reach.calls(now - DAY, now, CALLS_MOST)
        meant = [
            each.calls for each in calls
            if target.dnis in ("", each.dnis) and target.project in ("", each.project)
        ]  # fmt: skip
        return sum(meant), sum(each.calls for each in calls)


def clip_folder(settings: Settings) -> Path:
    """Return the folder of the clips."""
    return settings.var_dir / "announcements"


def _next(held: Version, author: str, now: datetime) -> Version:
    return replace(held, version=held.version + 1, author=author, at=now)
