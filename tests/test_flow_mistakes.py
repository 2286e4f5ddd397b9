"""tests/data/mistakes: a folder with 25 mistakes, each told once, at its place; none in what is shipped."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ivr import settings as settings_module
from ivr.cli.dialplan import command
from ivr.flow.mistakes import MISTAKES
from ivr.settings import PROJECT

FOLDER = Path(__file__).parent / "data" / "mistakes"
SCREEN = FOLDER.with_suffix(".txt")
SHIPPED = sorted(each.parent for each in (PROJECT / "dialplans").rglob("numbers.toml"))

EXPECTED = [  # file, line, column, end column, kind, where
    ("flows/broken.toml", 3, 18, 19, "toml", ""),
    ("flows/main.toml", 3, 10, 20, "unknown_step", "rescue"),
    ("flows/main.toml", 7, 22, 34, "missing_language", "steps.welcome.prompt"),
    ("flows/main.toml", 12, 10, 28, "unknown_prompt", "steps.notice.prompt"),
    ("flows/main.toml", 13, 1, 9, "unknown_key", "steps.notice.interupt"),
    ("flows/main.toml", 18, 10, 21, "too_long", "steps.choice.prompt"),
    ("flows/main.toml", 23, 1, 9, "outcome", "steps.choice.on.no_inptu"),
    ("flows/main.toml", 27, 9, 17, "unknown_queue", "steps.support.queue"),
    ("flows/main.toml", 30, 8, 15, "unknown_kind", "steps.invoices.kind"),
    ("flows/main.toml", 33, 2, 14, "no_way", "steps.office.next"),
    ("flows/shop.toml", 10, 8, 12, "unknown_fact", "steps.who.when.vip"),
    ("flows/shop.toml", 11, 9, 38, "never_holds", "steps.who.when.night"),
    ("flows/shop.toml", 26, 11, 19, "unset_variable", "steps.spoken.digits"),
    ("flows/shop.toml", 36, 8, 14, "loop", "steps.again.next"),
    ("flows/shop.toml", 38, 2, 14, "unreachable", "steps.parcel"),
    ("hours.toml", 4, 31, 44, "hours", "hours.office.open"),
    ("hours.toml", 7, 8, 45, "never_open", "hours.moved.open"),
    ("numbers.toml", 5, 8, 14, "unknown_flow", "numbers.100.flow"),
    ("numbers.toml", 21, 8, 15, "no_end", "numbers.105.flow"),
    ("numbers.toml", 24, 2, 13, "missing_key", "numbers.106.language"),
    ("numbers.toml", 27, 2, 19, "wrong_name", "numbers.48-22-100"),
    ("numbers.toml", 32, 7, 31, "address", "webhooks.crm"),
    ("queues.toml", 2, 8, 21, "need", "queues.support.need"),
    ("queues.toml", 7, 59, 62, "queue", "queues.sales.relax.2.after_s"),
    ("queues.toml", 11, 11, 17, "wrong_type", "queues.orders.max_len"),
]


@pytest.fixture(autouse=True)
def _own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No rendered prompts and no agents of this machine."""
    monkeypatch.setenv("HOTLINE_VAR", str(tmp_path))
    monkeypatch.chdir(PROJECT)
    settings_module.settings.cache_clear()
    yield
    settings_module.settings.cache_clear()


def check(*words: str) -> Result:
    return CliRunner().invoke(command, ["check", *words])


def test_each_of_25_mistakes_is_told_once_with_file_line_and_column() -> None:
    """Nothing more, nothing less, and each is of another type."""
    result = check(str(FOLDER), "--json")
    found = json.loads(result.output)["findings"]

    assert EXPECTED == [
        (
            str(Path(f["file"]).relative_to(FOLDER)), f["line"], f["column"], f["end_column"], f["kind"], f["where"],
        )
        for f in found
    ]  # fmt: skip
    assert len({f["kind"] for f in found}) == len(found) == 25
    assert result.exit_code == 1


def test_every_mistake_is_documented_and_names_what_was_expected() -> None:
    """A finding nobody can act on is none."""
    found = json.loads(check(str(FOLDER), "--json").output)["findings"]

    assert {f["kind"] for f in found} <= set(MISTAKES)
    assert [f["where"] for f in found if not f["expected"] and not f["nearest"] and f["kind"] != "toml"] == []


def test_the_screen_shows_the_line_and_marks_the_place() -> None:
    """As an engineer sees it: `ivr dialplan check tests/data/mistakes > tests/data/mistakes.txt` renews it."""
    assert SCREEN.read_text("utf-8") == check(str(FOLDER)).stdout


def test_the_marks_stand_under_what_is_wrong() -> None:
    """The text above ^^^^ is the one the finding speaks of."""
    marked = {}
    for finding in json.loads(check(str(FOLDER), "--json").output)["findings"]:
        line = Path(finding["file"]).read_text("utf-8").splitlines()[finding["line"] - 1]
        marked[finding["kind"]] = line[finding["column"] - 1 : finding["end_column"] - 1]

    assert ("clas", '"main_offer"', "interupt", "steps.parcel", "600", '"menue"') == tuple(
        marked[kind]
        for kind in ("unknown_fact", "missing_language", "unknown_key", "unreachable", "queue", "unknown_kind")
    )


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda folder: folder.name)
def test_what_is_shipped_has_no_mistake(folder: Path) -> None:
    """The hotline's own flows and every sample."""
    result = check(str(folder))

    assert result.exit_code == 0, result.output
    assert "no mistake" in result.stdout
