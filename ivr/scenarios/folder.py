"""The scenarios of a dialplans folder: read them, run them all on the pure flow, say what fails and what none covers.

Called by `ivr dialplan test`, by `ivr dialplan check` (mistakes only) and before a reload (`check_scenarios`).
"""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from ivr.errors import ConfigError, Finding, InputError, nearest
from ivr.flow.coverage import Coverage, cover
from ivr.flow.load import load_spoken, prompt_texts
from ivr.flow.model import Dialplans
from ivr.flow.scenario import Scenario, read_scenarios
from ivr.flow.scenario_run import Failure, failures, happened, run_scenario
from ivr.flow.source import FILE_BYTES
from ivr.flow.trial import Texts, Transcript
from ivr.settings import Settings

FOLDER = "scenarios"
FILES_MOST = 200
FEW = 5  # names shown where none is alike


@dataclass(frozen=True)
class Result:
    """One scenario, run. ms  how long that took."""

    scenario: Scenario
    transcript: Transcript
    failures: tuple[Failure, ...]
    ms: float

    @property
    def ok(self) -> bool:
        return not self.failures


@dataclass(frozen=True)
class Run:
    """All that were run. coverage  of those that were."""

    results: tuple[Result, ...]
    coverage: Coverage

    @property
    def failed(self) -> tuple[Result, ...]:
        return tuple(result for result in self.results if not result.ok)

    @property
    def ms(self) -> float:
        return sum(result.ms for result in self.results)


def read_all(settings: Settings) -> tuple[Dialplans, tuple[Scenario, ...], Texts]:
    """Return the dialplans, their scenarios and what prompts say. Raises ConfigError with every mistake."""
    dialplans, texts = load_spoken(settings.dialplans_dir, *settings.prompt_dirs)
    scenarios, findings = load_scenarios(settings, dialplans)
    if findings:
        raise ConfigError(*findings)
    return dialplans, scenarios, texts


def spoken(settings: Settings) -> Texts:
    """Return what prompts say, by language and key. Raises ConfigError."""
    return prompt_texts(*settings.prompt_dirs)


def load_scenarios(settings: Settings, dialplans: Dialplans) -> tuple[tuple[Scenario, ...], list[Finding]]:
    """Return the scenarios of the folder that fit `dialplans`, and every mistake in their files."""
    folder = settings.dialplans_dir / FOLDER
    files = sorted(file for file in folder.glob("*.toml") if not file.name.startswith("."))
    findings = []
    if len(files) > FILES_MOST:
        findings.append(Finding(folder, None, "", f"holds {len(files)} files", f"at most {FILES_MOST}"))
    contents: dict[Path, bytes] = {}
    for file in files[:FILES_MOST]:
        try:
            with file.open("rb") as opened:
                contents[file] = opened.read(FILE_BYTES + 1)
        except OSError as error:
            findings.append(Finding(file, None, "", f"cannot be read: {error.strerror or error}", "a readable file"))
    keys = sorted({key for said in spoken(settings).values() for key in said})
    scenarios, wrong = read_scenarios(contents, dialplans, keys, ZoneInfo(settings.timezone))
    return scenarios, findings + wrong


def run_all(dialplans: Dialplans, scenarios: Collection[Scenario], texts: Texts) -> Run:
    """Run `scenarios` one after the other."""
    results = tuple(_run(scenario, dialplans, texts) for scenario in scenarios)
    return Run(results, cover(dialplans, (result.transcript.commands for result in results)))


def check_scenarios(settings: Settings, dialplans: Dialplans) -> tuple[Finding, ...]:
    """Return what keeps `dialplans` from going live: mistakes in scenario files, and scenarios that fail."""
    scenarios, findings = load_scenarios(settings, dialplans)
    run = run_all(dialplans, scenarios, spoken(settings))
    return (*findings, *(failure.finding for result in run.failed for failure in result.failures))


def chosen(scenarios: Collection[Scenario], names: Collection[str]) -> tuple[Scenario, ...]:
    """Return those of `names`, all when there are none. Raises InputError naming the nearest."""
    known = {scenario.name: scenario for scenario in scenarios}
    for name in names:
        if name not in known:
            near = nearest(name, known)
            hint = f"did you mean {near!r}?" if near else _few(name, known)
            raise InputError(f"there is no scenario {name!r}; {hint}")
    return tuple(known[name] for name in dict.fromkeys(names)) if names else tuple(scenarios)


def _few(name: str, known: Collection[str]) -> str:
    """Return the names that hold `name`, else the first ones, as what was expected."""
    names = [each for each in known if name in each] or [*known]
    more = f", ... (`ivr dialplan test` lists all {len(known)})" if len(names) > FEW else ""
    return f"expected one of {', '.join(names[:FEW])}{more}"


def _run(scenario: Scenario, dialplans: Dialplans, texts: Texts) -> Result:
    began = time.perf_counter()
    transcript = run_scenario(scenario, dialplans, texts)
    wrong = failures(scenario, happened(transcript))
    return Result(scenario, transcript, wrong, (time.perf_counter() - began) * 1000)
