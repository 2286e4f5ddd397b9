"""Read `dialplans/`: all files, every mistake at once, one immutable version.

Called before a set goes live, and by `ivr dialplan`; one mistake refuses the whole set, so that whatever was
live before stays so. Reads files, nothing else.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ivr.errors import ConfigError, Finding, nearest
from ivr.flow import steps
from ivr.flow.calendars import read_calendars
from ivr.flow.check import check_flow
from ivr.flow.model import Dialplans, Flow, Number, QueueConfig, Step
from ivr.flow.queues import leaving_keys, read_queues
from ivr.flow.source import FILE_BYTES, parse
from ivr.flow.steps import KINDS, TYPES, Key
from ivr.flow.tables import Names, Report, Wrong, fixed, name_of, named_tables, read, shown, type_of

FILES = ("numbers.toml", "queues.toml", "hours.toml")
FLOW_FILES = 200
STEPS = 500  # of one flow

__all__ = [
    "Dialplans", "Flow", "Number", "QueueConfig", "Step", "build", "load", "prompt_keys", "prompt_texts",
]  # fmt: skip


def load(folder: Path, prompt_keys: Collection[str]) -> Dialplans:
    """Return everything in `folder`, checked.

    prompt_keys  what a flow may say.
    Raises ConfigError with every mistake in every file, in the order of files and lines.
    """
    contents, findings = _read_files(folder)
    dialplans, wrong = build(contents, folder, prompt_keys)
    findings += wrong
    if findings or dialplans is None:
        raise ConfigError(*sorted(findings, key=lambda f: (str(f.file), f.line or 0)))
    return dialplans


def build(
    contents: Mapping[Path, bytes], folder: Path, prompt_keys: Collection[str]
) -> tuple[Dialplans | None, list[Finding]]:
    """Return the dialplans written in `contents` (file -> bytes), or None and every mistake. Pure.

    A file of FILES that is not in `contents` counts as unreadable: names in it are not checked.
    """
    findings: list[Finding] = []
    reports: dict[Path, Report] = {}
    for file, content in contents.items():
        source, mistake = parse(file, content)
        if source is not None:
            reports[file] = Report(source)
        elif mistake is not None:
            findings.append(mistake)
    numbers, queues, hours = (reports.get(folder / name) for name in FILES)
    flows = {file.stem: report for file, report in reports.items() if file.parent != folder}
    names: dict[str, Collection[str] | None] = {
        "prompt": prompt_keys,
        "flow": [file.stem for file in contents if file.parent != folder],
        "queue": _names_in(queues, "queues"),
        "calendar": _names_in(hours, "hours"),
        "target": _names_in(numbers, "targets"),
    }
    found_queues = read_queues(queues, names) if queues else {}
    found_hours = read_calendars(hours, names) if hours else {}
    found_numbers, targets, emergency = _numbers(numbers, names) if numbers else ({}, {}, ())
    queue_keys = leaving_keys(found_queues) if queues else None
    found_flows = {name: _flow(report, name, names, queue_keys) for name, report in flows.items()}
    findings += [finding for report in reports.values() for finding in report.findings]
    if findings:
        return None, findings
    return Dialplans(
        _version(contents, folder),
        fixed(found_flows),
        fixed(found_numbers),
        fixed(found_queues),
        fixed(found_hours),
        fixed(targets),
        emergency,
    ), []


def prompt_keys(folder: Path) -> set[str]:
    """Return the prompts of `folder`/<locale>.toml that a flow can say: those that need no number.

    Raises ConfigError when a file cannot be read.
    """
    return {key for texts in prompt_texts(folder).values() for key in texts}


def prompt_texts(folder: Path) -> dict[str, dict[str, str]]:
    """Return what each prompt says, by language and key; prompts that need a number are left out.

    Raises ConfigError when a file cannot be read; whether its prompts are right, `ivr prompts check` tells.
    """
    found = {}
    files = sorted(folder.glob("*.toml"))
    if not files:
        expected = "at least one <language>.toml (HOTLINE_PROMPTS)"
        raise ConfigError(Finding(folder, None, "", "holds no prompts", expected))
    for file in files:
        try:
            prompts = tomllib.loads(file.read_text("utf-8")).get("prompts")
        except (OSError, ValueError, RecursionError) as error:
            raise ConfigError(Finding(file, None, "", f"cannot be read: {error}")) from error
        if not isinstance(prompts, dict):
            raise ConfigError(Finding(file, None, "prompts", "missing", "a table [prompts]"))
        found[file.stem] = {
            key: _text(prompts, text) for key, text in prompts.items() if _needs_no_number(text)
        }
    return found


def _needs_no_number(text: object) -> bool:
    return not (isinstance(text, dict) and "from" in text)


def _text(prompts: Mapping[str, Any], text: object) -> str:
    parts = text.get("parts") if isinstance(text, dict) else None
    if isinstance(parts, list):
        return " ".join(str(prompts[part]) for part in parts if part in prompts)
    return str(text)


def _read_files(folder: Path) -> tuple[dict[Path, bytes], list[Finding]]:
    contents: dict[Path, bytes] = {}
    findings: list[Finding] = []
    flow_files = sorted(f for f in (folder / "flows").glob("*.toml") if not f.name.startswith("."))
    if not flow_files:
        findings.append(Finding(folder / "flows", None, "", "holds no flow", "at least one <name>.toml"))
    if len(flow_files) > FLOW_FILES:
        findings.append(
            Finding(folder / "flows", None, "", f"holds {len(flow_files)} flows", f"at most {FLOW_FILES}")
        )
    for file in sorted(f for f in folder.glob("*.toml") if not f.name.startswith(".")):
        if file.name not in FILES:
            near = nearest(file.name, FILES)
            findings.append(
                Finding(file, None, "", "unknown file", ", ".join(FILES) + ", or a flow in flows/", near)
            )
    for file in flow_files:
        if not re.fullmatch(steps.NAME, file.stem):
            findings.append(
                Finding(
                    file, None, "", "a flow cannot be named so", f"{TYPES['name']} ({steps.NAME}) and .toml"
                )
            )
    for file in [folder / name for name in FILES] + flow_files[:FLOW_FILES]:
        try:
            contents[file] = _read_bytes(file)
        except FileNotFoundError:
            findings.append(Finding(file, None, "", "is missing", "this file"))
        except OSError as error:
            findings.append(
                Finding(file, None, "", f"cannot be read: {error.strerror or error}", "a readable file")
            )
    return contents, findings


def _read_bytes(file: Path) -> bytes:
    if file.exists() and not file.is_file():
        raise OSError(f"{file.name} is no file")
    with file.open("rb") as opened:
        return opened.read(FILE_BYTES + 1)


def _version(contents: Mapping[Path, bytes], folder: Path) -> str:
    digest = hashlib.sha256()
    for file in sorted(contents):
        name = str(file.relative_to(folder)).encode()
        digest.update(b"%d %s %d " % (len(name), name, len(contents[file])) + contents[file])
    return digest.hexdigest()[:12]


def _names_in(report: Report | None, table: str) -> Collection[str] | None:
    if report is None:
        return None
    value = report.source.table.get(table, {})
    return list(value) if isinstance(value, dict) else None


def _numbers(report: Report, names: Names) -> tuple[dict[str, Number], dict[str, str], tuple[str, ...]]:
    values = read(report, (), report.source.table, (steps.EMERGENCY,), names, others=("numbers", "targets"))
    numbers = {}
    for number, table in named_tables(report, "numbers", steps.DIAL_NUMBER, "a number callers dial").items():
        numbers[number] = Number(
            number=number, **read(report, ("numbers", number), table, steps.NUMBER, names)
        )
    if not numbers:
        report.add(("numbers",), "no number is answered", "at least one table such as [numbers.100]")
    target_names = report.table(("targets",), report.source.table.get("targets", {}))
    for name in target_names:
        if not re.fullmatch(steps.NAME, name):
            report.add(
                ("targets", name), f"{shown(name)} is not {TYPES['name']}", f"{TYPES['name']} ({steps.NAME})"
            )
    keys = [Key(name, "dial", steps.TARGETS_DOC) for name in target_names]
    return numbers, read(report, ("targets",), target_names, keys, names), values["emergency"]


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
        report.add(("steps",), "missing", "at least one table such as [steps.welcome]")
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
    if not re.fullmatch(steps.NAME, name):
        report.add(path, f"{shown(name)} is not {TYPES['name']}", f"{TYPES['name']} ({steps.NAME})")
    kind_name = table.get("kind")
    if not isinstance(kind_name, str) or kind_name not in KINDS:
        wrong = "missing" if kind_name is None else f"there is no kind {shown(kind_name)}"
        near = nearest(kind_name[:100], KINDS) if isinstance(kind_name, str) else ""
        report.add((*path, "kind"), wrong, "one of " + ", ".join(KINDS), near)
        return None
    kind = KINDS[kind_name]
    values = read(report, path, table, kind.keys, names, others=("kind", "next", "on"))
    on = {}
    for outcome, target in report.table((*path, "on"), table.get("on", {})).items():
        if isinstance(target, str):
            on[outcome] = target
        else:
            report.add((*path, "on", outcome), f"{shown(target)} is {type_of(target)}", TYPES["step"])
    following = table.get("next", "")
    try:
        following = following if following == "" else name_of("step", following, {})
    except Wrong as error:
        report.add((*path, "next"), error.wrong, error.expected)
        following = ""
    if values.get("least") is not None and kind_name == "collect" and values["least"] > values["most"]:
        report.add(
            (*path, "least"), f"{values['least']} is more than most, {values['most']}", "least up to most"
        )
    return Step(name, kind_name, MappingProxyType(values), fixed(on), following)
