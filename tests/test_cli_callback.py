"""`ivr callback` and `ivr message`: what they print, and what they refuse."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ivr import errors
from ivr.cli import callback, message
from ivr.db import Database
from ivr.desk.callbacks import CallBack, CallBacks
from ivr.desk.messages import Message, Messages
from ivr.settings import Settings
from tests.support.desk import NOW, desk_settings, opened

NUMBER = "+48601999888"
MODULES = {"callback": callback, "message": message}


@pytest.fixture
def conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    conf = desk_settings(tmp_path)
    for module in MODULES.values():
        monkeypatch.setattr(module, "settings", lambda: conf)
    return conf


def run(*words: str) -> Result:
    return CliRunner().invoke(MODULES[words[0]].command, list(words[1:]))


def in_database(conf: Settings, work: Callable[[Database], Awaitable[object]]) -> None:
    async def main() -> None:
        async with opened(conf) as database:
            await work(database)

    asyncio.run(main())


def test_call_backs_are_listed_and_cancelled(conf: Settings) -> None:
    """Numbers are masked; what became of one is told in words."""
    row = CallBack("cb-1", NUMBER, "100", "support", "pl", "1.1", int(NOW.timestamp() * 1000), NOW, holder="one")
    in_database(conf, lambda database: CallBacks(database).book(row))
    listed, revealed = run("callback", "list"), run("callback", "list", "--reveal")
    cancelled = run("callback", "cancel", NUMBER)
    empty, after = run("callback", "list"), run("callback", "list", "--all")

    assert listed.stdout.splitlines()[1] == "cb-1\t+48*******88\tsupport\t23.11. 15:00:00\t0\twaits in line"
    assert NUMBER in revealed.stdout
    assert cancelled.stdout == "+48*******88 will not be called back\n"
    assert len(empty.stdout.splitlines()) == 1
    assert after.stdout.splitlines()[1].endswith("cancelled by hand")


def test_what_is_not_there_is_named(conf: Settings) -> None:
    """One line, with the nearest that is."""
    row = CallBack("cb-1", NUMBER, "100", "support", "pl", "1.1", 1000, NOW)
    in_database(conf, lambda database: CallBacks(database).book(row))
    wrong = run("callback", "cancel", "+48601999880")
    none = run("message", "done", "abcd")

    assert isinstance(wrong.exception, errors.InputError)
    assert f"did you mean '{NUMBER}'" in str(wrong.exception)
    assert "no messages are 'abcd'" in str(none.exception)


def test_messages_are_listed_played_and_done(conf: Settings) -> None:
    """`play` prints the file and nothing else, for a player."""
    left = Message("0a1b2c3d", "1.1", "", "support", "pl", "messages/2026-11/23-150000-0a1b2c3d.wav", 4200, NOW)
    in_database(conf, lambda database: Messages(database).add(left))
    listed, played, done = run("message", "list"), run("message", "play", "last"), run("message", "done", "0a1b")
    after, everything = run("message", "list"), run("message", "list", "--all")

    assert listed.stdout.splitlines()[1] == "0a1b2c3d\twithheld\tsupport\tpl\t23.11. 15:00\t4\t"
    assert played.stdout == f"{conf.var_dir / left.file}\n"
    assert done.stdout == "message 0a1b2c3d is done\n"
    assert len(after.stdout.splitlines()) == 1
    assert "0a1b2c3d" in everything.stdout
