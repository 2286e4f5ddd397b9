"""dialplans/README.md: every TOML block is read as the file it shows a part of, without a mistake."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ivr.flow.draft import draft
from ivr.flow.load import load, prompt_texts
from ivr.flow.scenario import read_scenarios
from ivr.settings import PROJECT

TEXTS = prompt_texts(PROJECT / "prompts")
KEYS = {key for said in TEXTS.values() for key in said}
BLOCKS = re.findall(r"^```toml\n(.*?)^```$", (PROJECT / "dialplans" / "README.md").read_text("utf-8"), re.M | re.S)
SCENARIOS = [block for block in BLOCKS if block.startswith("[scenarios.")]
FOLDER = Path("dialplans")
OF_A_PART = {"unreachable", "unused_flow", "unset_variable"}
"""What is only wrong because the page shows a part of a file."""


def names(found: Any, *keys: str) -> set[str]:
    """Return every text below `found` that stands at one of `keys`."""
    if not isinstance(found, dict):
        return set()
    here = {value for key, value in found.items() if key in keys and isinstance(value, str)}
    return here.union(*(names(value, *keys) for value in found.values()))


def as_files(block: str) -> tuple[dict[Path, str], Path]:
    """Return the block within a set of files that has all it names, and the file it became."""
    found = tomllib.loads(block)
    files = {
        FOLDER / f"{name}.toml": (PROJECT / "dialplans" / f"{name}.toml").read_text() for name in ("hours", "queues")
    }
    files[FOLDER / "numbers.toml"] = (
        '[numbers.1]\nflow = "shown"\nlanguage = "en"\n[webhooks]\ncrm = "https://c.example"\n'
    )
    table = next(name for name in ("steps", "numbers", "webhooks", "queues", "hours") if name in found)
    file = FOLDER / ("flows/shown.toml" if table == "steps" else f"{table}.toml".replace("webhooks", "numbers"))
    if table == "webhooks":
        block = '[numbers.1]\nflow = "shown"\nlanguage = "en"\n' + block
    if table == "queues":
        block += "".join(
            f'[queues.{name}]\nneed = "x"\n' for name in ("billing", "sales") if name not in found["queues"]
        )
    files[FOLDER / "flows" / "shown.toml"] = whole("")
    for flow in names(found, "flow") - {"shown"}:
        returns = '[steps.no]\nkind = "menu"\nprompt = "main_menu"\non.1 = "back"\n[steps.back]\nkind = "return"\n'
        files[FOLDER / "flows" / f"{flow}.toml"] = whole(returns + 'outcome = "no_account"\n', "no")
    files[file] = whole(block) if table == "steps" else block
    return files, file


def whole(block: str, start: str = "") -> str:
    """Return a flow with the steps of `block`, and those they lead to."""
    if "title =" in block:
        return block
    steps = tomllib.loads(block).get("steps", {})
    wanted = {
        target for step in steps.values() for target in [step.get("next"), *step.get("on", {}).values()] if target
    }
    first = start or next(iter(steps), "end")
    added = "".join(f'[steps.{name}]\nkind = "hangup"\n' for name in sorted(wanted | {"end"}) if name not in steps)
    return f'title = "Shown"\nstart = "{first}"\nrescue = "end"\n{block}\n{added}'


@pytest.mark.parametrize(
    "block", [block for block in BLOCKS if block not in SCENARIOS], ids=lambda block: block.split("\n")[0][:40]
)
def test_a_block_of_the_page_is_right(block: str) -> None:
    """Whoever copies it gets no mistake."""
    files, file = as_files(block)
    found = draft({name: text.encode() for name, text in files.items()}, FOLDER, KEYS, TEXTS)
    wrong = [f for f in found.broken + found.reports[file].findings if f.kind not in OF_A_PART]

    assert [str(finding) for finding in wrong] == []


@pytest.mark.parametrize("block", SCENARIOS, ids=lambda block: block.split("\n")[0])
def test_a_scenario_of_the_page_fits_the_flows_that_are_shipped(block: str) -> None:
    """Numbers, steps, prompts and queues it names are there."""
    shipped = load(PROJECT / "dialplans", KEYS)
    _, wrong = read_scenarios({FOLDER / "shown.toml": block.encode()}, shipped, sorted(KEYS), ZoneInfo("Europe/Warsaw"))

    assert [str(finding) for finding in wrong] == []


def test_blocks_were_found() -> None:
    """The test reads what it thinks it reads."""
    assert len(BLOCKS) >= 12


DIFFS = re.findall(r"^```diff\n(.*?)^```$", (PROJECT / "dialplans" / "README.md").read_text("utf-8"), re.M | re.S)


def added(diff: str) -> str:
    return "".join(f"{line[1:]}\n" for line in diff.splitlines() if line.startswith("+"))


def test_the_first_ten_minutes_are_as_the_page_says(tmp_path: Path) -> None:
    """Its changes, made as written: no mistake, every scenario still passes, and the new step is named as not tried."""
    for name in ("dialplans", "prompts"):
        shutil.copytree(PROJECT / name, tmp_path / name, ignore=shutil.ignore_patterns("samples", "audio"))
    key, step, words = (added(diff) for diff in DIFFS)
    flow = tmp_path / "dialplans" / "flows" / "main.toml"
    menu = "[steps.menu.on]\n"
    assert menu in DIFFS[0].replace("\n ", "\n").lstrip()
    flow.write_text(flow.read_text().replace(menu, menu + key) + "\n" + step)
    for file in (tmp_path / "prompts").glob("*.toml"):
        file.write_text(re.sub(r"^main_menu = ", f"{words}main_menu = ", file.read_text(), flags=re.M))
    environment = os.environ | {
        "HOTLINE_DIALPLANS": str(tmp_path / "dialplans"), "HOTLINE_PROMPTS": str(tmp_path / "prompts"),
        "HOTLINE_VAR": str(tmp_path / "var"),
    }  # fmt: skip

    def ivr(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "ivr", "dialplan", *words]
        return subprocess.run(command, env=environment, cwd=PROJECT, capture_output=True, text=True, check=False)

    checked, tested, tried = ivr("check", str(tmp_path / "dialplans")), ivr("test"), ivr("try", "100", "--keys", "5")

    assert (checked.returncode, "no mistake" in checked.stdout) == (0, True), checked.stdout + checked.stderr
    assert (tested.returncode, ", 0 failed," in tested.stdout) == (0, True), tested.stdout + tested.stderr
    assert "main.shop" in tested.stdout
    assert "Our shop is at the main station" in tried.stdout
