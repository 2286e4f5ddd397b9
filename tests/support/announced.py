"""Announcements that were heard: rows as calls leave them, sounds as people record them, a voice that only beeps."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import sqlalchemy as sa

from ivr import db
from ivr.db import Database
from ivr.speech import audio
from tests.support.desk import NOW

SECOND = 8000  # samples
PUBLISHED = NOW - timedelta(hours=10)
TEXT = {"pl": "Awaria."}


def call_row(call_id: str, ani: str, started: datetime, **values: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "call_id": call_id, "ani": ani, "dnis": "100", "project": "", "flow": "main", "flow_version": "", "language":
        "pl", "started_at": started, "ended_at": started + timedelta(seconds=30), "queue": "", "wait_ms": None,
        "agent_id": "", "offers": 0, "talk_ms": None, "announcements": [], "disposition": "announced", "end_reason": "",
    }  # fmt: skip
    return {**row, **values}


def hearing_row(call_id: str, caller: str, n: int = 0, **values: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "call_id": call_id, "part": 1, "n": n, "announcement_id": "a1", "version": 1, "caller": caller, "account": "",
        "area": "", "at": PUBLISHED + timedelta(seconds=5), "where": "menu", "length_ms": 10_000, "heard_ms": 10_000,
        "key": "", "outcome": "ended", "nth": 1,
    }  # fmt: skip
    return {**row, **values}


def version_row(version: int, at: datetime, state: str = "live", **target: Any) -> dict[str, Any]:
    return {"announcement_id": "a1", "version": version, "state": state, "author": "ops", "at": at, "target": target,
            "service": "", "texts": TEXT, "until": NOW + timedelta(days=1), "clips": {}}  # fmt: skip


def opt_in_row(number: str, outcome: str = "") -> dict[str, Any]:
    return {
        "opt_in_id": f"o{number}", "announcement_id": "a1", "number": number, "account": "", "area": "", "language":
        "pl", "dnis": "100", "call_id": "", "at": NOW, "state": "done" if outcome else "waiting", "attempts": 0,
        "due_ms": 0, "holder": "", "beat": 0, "outcome": outcome,
    }  # fmt: skip


async def fill(database: Database, **tables: list[dict[str, Any]]) -> None:
    async with database.write() as connection:
        for name, rows in tables.items():
            if rows:
                await connection.execute(sa.insert(db.metadata.tables[name]), rows)


def tone(seconds: float, channels: int = 1, rate: int = SECOND, kind: str = "WAV") -> bytes:
    out = io.BytesIO()
    one = 0.3 * np.sin(np.arange(int(seconds * rate)) * 440 * 2 * np.pi / rate)
    soundfile.write(out, np.stack([one] * channels, axis=1), rate, format=kind)
    return out.getvalue()


@dataclass
class Spoken:
    """What a maker returns."""

    stem: Path
    seconds: float
    voice: str = "test"


class Beeper:
    """A maker whose clips are named by their hash, as those of the real voices are; a second for 15 letters."""

    async def __call__(self, text: str, language: str, folder: Path) -> Spoken:
        seconds = len(text) / 15
        stem = folder / f"{language}-{hashlib.sha256(text.encode()).hexdigest()[:20]}"
        audio.write(np.full(int(seconds * SECOND), 0.1), stem)
        return Spoken(stem, seconds)
