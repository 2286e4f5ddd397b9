"""Check that every number leads somewhere, and tell what nothing uses. Pure.

Called by `flow/draft.py` once everything is read; mistakes and notes go into the Report of the file.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from ivr.flow.check_set import reached
from ivr.flow.model import Flow, Number, QueueConfig, Step, led_to
from ivr.flow.spoken import Place, languages
from ivr.flow.steps import KINDS
from ivr.flow.tables import Report

_ENDS = ("queue", "transfer", "callback", "message", "hangup", "return")


def check_ends(
    report: Report, numbers: Mapping[str, Number], flows: Mapping[str, Flow], sound: Collection[str]
) -> None:
    """Note each number whose callers can only go round. sound  flows without a mistake: only those can be judged."""
    for number in numbers.values():
        if number.flow not in flows or not reached([number.flow], flows) <= set(sound):
            continue
        places = languages([number], flows)
        if not any(_ends(flows[flow].steps[step]) for flow, step in places):
            path = ("numbers", number.number, "flow")
            wrong = f"callers of {number.number} come to nobody and to no end: flow {number.flow!r} only goes round"
            expected = "a queue, transfer, call-back, message or hangup step that calls come to"
            report.add(path, wrong, expected, kind="no_end")


def _ends(step: Step) -> bool:
    outcomes = KINDS[step.kind].outcomes
    return step.kind in _ENDS or any(o.otherwise.to == "end" and o.name not in step.on for o in outcomes)


ASKED_BY_NO_STEP = "sms_restored"  # ivr/restoration.py asks it


def note_unused(
    reports: Mapping[str, Report],
    flows: Mapping[str, Flow],
    queues: Mapping[str, QueueConfig],
    named: Mapping[str, Collection[str]],
    spoken: Collection[Place],
) -> None:
    """Note queues, calendars, targets and webhooks that no call can come to.

    reports  of numbers, queues and hours.toml, by table.  named  calendars, targets and webhooks there are, by table.
    """
    steps = [flows[flow].steps[step] for flow, step in spoken]
    used = {name for step in steps if "queue" in step.values for name in led_to(step.values["queue"], queues)}
    for name in queues:
        if name not in used:
            reports["queues"].note(("queues", name), "no caller comes to this queue", kind="unused")
    keys = {"hours": "calendar", "targets": "target", "webhooks": "webhook"}
    for table, key in keys.items():
        wanted = {step.values.get(key) for step in steps}
        wanted |= {queue.hours for queue in queues.values()} if table == "hours" else set()
        for name in named[table]:
            if name not in wanted and name != ASKED_BY_NO_STEP:
                reports[table].note((table, name), f"no step uses this {key}", kind="unused")
