"""`ivr dialplan try` as a person uses it: the program itself in a terminal."""

from __future__ import annotations

import os
import signal
import sys
import tomllib
import wave
from collections.abc import Mapping
from pathlib import Path

import pytest

from ivr.settings import PROJECT
from tests.support.terminal import Terminal

IVR = [sys.executable, "-m", "ivr", "dialplan", "try"]


@pytest.fixture
def environment(tmp_path: Path) -> Mapping[str, str]:
    """A hotline of its own, with a caption of no colours."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HOTLINE_")}
    return kept | {"HOTLINE_VAR": str(tmp_path), "TERM": "xterm", "PYTHONPATH": str(PROJECT), "LC_ALL": "C.UTF-8"}


def test_a_call_from_welcome_to_hang_up(tmp_path: Path, environment: Mapping[str, str]) -> None:
    """Words in three alphabets, a key in the middle of them, time moved to Christmas, the end, files, terminal back."""
    argv = [*IVR, "100", "--announce", "Brak internetu na Woli: łącze, Łódź, щит.", "--at", "2026-11-23T10:00"]
    with Terminal([*argv, "--save", str(tmp_path / "call.wav")], environment) as terminal:
        terminal.wait_for("0-9 * # keys")
        terminal.wait_for("“Dzień dobry")
        terminal.wait_for("łącze, Łódź, щит")
        terminal.type("3")
        assert "(cut off)" in terminal.wait_for("▸ presses 3")
        terminal.wait_for("naciśnij 1")
        terminal.type("t")
        terminal.wait_for("move to (+10m, 18:00, 2026-12-25T10:00):")
        terminal.type("2026-12-25T10:00\n")
        terminal.wait_for("time: Friday 2026-12-25 10:00")
        terminal.wait_for("“Awaria")
        terminal.type("f")
        assert "hours office" in terminal.wait_for("closed until Mon 2026-12-28 08:00")
        terminal.wait_for("“Awaria")
        terminal.type("2")
        terminal.wait_for("hours: office: closed")
        terminal.type(" ")
        terminal.wait_for("closed: called outside opening hours")
        way = terminal.wait_for("saved ")
        terminal.wait_for("Enter: done")
        terminal.type("s")
        terminal.wait_for("tried.toml]:")
        terminal.type(f"{tmp_path}/kept.toml\n")
        terminal.wait_for("scenario n100_invoices_closed is in")

        assert terminal.ends() == 0
        assert "known_outage -other-> menu -2-> invoices -closed-> end" in " ".join(way.split())
        assert terminal.restored

    kept = tomllib.loads((tmp_path / "kept.toml").read_text("utf-8"))["scenarios"]["n100_invoices_closed"]
    assert ("closed", ["welcome", "known_outage", "menu", "invoices"]) == (kept["ends"], kept["steps"])
    with wave.open(str(tmp_path / "call.wav")) as saved:
        assert (saved.getframerate(), saved.getnchannels()) == (8000, 1)


@pytest.mark.parametrize(("how", "columns"), [("h", 40), ("\x03", 100)])
def test_hanging_up_ends_cleanly(how: str, columns: int, environment: Mapping[str, str]) -> None:
    """h and Ctrl-C: a summary, status 0, the terminal as it was; no line is too long for a narrow one."""
    with Terminal([*IVR, "102", "--fast"], environment, columns=columns) as terminal:
        shown = terminal.wait_for("… 4 s")
        terminal.type(how)
        shown += terminal.wait_for("hung_up: hung up in the menu or while listening"[: columns - 1])
        terminal.wait_for("Enter: done")
        terminal.type("\n")

        assert terminal.ends() == 0
        assert terminal.restored
        assert {"“Здравствуйте,", "“Неисправность:", "нажмите"} <= set(shown.split())
        assert [] == [line for line in shown.replace("\r", "\n").splitlines() if len(line) > columns]


def test_a_killed_program_leaves_the_terminal_usable(environment: Mapping[str, str]) -> None:
    """SIGTERM in the middle of words: echo and line editing are back."""
    with Terminal([*IVR, "100"], environment) as terminal:
        terminal.wait_for("“Dzień")
        terminal.program.send_signal(signal.SIGTERM)

        assert terminal.ends() != 0
        assert terminal.restored
