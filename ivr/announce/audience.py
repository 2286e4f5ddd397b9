"""Whom a target concerns, counted in SQL: customers, and calls that have been.

The same answer as `match` gives for each customer and call, without loading a million of them. Called by `publish` and
`preview`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr import db
from ivr.announce.model import Target
from ivr.area import contains
from ivr.call import Customer
from ivr.db import Database
from ivr.errors import nearest

AT_ONCE = 500  # values in one query
COLUMN = db.customer.c
CALL = db.call.c


@dataclass(frozen=True)
class Callers:
    """Calls that look the same to announcements. number  E.164, or whatever odd came in."""

    number: str
    dnis: str
    project: str
    calls: int


class Reach:
    """What the database knows of those a target concerns."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def customers(self, target: Target) -> tuple[int, int]:
        """Return how many customers `target` concerns, and how many there are; dnis and project leave none out."""
        everyone = sa.select(sa.func.count()).select_from(db.customer)
        where = _where(target)
        async with self.database.read() as connection:
            total = int(await connection.scalar(everyone) or 0)
            if where is None and not target.numbers:
                classes = COLUMN["class"].in_(target.classes)
                return (int(await connection.scalar(everyone.where(classes)) or 0) if target.classes else total), total
            found = 0 if where is None else int(await connection.scalar(everyone.where(where)) or 0)
            return found + await self._only_listed(connection, target, where), total

    async def _only_listed(self, connection: AsyncConnection, target: Target, where: Any) -> int:
        """Count customers whose number or account is listed and whom nothing else of the target concerns."""
        numbers: set[str] = set()
        for some in _portions(target.numbers):
            listed = sa.or_(COLUMN.number.in_(some), COLUMN.account.in_(some))
            query = sa.select(COLUMN.number).where(listed)
            if target.classes:
                query = query.where(COLUMN["class"].in_(target.classes))
            if where is not None:
                query = query.where(sa.not_(where))
            numbers.update((await connection.scalars(query)).all())
        return len(numbers)

    async def sample(self, target: Target, most: int) -> tuple[Customer, ...]:
        """Return some customers whom `target` concerns."""
        where = _where(target)
        listed = sa.or_(COLUMN.number.in_(target.numbers[:AT_ONCE]), COLUMN.account.in_(target.numbers[:AT_ONCE]))
        query = sa.select(db.customer).limit(most)
        if target.classes:
            query = query.where(COLUMN["class"].in_(target.classes))
        if target.numbers:
            query = query.where(listed if where is None else sa.or_(where, listed))
        elif where is not None:
            query = query.where(where)
        async with self.database.read() as connection:
            return tuple([Customer(*row) for row in await connection.execute(query)])

    async def unlisted(self, target: Target) -> tuple[str, ...]:
        """Return the target's numbers and accounts that no customer has."""
        known: set[str] = set()
        async with self.database.read() as connection:
            for some in _portions(target.numbers):
                query = sa.select(COLUMN.number, COLUMN.account)
                rows = await connection.execute(query.where(sa.or_(COLUMN.number.in_(some), COLUMN.account.in_(some))))
                known.update(value for row in rows for value in row)
        return tuple(each for each in target.numbers if each not in known)

    async def nearest_area(self, area: str) -> str:
        """Return the area of customers, or a part of one, most like `area`; '' when none is alike."""
        known = {part for full in await self._areas() for part in _parents(full)}
        alike = nearest(area, sorted(known))
        return alike or max((each for each in known if contains(each, area)), key=len, default="")

    async def nearest_node(self, node: str) -> str:
        """Return the name of an area's part most like `node`; '' when none is alike."""
        return nearest(node, sorted({name for area in await self._areas() for name in area.split("/")}))

    async def _areas(self) -> Collection[str]:
        async with self.database.read() as connection:
            return (await connection.scalars(sa.select(COLUMN.area).distinct())).all()

    async def calls(self, since: datetime, until: datetime, most: int) -> tuple[Callers, ...]:
        """Return the newest calls of a time, at most `most`, alike ones as one."""
        newest = (
            sa.select(CALL.ani, CALL.dnis, CALL.project).where(CALL.started_at >= since, CALL.started_at < until)
            .order_by(CALL.started_at.desc()).limit(most).subquery()
        )  # fmt: skip
        same = newest.c.ani, newest.c.dnis, newest.c.project
        async with self.database.read() as connection:
            rows = await connection.execute(sa.select(*same, sa.func.count()).group_by(*same))
            return tuple([Callers(*row) for row in rows])

    async def who_called(self, numbers: Iterable[str]) -> Mapping[str, Customer]:
        """Return the customers who have these numbers."""
        known: dict[str, Customer] = {}
        async with self.database.read() as connection:
            for some in _portions(sorted({each for each in numbers if each})):
                rows = await connection.execute(sa.select(db.customer).where(COLUMN.number.in_(some)))
                known.update((row[0], Customer(*row)) for row in rows)
        return known


def _where(target: Target) -> sa.ColumnElement[bool] | None:
    """Return the condition on a customer of area, node and prefix, narrowed to classes; None without any of these."""
    ways: list[sa.ColumnElement[bool]] = []
    for area in target.areas:
        ways += [COLUMN.area == area, COLUMN.area.startswith(area + "/", autoescape=True)]
    if target.node:
        whole = sa.literal("/").concat(COLUMN.area).concat("/")
        ways.append(whole.contains(f"/{target.node}/", autoescape=True))
    if target.prefix:
        begins = COLUMN.number.startswith(target.prefix, autoescape=True)
        ways.append(sa.and_(COLUMN.area == "", begins) if target.by_customer else begins)
    if not ways:
        return None
    found = sa.or_(*ways)
    return sa.and_(found, COLUMN["class"].in_(target.classes)) if target.classes else found


def _portions(values: Sequence[str]) -> Iterator[Sequence[str]]:
    return (values[start : start + AT_ONCE] for start in range(0, len(values), AT_ONCE))


def _parents(area: str) -> list[str]:
    names = area.split("/")
    return ["/".join(names[: n + 1]) for n in range(len(names)) if area]
