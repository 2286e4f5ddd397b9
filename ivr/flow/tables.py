"""Check one TOML table against the keys declared for it (flow/steps.py) and fill in the defaults.

Pure. Called by `flow/load.py`; every mistake becomes a Finding, none stops the reading.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, available_timezones

from ivr.errors import Finding, nearest
from ivr.flow import steps
from ivr.flow.model import Action
from ivr.flow.queue_keys import OVERFLOWS, PRESSED, TO_QUEUE
from ivr.flow.source import Source
from ivr.flow.steps import TYPES, Key
from routing.errors import BadArgument
from routing.model import Need

Names = Mapping[str, Collection[str] | None]
"""What may be named, by type (prompt, queue, calendar, target, flow, step); None: unknown, so not checked."""

TEXT_CHARS = 200
LIST_LENGTH = 20

T = TypeVar("T")


class Wrong(Exception):
    """A value is not what its key wants."""

    def __init__(self, wrong: str, expected: str = "", near: str = "") -> None:
        self.wrong, self.expected, self.near = wrong, expected, near
        super().__init__(wrong)


@dataclass
class Report:
    """Findings of one file, in the order they were found."""

    source: Source
    findings: list[Finding] = field(default_factory=list)

    def add(self, path: tuple[str, ...], wrong: str, expected: str = "", near: str = "") -> None:
        """Note one mistake at `path`."""
        line = self.source.line(*path)
        self.findings.append(Finding(self.source.file, line, ".".join(path), wrong, expected, near))

    def table(self, path: tuple[str, ...], value: object) -> dict[str, Any]:
        """Return `value` when it is a table; note it and return {} otherwise."""
        if isinstance(value, dict):
            return value
        self.add(path, f"{shown(value)} is {type_of(value)}", f"a table [{'.'.join(path)}]")
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
            report.add((*path, name), "unknown key", "one of " + ", ".join(known), nearest(name, known))
    values: dict[str, Any] = {}
    for name, key in declared.items():
        values[name] = key.default
        if name not in table:
            if key.default is None and not key.absent:
                report.add((*path, name), "missing", f"{TYPES[key.type]}: {key.doc}")
            continue
        try:
            values[name] = value_of(key, table[name], names)
        except Wrong as error:
            report.add((*path, name), error.wrong, error.expected, error.near)
    return values


def named_tables(report: Report, name: str, pattern: str, what: str) -> dict[str, dict[str, Any]]:
    """Return the tables below `name`; a name that does not match `pattern` is noted as not being `what`."""
    tables = {}
    for key, value in report.table((name,), report.source.table.get(name, {})).items():
        if not re.fullmatch(pattern, key):
            report.add((name, key), f"{shown(key)} is not {what}", f"{what} ({pattern})")
        tables[key] = report.table((name, key), value)
    return tables


def value_of(key: Key, value: object, names: Names) -> object:
    """Return `value` as `key` wants it. Raises Wrong."""
    return _READERS[key.type](key, value, names)


def name_of(kind: str, value: object, names: Names) -> str:
    """Return `value` when it names a `kind` that exists. Raises Wrong."""
    if not isinstance(value, str):
        raise Wrong(f"{shown(value)} is {type_of(value)}", TYPES[kind])
    known = names.get(kind)
    if known is not None and value not in known:
        raise Wrong(f"there is no {kind} {shown(value)}", _choice(known), nearest(value[:100], known))
    return value


def action_of(value: object, names: Names, *, pressed: bool = False) -> Action:
    """Return what a key in a queue (`pressed`) or its overflow does. Raises Wrong."""
    known = PRESSED if pressed else OVERFLOWS
    expected = f"one of {', '.join(known)}, queue:<name of a queue>"
    if not isinstance(value, str):
        raise Wrong(f"{shown(value)} is {type_of(value)}", expected)
    kind, _, queue = value.replace(" ", ":", 1).partition(":")
    if kind == TO_QUEUE and queue:
        return Action(kind, name_of("queue", queue, names))
    if value not in known:
        raise Wrong(f"{shown(value)} is nothing a queue can do here", expected, nearest(value[:100], known))
    return Action(value)


def fixed(table: Mapping[str, T]) -> Mapping[str, T]:
    """Return a copy of `table` that cannot be changed."""
    return MappingProxyType(dict(table))


def shown(value: object) -> str:
    """Return `value` as a message shows it, cut to a bearable length."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def type_of(value: object) -> str:
    """Name the TOML type of `value`."""
    names = {
        bool: "true or false",
        int: "a whole number",
        float: "a number",
        str: "a text",
        list: "a list",
        dict: "a table",
    }
    return names.get(type(value), "a date or time")


def _choice(known: Collection[str]) -> str:
    if not known:
        return "none is defined"
    return "one of " + ", ".join(sorted(known)) if len(known) <= 12 else ""


def _want(key: Key, value: object, kinds: tuple[type, ...]) -> None:
    if type(value) not in kinds:
        raise Wrong(f"{shown(value)} is {type_of(value)}", TYPES[key.type] + _range(key))


def _range(key: Key) -> str:
    if key.least is None:
        return ""
    return f" from {key.least:g} to {key.most:g}"


def _text(key: Key, value: object, names: Names) -> str:
    _want(key, value, (str,))
    assert isinstance(value, str)
    most = int(key.most or TEXT_CHARS)
    if len(value) > most or not value.isprintable():
        raise Wrong(f"{shown(value)} is too long or not printable", f"at most {most} printable characters")
    return value


def _name(key: Key, value: object, names: Names) -> str:
    return _matching(key, value, steps.NAME)


def _dial(key: Key, value: object, names: Names) -> str:
    return _matching(key, value, steps.DIAL_STRING)


def _matching(key: Key, value: object, pattern: str) -> str:
    _want(key, value, (str,))
    assert isinstance(value, str)
    if not re.fullmatch(pattern, value):
        raise Wrong(f"{shown(value)} is not {TYPES[key.type]}", f"{TYPES[key.type]} ({pattern})")
    return value


def _dials(key: Key, value: object, names: Names) -> tuple[str, ...]:
    _want(key, value, (list,))
    return tuple(_dial(Key(key.name, "dial", key.doc), item, names) for item in _short(value))


def _number(key: Key, value: object, names: Names) -> float:
    _want(key, value, (int,) if key.type == "integer" else (int, float))
    assert isinstance(value, int | float)
    if not (key.least or 0) <= value <= (key.most or 0):
        raise Wrong(f"{shown(value)} is out of range", TYPES[key.type] + _range(key))
    return value


def _yes_no(key: Key, value: object, names: Names) -> bool:
    _want(key, value, (bool,))
    return value is True


def _named(key: Key, value: object, names: Names) -> str:
    return name_of(key.type, value, names)


def _prompts(key: Key, value: object, names: Names) -> tuple[str, ...]:
    if isinstance(value, str):
        return (name_of("prompt", value, names),)
    _want(key, value, (list,))
    if not value and key.default is None:
        raise Wrong("the list is empty", "at least one prompt")
    return tuple(name_of("prompt", item, names) for item in _short(value))


def _short(value: object) -> list[object]:
    assert isinstance(value, list)
    if len(value) > LIST_LENGTH:
        raise Wrong(f"a list of {len(value)}", f"at most {LIST_LENGTH}")
    return value


def _pressed(key: Key, value: object, names: Names) -> str:
    _want(key, value, (str,))
    assert isinstance(value, str)
    if set(value) - set(steps.KEYS) or len(set(value)) < len(value):
        raise Wrong(f"{shown(value)} is not a set of telephone keys", TYPES[key.type] + f", of {steps.KEYS}")
    return value


def _choice_of(key: Key, value: object, names: Names) -> str:
    if not isinstance(value, str) or value not in key.choices:
        near = nearest(value[:100], key.choices) if isinstance(value, str) else ""
        raise Wrong(
            f"{shown(value)} is not a choice", "one of " + ", ".join(repr(c) for c in key.choices), near
        )
    return value


def _need(key: Key, value: object, names: Names) -> Need:
    _want(key, value, (str,))
    try:
        return Need(str(value))
    except BadArgument as error:
        raise Wrong(f"{shown(value)} is no need", str(error).partition("expected ")[2] or str(error)) from None


def _action(key: Key, value: object, names: Names) -> Action:
    return action_of(value, names)


def _zone(key: Key, value: object, names: Names) -> str:
    _want(key, value, (str,))
    assert isinstance(value, str)
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise Wrong(
            f"there is no time zone {shown(value)}",
            TYPES["zone"],
            nearest(value[:100], available_timezones()),
        ) from None
    return value


_READERS: Mapping[str, Callable[[Key, object, Names], object]] = {
    "text": _text,
    "name": _name,
    "integer": _number,
    "seconds": _number,
    "yes/no": _yes_no,
    "prompt": _named,
    "prompts": _prompts,
    "keys": _pressed,
    "step": _named,
    "flow": _named,
    "queue": _named,
    "calendar": _named,
    "target": _named,
    "choice": _choice_of,
    "dial": _dial,
    "dials": _dials,
    "need": _need,
    "action": _action,
    "zone": _zone,
}
