"""The audit log: one chain whoever writes, and every way of rewriting it is found."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from ivr import db
from ivr import settings as settings_module
from ivr.access import Who
from ivr.db import Database, upgrade
from ivr.desk.audit import Audit
from ivr.errors import DatabaseError

OLGA = Who("olga", ("ops",), "192.0.2.7")
ROWS = 12


@pytest.fixture
async def audit(tmp_path: Path) -> AsyncIterator[Audit]:
    settings = settings_module.load(var=tmp_path / "var")
    upgrade(settings)
    database = Database(settings)
    try:
        yield Audit(database)
    finally:
        await database.close()


async def fill(audit: Audit, rows: int = ROWS) -> None:
    for n in range(rows):
        await audit.note(OLGA, "announcement.publish", f"a{n}", {"state": "draft"}, {"state": "live", "n": n})


async def unlock(audit: Audit) -> None:
    """Take away what keeps the rows from being changed, as somebody with the database's file could."""
    async with audit.database.write() as connection:
        for name in ("audit_no_update", "audit_no_delete"):
            await connection.execute(sa.text(f"DROP TRIGGER {name}"))


async def test_rows_are_as_they_were_written(audit: Audit) -> None:
    """Who, what, before and after; odd values keep their chain; nothing is broken."""
    await fill(audit)
    odd = {"at": datetime.now(UTC), "roles": ("a", "b"), "set": {2, 1}, "text": "\0\ud800 ż", "nan": float("nan")}
    await audit.note(OLGA, "user.add", "odd", odd, {})
    await audit.note(Who("a\nb" * 100, ()), "user.add", "s" * 300, {}, {"long": "x" * 30000})
    newest = (await audit.list(most=1))[0]

    assert await audit.verify() is None
    assert newest.n == ROWS + 2
    assert len(newest.who) == len(newest.subject) == 100
    assert "\n" not in newest.who
    assert newest.after["too_long"] > 30000
    found = await audit.list(who="OLG", what="announcement", subject="a1", most=2)
    assert [each.subject for each in found] == ["a11", "a10"]
    assert [each.n for each in await audit.list(before_n=3)] == [2, 1]


async def test_many_write_one_chain(audit: Audit) -> None:
    """Writers at once, from two connections: numbers without gaps, and the chain holds."""
    other = Audit(Database(audit.database.settings))
    try:
        await asyncio.gather(*(each.note(OLGA, "login", str(n)) for n in range(20) for each in (audit, other)))
    finally:
        await other.database.close()

    assert await audit.verify() is None
    assert [each.n for each in await audit.list(most=100)] == list(range(40, 0, -1))


@pytest.mark.parametrize("statement", ["UPDATE audit SET who = 'jan' WHERE n = 3", "DELETE FROM audit WHERE n = 3"])
async def test_the_database_itself_refuses(audit: Audit, statement: str) -> None:
    """Rows are only added: changing and deleting is refused by the database."""
    await fill(audit, 3)
    with pytest.raises(DatabaseError, match="only added"):
        async with audit.database.write() as connection:
            await connection.execute(sa.text(statement))


COLUMNS = {"at": "'2020-01-01 00:00:00.000000'", "who": "'jan'", "what": "'x'", "subject": "'x'", "before": "'{}'",
           "after": "'{\"a\": 1}'", "address": "'192.0.2.9'", "previous": "'x'", "hash": "'x'"}  # fmt: skip
TAMPERED = {
    **{f"{name} changed": (f'UPDATE audit SET "{name}" = {value} WHERE n = 5', 5) for name, value in COLUMNS.items()},
    "a row taken out": ("DELETE FROM audit WHERE n = 5", 5),
    "the first taken out": ("DELETE FROM audit WHERE n = 1", 1),
    "the last cut off": (f"DELETE FROM audit WHERE n = {ROWS}", ROWS),
    "all taken out": ("DELETE FROM audit", 1),
    "a row put in": (
        'INSERT INTO audit SELECT n + 1, at, who, what, subject, "before", "after", address, hash, hash FROM audit '
        f"WHERE n = {ROWS}",
        ROWS + 1,
    ),
    "two swapped": ("UPDATE audit SET n = CASE n WHEN 5 THEN -6 WHEN 6 THEN -5 ELSE n END", 1),
}


@pytest.mark.parametrize(("statement", "found"), TAMPERED.values(), ids=TAMPERED)
async def test_what_was_rewritten_is_found(audit: Audit, statement: str, found: int) -> None:
    """Any column, any row: `verify` names the first row that is not as it was."""
    await fill(audit)
    await unlock(audit)
    async with audit.database.write() as connection:
        await connection.execute(sa.text(statement))

    assert await audit.verify() == found
    assert db.audit.name == "audit"
