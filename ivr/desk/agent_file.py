"""Agents from a CSV file: every row checked, each mistake with its line. Called by `ivr agent import`."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from ivr.desk.agent_values import languages, projects, skills
from ivr.desk.agents import Agent, Agents, Change, Guard, Put
from ivr.desk.csv_file import csv_rows
from ivr.errors import ConfigError, Finding, InputError

COLUMNS = ("id", "name", "skills", "projects", "languages", "roster", "pin", "ring_s", "wrap_up_s")
NEEDED = ("id", "skills")

T = TypeVar("T")


@dataclass(frozen=True)
class Imported:
    """done  what was written.  skipped  what was wrong with other rows."""

    done: Put
    skipped: tuple[Finding, ...] = ()


async def import_agents(agents: Agents, file: Path, *, skip_bad: bool = False, guard: Guard | None = None) -> Imported:
    """Add and change agents from a CSV file; the others stay. One transaction: all or nothing.

    Raises ConfigError with every bad row, unless they are to be skipped; what `guard` raises.
    """
    changes, findings = await asyncio.to_thread(read_csv, file)
    if findings and not skip_bad:
        raise ConfigError(*findings)
    return Imported(await agents.put(changes, guard), tuple(findings))


def read_csv(file: Path) -> tuple[dict[str, Change], list[Finding]]:
    """Return the good rows by agent, and what is wrong with the others, by line.

    A column that is not there leaves what an agent has; an empty value takes it away, except name, PIN and times.
    Raises ConfigError when the file as a whole cannot be used.
    """
    changes: dict[str, Change] = {}
    lines_of: dict[str, int] = {}
    findings: list[Finding] = []
    for line, row in csv_rows(file, COLUMNS, NEEDED, findings):
        agent_id = row["id"]
        if agent_id in lines_of:
            wrong = f"{agent_id} is already in line {lines_of[agent_id]}"
            findings.append(Finding(file, line, "id", wrong, "each agent once"))
            continue
        change = _change(file, line, row, findings)
        if change is not None:
            changes[agent_id], lines_of[agent_id] = change, line
    return changes, findings


def _change(file: Path, line: int, row: Mapping[str, str], findings: list[Finding]) -> Change | None:
    before = len(findings)

    def value(column: str, read: Callable[[str], T]) -> T | None:
        if column not in row:
            return None
        try:
            return read(row[column])
        except InputError as error:
            findings.append(Finding(file, line, column, str(error)))
            return None

    change = Change(
        name=row.get("name") or None,
        skills=value("skills", lambda text: skills(_words(text))),
        pin=row.get("pin", ""),
        ring_s=value("ring_s", _seconds),
        wrap_up_s=value("wrap_up_s", _seconds),
        projects=value("projects", lambda text: projects(_words(text))),
        languages=value("languages", lambda text: languages(_words(text))),
        roster=row.get("roster"),
    )
    if len(findings) == before:
        try:
            change.of(Agent(row["id"], row["id"], "", "", "", {}))
        except InputError as error:
            findings.append(Finding(file, line, "", str(error)))
    return change if len(findings) == before else None


def _words(text: str) -> list[str]:
    return [word for word in re.split(r"[\s,;|]+", text) if word]


def _seconds(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 6):
        raise InputError(f"{text!r} is not a whole number of seconds")
    return int(text)
