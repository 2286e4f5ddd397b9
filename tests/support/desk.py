"""A database of its own and a clip maker without voices, for tests of announcements, customers and records."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from ivr import db
from ivr.errors import SpeechError
from ivr.settings import Settings, load

NOW = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)  # 15:00 in Warsaw


def desk_settings(folder: Path, **values: object) -> Settings:
    """Return settings whose database and files are in `folder`; its tables exist."""
    settings = load(
        var=folder, database_url=f"sqlite+aiosqlite:///{folder / 'hotline.db'}", timezone="Europe/Warsaw",
        country_code="48", default_language="pl", redis_port=1, **values,
    )  # fmt: skip
    (folder / "hotline.db").write_bytes(_migrated())
    return settings


@lru_cache(maxsize=1)
def _migrated() -> bytes:
    """Return an empty database with every table; the migrations are run once for all tests."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "hotline.db"
        db.upgrade(load(var=Path(folder), database_url=f"sqlite+aiosqlite:///{file}"))
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("PRAGMA journal_mode=DELETE")
        return file.read_bytes()


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[db.Database]:
    """Give a database that is closed afterwards."""
    database = db.Database(settings)
    try:
        yield database
    finally:
        await database.close()


def take_away(settings: Settings) -> None:
    """Put a folder where the database was: it cannot be opened."""
    file = settings.var_dir / "hotline.db"
    file.rename(file.with_name("away"))
    file.mkdir()


def bring_back(settings: Settings) -> None:
    """Undo `take_away`."""
    file = settings.var_dir / "hotline.db"
    file.rmdir()
    file.with_name("away").rename(file)


@dataclass(frozen=True)
class FakeClip:
    stem: Path
    seconds: float
    voice: str = "fake"


@dataclass
class FakeMaker:
    """Speaks at once, a tenth of a second a letter; remembers what it was asked to say. fails  at the n-th clip."""

    said: list[tuple[str, str]] = field(default_factory=list)
    fails: int = 0
    silent: bool = False

    async def __call__(self, text: str, language: str, folder: Path) -> FakeClip:
        self.said.append((language, text))
        if len(self.said) == self.fails:
            raise SpeechError("no voice could speak it")
        stem = folder / f"{language}-{len(self.said)}"
        if not self.silent:
            stem.with_suffix(".ulaw").write_bytes(b"\xff" * 800)
        return FakeClip(stem, len(text) / 10)
