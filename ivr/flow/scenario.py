"""Scenarios: who calls, when, what is so, what he presses, what he must hear and how it must end. Pure.

`dialplans/scenarios/*.toml` become Scenario objects here; every mistake is a Finding with its line. `scenario_run.py`
leads them through the flows. Called by `ivr/scenarios/`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

from ivr.errors import Finding, nearest
from ivr.flow import commands as c
from ivr.flow import declare, heard
from ivr.flow import scenario_keys as k
from ivr.flow.model import Dialplans, Number
from ivr.flow.scenario_tables import Context
from ivr.flow.scenario_values import READERS
from ivr.flow.source import Source, parse
from ivr.flow.tables import Report, Wrong, fixed, named_tables, read
from ivr.flow.world import Known, Situation, Who
from ivr.sound import Clip

MORNING = datetime(2026, 1, 12, 10)  # a Monday like others


@dataclass(frozen=True)
class Scenario:
    """One scenario, checked. source  where it was written, for messages.

    situation  who calls and what is so.  keys  as `trial.read_keys` reads them.  language  '' for the usual one.
    hears, not_hears, visited, variables, ends, ends_in  what must come of it.
    """

    name: str
    source: Source
    title: str
    number: Number
    language: str
    keys: str
    situation: Situation
    ends: str
    hears: tuple[str, ...] = ()
    not_hears: tuple[str, ...] = ()
    visited: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    ends_in: str = ""

    @property
    def speaks(self) -> str:
        """The language the call begins in."""
        customer = self.situation.customer
        return self.language or (customer.language if customer else "") or self.number.language

    def finding(self, key: str, wrong: str, expected: str = "", near: str = "") -> Finding:
        """Return a finding at one of its keys."""
        path = ("scenarios", self.name, key)
        return Finding(self.source.file, self.source.line(*path), ".".join(path), wrong, expected, near)


def read_scenarios(
    contents: Mapping[Path, bytes], dialplans: Dialplans, prompts: Sequence[str], zone: tzinfo
) -> tuple[tuple[Scenario, ...], list[Finding]]:
    """Return the scenarios written in `contents` (file -> bytes) in order, and every mistake.

    prompts  what flows may say.  zone  of moments that name none.
    """
    found: dict[str, Scenario] = {}
    findings: list[Finding] = []
    for file, content in contents.items():
        source, mistake = parse(file, content)
        if source is None:
            findings += [mistake] if mistake else []
            continue
        report = Report(source)
        context = Context(dialplans, frozenset(prompts), zone)
        read(report, (), source.table, (), context.names, others=("scenarios",))
        tables = named_tables(report, "scenarios", declare.NAME, declare.TYPES["name"])
        if not tables:
            report.add(("scenarios",), "holds no scenario", "at least one table such as [scenarios.outage]")
        for name, table in tables.items():
            if name in found:
                first = found[name].source
                wrong = f"there is another one in {first.file.name}:{first.line('scenarios', name)}"
                report.add(("scenarios", name), wrong, "each name once")
                continue
            scenario = _scenario(report, name, table, context)
            if scenario is not None:
                found[name] = scenario
        findings += report.findings
    if len(found) > k.SCENARIOS_MOST:
        wrong = f"{len(found)} scenarios"
        findings.append(Finding(next(iter(contents)).parent, None, "", wrong, f"at most {k.SCENARIOS_MOST}"))
    return tuple(found.values()), findings


def _scenario(report: Report, name: str, table: dict[str, Any], context: Context) -> Scenario | None:
    """Return the scenario; None when it has a mistake."""
    path, before = ("scenarios", name), len(report.findings)
    own = [key for key in k.SCENARIO if key.type in k.TYPES]
    usual = [key for key in k.SCENARIO if key.type not in k.TYPES]
    values = read(report, path, table, usual, context.names, others=[key.name for key in own])
    for key in own:
        values[key.name] = key.default
        if key.name not in table:
            if key.default is None and not key.absent:
                report.add((*path, key.name), "missing", f"{k.TYPES[key.type]}: {key.doc}")
            continue
        try:
            values[key.name] = READERS[key.type](key, table[key.name], context)
        except Wrong as error:
            for each in (error, *error.others):
                report.add((*path, key.name, *each.at), each.wrong, each.expected, each.near)
    _check_heard(report, path, values)
    _check_caller(report, path, values)
    if len(report.findings) > before:
        return None
    return Scenario(
        name, report.source, values["title"], context.dialplans.numbers[values["number"]], values["language"],
        values["keys"], _situation(values, context), values["ends"], tuple(values["hears"]),
        tuple(values["not_hears"]), tuple(values["steps"]), dict(values["variables"] or {}), values["ends_in"],
    )  # fmt: skip


def _check_heard(report: Report, path: tuple[str, ...], values: Mapping[str, Any]) -> None:
    """What must be heard and is no prompt has to be the text of an announcement of this scenario."""
    texts = [each["text"] for each in values["announcements"]]
    for key in ("hears", "not_hears"):
        for text in values[key]:
            if not re.fullmatch(rf"{declare.NAME}|digits [0-9*#]+|number [0-9]+", text) and text not in texts:
                expected = "a prompt, `announcement`, `digits 123`, `number 5`, or the text of one of `announcements`"
                report.add((*path, key), f"{text!r} is said by nothing", expected, nearest(text, texts))


def _check_caller(report: Report, path: tuple[str, ...], values: Mapping[str, Any]) -> None:
    if values["customer"] is not None and not values["from"]:
        report.add((*path, "customer"), "who withholds his number is not known by it", "`from`, or no `customer`")
    for name in set(values["open"]) & set(values["closed"]):
        report.add((*path, "closed"), f"{name} is open as well", "each calendar once")


def _situation(values: Mapping[str, Any], context: Context) -> Situation:
    at = values["at"] or MORNING
    customer: Who | None = values["customer"]
    known = [_known(i, each, customer) for i, each in enumerate(values["announcements"], 1)]
    return Situation(
        at if at.tzinfo else at.replace(tzinfo=context.zone),
        known,
        {**dict.fromkeys(values["open"], True), **dict.fromkeys(values["closed"], False)},
        dict(values["queues"] or {}),
        dict(values["transfers"] or {}),
        dict(values["webhooks"] or {}),
        dict(values["callbacks"] or {}),
        dict(values["messages"] or {}),
        values["number"],
        values["from"],
        customer,
        fixed(dict(values["accounts"] or {})),
        fixed(dict(values["postcodes"] or {})),
        dict(values["facts"] or {}),
        next((each["opt_in"] for each in values["announcements"] if each["opt_in"]), ""),
    )


def _known(number: int, values: Mapping[str, Any], customer: Who | None) -> Known:
    may_end = values["may_end"]
    if may_end is None:
        may_end = values["certain"] and (customer is None or customer.class_ == "normal")
    clip = Clip("", values["text"])
    announcement = c.Announcement(
        f"scenario{number}", 1, (clip,), values["certain"], may_end, "written in the scenario", values["planned"],
        values["after"], service=values["service"], opt_in=bool(values["opt_in"]),
    )  # fmt: skip
    announcement = heard.as_heard(announcement, values["heard"])
    return Known(announcement, values["service"], values["area"])
