"""The demo: what it judges and prints, and the whole of it against a real hotline."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from rich.console import Console

from ivr.phone.board import Board, Row
from ivr.phone.demo import Part, how_it_ended, is_tone, judge
from ivr.phone.phonecall import Ending, PhoneCall
from ivr.phone.place import prompt_files, server_of
from ivr.phone.stage import answers
from ivr.settings import load
from tests.support.hotline import Hotline


def part(who: str, *heard: str) -> Part:
    return Part(who, "+48225550101", cast(PhoneCall, SimpleNamespace()), ever_heard=set(heard))


def told(*, by: str = "far", answered: bool = True, status: int | None = None) -> Any:
    ending = Ending(cast(Any, by), status, "Busy Here" if status else "")
    return SimpleNamespace(ending=ending, answered_at=1.0 if answered else None)


def test_a_story_as_it_should_be_has_nothing_wrong() -> None:
    """Announcement for Ewa, agents for two, the queue for Marta."""
    parts = [
        part("Ewa", "pl/welcome", "pl/announcement (unknown)", "pl/goodbye_announcement"),
        part("Piotr", "pl/main_menu", "pl/connecting", "tone 501"),
        part("unknown", "pl/main_menu", "pl/connecting", "tone 618"),
        part("Marta", "pl/main_menu", "pl/queue_position 1", "music"),
    ]

    judge(parts)

    assert [p.wrong for p in parts] == [[], [], [], []]


@pytest.mark.parametrize(
    ("bad", "wrong"),
    [
        (part("Ewa", "pl/goodbye_announcement"), "never heard announcement"),
        (part("Ewa", "pl/announcement (unknown)", "pl/goodbye_announcement", "tone 500"), "reached an agent"),
        (part("Piotr", "pl/main_menu", "pl/connecting"), "did not hear the agent"),
        (
            part("unknown", "pl/main_menu", "pl/connecting", "tone 500", "pl/announcement (unknown)"),
            "heard the announcement of another district",
        ),
        (part("Marta", "pl/main_menu"), "never heard queue_position"),
    ],
)
def test_a_story_gone_wrong_says_what_went_wrong(bad: Part, wrong: str) -> None:
    """Each fault is one plain sentence, and only that fault is told."""
    judge([bad])

    assert bad.wrong == [wrong]


def test_tones_are_told_by_their_pitch() -> None:
    """A few hertz off is the same tone; another tone, or none, is not."""
    assert is_tone({"pl/welcome", "tone 503"}, (500,))
    assert not is_tone({"tone 425", "music"}, (500, 620))


def test_endings_read_as_words() -> None:
    """Who hung up, or the refusal with its status."""
    calls = [told(), told(by="us"), told(by="refused", answered=False, status=486)]

    assert [how_it_ended(call) for call in calls] == [
        "the hotline hung up", "the caller hung up", "refused 486 Busy Here",
    ]  # fmt: skip


def test_without_a_terminal_the_board_prints_lines() -> None:
    """One line per change, none when nothing changed."""
    output = io.StringIO()
    with Board(Console(file=output, width=80)) as board:
        board.add(Row("Ewa", "+48225550101"))
        board.show("Ewa", state="connected")
        board.show("Ewa", hears="pl/welcome")
        board.show("Ewa", hears="pl/welcome")

    assert [line[9:].strip() for line in output.getvalue().splitlines()] == [
        "Ewa       connected", "Ewa       hears pl/welcome",
    ]  # fmt: skip


async def test_nobody_answers_where_nothing_runs() -> None:
    """A silent port is told within the time of one question."""
    assert not await answers("127.0.0.1:9")


def test_an_address_for_all_interfaces_is_called_on_loopback() -> None:
    """Listening everywhere means phones here call 127.0.0.1."""
    assert server_of(load(host="0.0.0.0", sip_port=5999)) == ("127.0.0.1", "127.0.0.1:5999")


@pytest.fixture(scope="module")
def hotline(tmp_path_factory: pytest.TempPathFactory) -> Any:
    running = Hotline(tmp_path_factory.mktemp("demo")).start()
    yield running
    running.stop()


@pytest.mark.real
@pytest.mark.timeout(400)
def test_the_demo_ends_as_it_should_and_leaves_nothing(hotline: Hotline) -> None:
    """Against a running hotline: status 0, four recordings, and agents and announcement gone again."""
    run = hotline.cli("demo", check=False, timeout_s=120)

    assert run.returncode == 0, run.stdout + run.stderr
    assert "everything ended as it should" in run.stdout
    recordings = sorted(file.name for file in (hotline.settings.var_dir / "demo").glob("*.wav"))
    assert recordings == ["ewa.wav", "marta.wav", "piotr.wav", "unknown.wav"]
    assert "demo-" not in hotline.cli("agent", "list").stdout
    assert "Wola" not in hotline.cli("announce", "list").stdout


@pytest.mark.real
@pytest.mark.timeout(400)
def test_the_phone_command_tells_what_it_hears(hotline: Hotline, tmp_path: Path) -> None:
    """`ivr phone call` prints the prompts with times, saves the audio, and its status is 0."""
    import soundfile

    run = hotline.cli("phone", "call", "--to", "100", "--seconds", "6", "--save", str(tmp_path / "a.wav"))

    assert "pl/welcome" in run.stdout
    assert "pl/main_menu" in run.stdout
    audio, rate = soundfile.read(tmp_path / "a.wav")
    assert rate == 8000
    assert np.abs(audio).max() > 0.05
    assert prompt_files(hotline.settings)


@pytest.mark.real
def test_a_call_nobody_answers_is_one_clear_line(hotline: Hotline) -> None:
    """An unknown number: the status says so, and the exit status is 1."""
    run = hotline.cli("phone", "call", "--to", "777", check=False)

    assert run.returncode == 1
    assert run.stderr.startswith("ivr: not answered: ")
