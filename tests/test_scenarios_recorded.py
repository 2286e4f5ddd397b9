"""ivr/scenarios/recorded.py: a call that has been becomes a scenario that goes the same way."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from ivr import settings as settings_module
from ivr.call import Call
from ivr.db import Database
from ivr.errors import InputError
from ivr.flow import commands as c
from ivr.flow.scenario import Scenario, read_scenarios
from ivr.flow.scenario_run import failures, happened, run_scenario
from ivr.flow.trial import name_of
from ivr.record import trace as t
from ivr.record.store import CallLog, Records
from ivr.scenarios.folder import read_all
from ivr.scenarios.recorded import as_scenario
from ivr.settings import PROJECT, Settings
from tests.support.desk import NOW, desk_settings, opened

DIALPLANS, SCENARIOS, TEXTS = read_all(
    settings_module.load(dialplans=PROJECT / "dialplans", prompts=PROJECT / "prompts")
)
BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}
NUMBER = "+48221234567"


@pytest.fixture
def used(tmp_path: Path) -> Settings:
    return desk_settings(tmp_path)


async def record(database: Database, scenario: Scenario) -> str:
    """Write the record a real call of `scenario` would leave."""
    records = Records(database, monotonic=lambda: 0.0)
    call = Call("17.1", NUMBER if scenario.situation.caller else "", scenario.number.number, "PJSIP/trunk-1")
    log = records.begin(call, NOW + timedelta(0), number=scenario.number, language=scenario.speaks,
                        flow_version=DIALPLANS.version)  # fmt: skip
    transcript = run_scenario(scenario, DIALPLANS, TEXTS)
    _Recorder(scenario, log).write(transcript.commands, list(transcript.lines), transcript.disposition)
    await records.flush()
    return log.record.call_id


class _Recorder:
    """Writes what the session writes, from what a trial did."""

    def __init__(self, scenario: Scenario, log: CallLog) -> None:
        self.scenario, self.log, self.language = scenario, log, scenario.speaks

    def write(self, commands: tuple[c.Command, ...], lines: list, disposition: str) -> None:  # type: ignore[type-arg]
        pending = [line for line in lines if line.what in ("caller", "hours", "says", "step", "waits")]
        step = ""
        for line in pending:
            match line.what:
                case "step":
                    self._leave(commands, step)
                    step, kind = line.text.rstrip(")").split(" (")
                    flow = next(each.flow for each in commands if isinstance(each, c.Enter) and each.step == step)
                    self.log.add(t.ENTERED, step, flow=flow, kind=kind)
                case "says" if line.name == "announcement":
                    self.said = "announcement:a1 v1"
                    self.log.add(t.PLAYED, step, prompt=self.said, from_ms=0)
                case "says":
                    self.said = f"{self.language}/{line.name}"
                    self.log.add(t.PLAYED, step, prompt=self.said, from_ms=0)
                case "hours":
                    name, state = line.text.split(": ")
                    self.log.add(t.HOURS, step, calendar=name, open=state == "open")
                case "caller" if line.text == "presses nothing":
                    self.log.add(t.SILENT, step)
                case "caller" if line.text.startswith("presses "):
                    self.log.add(t.PRESSED, step, key=line.text.removeprefix("presses "))
                case "waits":
                    self._waits(line.text, step)
        self.log.finish(disposition)

    def _leave(self, commands: tuple[c.Command, ...], step: str) -> None:
        left = next((each for each in commands if isinstance(each, c.Leave) and each.step == step), None)
        if left:
            self.log.add(t.LEFT, step, flow=left.flow, outcome=left.outcome, detail=left.detail)

    def _waits(self, text: str, step: str) -> None:
        name, outcome = text.partition(" (")[0], text.rpartition(": ")[2].split()
        self.log.queued(name, 1, step)
        if outcome[0] == "key":
            self.log.add(t.PRESSED, step, key=outcome[1])
        elif outcome[0] == "answered":
            self.log.add(t.ANSWERED, step, agent="anna")
        elif outcome[0] != "abandoned":
            action = DIALPLANS.queues[name].overflow
            self.log.add(t.OVERFLOW, step, queue=name, why=outcome[0], to=str(action))


@pytest.mark.parametrize(
    "name",
    [
        "invoices", "never_a_right_key", "back_to_the_menu", "nobody_signed_in", "waited_too_long", "gives_up_waiting",
        "invoices_nobody", "called_back", "no_language", "russian", "contract", "contract_was_an_invoice",
        "closed_line", "hangs_up_in_the_menu", "invoices_back",
    ],
)  # fmt: skip
async def test_a_recorded_call_becomes_a_scenario_that_goes_the_same_way(name: str, used: Settings) -> None:
    """The same steps, prompts and end, held against the version it ran in."""
    scenario = BY_NAME[name]
    async with opened(used) as database:
        call_id = await record(database, scenario)
    draft = await as_scenario(used, call_id)
    found, findings = read_scenarios(
        {Path("x.toml"): draft.text.encode()}, DIALPLANS, sorted(TEXTS["pl"]), scenario.situation.at.tzinfo
    )
    before, after = (run_scenario(each, DIALPLANS, TEXTS) for each in (scenario, found[0]))

    assert (draft.differs, findings) == ((), []), draft.text
    assert (after.ways, after.disposition, after.answered_in) == (before.ways, before.disposition, before.answered_in)
    assert failures(found[0], happened(after)) == ()
    assert NUMBER not in draft.text


async def test_the_number_is_kept_only_when_asked_for(used: Settings) -> None:
    """Masked by leaving it out; a withheld one stays withheld."""
    async with opened(used) as database:
        call_id = await record(database, BY_NAME["invoices"])

    assert f'from = "{NUMBER}"' in (await as_scenario(used, call_id, with_number=True)).text


async def test_a_call_that_never_was_has_no_scenario(used: Settings) -> None:
    """The nearest id is named as `ivr call show` does."""
    with pytest.raises(InputError, match="no call has been recorded yet"):
        await as_scenario(used, "17.1")


def test_every_phrase_has_a_name() -> None:
    """What scenarios call digits and numbers."""
    from ivr.sound import Clip, Prompt, SayDigits, SayNumber

    assert [name_of(each) for each in (Prompt("welcome"), Clip("/a", "a1"), SayDigits("12"), SayNumber(5))] == [
        "welcome", "announcement", "digits 12", "number 5"
    ]  # fmt: skip
