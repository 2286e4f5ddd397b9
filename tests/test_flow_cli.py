"""ivr/cli/dialplan.py and docs/dialplan.md."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ivr import settings as settings_module
from ivr.cli.dialplan import command
from ivr.errors import InputError
from ivr.flow.reference import markdown
from ivr.flow.steps import KINDS
from ivr.settings import PROJECT


@pytest.fixture
def dialplans(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the project's dialplans that may be broken."""
    folder = tmp_path / "dialplans"
    shutil.copytree(PROJECT / "dialplans", folder)
    monkeypatch.setenv("HOTLINE_DIALPLANS", str(folder))
    monkeypatch.setenv("HOTLINE_VAR", str(tmp_path))
    settings_module.settings.cache_clear()
    yield folder
    settings_module.settings.cache_clear()


def invoke(*words: str) -> Result:
    return CliRunner().invoke(command, words)


def test_the_reference_page_is_up_to_date() -> None:
    """docs/dialplan.md says what the code does: `ivr dialplan reference > docs/dialplan.md` renews it."""
    assert markdown() == (PROJECT / "docs" / "dialplan.md").read_text("utf-8")


def test_the_reference_tells_every_kind_key_and_outcome() -> None:
    """Nothing that may be written is left undocumented."""
    page = markdown()
    sections = {name: page.split(f"### {name}\n")[1].split("\n## ")[0].split("\n### ")[0] for name in KINDS}

    assert [
        f"{kind.name}.{part.name}"
        for kind in KINDS.values()
        for part in (*kind.keys, *kind.outcomes)
        if f"| `{part.name}` |" not in sections[kind.name]
    ] == []


def test_check_passes_what_is_shipped(dialplans: Path) -> None:
    """One line, exit status 0."""
    result = invoke("check")

    assert result.exit_code == 0
    assert "no mistake" in result.output


def test_check_tells_findings_as_json_with_exit_status_1(dialplans: Path) -> None:
    """Editors and pipelines read file, line, place and nearest name."""
    main = dialplans / "flows" / "main.toml"
    main.write_text(main.read_text().replace('queue = "billing"', 'queue = "biling"'))
    result = invoke("check", "--json")
    found = json.loads(result.output)
    line = main.read_text().splitlines().index('queue = "biling"') + 1

    assert (result.exit_code, found["ok"]) == (1, False)
    assert [(str(main), line, "steps.billing.queue", "billing")] == [
        (f["file"], f["line"], f["where"], f["nearest"]) for f in found["findings"]
    ]


def test_check_of_a_folder_lacking_a_file_says_so(dialplans: Path) -> None:
    """One finding, exit status 1."""
    (dialplans / "hours.toml").unlink()
    result = invoke("check")

    assert result.exit_code == 1
    assert "hours.toml\n  -       is missing\n" in result.output
    assert result.output.endswith("1 mistake in 1 file; scenarios not checked yet\n")


def test_check_takes_another_folder(dialplans: Path, tmp_path: Path) -> None:
    """A draft, with prompts of its own."""
    draft = tmp_path / "draft"
    shutil.copytree(dialplans, draft)
    reception = draft / "flows" / "reception.toml"
    reception.write_text(reception.read_text().replace('"transferring"', '"own_words"'))
    refused = invoke("check", str(draft), "--json")
    (draft / "prompts").mkdir()
    for language in ("pl", "en", "ru"):
        (draft / "prompts" / f"{language}.toml").write_text(f'locale = "{language}"\n[prompts]\nown_words = "Hm."\n')

    assert [f["kind"] for f in json.loads(refused.output)["findings"]] == ["unknown_prompt"]
    assert invoke("check", str(draft)).exit_code == 0


def test_a_prompt_must_be_written_in_every_language_it_is_said_in(dialplans: Path) -> None:
    """104 begins in Polish: words in English alone would leave silence."""
    reception = dialplans / "flows" / "reception.toml"
    reception.write_text(reception.read_text().replace('"transferring"', '"own_words"'))
    (dialplans / "prompts").mkdir()
    (dialplans / "prompts" / "en.toml").write_text('locale = "en"\n[prompts]\nown_words = "Hm."\n')
    found = json.loads(invoke("check", "--json").output)["findings"]

    assert [("missing_language", "steps.reception.prompt")] == [(f["kind"], f["where"]) for f in found]
    assert "no text in pl" in found[0]["wrong"]


def test_list_as_json_has_numbers_queues_and_hours(dialplans: Path) -> None:
    """What is answered, by what, and whether it is open now."""
    found = json.loads(invoke("list", "--json").output)

    assert next(n["flow"] for n in found["numbers"] if n["number"] == "100") == "main"
    assert {name: found["open"][name] for name in ("always", "never")} == {"always": True, "never": False}
    assert found["until"]["always"] is None
    assert datetime.fromisoformat(found["until"]["office"]) > datetime.now(UTC)


def test_list_is_plain_where_nobody_watches(dialplans: Path) -> None:
    """Tab separated lines for other programs."""
    assert "101\tmain\ten\tHotline, English\n" in invoke("list").output


def test_try_prints_what_is_said_and_how_the_call_ends(dialplans: Path) -> None:
    """The transcript of a caller in the outage area."""
    result = invoke("try", "101", "--announce", "No internet in Wola.")

    assert result.exit_code == 0, result.output
    assert "“No internet in Wola.”" in result.output
    assert "announced: the announcement ended the call" in result.output.splitlines()[-1]


@pytest.mark.parametrize(
    ("words", "disposition", "last_step"),
    [
        (["100", "--keys", "1"], "agent", "support"),
        (["100", "--keys", "2", "--at", "2026-12-25T10:00"], "closed", "invoices"),
        (["100", "--keys", "2", "--closed", "office"], "closed", "invoices"),
        (["100", "--keys", "2", "--open", "office", "--at", "2026-12-25T10:00"], "agent", "billing"),
        (["100", "--keys", "1", "--queue", "support=nobody"], "no_agent", "sorry"),
        (["100", "--keys", "1,2", "--open", "office", "--queue", "support=*"], "agent", "billing"),
        (["100", "--keys", "2", "--open", "office", "--queue", "billing=timeout"], "callback", "billing"),
        (["100", "--keys", "3", "--open", "office", "--queue", "sales=3"], "agent", "sales"),
        (["100", "--keys", "3", "--open", "office", "--queue", "sales=nobody"], "message", "sales"),
        (["100", "--maybe", "x", "--keys", "1,3", "--service", "internet"], "agent", "support"),
        (["104", "--transfer", "reception=no_answer"], "agent", "support"),
    ],
)
def test_try_takes_the_world_as_told(dialplans: Path, words: list[str], disposition: str, last_step: str) -> None:
    """Time, hours, queues, announcements and transfers can be set."""
    found = json.loads(invoke("try", *words, "--json").output)

    assert (disposition, last_step) == (found["disposition"], found["steps"][-1])


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["+100"], "no number '+100'; did you mean '100'?"),
        (["100", "--keys", "x"], "keys: 'x' is neither telephone keys"),
        (["100", "--at", "noon"], "--at: 'noon' is not a time, expected one such as 2026-12-25T10:00"),
        (["100", "--open", "ofice"], "no calendar 'ofice'; did you mean 'office'?"),
        (["100", "--queue", "suport=nobody"], "no queue 'suport'; did you mean 'support'?"),
        (
            ["100", "--queue", "support=gone"],
            "no queue outcome 'gone'; expected one of answered, nobody, full, too_long, timeout, callback",
        ),
        (["100", "--transfer", "reception"], "no transfer outcome ''; expected one of answered, busy"),
    ],
)
def test_try_says_what_is_wrong_with_its_arguments(dialplans: Path, words: list[str], expected: str) -> None:
    """One line with the nearest name."""
    error = invoke("try", *words).exception

    assert isinstance(error, InputError)
    assert str(error).startswith(expected)
