"""Read the files of `dialplans/` into a draft: all that could be read, and every mistake. Pure.

Called by `flow/load.py`, and by `ivr dialplan check` which holds drafts against the calendar and the agents as well.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ivr.errors import Finding, nearest
from ivr.flow import declare, steps
from ivr.flow.calendars import read_calendars
from ivr.flow.check import check_flow
from ivr.flow.check_branches import check_branches
from ivr.flow.check_set import check_set
from ivr.flow.check_use import check_ends, note_unused
from ivr.flow.check_variables import check_variables
from ivr.flow.check_words import Seconds, Texts, check_words
from ivr.flow.declare import TYPES, Key
from ivr.flow.model import Dialplans, Flow, Number, QueueConfig, Step
from ivr.flow.queues import leaving_keys, read_queues
from ivr.flow.source import parse
from ivr.flow.spoken import languages
from ivr.flow.steps import KINDS
from ivr.flow.tables import Report, named_tables, read
from ivr.flow.values import Names, Wrong, fixed, name_of, shown, type_of
from ivr.hours import Calendar

FILES = ("numbers.toml", "queues.toml", "hours.toml")
STEPS = 500  # of one flow
_USUAL = {"queues.toml": "queue", "hours.toml": "hours"}


@dataclass
class Draft:
    """Dialplans as far as they could be read.

    reports  by file.  broken  mistakes of files that could not be read.  fixed_places  targets and webhooks.
    """

    version: str
    reports: Mapping[Path, Report]
    broken: list[Finding]
    flows: dict[str, Flow] = field(default_factory=dict)
    numbers: dict[str, Number] = field(default_factory=dict)
    queues: dict[str, QueueConfig] = field(default_factory=dict)
    hours: dict[str, Calendar] = field(default_factory=dict)
    fixed_places: tuple[dict[str, str], dict[str, str]] = ({}, {})
    emergency: tuple[str, ...] = ()

    @property
    def findings(self) -> list[Finding]:
        """Every mistake."""
        return self.broken + [finding for report in self.reports.values() for finding in report.findings]

    @property
    def notes(self) -> list[Finding]:
        """What is no mistake, but good to know."""
        return [note for report in self.reports.values() for note in report.notes]

    def dialplans(self) -> Dialplans:
        """Return what was read, for use; only right when there are no findings."""
        targets, webhooks = self.fixed_places
        return Dialplans(
            self.version, fixed(self.flows), fixed(self.numbers), fixed(self.queues), fixed(self.hours),
            fixed(targets), self.emergency, fixed(webhooks),
        )  # fmt: skip


def draft(
    contents: Mapping[Path, bytes],
    folder: Path,
    prompt_keys: Collection[str] | None,
    texts: Texts | None = None,
    seconds: Seconds | None = None,
) -> Draft:
    """Return what is written in `contents` (file -> bytes), with every mistake.

    A file of FILES that is not in `contents` counts as unreadable: names in it are not checked.
    prompt_keys  what a flow may say.  texts, seconds  what each prompt says and how long it lasts. None when not known:
    then that is not checked.
    """
    found = _parsed(contents, folder)
    numbers, queues, hours = (found.reports.get(folder / name) for name in FILES)
    flows = {file.stem: report for file, report in found.reports.items() if file.parent != folder}
    names: dict[str, Collection[str] | None] = {
        "prompt": prompt_keys,
        "flow": [file.stem for file in contents if file.parent != folder],
        "queue": _names_in(queues, "queues"),
        "calendar": _names_in(hours, "hours"),
        "target": _names_in(numbers, "targets"),
        "webhook": _names_in(numbers, "webhooks"),
    }
    found.queues = read_queues(queues, names) if queues else {}
    found.hours = read_calendars(hours, names) if hours else {}
    if numbers:
        _numbers(found, numbers, names)
    queue_keys = leaving_keys(found.queues) if queues else None
    found.flows = {name: _flow(report, name, names, queue_keys) for name, report in flows.items()}
    _check_together(found, flows, numbers, texts, seconds or {})
    if not found.findings and numbers and queues and hours:
        reports = {"queues": queues, "hours": hours, "targets": numbers, "webhooks": numbers}
        targets, webhooks = found.fixed_places
        named: dict[str, Collection[str]] = {"hours": found.hours, "targets": targets, "webhooks": webhooks}
        note_unused(reports, found.flows, found.queues, named, languages([*found.numbers.values()], found.flows))
    return found


def build(
    contents: Mapping[Path, bytes], folder: Path, prompt_keys: Collection[str], texts: Texts | None = None
) -> tuple[Dialplans | None, list[Finding]]:
    """Return the dialplans written in `contents` (file -> bytes), or None and every mistake."""
    found = draft(contents, folder, prompt_keys, texts)
    findings = found.findings
    return (None, findings) if findings else (found.dialplans(), [])


def _parsed(contents: Mapping[Path, bytes], folder: Path) -> Draft:
    reports: dict[Path, Report] = {}
    broken: list[Finding] = []
    for file, content in contents.items():
        source, mistake = parse(file, content)
        if source is not None:
            usual = _USUAL.get(file.name, "") if file.parent == folder else ""
            reports[file] = Report(source, usual or "wrong_value")
        elif mistake is not None:
            broken.append(mistake)
    files = {file.relative_to(folder).as_posix(): content for file, content in contents.items()}
    return Draft(version_of(files), reports, broken)


def _check_together(
    found: Draft, flows: Mapping[str, Report], numbers: Report | None, texts: Texts | None, seconds: Seconds
) -> None:
    """Check what one file alone does not tell."""
    begun = [number.flow or "" for number in found.numbers.values()]
    check_set(flows, found.flows, _flows_named(numbers.source.table) if numbers else None)
    for name, flow in found.flows.items():
        check_branches(flows[name], flow)
    check_variables(flows, found.flows, [name for name in begun if name in found.flows])
    if numbers:
        sound = [name for name, report in flows.items() if not report.findings]
        check_ends(numbers, found.numbers, found.flows, sound)
    if texts is not None:
        check_words(flows, found.flows, languages([*found.numbers.values()], found.flows), texts, seconds)


def _flows_named(table: Mapping[str, Any]) -> list[str]:
    """Return the flows numbers.toml names, also those there are not."""
    numbers = table.get("numbers")
    rows = numbers.values() if isinstance(numbers, dict) else ()
    return [row["flow"] for row in rows if isinstance(row, dict) and isinstance(row.get("flow"), str)]


def version_of(files: Mapping[str, bytes]) -> str:
    """Return the version that follows from `files` (name below the folder -> content): their hash."""
    digest = hashlib.sha256()
    for file in sorted(files):
        name = file.encode()
        digest.update(b"%d %s %d " % (len(name), name, len(files[file])) + files[file])
    return digest.hexdigest()[:12]


def _names_in(report: Report | None, table: str) -> Collection[str] | None:
    if report is None:
        return None
    value = report.source.table.get(table, {})
    return list(value) if isinstance(value, dict) else None


def _numbers(found: Draft, report: Report, names: Names) -> None:
    others = ("numbers", "targets", "webhooks")
    values = read(report, (), report.source.table, (steps.EMERGENCY,), names, others=others)
    for number, table in named_tables(report, "numbers", declare.DIAL_NUMBER, "a number callers dial").items():
        found.numbers[number] = Number(number=number, **read(report, ("numbers", number), table, steps.NUMBER, names))
    if not found.numbers:
        expected = "at least one table such as [numbers.100]"
        report.add(("numbers",), "no number is answered", expected, kind="missing_key")
    found.fixed_places = _fixed(report, "targets", "dial", names), _fixed(report, "webhooks", "url", names)
    found.emergency = values["emergency"]
    if not found.emergency:
        wrong = "no phone rings when no controller answers: callers hear a goodbye"
        report.note(("emergency",), wrong, kind="no_emergency")


def _fixed(report: Report, table: str, kind: str, names: Names) -> dict[str, str]:
    """Return what `[targets]` or `[webhooks]` names, by name."""
    written = report.table((table,), report.source.table.get(table, {}))
    for name in written:
        if not re.fullmatch(declare.NAME, name):
            expected = f"{TYPES['name']} ({declare.NAME})"
            report.add((table, name), f"{shown(name)} is not {TYPES['name']}", expected, kind="wrong_name")
    return read(report, (table,), written, [Key(name, kind, TYPES[kind]) for name in written], names)


def _flow(report: Report, name: str, names: Names, queue_keys: Mapping[str, str] | None) -> Flow:
    table = report.source.table
    written = table.get("steps", {})
    tables = report.table(("steps",), written)
    if len(tables) > STEPS:
        report.add(("steps",), f"{len(tables)} steps", f"at most {STEPS}; split the flow")
        tables = {}
    names = {**names, "step": list(tables)}
    values = read(report, (), table, steps.FLOW, names, others=("steps",))
    if written == {}:
        report.add(("steps",), "missing", "at least one table such as [steps.welcome]", kind="missing_key")
    found = {key: _step(report, key, value, names) for key, value in tables.items()}
    flow = Flow(
        name,
        values["title"] or "",
        values["start"] or "",
        values["rescue"] or "",
        fixed({key: step for key, step in found.items() if step is not None}),
    )
    check_flow(report, flow, names, queue_keys)
    return flow


def _step(report: Report, name: str, written: object, names: Names) -> Step | None:
    path = ("steps", name)
    table = report.table(path, written)
    if table is not written:
        return None
    if not re.fullmatch(declare.NAME, name):
        expected = f"{TYPES['name']} ({declare.NAME})"
        report.add(path, f"{shown(name)} is not {TYPES['name']}", expected, kind="wrong_name")
    kind_name = table.get("kind")
    if not isinstance(kind_name, str) or kind_name not in KINDS:
        wrong = "missing" if kind_name is None else f"there is no kind {shown(kind_name)}"
        near = nearest(kind_name[:100], KINDS) if isinstance(kind_name, str) else ""
        code = "missing_key" if kind_name is None else "unknown_kind"
        report.add((*path, "kind"), wrong, "one of " + ", ".join(KINDS), near, kind=code)
        return None
    values = read(report, path, table, KINDS[kind_name].keys, names, others=("kind", "next", "on"))
    if kind_name in ("collect", "identify", "survey") and values["least"] > values["most"]:
        wrong = f"{values['least']} is more than most, {values['most']}"
        report.add((*path, "least"), wrong, "least up to most")
    on, following = _ways(report, path, table)
    return Step(name, kind_name, MappingProxyType(values), fixed(on), following)


def _ways(report: Report, path: tuple[str, ...], table: Mapping[str, Any]) -> tuple[dict[str, str], str]:
    """Return `on` and `next` of a step; whether they lead somewhere, `check_flow` tells."""
    on = {}
    for outcome, target in report.table((*path, "on"), table.get("on", {})).items():
        if isinstance(target, str):
            on[outcome] = target
        else:
            wrong = f"{shown(target)} is {type_of(target)}"
            report.add((*path, "on", outcome), wrong, TYPES["step"], kind="wrong_type")
    following = table.get("next", "")
    try:
        return on, following if following == "" else name_of("step", following, {})
    except Wrong as error:
        report.wrong((*path, "next"), error)
    return on, ""
