"""Opt-ins in SQL: who wants to be told when an announcement's fault is over, and whether he was.

An opt-in waits until its announcement is restored; then it is due, and one controller at a time holds it while it
is dialled (`beat`, `take`: as in callbacks.py). One number is called once, for however many announcements it is
due: what it answers closes all of them. Called by calls (`add`), `announce/publish.py` (`release`), the campaign in
`restoration.py`, the command line and the page.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr import db
from ivr.db import Database
from ivr.desk.callbacks import now_utc
from ivr.errors import InputError, nearest
from ivr.number import to_call_back

OPT_IN_ID = "oi-"  # the ids of opt-ins begin so, and with them those of the calls placed for them
WAITING, DUE, DIALLING, DONE = "waiting", "due", "dialling", "done"
OUTCOMES = {
    "works": "says that it works",
    "still_out": "says that it is still out",
    "sms": "was sent a text message",
    "no_key": "answered and pressed nothing: perhaps an answering machine",
    "declined": "hung up before answering the question",
    "no_answer": "did not answer",
    "busy": "was busy",
    "unreachable": "could not be reached",
    "refused": "may not be called: the number is on no list",
    "failed": "a fault of ours ended the attempt",
    "expired": "could not be called in time",
    "cancelled": "cancelled by hand",
}
REACHED = ("works", "still_out", "sms", "no_key", "declined")
MISSED = ("no_answer", "busy", "unreachable", "refused", "failed", "expired")
EXPIRES = timedelta(days=1)  # after the release: later the news are none
WAITS_MOST = timedelta(days=14)  # for an announcement that is never restored
MINUTE = timedelta(minutes=1)
RESTORED = "restored"  # the state of announcement_version, as in announce/model.py


@dataclass(frozen=True)
class OptIn:
    """One caller who wants to be told.

    opt_in_id  also the call's id when he is dialled.  number  E.164.  area  his, '' when not known.
    dnis, call_id  of the call in which he asked.  at  when that was.  released_at  when the fault was over.
    state  waiting, due (not dialled before `due_ms`), dialling, done.  outcome  of the last attempt, a key of OUTCOMES.
    """

    opt_in_id: str
    announcement_id: str
    number: str
    account: str
    area: str
    language: str
    dnis: str
    call_id: str
    at: datetime
    state: str = WAITING
    attempts: int = 0
    due_ms: int = 0
    released_at: datetime | None = None
    tried_at: datetime | None = None
    holder: str = ""
    beat: int = 0
    outcome: str = ""
    closed_at: datetime | None = None


@dataclass(frozen=True)
class Campaign:
    """What became of the opt-ins of one announcement, in numbers of callers.

    due  to be called, or called right now.  reached  told by phone or text message.  no_answer  given up.
    """

    announcement_id: str
    opted_in: int
    waiting: int
    due: int
    reached: int
    works: int
    still_out: int
    no_answer: int
    cancelled: int
    outcomes: Mapping[str, int]


class OptIns:
    """Every opt-in. Raises DatabaseError."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def number(self, text: str) -> str:
        """Return a number as it may be called: a national one of no special rate. Raises ValueError saying why not."""
        settings = self.database.settings
        return to_call_back(text, settings.country_code, filter(None, settings.callback_prefixes.split(",")))

    async def add(
        self, announcement_id: str, number: str, *, account: str, area: str, language: str, dnis: str, call_id: str,
        now: datetime | None = None,
    ) -> OptIn:  # fmt: skip
        """Keep that `number` wants to be told, once per announcement; who asks again keeps the one he has.

        Raises ValueError for a number that is not called. Due at once when the announcement was restored meanwhile.
        """
        at, row = now or now_utc(), db.opt_in.c
        wanted = OptIn(
            f"{OPT_IN_ID}{secrets.token_hex(6)}", announcement_id, self.number(number), account, area, language, dnis,
            call_id, at,
        )  # fmt: skip
        async with self.database.write() as connection:
            if await _state_of(connection, announcement_id) == RESTORED:
                wanted = replace(wanted, state=DUE, due_ms=_ms(at), released_at=at)
            same = (row.announcement_id == announcement_id, row.number == wanted.number)
            found = (await connection.execute(sa.select(db.opt_in).where(*same))).first()
            if found is not None and found.state != DONE:
                return _opt_in(found)
            if found is not None:  # told, or no longer wanted; now it is out again, or wanted again
                await connection.execute(sa.delete(db.opt_in).where(*same))
            await connection.execute(sa.insert(db.opt_in).values(_values(wanted)))
            return wanted

    async def of(self, announcement_id: str) -> tuple[OptIn, ...]:
        """Return those of one announcement, oldest first."""
        return await self._list(db.opt_in.c.announcement_id == announcement_id)

    async def dialling(self) -> tuple[OptIn, ...]:
        """Return those who are being called."""
        return await self._list(db.opt_in.c.state == DIALLING)

    async def still_out_since(self, since: datetime) -> tuple[str, ...]:
        """Return the announcements of which somebody said since then that it is still out."""
        row = db.opt_in.c
        query = sa.select(row.announcement_id).distinct().where(row.outcome == "still_out", row.closed_at > since)
        async with self.database.read() as connection:
            return tuple((await connection.execute(query)).scalars())

    async def find(self, opt_in_id: str) -> OptIn | None:
        """Return one, None when there is none."""
        found = await self._list(db.opt_in.c.opt_in_id == opt_in_id)
        return found[0] if found else None

    async def release(self, announcement_id: str, now: datetime) -> int:
        """The fault is over: those who wait are due. Return how many that were."""
        row = db.opt_in.c
        return await self._release(now, row.announcement_id == announcement_id)

    async def release_overlooked(self, now: datetime) -> int:
        """Release those whose announcement was restored while the database took no more. Return how many that were."""
        row = db.opt_in.c
        overlooked = (row.state == WAITING, row.released_at.is_(None))
        query = sa.select(row.announcement_id).distinct().where(*overlooked)
        async with self.database.read() as connection:
            waited_for = (await connection.execute(query)).scalars().all()
            restored = [each for each in waited_for if await _state_of(connection, each) == RESTORED]
        return await self._release(now, row.announcement_id.in_(restored), *overlooked) if restored else 0

    async def _release(self, now: datetime, *conditions: sa.ColumnElement[bool]) -> int:
        released: dict[str, Any] = {"state": DUE, "due_ms": _ms(now), "released_at": now, "attempts": 0, "outcome": ""}
        query = sa.update(db.opt_in).where(db.opt_in.c.state == WAITING, *conditions).values(released)
        async with self.database.write() as connection:
            return (await connection.execute(query)).rowcount

    async def hold(self, announcement_id: str) -> int:
        """The fault is not over after all: those who are due wait for the next `release`. Return how many that were."""
        row = db.opt_in.c
        due = (row.announcement_id == announcement_id, row.state == DUE)
        query = sa.update(db.opt_in).where(*due).values(state=WAITING, due_ms=0)
        async with self.database.write() as connection:
            return (await connection.execute(query)).rowcount

    async def cancel(self, text: str, now: datetime | None = None) -> tuple[OptIn, ...]:
        """Tell nobody of `text`: an opt-in's id, a number, or an announcement's id.

        Raises InputError naming the nearest. Who is being called right now is not among them.
        """
        row = db.opt_in.c
        found = await self._list(row.state != DONE)
        wanted = [each for each in found if text in (each.opt_in_id, each.number, each.announcement_id)]
        if not wanted:
            names = [n for each in found for n in (each.opt_in_id, each.number, each.announcement_id)]
            near = nearest(text, names)
            hint = f"did you mean {near!r}?" if near else "`ivr restoration list` shows them"
            raise InputError(f"no open opt-ins are {text!r}; {hint}")
        gone = []
        for each in wanted:
            waits = row.state.in_((WAITING, DUE))
            if await self._update(
                each.opt_in_id, waits, state=DONE, outcome="cancelled", closed_at=now or now_utc(), holder=""
            ):
                gone.append(each)
        if not gone:
            raise InputError(f"{text!r} is being called right now; try again in a minute")
        return tuple(gone)

    # -- the campaign

    async def is_due(self, now: datetime) -> bool:
        """Is anybody to be called?"""
        row = db.opt_in.c
        query = sa.select(sa.exists().where(row.state == DUE, row.due_ms <= _ms(now)))
        async with self.database.read() as connection:
            return bool((await connection.execute(query)).scalar_one())

    async def claim(self, holder: str, now: datetime, *, per_minute: int, at_once: int) -> OptIn | None:
        """Count an attempt on who is due longest and hold him; None when nobody is, or the limits are reached.

        The limits are those of all controllers together. A number that is being called is not called beside that.
        """
        row, numbers = db.opt_in.c, sa.select(sa.func.count(sa.distinct(db.opt_in.c.number)))
        async with self.database.write() as connection:
            await db.bump(connection, "restoration")  # one controller after the other, on every database
            up = (await connection.execute(numbers.where(row.state == DIALLING))).scalar_one()
            lately = (await connection.execute(numbers.where(row.tried_at > now - MINUTE))).scalar_one()
            if up >= at_once or lately >= per_minute:
                return None
            being_called = sa.select(row.number).where(row.state == DIALLING).scalar_subquery()
            due = (row.state == DUE, row.due_ms <= _ms(now), row.number.not_in(being_called))
            query = sa.select(db.opt_in).where(*due).order_by(row.due_ms, row.at, row.opt_in_id).limit(1)
            found = (await connection.execute(query)).first()
            if found is None:
                return None
            begun: dict[str, Any] = {
                "state": DIALLING, "attempts": found.attempts + 1, "tried_at": now, "holder": holder,
                "beat": found.beat + 1,
            }  # fmt: skip
            await connection.execute(sa.update(db.opt_in).where(row.opt_in_id == found.opt_in_id).values(begun))
            return replace(_opt_in(found), **begun)

    async def beat(self, holder: str) -> None:
        """Show that `holder` lives."""
        row = db.opt_in.c
        mine = (row.holder == holder, row.state == DIALLING)
        async with self.database.write() as connection:
            await connection.execute(sa.update(db.opt_in).where(*mine).values(beat=row.beat + 1))

    async def take(self, seen: OptIn, holder: str) -> bool:
        """Become the holder of one that is still as `seen`; False when another one was quicker."""
        row = db.opt_in.c
        unchanged = (row.holder == seen.holder, row.beat == seen.beat, row.state == DIALLING)
        return await self._update(seen.opt_in_id, *unchanged, holder=holder, beat=row.beat + 1)

    async def let_go(self, holder: str) -> None:
        """Hold nothing any more: others may take it on at once."""
        row = db.opt_in.c
        mine = (row.holder == holder, row.state == DIALLING)
        async with self.database.write() as connection:
            await connection.execute(sa.update(db.opt_in).where(*mine).values(holder=""))

    async def answered(self, opt_in_id: str, outcome: str) -> bool:
        """Keep what he said while he is still on the phone, whoever holds him: he is not asked again."""
        return await self._update(opt_in_id, db.opt_in.c.state == DIALLING, outcome=outcome)

    async def settle(self, held: OptIn, holder: str, outcome: str, now: datetime) -> tuple[str, ...]:
        """It is over: told, or given up. Return the announcements it is over for; () when he is not `holder`'s."""
        done = {"state": DONE, "outcome": outcome, "closed_at": now, "attempts": held.attempts}
        return await self._close(held, holder, done)

    async def again(self, held: OptIn, holder: str, outcome: str, due_ms: int) -> tuple[str, ...]:
        """The attempt came to nothing: the next one, for whichever announcement, is due at `due_ms`."""
        later = {"state": DUE, "outcome": outcome, "due_ms": due_ms, "attempts": held.attempts, "holder": ""}
        return await self._close(held, holder, later)

    async def _close(self, held: OptIn, holder: str, values: dict[str, Any]) -> tuple[str, ...]:
        row = db.opt_in.c
        mine = (row.opt_in_id == held.opt_in_id, row.holder == holder, row.state == DIALLING)
        also = (row.number == held.number, row.state == DUE, row.opt_in_id != held.opt_in_id)
        async with self.database.write() as connection:
            if not (await connection.execute(sa.update(db.opt_in).where(*mine).values(values))).rowcount:
                return ()
            others = (await connection.execute(sa.select(row.announcement_id).where(*also))).scalars().all()
            await connection.execute(sa.update(db.opt_in).where(*also).values(values))
            return (held.announcement_id, *others)

    async def expire(self, now: datetime) -> int:
        """Give up who could not be called within EXPIRES, and who waited WAITS_MOST. Return how many."""
        row = db.opt_in.c
        late = sa.and_(row.state == DUE, row.released_at < now - EXPIRES)
        forgotten = sa.and_(row.state == WAITING, row.at < now - WAITS_MOST)
        gone = {"state": DONE, "outcome": "expired", "closed_at": now}
        async with self.database.write() as connection:
            query = sa.update(db.opt_in).where(sa.or_(late, forgotten)).values(gone)
            return (await connection.execute(query)).rowcount

    # -- figures

    async def campaign(self, announcement_id: str) -> Campaign:
        """Return the figures of one announcement; all 0 when nobody opted in."""
        found = await self.campaigns(announcement_id)
        return found[0] if found else _campaign(announcement_id, {})

    async def campaigns(self, announcement_id: str = "") -> tuple[Campaign, ...]:
        """Return the figures of every announcement with opt-ins, the newest opt-in first."""
        row = db.opt_in.c
        query = (
            sa.select(row.announcement_id, row.state, row.outcome, sa.func.count().label("n"), sa.func.max(row.at))
            .where(sa.or_(sa.literal(announcement_id) == "", row.announcement_id == announcement_id))
            .group_by(row.announcement_id, row.state, row.outcome)
            .order_by(sa.func.max(row.at).desc(), row.announcement_id)
        )
        counted: dict[str, dict[str, int]] = {}
        async with self.database.read() as connection:
            for each in (await connection.execute(query)).all():
                key = each.outcome if each.state == DONE else each.state
                of = counted.setdefault(each.announcement_id, {})
                of[key] = of.get(key, 0) + each.n
        return tuple(_campaign(name, of) for name, of in counted.items())

    async def _list(self, *conditions: sa.ColumnElement[bool]) -> tuple[OptIn, ...]:
        query = sa.select(db.opt_in).where(*conditions).order_by(db.opt_in.c.at, db.opt_in.c.opt_in_id)
        async with self.database.read() as connection:
            return tuple(_opt_in(each) for each in (await connection.execute(query)).all())

    async def _update(self, opt_in_id: str, *conditions: sa.ColumnElement[bool], **values: Any) -> bool:
        query = sa.update(db.opt_in).where(db.opt_in.c.opt_in_id == opt_in_id, *conditions).values(**values)
        async with self.database.write() as connection:
            return bool((await connection.execute(query)).rowcount)


async def _state_of(connection: AsyncConnection, announcement_id: str) -> str:
    row = db.announcement_version.c
    newest = sa.select(row.state).where(row.announcement_id == announcement_id).order_by(row.version.desc()).limit(1)
    return str((await connection.execute(newest)).scalar_one_or_none() or "")


def _campaign(announcement_id: str, counts: Mapping[str, int]) -> Campaign:
    def sum_of(*names: str) -> int:
        return sum(counts.get(name, 0) for name in names)

    return Campaign(
        announcement_id,
        opted_in=sum(counts.values()),
        waiting=sum_of(WAITING),
        due=sum_of(DUE, DIALLING),
        reached=sum_of(*REACHED),
        works=sum_of("works"),
        still_out=sum_of("still_out"),
        no_answer=sum_of(*MISSED),
        cancelled=sum_of("cancelled"),
        outcomes={name: counts[name] for name in OUTCOMES if name in counts},
    )


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _values(opt_in: OptIn) -> dict[str, Any]:
    return {each.name: getattr(opt_in, each.name) for each in fields(opt_in)}


def _opt_in(row: Any) -> OptIn:
    return OptIn(**row._mapping)
