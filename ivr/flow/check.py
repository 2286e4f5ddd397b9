"""Check the shape of one flow: every outcome leads somewhere, every step is used, no loop runs by itself.

Pure. Called by `flow/load.py` for each flow once its tables are read; mistakes go into its Report.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ivr.errors import nearest
from ivr.flow.declare import KEYS, Kind
from ivr.flow.model import Flow, Step
from ivr.flow.said import prompts_of
from ivr.flow.steps import KINDS
from ivr.flow.tables import Report, key_pressed
from ivr.flow.values import Names, Wrong, name_of


@dataclass(frozen=True)
class Edge:
    """A way from one step to another. free  taking it needs a key pressed or time passed."""

    target: str
    outcome: str
    free: bool


def check_flow(report: Report, flow: Flow, names: Names, queue_keys: Mapping[str, str] | None) -> None:
    """Note every mistake in the shape of `flow`.

    names  with `step` and `prompt`.
    queue_keys  the leaving keys of each queue, None when queues.toml is unreadable.
    """
    for step in flow.steps.values():
        _check_ways(report, step, names, queue_keys)
    if flow.start in flow.steps and len(flow.steps) == len(names.get("step") or ()):
        _check_reached(report, flow)
    _check_loops(report, flow)


def edges(step: Step) -> Iterator[Edge]:
    """Yield the ways out of `step`, except those to the flow's rescue."""
    kind = KINDS[step.kind]
    for outcome in kind.outcomes:
        if outcome.name in step.on:
            yield Edge(step.on[outcome.name], outcome.name, outcome.free)
        elif outcome.otherwise.to == "next" and step.next:
            yield Edge(step.next, outcome.name, outcome.free)
    for name, target in step.on.items():
        if name not in kind.outcome:
            yield Edge(target, name, bool(kind.pressed))


def named_outcomes(step: Step) -> tuple[str, ...] | None:
    """Return the outcomes that `step` itself names; None when they are another flow's to name."""
    named = KINDS[step.kind].named
    if named == "flow":
        return None
    return tuple(step.values.get(named) or ()) if named else ()


def needs_next(step: Step) -> list[str]:
    """Return the outcomes of `step` that only a `next` can send somewhere."""
    outcomes = KINDS[step.kind].outcomes
    return [o.name for o in outcomes if o.otherwise.to == "next" and o.name not in step.on]


def _check_ways(report: Report, step: Step, names: Names, queue_keys: Mapping[str, str] | None) -> None:
    path, kind = ("steps", step.name), KINDS[step.kind]
    waiting = needs_next(step)
    if waiting and not step.next:
        report.add((*path, "next"), "missing", f"the step after {', '.join(waiting)}", kind="no_way")
    if step.next and not waiting:
        wrong = "nothing leads here" if kind.outcomes else f"a {step.kind} step ends the call"
        report.add((*path, "next"), f"of no use: {wrong}", "no `next`", kind="useless_next")
    elif step.next:
        _check_target(report, (*path, "next"), step.next, step, names)
    pressed = _pressed(step, kind, queue_keys)
    for outcome, target in step.on.items():
        _check_outcome(report, step, kind, outcome, pressed)
        _check_target(report, (*path, "on", outcome), target, step, names)
    if kind.pressed == "menu" and not set(step.on) & set(KEYS):
        expected = "at least one of the keys " + " ".join(KEYS)
        report.add((*path, "on"), "no key leads anywhere", expected, kind="no_way")
    if kind.pressed == "queue" and pressed is not None:
        for key in pressed:
            if key not in step.on:
                expected = f"a step: the queue lets callers leave with {key}"
                report.add((*path, "on", key), "missing", expected, kind="no_way")
    for outcome in named_outcomes(step) or ():
        if outcome in kind.outcome:
            wrong, expected = f"{outcome!r} is an outcome of every {step.kind} step already", "another name"
            report.add((*path, kind.named, outcome), wrong, expected, kind="wrong_name", part=outcome)
        elif outcome not in step.on:
            report.add((*path, "on", outcome), "missing", f"a step for {kind.named} {outcome!r}", kind="no_way")
    _check_spoken_defaults(report, step, kind, names)


def _pressed(step: Step, kind: Kind, queue_keys: Mapping[str, str] | None) -> str | None:
    """Return the telephone keys that are outcomes of `step`, None when that cannot be known."""
    if kind.pressed == "menu":
        return KEYS
    if kind.pressed == "queue":
        queue = step.values.get("queue")
        return queue_keys.get(queue) if queue_keys is not None and queue else None
    return ""


def _check_outcome(report: Report, step: Step, kind: Kind, outcome: str, pressed: str | None) -> None:
    named = named_outcomes(step)
    if outcome in kind.outcome or (len(outcome) == 1 and outcome in (KEYS if pressed is None else pressed)):
        return
    if named is None or outcome in named:
        return
    path = ("steps", step.name, "on", outcome)
    if kind.pressed == "queue" and outcome in KEYS:
        queue = step.values.get("queue")
        report.add(
            path,
            f"queue {queue!r} does not let callers leave with {outcome}",
            f"keys of queues.{queue} to hold it",
            kind="outcome",
        )
        return
    known = [*named, *(o.name for o in kind.outcomes)]
    expected = ", ".join(known) + (", or a telephone key" if kind.pressed == "menu" else "")
    expected, near = f"one of {expected}" if expected else "no `on` table", nearest(outcome[:100], known)
    if kind.pressed and len(outcome) > 1 and not set(outcome) - set(KEYS):
        expected = f"one key at a time, such as on.{outcome[0]}" if outcome[0].isdecimal() else "one key at a time"
        expected += "; a collect step asks for several digits"
    elif kind.pressed:
        near = key_pressed(outcome) or near
    report.add(path, f"not an outcome of a {step.kind} step", expected, near, kind="outcome")


def _check_target(report: Report, path: tuple[str, ...], target: str, step: Step, names: Names) -> None:
    try:
        name_of("step", target, names)
    except Wrong as error:
        report.wrong(path, error)


def _check_spoken_defaults(report: Report, step: Step, kind: Kind, names: Names) -> None:
    """Note prompts that nobody wrote down for this step, and that do not exist."""
    known = names.get("prompt")
    if known is None:
        return
    for said in prompts_of(step):
        if said.prompt in known or said.written:
            continue
        path, near = ("steps", step.name), nearest(said.prompt, known)
        if said.outcome:
            wrong = f"outcome {said.outcome} says prompt {said.prompt!r}, which does not exist"
            report.add(path, wrong, f"that prompt, or `on.{said.outcome}`", near, kind="unknown_prompt")
        else:
            wrong = f"there is no prompt {said.prompt!r}, the default of {said.key}"
            report.add((*path, said.key), wrong, "another prompt", near, kind="unknown_prompt")


def _check_reached(report: Report, flow: Flow) -> None:
    reached: set[str] = set()
    ahead = [flow.start, flow.rescue]
    while ahead:
        name = ahead.pop()
        if name not in flow.steps:  # reported already; what was meant is not unreachable as well
            name = nearest(name[:100], flow.steps)
        if name in reached or not name:
            continue
        reached.add(name)
        ahead.extend(edge.target for edge in edges(flow.steps[name]))
    for name in flow.steps:
        if name not in reached:
            report.add(
                ("steps", name),
                "never reached",
                f"an outcome, a `next`, `start` or `rescue` that leads to {name!r}",
                kind="unreachable",
            )


def _check_loops(report: Report, flow: Flow) -> None:
    """Note each loop a caller could be in without pressing a key or waiting for anybody, once."""
    forced = {
        name: [e for e in edges(step) if not e.free and e.target in flow.steps] for name, step in flow.steps.items()
    }
    done: set[str] = set()
    for first in flow.steps:
        path: list[str] = []
        ways: list[Iterator[Edge]] = []
        if first not in done:
            path, ways = [first], [iter(forced[first])]
        while path:
            edge = next(ways[-1], None)
            if edge is None:
                done.add(path.pop())
                ways.pop()
            elif edge.target in path:
                loop = [*path[path.index(edge.target) :], edge.target]
                where = (
                    ("steps", path[-1], "on", edge.outcome)
                    if edge.outcome in flow.steps[path[-1]].on
                    else ("steps", path[-1], "next")
                )
                wrong, expected = "a loop without a key: " + " -> ".join(loop), "a menu, or another step, in between"
                report.add(where, wrong, expected, kind="loop")
            elif edge.target not in done:
                path.append(edge.target)
                ways.append(iter(forced[edge.target]))
