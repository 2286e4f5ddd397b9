"""Check all flows together: what they invoke and pass to each other, and that somebody comes to each.

Pure. Called by `flow/load.py` once every flow is read; mistakes go into the Report of the flow's file.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

from ivr.errors import nearest
from ivr.flow.check import edges
from ivr.flow.declare import NAME
from ivr.flow.model import Flow, Step
from ivr.flow.steps import KINDS
from ivr.flow.tables import Report

DEPTH = 5  # flows invoked inside each other
Node = tuple[str, str]


def check_set(reports: Mapping[str, Report], flows: Mapping[str, Flow], begun: Collection[str] | None) -> None:
    """Note what is wrong between `flows`. begun  the flows that answer a number, None when that is not known."""
    for name, flow in flows.items():
        for step in flow.steps.values():
            if step.kind == "invoke" and step.values["flow"] in flows:
                _check_returns(reports[name], step, flows[step.values["flow"]], flows)
    _check_depth(reports, flows)
    if not _check_loops(reports, flows) and begun:
        _check_used(reports, flows, begun)


def returned(flow: Flow, flows: Mapping[str, Flow]) -> tuple[str, ...]:
    """Return the outcomes with which `flow`, or a flow it passes to, can come back."""
    found: list[str] = []
    ahead, seen = [flow], {flow.name}
    while ahead:
        for step in ahead.pop().steps.values():
            target = flows.get(led_to(step)) if step.kind == "pass" else None
            if target and target.name not in seen:
                seen.add(target.name)
                ahead.append(target)
            if step.kind == "return" and step.values["outcome"]:
                found.append(step.values["outcome"])
    return tuple(dict.fromkeys(found))


def led_to(step: Step) -> str:
    """Return the flow a step goes on in, '' for its own."""
    return str(step.values["flow"] or "") if step.kind in ("invoke", "pass") else ""


def _check_returns(report: Report, step: Step, flow: Flow, flows: Mapping[str, Flow]) -> None:
    path = ("steps", step.name, "on")
    outcomes = returned(flow, flows)
    known = [*dict.fromkeys((*outcomes, *KINDS["invoke"].outcome))]
    for outcome in step.on:
        if outcome not in known:
            wrong, expected = f"flow {flow.name!r} never returns it", "one of " + ", ".join(known)
            report.add((*path, outcome), wrong, expected, nearest(outcome[:100], known), kind="outcome")
    for outcome in outcomes:
        if outcome not in step.on and outcome not in KINDS["invoke"].outcome:
            expected = f"a step: flow {flow.name!r} can return {outcome!r}"
            report.add((*path, outcome), "missing", expected, kind="no_way")


def _check_depth(reports: Mapping[str, Report], flows: Mapping[str, Flow]) -> None:
    """Note flows that invoke each other in a circle, and chains of more than DEPTH."""

    def follow(chain: tuple[str, ...]) -> bool:
        flow = flows[chain[-1]]
        for step in flow.steps.values():
            target = led_to(step)
            if step.kind != "invoke" or target not in flows:
                continue
            path = ("steps", step.name, "flow")
            if target in chain:
                circle = " -> ".join((*chain[chain.index(target) :], target))
                wrong, expected = f"flows that invoke each other: {circle}", "a `pass`, or no circle"
                reports[flow.name].add(path, wrong, expected, kind="circle")
                return False
            if len(chain) > DEPTH:
                wrong = f"more than {DEPTH} flows inside each other"
                reports[flow.name].add(path, wrong, f"at most {DEPTH}", kind="circle")
                return False
            if not follow((*chain, target)):
                return False
        return True

    for name in flows:
        if not follow((name,)):
            return


def _check_loops(reports: Mapping[str, Report], flows: Mapping[str, Flow]) -> bool:
    """Note each loop through several flows in which nobody presses a key. Returns whether there is one."""
    done: set[Node] = set()
    found = False
    for flow in flows.values():
        path: list[Node] = []
        ways: list[Iterator[Node]] = []
        first = (flow.name, flow.start)
        if flow.start in flow.steps and first not in done:
            path, ways = [first], [_forced(first, flows)]
        while path:
            node = next(ways[-1], None)
            if node is None:
                done.add(path.pop())
                ways.pop()
            elif node in path:
                loop = [*path[path.index(node) :], node]
                if len({name for name, _ in loop}) > 1:  # a loop within one flow is noted by check_flow
                    at = next(each for each in loop if led_to(flows[each[0]].steps[each[1]]))
                    text = " -> ".join(f"{name}.{step}" for name, step in loop)
                    wrong = f"a loop without a key: {text}"
                    reports[at[0]].add(("steps", at[1], "flow"), wrong, "a menu in between", kind="loop")
                    found = True
            elif node not in done:
                path.append(node)
                ways.append(_forced(node, flows))
    return found


def _forced(node: Node, flows: Mapping[str, Flow]) -> Iterator[Node]:
    """Yield where a call may go from `node` without a key pressed or time passed."""
    name, step_name = node
    step = flows[name].steps[step_name]
    target = flows.get(led_to(step))
    if target and target.start in target.steps:
        yield target.name, target.start
    for edge in edges(step):
        if not edge.free and edge.target in flows[name].steps:
            yield name, edge.target


def _check_used(reports: Mapping[str, Report], flows: Mapping[str, Flow], begun: Collection[str]) -> None:
    wanted = {*begun, *(name for report in reports.values() for name in _misspelt(report, flows))}
    used = reached({name if name in flows else nearest(name[:100], flows) for name in wanted}, flows)
    for name in flows:
        if name not in used and re.fullmatch(NAME, name):
            expected = f'a number with flow = "{name}", or a step that leads here'
            reports[name].add(("title",), "no number is answered by this flow", expected, kind="unused_flow")


def reached(begun: Collection[str], flows: Mapping[str, Flow]) -> set[str]:
    """Return the flows that calls come to which begin in one of `begun`."""
    found: set[str] = set()
    ahead = [name for name in begun if name in flows]
    while ahead:
        name = ahead.pop()
        if name not in found:
            found.add(name)
            ahead += [led_to(step) for step in flows[name].steps.values() if led_to(step) in flows]
    return found


def _misspelt(report: Report, flows: Mapping[str, Flow]) -> Iterator[str]:
    """Yield what the steps of a file name as flows that do not exist: reported already, and not unused as well."""
    steps = report.source.table.get("steps")
    for step in steps.values() if isinstance(steps, dict) else ():
        name = step.get("flow") if isinstance(step, dict) else None
        if isinstance(name, str) and name not in flows:
            yield name
