"""The database: migrations agree with the tables, transactions are whole, errors are clear."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from ivr import db
from ivr.errors import ConfigError, DatabaseError
from ivr.settings import Settings, load
from ivr.tables.base import Moment


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load(database_url=f"sqlite+aiosqlite:///{tmp_path / 'x' / 'hotline.db'}", var=tmp_path)


def inspect(settings: Settings, ask):  # type: ignore[no-untyped-def]
    engine = sa.create_engine(settings.database_address.replace("+aiosqlite", ""))
    try:
        with engine.connect() as connection:
            return ask(connection)
    finally:
        engine.dispose()


def test_migrations_build_the_tables_the_code_uses(settings: Settings) -> None:
    """Nothing differs between the models and a database made by the migrations."""
    db.upgrade(settings)

    differences = inspect(settings, lambda c: compare_metadata(MigrationContext.configure(c), db.metadata))

    assert [] == differences


def test_upgrade_can_be_repeated_and_taken_back(settings: Settings) -> None:
    """Upgrade twice, downgrade to nothing, upgrade again."""
    db.upgrade(settings)
    db.upgrade(settings)
    db.downgrade(settings, "base")
    left = inspect(settings, lambda c: sa.inspect(c).get_table_names())
    db.upgrade(settings)
    again = inspect(settings, lambda c: sa.inspect(c).get_table_names())

    assert ["alembic_version"] == left
    assert set(db.metadata.tables) | {"alembic_version"} == set(again)


def test_agents_of_an_older_database_stay(settings: Settings) -> None:
    """Revision 0002 gives them no project, no language and any hour; going back keeps them as well."""
    insert = (
        "INSERT INTO agent (agent_id, name, endpoint, sip_password, pin_hash, skills, ring_s, wrap_up_s, added_at) "
        "VALUES ('anna', 'Anna', 'a1', 's', 'h', '{\"tv\": 5}', 20, 10, '2026-01-01 00:00:00')"
    )
    db.upgrade(settings, "0001")
    inspect(settings, lambda c: (c.exec_driver_sql(insert), c.commit()))
    db.upgrade(settings)
    row = inspect(settings, lambda c: c.execute(sa.select(db.agent)).one())
    db.downgrade(settings, "0001")
    left = inspect(settings, lambda c: c.exec_driver_sql("SELECT * FROM agent").one())

    assert ("anna", {"tv": 5}, [], [], "") == (row.agent_id, row.skills, row.projects, row.languages, row.roster)
    assert ("anna", 9) == (left[0], len(left))


async def test_upgrade_works_inside_a_running_loop(settings: Settings) -> None:
    """Set-up code may be called from async code."""
    db.upgrade(settings)

    assert "customer" in inspect(settings, lambda c: sa.inspect(c).get_table_names())


def test_a_database_of_a_newer_hotline_is_refused(settings: Settings) -> None:
    """An unknown revision is a clear ConfigError."""
    db.upgrade(settings)
    engine = sa.create_engine(settings.database_address.replace("+aiosqlite", ""))
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()

    with pytest.raises(ConfigError, match="made by this or an older Hotline"):
        db.upgrade(settings)


async def test_a_missing_table_says_what_to_do(settings: Settings) -> None:
    """Without set-up the error names the database and the command."""
    database = db.Database(settings)
    try:
        with pytest.raises(DatabaseError, match="run `ivr setup`"):
            async with database.read() as connection:
                await connection.execute(sa.select(db.customer))
    finally:
        await database.close()


async def test_two_processes_bump_a_version_without_losing_one(settings: Settings) -> None:
    """Concurrent writers wait for each other; each adds exactly 1."""
    db.upgrade(settings)
    one, two = db.Database(settings), db.Database(settings)

    async def bump(database: db.Database) -> None:
        for _ in range(10):
            async with database.write() as connection:
                await db.bump(connection, "announcements")

    try:
        await asyncio.gather(bump(one), bump(two))
        async with one.read() as connection:
            found = await db.versions(connection, ["announcements", "customers"])
    finally:
        await one.close()
        await two.close()

    assert {"announcements": 20, "customers": 0} == found


async def fail_half_way(database: db.Database) -> None:
    async with database.write() as connection:
        await db.bump(connection, "customers")
        raise ZeroDivisionError


async def test_a_failed_transaction_changes_nothing(settings: Settings) -> None:
    """An exception takes back what was written before it."""
    db.upgrade(settings)
    database = db.Database(settings)
    try:
        with pytest.raises(ZeroDivisionError):
            await fail_half_way(database)
        async with database.read() as connection:
            after = await db.version(connection, "customers")
    finally:
        await database.close()

    assert 0 == after


def test_times_come_back_in_utc_and_need_a_zone() -> None:
    """A Moment is stored as UTC; a time without zone is a mistake."""
    moment, dialect = Moment(), sa.create_engine("sqlite://").dialect
    warsaw = datetime(2026, 11, 23, 18, 30, tzinfo=timezone(timedelta(hours=1)))

    assert datetime(2026, 11, 23, 17, 30, tzinfo=UTC) == moment.process_bind_param(warsaw, dialect)
    assert UTC == moment.process_result_value(datetime(2026, 1, 1), dialect).tzinfo  # type: ignore[union-attr]
    with pytest.raises(ValueError, match="without zone"):
        moment.process_bind_param(datetime(2026, 1, 1), dialect)
