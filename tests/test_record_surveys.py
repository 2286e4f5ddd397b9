"""Answers to surveys: written with the record, never twice, and summed up."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from ivr import db
from ivr.call import Call
from ivr.cli import survey
from ivr.db import Database
from ivr.record.store import CallLog, Records
from ivr.record.surveys import Result, Surveys
from ivr.settings import Settings
from tests.support.desk import bring_back, desk_settings, opened, take_away

NOW = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return desk_settings(tmp_path)


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    async with opened(settings) as database:
        yield database


def begun(records: Records, call_id: str, at: datetime = NOW) -> CallLog:
    return records.begin(Call(call_id, "48601999888", "100", ""), at)


async def test_answers_are_stored_once_however_often_a_write_is_tried(settings: Settings, database: Database) -> None:
    """A database that is away delays them; they come with the record, and once."""
    records = Records(database)
    log = begun(records, "1.1")
    log.surveyed("after_talk", "survey_help", 5)
    take_away(settings)
    assert not await records._store(everything=True)
    bring_back(settings)
    await records._store(everything=True)
    log.answers_written = 0
    log.surveyed("after_talk", "survey_wait", 2)
    await records._store(everything=True)
    found = await Surveys(database).list()

    assert [("1.1", "survey_wait", 2), ("1.1", "survey_help", 5)] == [(a.call_id, a.question, a.points) for a in found]
    assert ["surveyed", "surveyed"] == [entry.event for entry in log.entries]


async def test_a_report(database: Database) -> None:
    """Each question of each survey: how many, the mean, how often each number of points."""
    records = Records(database)
    for n, points in enumerate((5, 5, 2)):
        begun(records, f"1.{n}").surveyed("a", "help", points)
    begun(records, "1.9").surveyed("b", "help", 1)
    begun(records, "0.1", NOW - timedelta(days=2)).surveyed("a", "help", 1)
    await records._store(everything=True)
    found = await Surveys(database).report(begin=NOW - timedelta(days=1), end=NOW + timedelta(days=1))

    assert (Result("a", "help", {2: 1, 5: 2}), Result("b", "help", {1: 1})) == found
    assert [4.0, 1.0] == [each.mean for each in found]


async def test_calls_of_a_number_are_counted(database: Database) -> None:
    """Since a moment, without the call that asks."""
    records = Records(database)
    for call_id, at in (("1.1", NOW), ("1.2", NOW - timedelta(hours=2)), ("1.3", NOW - timedelta(days=2))):
        begun(records, call_id, at)
    await records._store(everything=True)

    assert 1 == await records.count("+48601999888", NOW - timedelta(days=1), but="1.1")


def test_the_command(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tab separated for programs, JSON when asked; a period that is none is said."""
    monkeypatch.setattr(survey, "settings", lambda: settings)
    run: Callable[..., object] = lambda *words: CliRunner().invoke(survey.command, list(words))  # noqa: E731

    async def fill() -> None:
        async with opened(settings) as database:
            records = Records(database)
            begun(records, "1.1", datetime.now(UTC)).surveyed("a", "help", 4)
            await records._store(everything=True)

    db._alone(fill())
    report, listed = run("report", "--json"), run("list", "--since", "24h")

    assert [{"survey": "a", "question": "help", "answers": 1, "mean": 4.0, "points": {"4": 1}}] == json.loads(
        report.stdout
    )
    assert ["a", "help", "4", "", "1.1"] == listed.stdout.splitlines()[1].split("\t")[1:]
    assert "survey\tquestion\tanswers\tmean\tpoints given\na\thelp\t1\t4.00\t4: 1\n" == run("report").stdout
    assert "is no period" in str(run("report", "--since", "ever").exception)
