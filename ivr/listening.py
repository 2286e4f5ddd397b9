"""What one call hears of announcements: measured while it plays, remembered from earlier calls, kept with its record.

Built by `session.py`; asked by `known.py` (announcements of a step), `waiting.py` (what is published meanwhile),
`ringing.py` (what the agent is told) and `placing.py` (how urgent the call is).
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from ivr.announce.model import KINDS
from ivr.call import CALLBACK_ID
from ivr.flow import heard
from ivr.flow.commands import Announcement
from ivr.flow.place import read_variables, write_variables
from ivr.record import trace as t
from ivr.record.hearing import AGENT, CONTINUE, MENU, OPTED_IN, OTHER, OUTCOMES, Before, Hearing, Hearings, remembered
from ivr.sound import Phrase

if TYPE_CHECKING:
    from ivr.session import Session

MEMORY = timedelta(days=14)  # an announcement is heard no longer than that
HEARD = "HOTLINE_HEARD"  # what he heard on this call, for a second controller
RAISED = "raised"


@dataclass
class Meter:
    """How much of what was played was heard. seconds  of each file, as long as it is."""

    length_ms: int = 0
    heard_ms: int = 0

    def played(self, ms: int, seconds: float) -> None:
        """A file of `seconds` played for `ms`; Asterisk's answer takes a moment longer than the sound."""
        self.heard_ms += min(ms, int(seconds * 1000)) if seconds else ms


@dataclass
class _Reached:
    """An announcement this call has reached, until it is known what came then."""

    announcement: Announcement
    at: datetime
    where: str
    meter: Meter
    key: str = ""
    brief: bool = False


def trace_matches(session: Session, found: Collection[Announcement]) -> None:
    """Write down what concerns him and why, and what is known of earlier calls."""
    for each in found:
        session.log.add(
            t.MATCHED, session.step, announcement=each.announcement_id, version=each.version, certain=each.certain,
            may_end=each.may_end, why=each.why, nth=each.nth, lately=each.lately, brief=heard.in_short(each),
            after=each.after, opt_in=each.opt_in,
        )  # fmt: skip


class Listening:
    """One call's. services  it heard of.  raised  points of priority it has gained in queues."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.raised = 0
        self.services: list[str] = []
        self._before: dict[str, Before] = {}
        self._who = ("", "")
        self._reached: dict[str, _Reached] = {}
        self._heard: set[tuple[str, int]] = set()
        self._others: set[str] = set()  # he has a different problem
        self._entered_ms: int | None = None
        self._booked = False
        now = datetime.now(UTC)
        self._known_then = {
            (each.announcement_id, each.version)
            for each in session.parts.live.snapshot.announcements if each.is_live(now)
        }  # fmt: skip

    @property
    def anything(self) -> bool:
        """Has he heard of anything on this call?"""
        return bool(self._heard)

    # -- what concerns him

    async def match(self, service: str, kinds: Collection[str] = KINDS) -> tuple[Announcement, ...]:
        """Return the live announcements that concern him, in playing order, with what he heard before."""
        return await self._recalled(self._match(service, kinds))

    async def news(self) -> tuple[Announcement, ...]:
        """Return what was published since the call began, concerns him, and he has not heard or turned down."""
        if self.session.call.call_id.startswith(CALLBACK_ID):
            return ()
        known = self._heard | self._known_then
        new = [
            each for each in self._match("", KINDS)
            if (each.announcement_id, each.version) not in known and each.announcement_id not in self._others
        ]  # fmt: skip
        changed = any(each.version > 1 for each in new)  # of one just published nobody has heard
        return await self._recalled(new) if changed else tuple(map(self._with_memory, new))

    def _match(self, service: str, kinds: Collection[str]) -> tuple[Announcement, ...]:
        session = self.session
        now = datetime.now(ZoneInfo(session.parts.settings.timezone))
        return session.parts.live.match(
            session.call, language=session.language, service=service, now=now, customer=session.customer, kinds=kinds,
            project=session.number.project,
        )  # fmt: skip

    async def _recalled(self, found: Sequence[Announcement]) -> tuple[Announcement, ...]:
        """Ask what he heard on earlier calls, once for each; a slow or dead database makes it his first call."""
        session, who = self.session, self._customer()
        if who != self._who:
            self._before, self._who = {}, who
        ids = {each.announcement_id for each in found} - self._before.keys()
        if ids and any(who):
            now = datetime.now(UTC)
            hearings = Hearings(session.parts.records.database)
            asked = hearings.before(*who, ids, now - MEMORY, but=session.call.call_id)
            rows = await session.parts.questions.ask(asked, "what he heard before")
            if rows is not None:
                self._before |= dict.fromkeys(ids, Before(0, 0, 0))
                self._before |= remembered(rows, now, heard.LATELY, heard.ENOUGH)
        return tuple(map(self._with_memory, found))

    def _with_memory(self, announcement: Announcement) -> Announcement:
        before = self._before.get(announcement.announcement_id, Before(0, 0, 0))
        return replace(
            announcement, nth=before.calls + 1, lately=before.lately, known_version=before.version,
            opt_in=announcement.opt_in and self.session.parts.callbacks is not None,
        )  # fmt: skip

    def _customer(self) -> tuple[str, str]:
        """Return his number and account, '' for what is not known."""
        return self.session.caller, self.session.customer.account if self.session.customer else ""

    # -- while it plays

    async def play(self, of: Announcement, phrases: tuple[Phrase, ...], keys: str, where: str = MENU) -> str:
        """Play an announcement, or what is new of it; return the key that stopped it, or ''."""
        session = self.session
        self._entered_ms = self._entered_ms or int(time.time() * 1000)
        meter = Meter(sum(self._length_ms(phrase) for phrase in phrases))
        reached = self._reached.setdefault(
            of.announcement_id, _Reached(of, datetime.now(UTC), where, meter, brief=phrases != of.phrases)
        )
        self._heard.add((of.announcement_id, of.version))
        self._raise(heard.points(of))
        try:
            key = await session.play(phrases, keys, meter)
        finally:
            if meter.heard_ms > reached.meter.heard_ms:  # he asked to hear it again
                reached.meter, reached.brief = meter, phrases != of.phrases
        reached.key = key
        return key

    def _length_ms(self, phrase: Phrase) -> int:
        prompts = self.session.prompts
        return int(sum(prompts.seconds(stem) for stem in prompts.files(phrase, self.session.language)) * 1000)

    def _raise(self, points: int) -> None:
        if points > self.raised:
            self.raised = points
            self.session.log.add(t.RAISED, self.session.step, points=points)

    # -- what came then

    def opted_in(self, announcement_ids: Collection[str]) -> None:
        """He will be called when these are over, whatever he does now."""
        self._booked = True
        self.session.log.add(t.OPTED_IN, self.session.step, announcements=sorted(announcement_ids))

    def decided(self, outcome: str) -> None:
        """Write down what came of all he has reached; an outcome not in OUTCOMES means that the call went on."""
        outcome = OPTED_IN if self._booked else outcome if outcome in OUTCOMES else CONTINUE
        for each in self._reached.values():
            self._write(each, outcome)
        if self._reached and outcome not in (OTHER, AGENT):
            self._entered_ms = None
        self._reached, self._booked = {}, False

    def _write(self, each: _Reached, outcome: str) -> None:
        of, session = each.announcement, self.session
        if outcome == OTHER:
            self._others.add(of.announcement_id)
        elif of.service not in self.services:
            self.services.append(of.service)
        number, account = self._customer()
        hearing = Hearing(
            session.call.call_id, of.announcement_id, of.version, number, account,
            session.customer.area if session.customer else "", each.at, each.where, each.meter.length_ms,
            each.meter.heard_ms, each.key, outcome, of.nth,
        )  # fmt: skip
        session.log.heard(hearing, brief=each.brief, step=session.step)

    def take_entered_ms(self) -> int | None:
        """Return, once, since when his place in line counts: since he began to hear what was not his problem."""
        entered_ms, self._entered_ms = self._entered_ms, None
        if entered_ms is not None:
            seconds = max(0, int(time.time()) - entered_ms // 1000)
            self.session.log.add(t.CREDITED, self.session.step, seconds=seconds)
        return entered_ms

    # -- for a second controller

    async def remember(self) -> None:
        """Write into the channel what he has heard."""
        if self._heard:
            values = {announcement_id: str(version) for announcement_id, version in sorted(self._heard)}
            await self.session.channel.set_variable(HEARD, write_variables({RAISED: str(self.raised), **values}))

    async def recall(self) -> None:
        """Read from the channel what a controller that died had let him hear."""
        values = read_variables(await self.session.channel.get_variable(HEARD) or "")
        raised = values.pop(RAISED, "0")
        self.raised = int(raised) if raised.isdecimal() and len(raised) < 4 else 0
        self._heard |= {(name, int(text)) for name, text in values.items() if text.isdecimal() and len(text) < 9}
