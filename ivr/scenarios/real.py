"""Scenarios over real telephony: a private hotline, a real phone for each caller, and what it hears.

Called by `ivr dialplan test --real`. Scenarios that need the same run at the same time; what cannot be made real is
named and left out. Nothing of the hotline that is running is touched.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ivr.errors import HotlineError
from ivr.flow.model import Dialplans
from ivr.flow.scenario import Scenario
from ivr.flow.scenario_run import run_scenario
from ivr.flow.trial import Texts
from ivr.phone.hear import Recogniser
from ivr.phone.place import prompt_files
from ivr.scenarios.caller import Called, Caller
from ivr.scenarios.plan import AT_ONCE, Part, Stage, languages, part_of, stages
from ivr.scenarios.private import private_hotline
from ivr.settings import Settings
from ivr.speech.catalog import load_prompt_set

AGENTS_HEAR = ("whisper_", "agent_")  # prompts
SAVED = "scenarios"  # below the var folder: what callers of failed scenarios heard
Report = Callable[[str], None]


@dataclass
class RealRun:
    """What came of it. skipped  scenario -> why it is not real.  broken  stages that could not be put up."""

    called: list[Called] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def failed(self) -> list[Called]:
        return [each for each in self.called if each.failures]

    @property
    def ok(self) -> bool:
        return bool(self.called) and not self.failed and not self.broken


def show(used: Settings, dialplans: Dialplans, scenarios: Sequence[Scenario], texts: Texts, report: Report) -> RealRun:
    """Run `scenarios` really; `report` gets one line as each thing happens. Ctrl-C takes everything down first."""
    return asyncio.run(_run(used, dialplans, scenarios, texts, report))


async def _run(
    used: Settings, dialplans: Dialplans, scenarios: Sequence[Scenario], texts: Texts, report: Report
) -> RealRun:
    task = asyncio.current_task()
    assert task
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    found, began = RealRun(), time.monotonic()
    parts: list[Part] = []
    for scenario in scenarios:
        part = part_of(scenario, run_scenario(scenario, dialplans, texts), dialplans)
        if isinstance(part, Part):
            parts.append(part)
        else:
            found.skipped[scenario.name] = part
            report(f"not real  {scenario.name}: {part}")
    planned = stages(parts, dialplans)
    folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="hotline-"))
    try:
        for number, stage in enumerate(planned, 1):
            report(f"stage {number} of {len(planned)}: {len(stage.parts)} scenarios{_told(stage)}")
            try:
                await _stage(used, stage, dialplans, folder, report, found)
            except (HotlineError, OSError) as error:
                found.broken.append(f"stage {number}: {error}")
                report(f"stage {number} could not be put up: {error}")
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    found.seconds = time.monotonic() - began
    return found


def _told(stage: Stage) -> str:
    told = [f"{name} {mode}" for name, mode in stage.modes().items()]
    told += [f"{key[1]} {'open' if value else 'closed'}" for key, value in stage.needs.items() if key[0] == "hours"]
    return f" ({', '.join(told)})" if told else ""


async def _stage(
    used: Settings, stage: Stage, dialplans: Dialplans, folder: Path, report: Report, found: RealRun
) -> None:
    async with private_hotline(used, stage, dialplans, folder) as private:
        prompts = load_prompt_set(private.settings)
        spoken = {name: file for name, file in prompt_files(private.settings).items() if _may_be_heard(name, stage)}
        recogniser = await asyncio.to_thread(Recogniser, {**spoken, **private.clips})
        at_once = asyncio.Semaphore(AT_ONCE)

        async def call(part: Part) -> None:
            async with at_once:
                called = await Caller(private, part, recogniser, prompts.joined).run()
            found.called.append(called)
            _tell(used, called, report)

        await asyncio.gather(*(call(part) for part in stage.parts))
        with contextlib.suppress(HotlineError):
            await private.release()


def _may_be_heard(name: str, stage: Stage) -> bool:
    """Is it in a language of these callers, and not for agents only?"""
    language, _, key = name.partition("/")
    return language in languages(stage.parts) and not key.startswith(AGENTS_HEAR)


def _tell(used: Settings, called: Called, report: Report) -> None:
    scenario = called.part.scenario
    state = "FAILED" if called.failures else "ok    "
    report(f"{state}  {scenario.name}  {called.seconds:.1f} s  {scenario.title}".rstrip())
    for failure in called.failures:
        for line in str(failure).splitlines():
            report(f"    {line}")
    if called.failures:
        file = used.var_dir / SAVED / f"{scenario.name}.wav"
        called.call.save(file)
        report(f"    what was heard: {file}")
