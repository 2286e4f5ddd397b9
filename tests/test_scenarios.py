"""ivr/scenarios: a folder's scenarios run, what they cover, what keeps a set from going live, what can be real."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from ivr import settings as settings_module
from ivr.cli.dialplan_test import test as command
from ivr.errors import ConfigError, InputError
from ivr.flow.model import Dialplans
from ivr.flow.scenario_run import run_scenario
from ivr.scenarios.folder import check_scenarios, chosen, read_all, run_all
from ivr.scenarios.plan import Part, Press, conflict, part_of, stages
from ivr.settings import PROJECT, Settings

SHIPPED = settings_module.load(dialplans=PROJECT / "dialplans", prompts=PROJECT / "prompts")
DIALPLANS, SCENARIOS, TEXTS = read_all(SHIPPED)
BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}


def part(name: str) -> Part | str:
    scenario = BY_NAME[name]
    return part_of(scenario, run_scenario(scenario, DIALPLANS, TEXTS), DIALPLANS)


def test_the_shipped_scenarios_hold_and_cover_everything() -> None:
    """Every step and every outcome of the provider's flows, in well under a second."""
    run = run_all(DIALPLANS, SCENARIOS, TEXTS)

    assert [str(failure) for result in run.failed for failure in result.failures] == []
    assert (run.coverage.missed_steps, run.coverage.missed_ways, run.coverage.percent) == ((), (), 100)


@pytest.fixture
def folder(tmp_path: Path) -> Settings:
    shutil.copytree(PROJECT / "dialplans", tmp_path / "dialplans", ignore=shutil.ignore_patterns("samples"))
    return settings_module.load(dialplans=tmp_path / "dialplans", prompts=PROJECT / "prompts", var=tmp_path / "var")


def change(folder: Settings, file: str, old: str, new: str) -> None:
    path = folder.dialplans_dir / file
    text = path.read_text("utf-8")

    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")


def test_a_flow_that_breaks_a_scenario_does_not_go_live(folder: Settings) -> None:
    """Somebody sends key 2 to support: the scenarios of invoices say so, with their lines."""
    change(folder, "flows/main.toml", '2 = "invoices"', '2 = "support"\n7 = "invoices"')
    dialplans, _, _ = read_all(folder)
    found = [str(each) for each in check_scenarios(folder, dialplans)]

    assert any("scenarios.invoices.ends_in: an agent of support answered; expected one of queue 'billing'" in each
               for each in found)  # fmt: skip
    assert check_scenarios(SHIPPED, DIALPLANS) == ()


def test_mistakes_in_scenario_files_are_told_before_any_runs(folder: Settings) -> None:
    """All of them, with file and line."""
    change(folder, "scenarios/main.toml", 'number = "100"', 'number = "1000"')
    with pytest.raises(ConfigError) as error:
        read_all(folder)

    assert "scenarios/main.toml:8: scenarios.outage_in_wola.number: there is no number '1000'" in str(error.value)


def test_names_choose_scenarios_and_a_wrong_one_names_the_nearest() -> None:
    """In the order given, each once."""
    assert [each.name for each in chosen(SCENARIOS, ["invoices", "reception", "invoices"])] == ["invoices", "reception"]
    with pytest.raises(InputError, match="did you mean 'invoices'"):
        chosen(SCENARIOS, ["invoicse"])


# -- the command


def run(folder: Settings, *arguments: str) -> tuple[int, str]:
    found = CliRunner().invoke(command, ["--dialplans", str(folder.dialplans_dir), *arguments], catch_exceptions=False)
    return found.exit_code, found.output


def test_the_command_prints_results_and_coverage(folder: Settings) -> None:
    """One line each, totals, 100 per cent."""
    status, output = run(folder, "--coverage-least", "100")

    assert status == 0
    assert output.splitlines()[0].startswith("ok      outage_in_wola ")
    assert "ms  Who lives where an outage is known hears it" in output
    assert f"{len(SCENARIOS)} scenarios, 0 failed" in output
    assert "never" not in output.partition("scenarios, 0 failed")[2]


def test_what_no_scenario_covers_is_named_and_can_fail_the_build(folder: Settings) -> None:
    """A new menu key, and a step behind it."""
    change(folder, "flows/main.toml", '0 = "support"', '0 = "support"\n8 = "extra"')
    change(folder, "flows/main.toml", "# 9\n", '[steps.extra]\nkind = "goto"\nnext = "menu"\n\n# 9\n')
    status, output = run(folder)

    assert (status, output.splitlines()[-2:]) == (
        0, ["  never come to: main.extra", "  never happened: main.menu: 8"]
    )  # fmt: skip
    assert run(folder, "--coverage-least", "100")[0] == 1


def test_a_failure_is_shown_and_ends_with_status_1(folder: Settings, tmp_path: Path) -> None:
    """In words, as JSON and as JUnit."""
    change(folder, "scenarios/main.toml", 'ends = "announced"', 'ends = "agent"')
    status, output = run(folder, "outage_in_wola", "--junit", str(tmp_path / "junit.xml"))

    assert status == 1
    assert output.startswith("FAILED  outage_in_wola ")
    assert "main.toml:14: scenarios.outage_in_wola.ends: the call ended as 'announced' after" in output
    status, output = run(folder, "outage_in_wola", "--json")
    told = json.loads(output)

    assert (status, told["ok"], told["scenarios"][0]["ended"]) == (1, False, "announced")
    suite = ElementTree.parse(tmp_path / "junit.xml").getroot()

    assert (suite.get("failures"), suite[0].get("name"), suite[0].get("line")) == ("1", "outage_in_wola", "6")


# -- what can be real


@pytest.mark.parametrize(
    ("name", "presses"),
    [
        ("outage_in_wola", ()),
        ("back_to_the_menu", (
            Press("1", "main_menu", 1, 1.2), Press("*", "connecting", waiting=True), Press("9", "main_menu", 1, 1.2),
            Press("3", "language_menu", 1, 1.2), Press("0", "main_menu", 1, 1.2),
        )),
        ("gives_up_waiting", (Press("0", "main_menu", 1, 1.2), Press("h", "connecting", waiting=True))),
        ("never_a_right_key", (Press("7", "main_menu", 1, 1.2),)),
    ],
)  # fmt: skip
def test_keys_are_pressed_by_what_is_heard(name: str, presses: tuple[Press, ...]) -> None:
    """A machine that is slow speaks later: no clock decides."""
    found = part(name)

    assert isinstance(found, Part)
    assert found.presses == presses


def test_a_key_in_the_middle_of_a_prompt_keeps_its_distance() -> None:
    """`w4`: some time after the announcement began; the next key when the menu is heard."""
    found = part("outage_but_another_problem")

    assert isinstance(found, Part)
    first, second = found.presses
    assert (first.key, first.heard, second) == ("3", "announcement", Press("2", "main_menu", 1, 1.2))
    assert 1.0 < first.after_s < 2.5


def test_what_cannot_be_real_says_why() -> None:
    """A full queue, and dialogues that are tested by themselves."""
    assert part("support_is_full") == "a queue that ends as full needs more callers than there are phones"
    assert "a dialogue of its own" in str(part("called_back"))


def test_scenarios_that_need_the_same_share_a_stage() -> None:
    """Nobody signed in for one, agents for another: never together; and at least ten are real."""
    parts = [found for scenario in SCENARIOS if isinstance(found := part(scenario.name), Part)]
    planned = stages(parts, DIALPLANS)
    modes = [
        {each.scenario.name: stage.modes().get("support") for each in stage.parts if ("queue", "support") in each.needs}
        for stage in planned
    ]

    assert len(parts) >= 30
    assert sum(len(stage.parts) for stage in planned) == len(parts)
    assert all(len(set(stage.values())) <= 1 for stage in modes)
    assert [len(stage.parts) for stage in planned if any(each.alone for each in stage.parts)] == [1]


def test_an_agent_who_would_answer_another_queue_keeps_two_apart() -> None:
    """Whoever has internet at 3 serves support; nobody who only sells does."""
    assert not conflict({"support": "nobody", "billing": "answered"}, DIALPLANS)
    assert conflict({"support": "answered", "same": "nobody"}, _with_same_queue())


def _with_same_queue() -> Dialplans:
    queues = {**DIALPLANS.queues, "same": replace(DIALPLANS.queues["support"], name="same")}
    return replace(DIALPLANS, queues=queues)
