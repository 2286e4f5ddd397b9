"""Check that every variable a flow reads is set by something. Pure.

Called by `flow/draft.py` once all flows are read; mistakes go into the Report of the flow's file.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ivr.errors import nearest
from ivr.flow.check_set import reached
from ivr.flow.facts import VARIABLE, facts_in
from ivr.flow.model import Flow, Step
from ivr.flow.steps import KINDS
from ivr.flow.tables import Report


@dataclass(frozen=True)
class Reading:
    """A variable that a step reads. path  below the step, to where.  item  of a list there, 0 for none."""

    name: str
    path: tuple[str, ...]
    item: int = 0


def check_variables(reports: Mapping[str, Report], flows: Mapping[str, Flow], begun: Collection[str]) -> None:
    """Note each variable that no step sets which a call could have come through. begun  flows that answer a number.

    A webhook may set any: in a call that asks one, a variable nobody else sets is only a note.
    """
    together = [reached([name], flows) for name in dict.fromkeys(begun)]
    given = {name: set(_set_in(reports[name].source.table)) for name in flows}
    asking = {flow.name for flow in flows.values() for step in flow.steps.values() if step.kind == "webhook"}
    read = {reading.name for flow in flows.values() for step in flow.steps.values() for reading in readings(step)}
    for flow in flows.values():
        near = set().union(*(each for each in together if flow.name in each)) or {flow.name}
        known = set().union(*(given[each] for each in near))
        asks = bool(asking & near)
        for step in flow.steps.values():
            for reading in readings(step):
                if reading.name not in known:
                    _note(reports[flow.name], step, reading, known, asks)
            if step.kind == "collect" and step.values["secret"] and step.values["name"] not in read:
                wrong = f"{step.values['name']!r} is secret and nothing reads it: the digits are lost"
                reports[flow.name].note(("steps", step.name, "name"), wrong, kind="unread_variable")


def readings(step: Step) -> Iterator[Reading]:
    """Yield every variable `step` reads, as often as it is written."""
    for key in KINDS[step.kind].keys:
        value = step.values.get(key.name)
        if not value:
            continue
        if key.type == "fact":
            yield from _variables((value,), (key.name,))
        elif key.type == "facts":
            for item, fact in enumerate(value, 1):
                yield from _variables((fact,), (key.name,), item)
        elif key.type == "filled":
            yield from _variables(facts_in(value), (key.name,))
        elif key.type == "values":
            for name, text in dict(value).items():
                yield from _variables(facts_in(text), (key.name, name))
        elif key.type == "conditions":
            for name, condition in value.items():
                yield from _variables(condition.facts, (key.name, name))


def _variables(facts: Collection[str], path: tuple[str, ...], item: int = 0) -> Iterator[Reading]:
    for fact in facts:
        if fact.startswith(f"{VARIABLE}."):
            yield Reading(fact.removeprefix(f"{VARIABLE}."), path, item)


def _note(report: Report, step: Step, reading: Reading, known: Collection[str], asks: bool) -> None:
    path, near = ("steps", step.name, *reading.path), nearest(reading.name, known)
    wrong = f"nothing sets the variable {reading.name!r}"
    expected = "one of " + ", ".join(sorted(known)) if known else "a `set` or `collect` step before it"
    if not asks:
        report.add(path, wrong, expected, near, kind="unset_variable", part=f"var.{reading.name}", item=reading.item)
    elif near:
        report.note(path, f"{wrong}, unless a webhook does; did you mean {near!r}?", kind="unset_variable")


def _set_in(table: Mapping[str, Any]) -> Iterator[str]:
    """Yield every variable that a file's steps set, also those steps that cannot be read."""
    steps = table.get("steps")
    for step in steps.values() if isinstance(steps, dict) else ():
        if not isinstance(step, dict):
            continue
        if isinstance(step.get("name"), str) and step.get("kind") != "survey":
            yield step["name"]
        if isinstance(step.get("with"), dict):
            yield from step["with"]
