"""The SQL database: one async engine per process, and every table in one place.

SQLite by default, PostgreSQL by HOTLINE_DATABASE_URL; nothing here that either would not take. Only
`announce/store.py`, `record/store.py` and `desk/` write SQL; they go through `Database.read` and `write`.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from ivr.errors import ConfigError, DatabaseError, Finding
from ivr.settings import Settings

T = TypeVar("T")

BUSY_MS = 5000  # how long SQLite waits for another process's write
MIGRATIONS = Path(__file__).parent / "migrations"


class Moment(sa.TypeDecorator[datetime]):
    """A point in time: aware datetimes in, UTC datetimes out, on databases with and without time zones."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError(f"a time without zone was to be stored: {value}")
        return value and value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        return value and (value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC))


metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# What controllers keep in memory, by name; +1 in the same transaction as every change.
snapshot_version = sa.Table(
    "snapshot_version",
    metadata,
    sa.Column("name", sa.String(32), primary_key=True),
    sa.Column("version", sa.BigInteger, nullable=False),
)

# Every version of every announcement; rows are never changed. The newest version of an id is what holds.
announcement_version = sa.Table(
    "announcement_version",
    metadata,
    sa.Column("announcement_id", sa.String(16), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("state", sa.String(8), nullable=False),
    sa.Column("author", sa.String(100), nullable=False),
    sa.Column("at", Moment, nullable=False),
    sa.Column("target", sa.JSON, nullable=False),
    sa.Column("service", sa.String(40), nullable=False),
    sa.Column("texts", sa.JSON, nullable=False),
    sa.Column("eta", Moment, nullable=True),
    sa.Column("until", Moment, nullable=False, index=True),
    sa.Column("clips", sa.JSON, nullable=False),
    sa.Column("kind", sa.String(8), nullable=False, server_default="outage"),
)

customer = sa.Table(
    "customer",
    metadata,
    sa.Column("number", sa.String(20), primary_key=True),
    sa.Column("account", sa.String(40), nullable=False, index=True),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("area", sa.String(200), nullable=False, index=True),
    sa.Column("language", sa.String(8), nullable=False),
    sa.Column("class", sa.String(16), nullable=False),
    sa.Column("postcode", sa.String(20), nullable=False, server_default=""),
)

agent = sa.Table(
    "agent",
    metadata,
    sa.Column("agent_id", sa.String(40), primary_key=True),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("endpoint", sa.String(40), nullable=False, unique=True),
    sa.Column("sip_password", sa.String(80), nullable=False),
    sa.Column("pin_hash", sa.String(200), nullable=False),
    sa.Column("skills", sa.JSON, nullable=False),
    sa.Column("ring_s", sa.Integer, nullable=False),
    sa.Column("wrap_up_s", sa.Integer, nullable=False),
    sa.Column("added_at", Moment, nullable=False),
    sa.Column("projects", sa.JSON, nullable=False, server_default="[]"),
    sa.Column("languages", sa.JSON, nullable=False, server_default="[]"),
    sa.Column("roster", sa.String(400), nullable=False, server_default=""),
)

# One row per call; ended_at is NULL while it lives, and for ever when its end was not seen.
call = sa.Table(
    "call",
    metadata,
    sa.Column("call_id", sa.String(80), primary_key=True),
    sa.Column("ani", sa.String(40), nullable=False, index=True),
    sa.Column("dnis", sa.String(40), nullable=False),
    sa.Column("project", sa.String(40), nullable=False),
    sa.Column("flow", sa.String(80), nullable=False),
    sa.Column("flow_version", sa.String(40), nullable=False),
    sa.Column("language", sa.String(8), nullable=False),
    sa.Column("started_at", Moment, nullable=False, index=True),
    sa.Column("ended_at", Moment, nullable=True),
    sa.Column("queue", sa.String(80), nullable=False),
    sa.Column("wait_ms", sa.Integer, nullable=True),
    sa.Column("agent_id", sa.String(40), nullable=False),
    sa.Column("offers", sa.Integer, nullable=False),
    sa.Column("talk_ms", sa.Integer, nullable=True),
    sa.Column("announcements", sa.JSON, nullable=False),
    sa.Column("disposition", sa.String(16), nullable=False),
    sa.Column("end_reason", sa.String(200), nullable=False),
)

# Why each call went as it did. part  when the controller that wrote it took the call, epoch ms: a call
# taken over by a second controller has two parts.  n  place within the part.  at_ms  epoch ms.
call_trace = sa.Table(
    "call_trace",
    metadata,
    sa.Column("call_id", sa.String(80), primary_key=True),
    sa.Column("part", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("n", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
    sa.Column("step", sa.String(80), nullable=False),
    sa.Column("event", sa.String(20), nullable=False),
    sa.Column("detail", sa.JSON, nullable=False),
)

# Callers who left the line and are called back at their place. entered_ms  first entry in the line.  due_ms  not
# dialled before, epoch ms.  holder  the controller whose task it is, '' for nobody; beat  counts its signs of life.
callback = sa.Table(
    "callback",
    metadata,
    sa.Column("callback_id", sa.String(40), primary_key=True),
    sa.Column("number", sa.String(20), nullable=False),
    sa.Column("dnis", sa.String(40), nullable=False),
    sa.Column("queue", sa.String(80), nullable=False),
    sa.Column("language", sa.String(8), nullable=False),
    sa.Column("call_id", sa.String(80), nullable=False),
    sa.Column("entered_ms", sa.BigInteger, nullable=False),
    sa.Column("booked_at", Moment, nullable=False),
    sa.Column("state", sa.String(12), nullable=False, index=True),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("due_ms", sa.BigInteger, nullable=False),
    sa.Column("tried_at", Moment, nullable=True),
    sa.Column("holder", sa.String(80), nullable=False),
    sa.Column("beat", sa.Integer, nullable=False),
    sa.Column("outcome", sa.String(16), nullable=False),
    sa.Column("closed_at", Moment, nullable=True),
)

# Messages callers left instead of waiting. file  below the var folder.
message = sa.Table(
    "message",
    metadata,
    sa.Column("message_id", sa.String(16), primary_key=True),
    sa.Column("call_id", sa.String(80), nullable=False),
    sa.Column("number", sa.String(40), nullable=False),
    sa.Column("queue", sa.String(80), nullable=False),
    sa.Column("language", sa.String(8), nullable=False),
    sa.Column("file", sa.String(200), nullable=False),
    sa.Column("length_ms", sa.Integer, nullable=False),
    sa.Column("left_at", Moment, nullable=False, index=True),
    sa.Column("done_at", Moment, nullable=True),
)

# What callers answered to the questions of a survey. part, n  as in call_trace.  question  its prompt.
survey_answer = sa.Table(
    "survey_answer",
    metadata,
    sa.Column("call_id", sa.String(80), primary_key=True),
    sa.Column("part", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("n", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("survey", sa.String(40), nullable=False),
    sa.Column("question", sa.String(80), nullable=False),
    sa.Column("points", sa.Integer, nullable=False),
    sa.Column("at", Moment, nullable=False, index=True),
)

# Every set of call flows that was ever live. version  as Dialplans.version.  content  zlib-compressed JSON: its files,
# and the prompts that existed then.
dialplan_version = sa.Table(
    "dialplan_version",
    metadata,
    sa.Column("version", sa.String(40), primary_key=True),
    sa.Column("at", Moment, nullable=False),
    sa.Column("author", sa.String(100), nullable=False),
    sa.Column("note", sa.String(400), nullable=False),
    sa.Column("content", sa.LargeBinary, nullable=False),
)

# Which of them calls follow; rows are only added, the last one holds. canary  the version `share` percent of new calls
# try, or which just ceased to be tried (state).  prompts, canary_prompts  versions of the prompt index.
dialplan_live = sa.Table(
    "dialplan_live",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("state", sa.String(12), nullable=False),
    sa.Column("version", sa.String(40), nullable=False),
    sa.Column("prompts", sa.String(40), nullable=False),
    sa.Column("canary", sa.String(40), nullable=False),
    sa.Column("canary_prompts", sa.String(40), nullable=False),
    sa.Column("share", sa.Float, nullable=False),
    sa.Column("at", Moment, nullable=False),
    sa.Column("by", sa.String(100), nullable=False),
    sa.Column("why", sa.String(400), nullable=False),
)


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
