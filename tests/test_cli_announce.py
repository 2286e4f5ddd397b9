"""`ivr announce`: targets, times, the second question, approval, restoration and preview on the command line."""

from __future__ import annotations

import wave
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ivr.announce import preview as previewing
from ivr.announce import publish as publishing
from ivr.cli import announce, announce_desk, customers
from ivr.errors import InputError
from ivr.settings import Settings
from tests.support.desk import FakeMaker, desk_settings

WOLA = "pl/mazowieckie/warszawa/wola"
Run = Callable[..., Result]


class Wave(FakeMaker):
    """Also writes the sound a preview saves."""

    async def __call__(self, text: str, language: str, folder: Path) -> object:  # type: ignore[override]
        made = await super().__call__(text, language, folder)
        made.stem.with_suffix(".sln").write_bytes(b"\1\0" * 800)
        return made


@pytest.fixture
def conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings with a database of their own and five customers; no Redis."""
    conf = desk_settings(tmp_path)
    for module in (announce_desk, customers):
        monkeypatch.setattr(module, "settings", lambda: conf)
    for module in (publishing, previewing):
        monkeypatch.setattr(module, "spoken_maker", Wave)
    rows = "".join(f"+4822123456{n},A{n},{WOLA if n < 2 else 'pl/x'}/node-{n},normal\n" for n in range(5))
    (tmp_path / "customers.csv").write_text(f"number,account,area,class\n{rows}")
    assert 0 == CliRunner().invoke(customers.command, ["import", str(tmp_path / "customers.csv")]).exit_code
    return conf


@pytest.fixture
def run(conf: Settings) -> Run:
    return lambda *words: CliRunner().invoke(announce.command, list(words), catch_exceptions=True)


def test_every_target_can_be_given(run: Run, tmp_path: Path) -> None:
    """Repeated where several are meant; a list also from a file, with comments and other columns."""
    listed = tmp_path / "list.txt"
    listed.write_text("\ufeff+48 22 123 45 69 ; late\n\n# all of the street\nA4,x,y\n")
    posted = run("post", "--draft", "--text-en", "No internet.", "--area", WOLA, "--area", "pl/y", "--node", "node-3",
                 "--number", "A1", "--numbers-file", str(listed), "--prefix", "+4822", "--dnis", "100",
                 "--project", "provider", "--class", "normal", "--class", "vip")  # fmt: skip

    assert (
        f"for area {WOLA} or area pl/y or node node-3 or 3 listed customers or callers from +4822, number 100, "
        "project provider, normal or vip customers\n"
    ) in posted.stdout
    assert "concerns 4 of 5 customers" in posted.stdout
    assert "warning: no customer lives in pl/y" in posted.stderr


def test_many_are_asked_about(run: Run) -> None:
    """Without a terminal --yes is needed; nothing is kept otherwise."""
    refused = run("post", "--text-pl", "Awaria.", "--area", WOLA)
    listed = run("list")
    posted = run("post", "--text-pl", "Awaria.", "--area", WOLA, "--yes")

    assert isinstance(refused.exception, InputError)
    assert "this concerns 2 of 5 customers (40%); expected --yes when that is right" == str(refused.exception)
    assert 1 == len(listed.stdout.splitlines())
    assert "version 1: live" in posted.stdout


@pytest.mark.parametrize(("key", "done"), [("y\n", True), ("n\n", False)])
def test_on_a_terminal_it_asks(run: Run, monkeypatch: pytest.MonkeyPatch, key: str, done: bool) -> None:
    """Yes publishes, no changes nothing."""
    asked: list[str] = []

    def confirm(question: str) -> bool:
        asked.append(question)
        return key == "y\n"

    monkeypatch.setattr(announce_desk.click, "confirm", confirm)
    monkeypatch.setattr(announce_desk, "on_terminal", lambda: True)
    posted = run("post", "--text-pl", "Awaria.")

    assert ["this concerns 5 of 5 customers (100%). Put it on the phones?"] == asked
    assert done == ("version 1: live" in posted.stdout)
    assert done or "nothing was changed" == str(posted.exception)


def test_from_draft_to_restored(run: Run) -> None:
    """Each command says what holds now; the list says what time has made of it."""
    posted = run("post", "--draft", "--text-pl", "Awaria.", "--area", WOLA, "--service", "internet", "--eta-from",
                 "2098-01-01T18:00", "--eta", "2098-01-01T20:00", "--as-of", "--after", "offer")  # fmt: skip
    approved = run("approve", "last")
    live = run("publish", "last", "--yes")
    shown = run("show", "last").stdout
    changed = run("update", "last", "--eta-from", "unknown", "--no-as-of").stdout
    restored = run("restore", "last", "--text-pl", "Działa.", "--minutes", "30").stdout
    over = run("show", "last").stdout
    listed = run("list").stdout.splitlines()[1].split("\t")

    assert "expected end 2098-01-01 18:00 to 2098-01-01 20:00" in posted.stdout
    assert "version 2: approved, not yet on the phones" in approved.stdout
    assert "version 3: live" in live.stdout
    assert "od 18:00 do 20:00. Ostatnia aktualizacja o" in shown
    assert "after it the call may only offer" in shown
    assert "version 4: live" in changed
    assert "expected end 2098-01-01 20:00; " in changed
    assert "version 5: restored" in restored
    assert "  pl: Działa. (" in over
    assert "  en: The internet works again. Thank you for your patience. (" in over
    assert ["5", "restored"] == listed[1:3]


def test_planned_work_is_scheduled(run: Run) -> None:
    """Told from when it is heard; --starts now brings it on the phones at once."""
    posted = run("post", "--yes", "--kind", "planned", "--text-pl", "Prace.", "--starts", "2098-01-01T01:00", "--eta",
                 "2098-01-01T05:00")  # fmt: skip
    state = run("list").stdout.splitlines()[1].split("\t")[2]
    now = run("update", "last", "--starts", "now")

    assert "version 1: scheduled, heard from 2098-01-01 01:00" in posted.stdout
    assert "scheduled" == state
    assert "version 2: live" in now.stdout


def test_a_preview_tells_who_and_what(run: Run, tmp_path: Path) -> None:
    """Customers, calls, lengths; the audio on request."""
    run("post", "--draft", "--text-pl", "Awaria.", "--text-en", "Outage.", "--area", WOLA)
    told = run("preview", "last", "--save", str(tmp_path / "out"))
    name = told.stdout[:4]
    with wave.open(str(tmp_path / "out" / f"{name}-en.wav")) as file:
        frames = file.getnframes()

    assert "concerns 2 of 5 customers\n    +48*******60 normal, " in told.stdout
    assert "0 of the 0 calls of the last 24 hours would have heard it" in told.stdout
    assert "en: 5.7 s, voice fake: Outage. We do not know yet when the service will be back." in told.stdout
    assert "warning: no ru text" in told.stderr
    assert 800 == frames
