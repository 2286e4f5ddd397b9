"""Check a folder of dialplans as a whole: its files, its words, the calendar and the agents. Reads, changes nothing.

Called by `ivr dialplan check` and `ivr dialplan reload`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ivr.desk.hours import check_hours
from ivr.desk.placeholders import placeholders
from ivr.desk.staffing import check_staffing
from ivr.errors import ConfigError, Finding, InputError
from ivr.flow.draft import Draft, draft
from ivr.flow.load import in_order, read_files, read_version
from ivr.flow.mistakes import ON_KEY
from ivr.flow.model import Dialplans
from ivr.flow.prompt_texts import read_texts
from ivr.scenarios.folder import FOLDER as SCENARIOS
from ivr.scenarios.folder import load_scenarios
from ivr.settings import Settings
from ivr.speech.catalog import read_index

PARTS = ("flows", SCENARIOS, "prompts")


@dataclass(frozen=True)
class Checked:
    """What a check found.

    notes  what is no mistake, but good to know.  contents  of the files, for showing.  dialplans  None with a mistake.
    unready  notes that keep the folder from becoming live.  unchecked  what waits until the mistakes are gone, or ''.
    """

    findings: Sequence[Finding]
    notes: Sequence[Finding | str]
    contents: dict[Path, str]
    dialplans: Dialplans | None
    unready: Sequence[Finding] = ()
    unchecked: str = ""


async def check_folder(settings: Settings, folder: Path) -> Checked:
    """Return every mistake in `folder`. Its queues are held against the agents when it is HOTLINE_DIALPLANS."""
    files, findings = read_files(folder)
    texts, unreadable = read_texts(*settings.prompts_for(folder))
    keys = None if unreadable else {key for said in texts.values() for key in said}
    found = draft(files, folder, keys, None if unreadable else texts, _seconds(settings, texts))
    found.version = read_version(folder, *settings.prompts_for(folder))
    findings += [*unreadable, *found.findings]
    if folder / "hours.toml" in found.reports:
        useless = check_hours(settings.model_copy(update={"dialplans": folder}), found.dialplans())
        findings += [_placed(finding, found, "never_open") for finding in useless]
    of = settings.model_copy(update={"dialplans": folder})
    unchecked = "scenarios" if findings and any((folder / SCENARIOS).glob("*.toml")) else ""
    scenarios = [] if findings else load_scenarios(of, found.dialplans())[1]
    findings += scenarios
    notes: list[Finding | str] = [*_not_read(folder), *in_order(found.notes)]
    if not findings and folder == settings.dialplans_dir:
        staffing = await check_staffing(settings, found.dialplans())
        findings += [_placed(finding, found, "nobody") for finding in staffing.findings]
        notes += staffing.notes
    left, unready = placeholders(settings, folder, found)
    notes += in_order(left)
    contents = {file: content.decode("utf-8", "replace") for file, content in files.items()}
    contents |= {each.file: _content(each.file) for each in (*unreadable, *scenarios) if each.line}
    dialplans = None if findings else found.dialplans()
    return Checked(in_order(findings), notes, contents, dialplans, () if findings else in_order(unready), unchecked)


def folder_to_check(given: Path) -> Path:
    """Return `given` when it can be a folder of dialplans. Raises InputError naming the folder it is a part of."""
    inside = given if given.is_dir() else given.parent
    inside = inside if inside.name not in ("", "..") else inside.resolve()
    part = inside.name in PARTS and not (inside / "numbers.toml").exists()
    if given.is_dir() and not (part and (inside.parent / "numbers.toml").exists()):
        return given
    what = "is only a part of a folder of dialplans" if given.is_dir() else "is a file"
    whole = inside.parent if part else inside
    raise InputError(f"{given} {what}; expected the whole folder: `ivr dialplan check {whole}`")


def _not_read(folder: Path) -> list[Finding]:
    """Return a note on everything in flows/ and scenarios/ that nobody reads."""
    found = []
    for part in (folder / "flows", folder / SCENARIOS):
        for file in sorted(part.iterdir()) if part.is_dir() else ():
            if file.suffix != ".toml" and not file.name.startswith((".", "README")) and not file.name.endswith("~"):
                wrong = "is not read: " + ("a folder" if file.is_dir() else "its name does not end in .toml")
                expected = f"its files in {part.name}/" if file.is_dir() else f"{part.name}/{file.stem}.toml"
                found.append(Finding(file, None, "", wrong, expected, kind="file"))
    return found


def _placed(finding: Finding, found: Draft, kind: str) -> Finding:
    """Return a finding of somebody who reads no files himself with its exact place."""
    report = found.reports.get(finding.file)
    place = report.source.exactly(tuple(finding.where.split(".")), key=kind in ON_KEY) if report else None
    line, column, end = place or (finding.line, None, None)
    return dataclasses.replace(finding, line=line, column=column, end_column=end, kind=kind)


def _seconds(settings: Settings, texts: dict[str, dict[str, str]]) -> dict[tuple[str, str], float]:
    """Return how long those prompts last that were rendered as they are written now."""
    try:
        entries = read_index(settings).entries
    except ConfigError:
        return {}
    plain = [entry for entry in entries if entry.value is None]
    return {
        (entry.locale, entry.key): entry.seconds
        for entry in plain
        if texts.get(entry.locale, {}).get(entry.key) == entry.text
    }


def _content(file: Path) -> str:
    try:
        return file.read_bytes().decode("utf-8", "replace")
    except OSError:
        return ""
