"""`ivr dialplan draw`. ivr/cli/dialplan_draw.py."""

from __future__ import annotations

import asyncio
import json
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ivr import settings as settings_module
from ivr.call import Call
from ivr.cli.dialplan_draw import command
from ivr.db import Database
from ivr.errors import InputError
from ivr.flow.model import Number
from ivr.record import trace as t
from ivr.record.store import Records
from ivr.settings import Settings
from tests.support.desk import desk_settings
from tests.support.flows import FOLDER, files
from tests.test_flow_draw import SMALL

PROMPTS = """
locale = "pl"
[prompts]
welcome = "Dzień dobry."
main_menu = "Obsługa: naciśnij 1."
connecting = "…"
no_agents = "…"
"""


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """Dialplans of one small flow beside an empty database; the tests run in a folder of their own."""
    for name, content in files(SMALL).items():
        file = tmp_path / "plans" / name.relative_to(FOLDER)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    own = tmp_path / "plans" / "prompts"
    own.mkdir()
    (own / "pl.toml").write_text(PROMPTS)
    found = desk_settings(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOTLINE_VAR", str(tmp_path))
    settings_module.settings.cache_clear()
    yield found
    settings_module.settings.cache_clear()


def draw(*words: str) -> Result:
    return CliRunner().invoke(command, ["--dialplans", "plans", *words], catch_exceptions=False)


def call(settings: Settings) -> None:
    """Record a call of now: who pressed 1 and hung up in the queue."""

    async def work() -> None:
        database = Database(settings)
        records = Records(database)
        number = Number("100", "main", "pl", "main", "")
        log = records.begin(Call("1", "", "100", "x"), datetime.now(UTC) - timedelta(minutes=1), number=number)
        for step, outcome in (("hello", "done"), ("menu", "1")):
            log.add(t.ENTERED, step, flow="main", kind="")
            log.add(t.LEFT, step, flow="main", outcome=outcome, detail="")
        log.add(t.ENTERED, "staff", flow="main", kind="queue")
        log.finish("abandoned")
        await records.flush()
        await database.close()

    asyncio.run(work())


def test_a_number_is_drawn_as_the_flow_that_answers_it(settings: Settings) -> None:
    """The file is named after the flow and lies in the var folder; what is in it is said."""
    result = draw("100")

    file = settings.var_dir / "pictures/main.svg"
    assert f"{file}: main: 4 steps\n" == result.output
    assert "“Dzień dobry.”" in file.read_text("utf-8")
    ET.parse(file)


def test_the_ending_says_what_is_written(settings: Settings) -> None:
    """DOT without Graphviz, SVG to standard output."""
    draw("--out", "x.dot")

    assert Path("x.dot").read_text("utf-8").startswith("digraph")
    assert draw("--out", "-").output.startswith("<svg ")


def test_calls_are_counted_on_request(settings: Settings) -> None:
    """On the arrows, in the summary and as JSON."""
    call(settings)
    result = draw("main", "--calls", "--since", "1h", "--out", "x.svg")
    text = Path("x.svg").read_text("utf-8")

    assert "x.svg: main: 4 steps, 1 calls (the last 1 h)\n" == result.output
    assert "1 · 100 % hung up" in text.replace("\u00a0", " ")
    counts = json.loads(draw("--json", "--since", "1h").output)
    staff = {"flow": "main", "step": "staff", "entered": 1, "left": {}, "hung_up": 1}
    assert ("the last 1 h", 1, {"": 1}) == (counts["period"], counts["calls"], counts["versions"])
    assert staff in counts["steps"]
    assert 3 == len(counts["steps"])


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["mian"], "no flow or number 'mian'; did you mean 'main'?"),
        (["--out", "x.png"], "expected a name that ends in .svg or .dot"),
        (["--calls", "--since", "soon"], "'soon' is no period"),
    ],
)
def test_mistakes_are_told(settings: Settings, words: list[str], expected: str) -> None:
    """In one line each."""
    with pytest.raises(InputError) as raised:
        draw(*words)
    assert expected in str(raised.value)
