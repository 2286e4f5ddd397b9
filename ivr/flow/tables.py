"""Check one TOML table against the keys declared for it (flow/steps.py) and fill in the defaults.

Pure. Called by `flow/load.py`; every mistake becomes a Finding, none stops the reading.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ivr.errors import Finding, nearest
from ivr.flow.declare import KEYS, TYPES, Key
from ivr.flow.mistakes import ON_KEY
from ivr.flow.source import Source
from ivr.flow.values import Names, Wrong, action_of, fixed, name_of, shown, type_of, value_of

__all__ = [
    "Names", "Report", "Wrong", "action_of", "fixed", "key_pressed", "name_of", "named_tables", "read", "shown",
    "type_of", "value_of",
]  # fmt: skip

SPOKEN_KEYS = {"star": "*", "asterisk": "*", "hash": "#", "pound": "#"}


@dataclass
class Report:
    """Findings of one file, in the order they were found. notes  what is no mistake, but good to know.

    usual  the kind of a mistake nobody gives another one.
    """

    source: Source
    usual: str = "wrong_value"
    findings: list[Finding] = field(default_factory=list)
    notes: list[Finding] = field(default_factory=list)

    def add(
        self,
        path: tuple[str, ...],
        wrong: str,
        expected: str = "",
        near: str = "",
        *,
        kind: str = "",
        part: str = "",
        item: int = 0,
    ) -> None:
        """Note one mistake at `path`. kind  a key of MISTAKES.  part, item  as of Wrong."""
        self.findings.append(self._finding(path, wrong, expected, near, kind or self.usual, part, item))

    def note(self, path: tuple[str, ...], wrong: str, expected: str = "", *, kind: str, item: int = 0) -> None:
        """Note what is no mistake, but good to know."""
        self.notes.append(self._finding(path, wrong, expected, "", kind, "", item))

    def wrong(self, path: tuple[str, ...], error: Wrong) -> None:
        """Note the mistake `error`, and those it brings, in the value at `path`."""
        for each in (error, *error.others):
            near = each.wrong, each.expected, each.near
            self.add((*path, *each.at), *near, kind=each.kind, part=each.part, item=each.item)

    def _finding(
        self, path: tuple[str, ...], wrong: str, expected: str, near: str, kind: str, part: str, item: int
    ) -> Finding:
        exact = (*path, str(item)) if item else path
        place = self.source.exactly(exact, key=kind in ON_KEY, part=part)
        line, column, end = place or (None, None, None)
        return Finding(self.source.file, line, ".".join(path), wrong, expected, near, column, end, kind)

    def table(self, path: tuple[str, ...], value: object) -> dict[str, Any]:
        """Return `value` when it is a table; note it and return {} otherwise."""
        if isinstance(value, dict):
            return value
        expected = f"a table [{'.'.join(path)}]"
        self.add(path, f"{shown(value)} is {type_of(value)}", expected, kind="wrong_type")
        return {}


def read(
    report: Report,
    path: tuple[str, ...],
    table: Mapping[str, Any],
    keys: Iterable[Key],
    names: Names,
    others: Collection[str] = (),
) -> dict[str, Any]:
    """Return the value of every key in `keys`: from `table`, else its default; a wrong one gets its default.

    others  keys of the table that somebody else reads.
    """
    declared = {key.name: key for key in keys}
    known = [*declared, *others]
    for name in table:
        if name not in known:
            near = key_pressed(name) if "on" in known else ""
            near = near or nearest(name, known)
            report.add((*path, name), "unknown key", "one of " + ", ".join(known), near, kind="unknown_key")
    values: dict[str, Any] = {}
    for name, key in declared.items():
        values[name] = key.default
        if name not in table:
            if key.default is None and not key.absent:
                report.add((*path, name), "missing", f"{TYPES[key.type]}: {key.doc}", kind="missing_key")
            continue
        try:
            values[name] = value_of(key, table[name], names)
        except Wrong as error:
            report.wrong((*path, name), error)
            values[name] = key.default if error.found is None else error.found
    return values


def key_pressed(name: str) -> str:
    """Return how the telephone key `name` means is written, `on.1` or `on."#"`; '' when it means none."""
    key = SPOKEN_KEYS.get(name.lower(), name)
    if len(key) != 1 or key not in KEYS:
        return ""
    return f"on.{key}" if key.isdecimal() else f'on."{key}"'


def named_tables(report: Report, name: str, pattern: str, what: str) -> dict[str, dict[str, Any]]:
    """Return the tables below `name`; a name that does not match `pattern` is noted as not being `what`."""
    tables = {}
    for key, value in report.table((name,), report.source.table.get(name, {})).items():
        if not re.fullmatch(pattern, key):
            report.add((name, key), f"{shown(key)} is not {what}", f"{what} ({pattern})", kind="wrong_name")
        tables[key] = report.table((name, key), value)
    return tables
