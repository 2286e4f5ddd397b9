"""The SQL database: one async engine per process, and every table by its name (they are declared in `ivr/tables/`).

SQLite by default, PostgreSQL by HOTLINE_DATABASE_URL; nothing here that either would not take. Only
`announce/store.py`, `record/store.py` and `desk/` write SQL; they go through `Database.read` and `write`.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from ivr.errors import ConfigError, DatabaseError, Finding
from ivr.settings import Settings
from ivr.tables.access import api_token, audit, user, web_session
from ivr.tables.announcements import announcement_version, hearing, opt_in
from ivr.tables.base import metadata, snapshot_version
from ivr.tables.calls import call, call_trace
from ivr.tables.desk import agent, callback, customer, message, survey_answer
from ivr.tables.dialplans import dialplan_live, dialplan_version

__all__ = [
    "Database",
    "agent",
    "announcement_version",
    "api_token",
    "audit",
    "bump",
    "call",
    "call_trace",
    "callback",
    "customer",
    "dialplan_live",
    "dialplan_version",
    "downgrade",
    "hearing",
    "make_engine",
    "message",
    "metadata",
    "migrate",
    "opt_in",
    "snapshot_version",
    "survey_answer",
    "to_the_end",
    "upgrade",
    "upsert",
    "user",
    "version",
    "versions",
    "web_session",
]

T = TypeVar("T")

BUSY_MS = 5000  # how long SQLite waits for another process's write
MIGRATIONS = Path(__file__).parent / "migrations"


class Database:
    """Transactions on the settings' database. SQL errors leave as DatabaseError, cause kept."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.address, self.engine = _open(settings)
        self.writer = self.engine.execution_options(hotline_write=True)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """Give a connection that sees one state of the database."""
        async with self._transaction(self.engine) as connection:
            yield connection

    @asynccontextmanager
    async def write(self, *, create: bool = False) -> AsyncIterator[AsyncConnection]:
        """Give a connection that changes the database: all of it or, after an exception, nothing.

        create  make an SQLite file that is not there; else its absence is an error.
        """
        async with self._transaction(self.writer, create=create) as connection:
            yield connection

    @asynccontextmanager
    async def _transaction(self, engine: AsyncEngine, *, create: bool = False) -> AsyncIterator[AsyncConnection]:
        try:
            self._look_for_file(create)
            async with engine.begin() as connection:
                yield connection
        except (SQLAlchemyError, OSError) as error:
            raise DatabaseError(self._explain(error)) from error

    def _look_for_file(self, create: bool) -> None:
        name = self.address.database
        if self.address.get_backend_name() == "sqlite" and name and name != ":memory:":
            if create:
                Path(name).parent.mkdir(parents=True, exist_ok=True)
            elif not Path(name).exists():
                raise FileNotFoundError("no such file")
            if Path(name).is_dir():  # asked here: a driver whose connecting failed leaves its thread behind
                raise IsADirectoryError("unable to open database file: it is a folder")

    def _explain(self, error: Exception) -> str:
        text = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        lacks = "no such table" in text or "does not exist" in text or text == "no such file"
        old = "no such column" in text or "has no column" in text
        hint = "; run `ivr setup` to create its tables" if lacks else "; run `ivr setup` once more" if old else ""
        return f"the database {self.address.render_as_string()} cannot be used: {text}{hint}"

    async def close(self) -> None:
        """Close every connection."""
        await self.engine.dispose()


def _open(settings: Settings) -> tuple[sa.URL, AsyncEngine]:
    """Return the settings' address and an engine for it. Raises ConfigError for an address that cannot be right."""
    try:
        address = sa.make_url(settings.database_address)
        return address, make_engine(address)
    except (SQLAlchemyError, ImportError, ValueError) as error:
        expected = "an address such as postgresql+asyncpg://user@host/name, its driver installed"
        wrong = " ".join(str(error).split()).partition(" (Background")[0]
        raise ConfigError(Finding(Path("environment"), None, "HOTLINE_DATABASE_URL", wrong, expected)) from error


async def to_the_end(work: Coroutine[Any, Any, T]) -> T:
    """Await `work`; a cancellation meanwhile waits for its end, so that no connection is left half-way."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


def make_engine(address: sa.URL) -> AsyncEngine:
    """Return an engine; for SQLite with write-ahead log, bounded waits, honest transactions."""
    if address.get_backend_name() != "sqlite":
        return create_async_engine(address, pool_pre_ping=True, pool_timeout=5)
    engine = create_async_engine(address, connect_args={"timeout": BUSY_MS / 1000})
    sa.event.listen(engine.sync_engine, "connect", _set_pragmas)
    sa.event.listen(engine.sync_engine, "begin", _begin)
    return engine


def _set_pragmas(connection: Any, _entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # SQLAlchemy's BEGIN counts, not the driver's own idea of when to begin
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", f"busy_timeout={BUSY_MS}", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get("hotline_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def upsert(connection: AsyncConnection, table: sa.Table, *, keep: bool = False) -> sa.Executable:
    """Return an INSERT of whole rows that replaces the row of the same key, or leaves it when `keep`."""
    postgres = connection.dialect.name == "postgresql"
    insert: Any = postgresql.insert(table) if postgres else sqlite.insert(table)
    keys = [column.name for column in table.primary_key]
    if keep:
        nothing: sa.Executable = insert.on_conflict_do_nothing(index_elements=keys)
        return nothing
    others = {name: insert.excluded[name] for name in table.columns.keys() if name not in keys}  # noqa: SIM118
    update: sa.Executable = insert.on_conflict_do_update(index_elements=keys, set_=others)
    return update


async def bump(connection: AsyncConnection, name: str) -> int:
    """Add 1 to the version of the snapshot `name`, in the caller's transaction; return it."""
    row = snapshot_version.c
    changed = await connection.execute(
        sa.update(snapshot_version).where(row.name == name).values(version=row.version + 1)
    )
    if changed.rowcount == 0:
        await connection.execute(sa.insert(snapshot_version).values(name=name, version=1))
    return await version(connection, name)


async def version(connection: AsyncConnection, name: str) -> int:
    """Return the version of the snapshot `name`, 0 before its first change."""
    return (await versions(connection, [name]))[name]


async def versions(connection: AsyncConnection, names: Iterable[str]) -> dict[str, int]:
    """Return the versions of several snapshots in one query."""
    wanted = snapshot_version.c.name.in_(list(names))
    rows = await connection.execute(sa.select(snapshot_version).where(wanted))
    found = {row.name: int(row.version) for row in rows}
    return {name: found.get(name, 0) for name in names}


def upgrade(settings: Settings, revision: str = "head") -> None:
    """Bring the database's tables to `revision`, quietly; safe to repeat. Works inside a running loop, too.

    Raises ConfigError when the database was made by a newer Hotline, DatabaseError when it cannot be used.
    """
    _alone(migrate(settings, "upgrade", revision))


def downgrade(settings: Settings, revision: str) -> None:
    """Take the database's tables back to `revision` (`base`: none)."""
    _alone(migrate(settings, "downgrade", revision))


async def migrate(settings: Settings, direction: str, revision: str) -> None:
    """Run Alembic's `upgrade` or `downgrade` on one connection of its own."""
    from alembic import command
    from alembic.config import Config
    from alembic.util.exc import CommandError

    def run(connection: sa.Connection) -> None:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        getattr(command, direction)(config, revision)

    database = Database(settings)
    try:
        async with database.write(create=True) as connection:
            await connection.run_sync(run)
    except CommandError as error:
        wrong = f"its tables cannot be brought up to date: {error}"
        expected = "a database made by this or an older Hotline"
        place = Path(database.address.database or "")
        raise ConfigError(Finding(place, None, "database", wrong, expected)) from error
    finally:
        await database.close()


def _alone(work: Any) -> None:
    """Run a coroutine to its end, in a thread of its own when this one has a running loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        asyncio.run(work)
        return
    failed: list[BaseException] = []

    def run() -> None:
        try:
            asyncio.run(work)
        except BaseException as error:  # noqa: BLE001 - handed to the caller below
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
