"""Customers: who lives where. A CSV file goes into SQL, controllers keep all of it in memory.

Called by the command line (import, look-up) and `announce/live.py` (load).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from ivr import db
from ivr.area import area_path
from ivr.call import CLASSES, LANGUAGES, Customer
from ivr.db import Database
from ivr.desk.csv_file import csv_rows
from ivr.errors import ConfigError, Finding, InputError, nearest
from ivr.number import normalise
from ivr.settings import Settings

SNAPSHOT = "customers"
COLUMNS = ("number", "account", "name", "area", "language", "class", "postcode")
NEEDED = ("number", "area")
ROWS_AT_ONCE = 2000
MOST = {"account": 40, "name": 200, "postcode": 20}

Progress = Callable[[int], None]


@dataclass(frozen=True)
class Imported:
    """new, changed  rows written.  same  rows that were so already.  skipped  what was wrong with others."""

    new: int
    changed: int
    same: int
    skipped: tuple[Finding, ...] = ()


class Customers:
    """The customer table."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self.database, self.settings = database, settings

    async def import_file(self, file: Path, *, skip_bad: bool = False, progress: Progress | None = None) -> Imported:
        """Add and change customers from a CSV file; the others stay. One transaction: all or nothing.

        progress  called with the number of rows written so far.
        Raises ConfigError with every bad row, unless they are to be skipped.
        """
        customers, findings = await asyncio.to_thread(read_csv, file, self.settings.country_code)
        if findings and not skip_bad:
            raise ConfigError(*findings)
        known = await self.load()
        fresh = [each for each in customers if known.get(each.number) != each]
        new = sum(each.number not in known for each in fresh)
        if fresh:
            await self._write(fresh, progress)
        return Imported(new, len(fresh) - new, len(customers) - len(fresh), tuple(findings))

    async def _write(self, customers: list[Customer], progress: Progress | None) -> None:
        async with self.database.write() as connection:
            statement = db.upsert(connection, db.customer)
            for start in range(0, len(customers), ROWS_AT_ONCE):
                rows = [_row(each) for each in customers[start : start + ROWS_AT_ONCE]]
                await connection.execute(statement, rows)
                if progress:
                    progress(start + len(rows))
            await db.bump(connection, SNAPSHOT)

    async def load(self) -> dict[str, Customer]:
        """Return every customer by number, read in portions so that calls go on meanwhile."""
        known: dict[str, Customer] = {}
        query = sa.select(db.customer).execution_options(yield_per=ROWS_AT_ONCE)
        async with self.database.read() as connection:
            result = await connection.stream(query)
            async for rows in result.partitions(ROWS_AT_ONCE):
                known.update((row[0], Customer(*row)) for row in rows)
                await asyncio.sleep(0)
        return known

    async def list(self, *, area: str = "", least: int = 0, most: int = 50) -> tuple[tuple[Customer, ...], int]:
        """Return customers at or below `area` by number, from the `least`-th on, and how many there are."""
        column = db.customer.c
        where: sa.ColumnElement[bool] = sa.true()
        if area:
            where = sa.or_(column.area == area, column.area.startswith(area + "/", autoescape=True))
        query = sa.select(db.customer).where(where).order_by(column.number).offset(least).limit(most)
        async with self.database.read() as connection:
            total = await connection.scalar(sa.select(sa.func.count()).select_from(db.customer).where(where))
            rows = (await connection.execute(query)).all()
        return tuple(Customer(*row) for row in rows), int(total or 0)

    async def show(self, text: str) -> tuple[Customer, ...]:
        """Return the customers with this number or account. Raises InputError naming the nearest."""
        column = db.customer.c
        try:
            number = normalise(text, self.settings.country_code)
        except ValueError:
            number = ""
        query = sa.select(db.customer).where(sa.or_(column.number == number, column.account == text.strip()))
        async with self.database.read() as connection:
            rows = (await connection.execute(query.order_by(column.number))).all()
            if rows:
                return tuple(Customer(*row) for row in rows)
            near = await _nearest(connection, text.strip(), number)
        wanted = number or repr(text.strip())
        raise InputError(
            f"no customer has the number or account {wanted}" + (f"; did you mean {near}?" if near else "")
        )


async def _nearest(connection: Any, account: str, number: str) -> str:
    """Return the number or account most like what was asked for, among those beginning alike."""
    column, begins = (db.customer.c.number, number[:6]) if number else (db.customer.c.account, account[:2])
    query = sa.select(column).where(column.startswith(begins, autoescape=True)).limit(5000)
    return nearest(number or account, (await connection.scalars(query)).all()) if begins else ""


def _row(each: Customer) -> dict[str, str]:
    return {"number": each.number, "account": each.account, "name": each.name, "area": each.area,
            "language": each.language, "class": each.class_, "postcode": each.postcode}  # fmt: skip


# -- the file


def read_csv(file: Path, country_code: str) -> tuple[list[Customer], list[Finding]]:
    """Return the good rows and what is wrong with the others, by line. , ; and tab separate columns.

    Raises ConfigError when the file as a whole cannot be used.
    """
    customers: dict[str, Customer] = {}
    lines_of: dict[str, int] = {}
    findings: list[Finding] = []
    for line, row in csv_rows(file, COLUMNS, NEEDED, findings):
        customer = _customer(file, line, row, country_code, findings)
        if customer is None:
            continue
        if customer.number in customers and customers[customer.number] != customer:
            wrong = f"{customer.number} is already in line {lines_of[customer.number]}, with other values"
            findings.append(Finding(file, line, "number", wrong, "each number once"))
            continue
        customers[customer.number] = customer
        lines_of[customer.number] = line
    return list(customers.values()), findings


def _customer(
    file: Path, line: int, row: dict[str, str], country_code: str, findings: list[Finding]
) -> Customer | None:
    before = len(findings)
    number = _checked(file, line, "number", row, findings, lambda text: normalise(text, country_code))
    area = _checked(file, line, "area", row, findings, area_path)
    for name, known in (("language", LANGUAGES), ("class", CLASSES)):
        row[name] = row.get(name, "").lower()
        if row[name] and row[name] not in known:
            expected = f"one of {', '.join(known)}, or nothing"
            findings.append(Finding(file, line, name, f"unknown {row[name]!r}", expected, nearest(row[name], known)))
    for name, most in MOST.items():
        if len(row.get(name, "")) > most:
            findings.append(Finding(file, line, name, f"{len(row[name])} characters", f"at most {most}"))
    if len(findings) > before:
        return None
    return Customer(number, row.get("account", ""), row.get("name", ""), area, row["language"],
                    row["class"] or "normal", row.get("postcode", ""))  # fmt: skip


def _checked(
    file: Path,
    line: int,
    name: str,
    row: Mapping[str, str],
    findings: list[Finding],
    read: Callable[[str], str],
) -> str:
    try:
        return read(row[name])
    except ValueError as error:
        findings.append(Finding(file, line, name, str(error)))
        return ""
