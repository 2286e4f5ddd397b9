"""`ivr dialplan replay`: what it says when no call can be led again. ivr/cli/dialplan_replay.py."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ivr.call import Call
from ivr.cli import dialplan_replay as module
from ivr.record.store import Records
from ivr.settings import Settings
from tests.support.desk import opened
from tests.support.versions import spoil, versions_settings, write


@pytest.fixture
def conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    conf = versions_settings(tmp_path)
    monkeypatch.setattr(module, "settings", lambda: conf)
    write(conf)
    return conf


def run(conf: Settings, *words: str) -> Result:
    return CliRunner().invoke(module.command, [str(conf.dialplans_dir), *words])


def called(conf: Settings, days_ago: int, dialled: str) -> None:
    """Record a call that is over."""

    async def main() -> None:
        async with opened(conf) as database:
            records = Records(database)
            at = datetime.now(UTC) - timedelta(days=days_ago)
            records.begin(Call(f"1.{days_ago}", "", dialled, ""), at, flow_version="x").finish("closed")
            await records.flush()

    asyncio.run(main())


def test_without_calls_it_says_where_there_are_some(conf: Settings) -> None:
    """The shortest of the usual periods; of the number asked for."""
    nothing = run(conf).stdout
    called(conf, 3, "100")
    called(conf, 20, "101")

    assert "no call in the last 24 h\n" == nothing
    assert "no call in the last 24 h; 1 call in the last 7 d: --since 7d\n" == run(conf).stdout
    assert (
        "no call of number 101 in the last 24 h; 1 call in the last 30 d: --since 30d\n"
        == run(conf, "--number", "101").stdout
    )


def test_mistakes_in_the_draft_are_marked(conf: Settings) -> None:
    """As `check` shows them."""
    spoil(conf)
    done = run(conf)

    assert 1 == done.exit_code
    assert "^^^^^" in done.stderr
    assert "1 file" in done.stderr.splitlines()[-1]
