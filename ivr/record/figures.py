"""What an announcement achieved: how many it reached, what they did, who did not have to call again.

Called by the page, the API and `ivr announce figures`. Reads `hearing`, `call` and `opt_in`; writes nothing.
A customer is known by his number, or by the account it belongs to; callers who withhold their number are counted
in everything but deflection, because nobody can tell whether they called again.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr import db
from ivr.db import Database

HEARD_SHARE = 0.8
AGAIN_HOURS = 4  # a customer silent so long did not have to call again
LAG_MOST = timedelta(hours=1)  # a call earlier than this before the publication was about something else
TALK_DAYS = 7
IN_IVR = ("announced", "hung_up", "completed")  # a call that ended so never reached the line
REACHED = ("works", "still_out", "declined")  # outcomes of restoration calls somebody took
IDS_AT_ONCE = 500


@dataclass(frozen=True)
class Counts:
    """Calls, each once. heard  at least 80 % was played.  barged_in  stopped it by a key.

    different  said that it is about something else: the share of wrong matches.  ended  by the announcement.
    deflected  heard it, ended in the menu, and the customer did not call again in time.
    deflected_so_far  of whom that time is not over yet.
    """

    matched: int = 0
    heard: int = 0
    barged_in: int = 0
    chose_agent: int = 0
    different: int = 0
    hung_up: int = 0
    ended: int = 0
    opted_in: int = 0
    deflected: int = 0
    deflected_so_far: int = 0

    @property
    def wrong_match_rate(self) -> float | None:
        """Return the share who said it is about something else, None before the first call."""
        return self.different / self.matched if self.matched else None


@dataclass(frozen=True)
class OptIns:
    """Callers who asked to be told. reached  took the restoration call.  works, still_out  what they said then."""

    asked: int = 0
    reached: int = 0
    works: int = 0
    still_out: int = 0

    @property
    def still_out_rate(self) -> float | None:
        """Return the share of answers that said it is still out, None before the first answer."""
        answers = self.works + self.still_out
        return self.still_out / answers if answers else None


@dataclass(frozen=True)
class VersionFigures:
    """One version. first_heard_s  from its publication to the first caller it was played to, None for nobody yet."""

    version: int
    counts: Counts
    first_heard_s: float | None


@dataclass(frozen=True)
class Figures:
    """Everything about one announcement.

    again_hours  within which a customer must not call again to count as deflected.
    first_heard_s  from the first publication to the first caller.  lag_s  from the first call of somebody it concerns,
    at most an hour before, to the publication; None when nobody called, or it is for everyone.
    mean_talk_s  of all calls of the last days; None when nobody talked.
    """

    announcement_id: str
    again_hours: float
    total: Counts
    versions: tuple[VersionFigures, ...]
    opt_ins: OptIns
    first_heard_s: float | None = None
    lag_s: float | None = None
    mean_talk_s: float | None = None

    @property
    def saved_min(self) -> float | None:
        """Estimate the agents' minutes saved: as long as a talk usually is, for everyone deflected."""
        return None if self.mean_talk_s is None else self.total.deflected * self.mean_talk_s / 60


class AnnouncementFigures:
    """Figures of announcements. Raises DatabaseError."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def counters(self, ids: Collection[str]) -> dict[str, Counts]:
        """Return what happened so far with each announcement, without deflection: quick enough for every second."""
        found: dict[str, Counts] = dict.fromkeys(ids, Counts())
        h = db.hearing.c
        query = sa.select(h.announcement_id, *_counted()).where(h.announcement_id.in_(list(ids)))
        o = db.opt_in.c
        asked = sa.select(o.announcement_id, sa.func.count()).where(o.announcement_id.in_(list(ids)))
        async with self.database.read() as connection:
            for announcement_id, *numbers in (await connection.execute(query.group_by(h.announcement_id))).all():
                found[announcement_id] = replace(Counts(*numbers), opted_in=0)
            for announcement_id, many in (await connection.execute(asked.group_by(o.announcement_id))).all():
                found[announcement_id] = replace(found[announcement_id], opted_in=many)
        return found

    async def of(self, announcement_id: str, now: datetime, *, again_hours: float = AGAIN_HOURS) -> Figures:
        """Return the figures of one announcement at `now`."""
        h, v = db.hearing.c, db.announcement_version.c
        first = sa.func.min(h.at)
        mine = h.announcement_id == announcement_id
        async with self.database.read() as connection:
            total = (await connection.execute(sa.select(*_counted()).where(mine))).one()
            each = (await connection.execute(
                sa.select(h.version, first, *_counted()).where(mine).group_by(h.version).order_by(h.version)
            )).all()  # fmt: skip
            versions = (await connection.execute(
                sa.select(v.version, v.at, v.state, v.starts, v.target).where(v.announcement_id == announcement_id)
                .order_by(v.version)
            )).all()  # fmt: skip
            ended = await _ended_in_ivr(connection, announcement_id)
            later = await _calls_of(connection, ended)
            opt_ins = await _opt_ins(connection, announcement_id)
            talk_s = await _mean_talk_s(connection, now)
            published = next((row for row in versions if row.state == "live"), None)
            lag_s = await _lag_s(connection, published) if published else None
        deflected = _deflected(ended, later, now, timedelta(hours=again_hours))
        begun = {row.version: max(row.at, row.starts or row.at) for row in versions}
        heard = tuple(
            VersionFigures(version, _with(Counts(*numbers), [each for each in deflected if version in each.versions]),
                           _seconds(begun.get(version), at))
            for version, at, *numbers in each
        )  # fmt: skip
        first_at = min((row[1] for row in each if published and row.version >= published.version), default=None)
        return Figures(
            announcement_id, again_hours, replace(_with(Counts(*total), deflected), opted_in=opt_ins.asked), heard,
            opt_ins, _seconds(begun[published.version], first_at) if published else None, lag_s, talk_s,
        )  # fmt: skip


def _counted() -> list[sa.ColumnElement[Any]]:
    """Return the columns of Counts up to `opted_in`: calls, each once."""
    h = db.hearing.c

    def calls(which: sa.ColumnElement[bool]) -> sa.ColumnElement[Any]:
        return sa.func.count(sa.distinct(sa.case((which, h.call_id))))

    enough = sa.and_(h.length_ms > 0, h.heard_ms >= h.length_ms * HEARD_SHARE)
    outcomes = [calls(h.outcome == name) for name in ("agent", "other", "hung_up", "ended", "opted_in")]
    return [sa.func.count(sa.distinct(h.call_id)), calls(enough), calls(h.key != ""), *outcomes]


@dataclass
class _Ended:
    """One call that heard enough and ended in the menu. versions  it heard enough of."""

    call_id: str
    caller: str
    account: str
    at: datetime
    versions: set[int]
    over: bool = False


async def _ended_in_ivr(connection: AsyncConnection, announcement_id: str) -> list[_Ended]:
    h, c = db.hearing.c, db.call.c
    query = (
        sa.select(h.call_id, h.version, h.caller, h.account, c.ended_at)
        .join_from(db.hearing, db.call, h.call_id == c.call_id)
        .where(h.announcement_id == announcement_id, h.caller != "", h.length_ms > 0,
               h.heard_ms >= h.length_ms * HEARD_SHARE, c.ended_at.is_not(None), c.disposition.in_(IN_IVR))
    )  # fmt: skip
    found: dict[str, _Ended] = {}
    for call_id, version, caller, account, at in (await connection.execute(query)).all():
        found.setdefault(call_id, _Ended(call_id, caller, account, at, set())).versions.add(version)
    return list(found.values())


async def _calls_of(connection: AsyncConnection, ended: Sequence[_Ended]) -> dict[str, list[datetime]]:
    """Return when each customer's calls began, in order: by the caller's number and by `account:` and the account."""
    if not ended:
        return {}
    begin = min(each.at for each in ended)
    accounts = await _accounts(connection, {each.account for each in ended if each.account})
    numbers = {each.caller for each in ended} | set(accounts)
    c = db.call.c
    found: defaultdict[str, list[datetime]] = defaultdict(list)
    for some in _portions(sorted(numbers)):
        query = sa.select(c.ani, c.started_at).where(c.ani.in_(some), c.started_at > begin).order_by(c.started_at)
        for ani, at in (await connection.execute(query)).all():
            found[ani].append(at)
            if ani in accounts:
                found[f"account:{accounts[ani]}"].append(at)
    return {key: sorted(times) for key, times in found.items()}


async def _accounts(connection: AsyncConnection, accounts: Collection[str]) -> dict[str, str]:
    """Return number -> account for every number of these accounts."""
    u = db.customer.c
    found: dict[str, str] = {}
    for some in _portions(sorted(accounts)):
        rows = await connection.execute(sa.select(u.number, u.account).where(u.account.in_(some)))
        found.update((number, account) for number, account in rows.all())
    return found


def _deflected(
    ended: Iterable[_Ended], later: Mapping[str, Sequence[datetime]], now: datetime, again: timedelta
) -> list[_Ended]:
    """Return those whose customer has not called within `again` after the call's end."""
    found = []
    for each in ended:
        keys = [each.caller] + ([f"account:{each.account}"] if each.account else [])
        if not any(_within(later.get(key, ()), each.at, each.at + again) for key in keys):
            each.over = each.at + again <= now
            found.append(each)
    return found


def _within(times: Sequence[datetime], after: datetime, until: datetime) -> bool:
    """Is one of the sorted `times` later than `after`, and not later than `until`?"""
    place = bisect_right(times, after)
    return place < len(times) and times[place] <= until


def _with(counts: Counts, deflected: Sequence[_Ended]) -> Counts:
    over = sum(each.over for each in deflected)
    return replace(counts, deflected=over, deflected_so_far=len(deflected) - over)


async def _opt_ins(connection: AsyncConnection, announcement_id: str) -> OptIns:
    o = db.opt_in.c
    query = sa.select(o.outcome, sa.func.count()).where(o.announcement_id == announcement_id).group_by(o.outcome)
    by: dict[str, int] = {row[0]: row[1] for row in (await connection.execute(query)).all()}
    reached = sum(by.get(outcome, 0) for outcome in REACHED)
    return OptIns(sum(by.values()), reached, by.get("works", 0), by.get("still_out", 0))


async def _mean_talk_s(connection: AsyncConnection, now: datetime) -> float | None:
    c = db.call.c
    query = sa.select(sa.func.avg(c.talk_ms)).where(
        c.talk_ms > 0, c.started_at > now - timedelta(days=TALK_DAYS), c.started_at <= now
    )
    mean_ms = await connection.scalar(query)
    return None if mean_ms is None else float(mean_ms) / 1000


async def _lag_s(connection: AsyncConnection, published: Any) -> float | None:
    """Return the seconds from the first call of somebody concerned, at most LAG_MOST before, to the publication."""
    c, u, target = db.call.c, db.customer.c, published.target
    area = target.get("area", "")
    whose: list[sa.ColumnElement[bool]] = []
    for path in target.get("areas", ()) or ((area,) if area else ()):
        whose.append(sa.or_(u.area == path, u.area.startswith(path + "/", autoescape=True)))
    if node := target.get("node"):
        whose.append(sa.literal("/").concat(u.area).concat("/").contains(f"/{node}/", autoescape=True))
    if numbers := target.get("numbers"):
        few = list(numbers)[:IDS_AT_ONCE]
        whose += [u.number.in_(few), u.account.in_(few)]
    if prefix := target.get("prefix"):
        whose.append(c.ani.startswith(prefix, autoescape=True))
    narrowed = [c.dnis == target["dnis"]] if target.get("dnis") else []
    if not (whose or narrowed):
        return None
    query = (
        sa.select(sa.func.min(c.started_at))
        .outerjoin_from(db.call, db.customer, c.ani == u.number)
        .where(c.started_at >= published.at - LAG_MOST, c.started_at <= published.at, *narrowed)
    )
    first = await connection.scalar(query.where(sa.or_(*whose)) if whose else query)
    return _seconds(first, published.at)


def _seconds(begin: datetime | None, end: datetime | None) -> float | None:
    return None if begin is None or end is None else max(0.0, (end - begin).total_seconds())


def _portions(items: Sequence[str]) -> Iterable[list[str]]:
    return (list(items[at : at + IDS_AT_ONCE]) for at in range(0, len(items), IDS_AT_ONCE))
