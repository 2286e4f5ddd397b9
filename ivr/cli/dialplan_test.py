"""`ivr dialplan test`: run the scenarios of dialplans/scenarios/, on the pure flow or over a real hotline."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from ivr.cli.folder import dialplans_option, mistakes_shown, with_folder
from ivr.errors import ConfigError
from ivr.flow.model import Dialplans
from ivr.flow.scenario import Scenario
from ivr.flow.trial import Texts
from ivr.scenarios.folder import Run, chosen, read_all, run_all
from ivr.scenarios.junit import write
from ivr.settings import Settings, settings


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@dialplans_option
@click.option("--real", is_flag=True, help="Over a private hotline with real Asterisk, phones and audio.")
@click.option("--coverage-least", type=click.IntRange(0, 100), default=0, metavar="PERCENT",
              help="Fail when scenarios go through less of the steps and outcomes.")  # fmt: skip
@click.option("--junit", type=click.Path(path_type=Path), metavar="FILE", help="Write JUnit XML as well.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def test(
    names: tuple[str, ...], folder: Path | None, real: bool, coverage_least: int, junit: Path | None, as_json: bool
) -> None:
    """Run scenarios (all, or those named) and tell which steps and outcomes none of them goes through.

    Exit status 1 when one fails. On the pure flow a scenario takes milliseconds; with --real each is a telephone call.
    """
    used = with_folder(settings(), folder)
    with mistakes_shown():
        dialplans, scenarios, texts = read_all(used)
    if not scenarios:
        raise ConfigError(f"{used.dialplans_dir / 'scenarios'}: holds no scenario; expected at least one <name>.toml")
    wanted = chosen(scenarios, names)
    if real:
        sys.exit(_real(used, dialplans, wanted, texts, junit, as_json=as_json))
    run = run_all(dialplans, wanted, texts)
    if as_json:
        click.echo(json.dumps(_as_json(run), indent=2, ensure_ascii=False))
    else:
        _print(run, whole=not names)
    if junit:
        write(junit, [(each.scenario, [*map(str, each.failures)], each.ms / 1000) for each in run.results])
    if run.failed or (not names and run.coverage.percent < coverage_least):
        sys.exit(1)


def _real(
    used: Settings, dialplans: Dialplans, wanted: Sequence[Scenario], texts: Texts, junit: Path | None, *, as_json: bool
) -> int:
    """Run them really; return the exit status."""
    from ivr.scenarios.real import show

    try:
        run = show(used, dialplans, wanted, texts, lambda line: click.echo(line, err=as_json))
    except KeyboardInterrupt:
        return 130
    except asyncio.CancelledError:
        return 143
    if junit:
        write(junit, [(each.part.scenario, [*map(str, each.failures)], each.seconds) for each in run.called])
    if as_json:
        found = [
            {"name": each.part.scenario.name, "ok": not each.failures, "seconds": round(each.seconds, 1),
             "failures": [*map(str, each.failures)]}
            for each in run.called
        ]  # fmt: skip
        told = {"ok": run.ok, "scenarios": found, "not_real": run.skipped, "broken": run.broken}
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
    else:
        click.echo(
            f"\n{len(run.called)} scenarios were real, {len(run.failed)} failed, {len(run.skipped)} not real, "
            f"{run.seconds:.0f} s"
        )
    return 0 if run.ok else 1


def _print(run: Run, *, whole: bool) -> None:
    width = max(len(result.scenario.name) for result in run.results)
    for result in run.results:
        state = "ok    " if result.ok else "FAILED"
        click.echo(f"{state}  {result.scenario.name:<{width}}  {result.ms:6.1f} ms  {result.scenario.title}".rstrip())
        for failure in result.failures:
            for line in str(failure).splitlines():
                click.echo(f"    {line}")
    told = f"{len(run.results)} scenarios, {len(run.failed)} failed, {run.ms:.0f} ms"
    click.echo(f"\n{told}")
    if whole:
        _print_coverage(run)


def _print_coverage(run: Run) -> None:
    coverage = run.coverage
    for what, counts in (("steps", coverage.steps), ("outcomes", coverage.ways)):
        click.echo(f"{what} {sum(map(bool, counts.values()))}/{len(counts)}")
    for what, missed in (("never come to", coverage.missed_steps), ("never happened", coverage.missed_ways)):
        for each in missed:
            click.echo(f"  {what}: {each}")


def _as_json(run: Run) -> dict[str, Any]:
    coverage = run.coverage
    return {
        "ok": not run.failed,
        "scenarios": [
            {
                "name": each.scenario.name, "title": each.scenario.title, "ok": each.ok, "ms": round(each.ms, 2),
                "file": str(each.scenario.source.file),
                "line": each.scenario.source.line("scenarios", each.scenario.name),
                "ended": each.transcript.disposition, "failures": [str(failure) for failure in each.failures],
            }
            for each in run.results
        ],
        "coverage": {
            "percent": coverage.percent,
            "steps": len(coverage.steps), "outcomes": len(coverage.ways),
            "missed_steps": coverage.missed_steps, "missed_outcomes": coverage.missed_ways,
        },
    }  # fmt: skip
