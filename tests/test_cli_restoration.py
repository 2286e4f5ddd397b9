"""`ivr restoration`: what it prints, and what it refuses."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ivr import errors
from ivr.cli import restoration
from ivr.desk.opt_ins import OptIns
from ivr.settings import Settings
from tests.support.desk import NOW, desk_settings, opened

NUMBERS = ("+48601999888", "+48601999777", "+48601999666")


@pytest.fixture
def conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    conf = desk_settings(tmp_path)
    monkeypatch.setattr(restoration, "settings", lambda: conf)
    in_store(conf, _wishes)
    return conf


async def _wishes(store: OptIns) -> None:
    for number in NUMBERS:
        await store.add(
            "a1b2", number, account="", area="pl/wola", language="pl", dnis="100", call_id="1", now=NOW
        )


def in_store(conf: Settings, work: Callable[[OptIns], Awaitable[object]]) -> None:
    async def main() -> None:
        async with opened(conf) as database:
            await work(OptIns(database))

    asyncio.run(main())


def run(*words: str) -> Result:
    return CliRunner().invoke(restoration.command, list(words))


def test_figures_and_customers(conf: Settings) -> None:
    """Numbers are masked unless they are to be seen; what became of each is told in words."""

    async def told(store: OptIns) -> None:
        await store.release("a1b2", NOW)
        held = await store.claim("one", NOW, per_minute=9, at_once=9)
        assert held
        await store.settle(held, "one", "still_out", NOW)
        held = await store.claim("one", NOW, per_minute=9, at_once=9)
        assert held
        await store.again(held, "one", "busy", int(NOW.timestamp() * 1000))

    in_store(conf, told)
    listed, shown = run("list").stdout.splitlines(), run("show", "a1b2").stdout
    revealed = run("show", "a1b2", "--reveal").stdout

    assert listed[1] == "a1b2\t3\t0\t2\t1\t0\t1\t0\t0"
    assert shown.splitlines()[0].startswith("opted in 3, waiting 0, due 2, reached 1, works 0, still out 1")
    assert "says that it is still out" in shown
    assert "was busy, again from 23.11. 15:00:00" in shown
    assert "is due to be called" in shown
    assert "+48*******88" in shown
    assert not any(number in shown for number in NUMBERS)
    assert all(number in revealed for number in NUMBERS)


def test_started_stopped_and_called_off(conf: Settings) -> None:
    """An announcement that ended without being restored; news that were wrong; one who does not want it any more."""
    started, stopped = run("start", "a1b2").stdout, run("stop", "a1b2").stdout
    one, rest = run("cancel", NUMBERS[0]).stdout, run("cancel", "a1b2").stdout

    assert (started, stopped) == ("3 customers are due to be told\n", "3 customers wait again\n")
    assert one == "+48*******88 will not be told about a1b2\n"
    assert len(rest.splitlines()) == 2
    assert run("list").stdout.splitlines()[1] == "a1b2\t3\t0\t0\t0\t0\t0\t0\t3"


@pytest.mark.parametrize("words", [("show", "a1b3"), ("start", "a1b3"), ("stop", "a1b3"), ("cancel", "a1b3")])
@pytest.mark.usefixtures("conf")
def test_what_is_not_there_is_named(words: tuple[str, ...]) -> None:
    """With the nearest that is."""
    refused = run(*words)

    assert isinstance(refused.exception, errors.InputError)
    assert "did you mean 'a1b2'?" in str(refused.exception)
