"""Read queues.toml: what callers wait for, and where they go instead. Pure. Called by `flow/load.py`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ivr.call import LANGUAGES
from ivr.errors import nearest
from ivr.flow import declare
from ivr.flow.declare import KEYS, TYPES
from ivr.flow.model import LEAVE, Action, QueueConfig, Relax, ServiceLevel, led_to
from ivr.flow.queue_keys import QUEUE, RELAX, RELAX_MOST, SERVICE_LEVEL
from ivr.flow.tables import Names, Report, Wrong, action_of, fixed, named_tables, read, shown, type_of
from routing.errors import BadArgument
from routing.model import Need

NESTED = ("keys", "relax", "service_level")


def read_queues(report: Report, names: Names) -> dict[str, QueueConfig]:
    """Return every queue of queues.toml, by name; what could not be read has its default."""
    read(report, (), report.source.table, (), names, others=("queues",))
    tables = named_tables(report, "queues", declare.NAME, TYPES["name"])
    found = {name: _queue(report, name, table, names) for name, table in tables.items()}
    for queue in found.values():
        _check_lending(report, queue, found)
        _check_overflow(report, queue, found)
    return found


def leaving_keys(queues: Mapping[str, QueueConfig]) -> dict[str, str]:
    """Return by queue the keys whose way the step says: its own and those of every queue it can lead to."""
    return {
        name: "".join(sorted({key for other in led_to(name, queues) for key in _leaving(queues[other])}))
        for name in queues
    }


def _leaving(queue: QueueConfig) -> list[str]:
    return [key for key, action in queue.keys.items() if action.kind == "leave"]


def _queue(report: Report, name: str, table: Mapping[str, Any], names: Names) -> QueueConfig:
    path = ("queues", name)
    values = read(report, path, table, QUEUE, names, others=NESTED)
    skill, level = values.pop("skill"), values.pop("level")
    need = _need(report, path, table, values.pop("need"), skill, level)
    relax = _relax(report, path, table.get("relax", []), names)
    queue = QueueConfig(
        name=name,
        need=need or Need("unknown"),
        relax=relax,
        service_level=_service_level(report, path, table.get("service_level"), names),
        keys=fixed(_keys(report, path, table.get("keys", {}), names)),
        **values,
    )
    if need:
        _check_relax(report, path, queue)
        _check_plan(report, path, queue)
    if queue.weight_s != 60 and queue.order != "weighted":
        report.add((*path, "weight_s"), "of no use without it", 'order = "weighted"')
    return queue


def _need(
    report: Report, path: tuple[str, ...], table: Mapping[str, Any], need: Need | None, skill: str | None, level: int
) -> Need | None:
    """Return the one need; `skill` and `level` are a short way to write it."""
    if "need" in table and ("skill" in table or "level" in table):
        report.add((*path, "need"), "given twice: need, and skill or level", "one of both")
    elif "need" not in table and "skill" not in table:
        report.add((*path, "need"), "missing", 'what an agent must have, such as need = "internet>=3"')
    if need or not skill:
        return need
    return Need(f"{skill}>={level}")


def _relax(report: Report, path: tuple[str, ...], written: object, names: Names) -> tuple[Relax, ...]:
    path = (*path, "relax")
    expected = "a list of steps such as [{ after_s = 60, need = \"internet\" }]"
    if not isinstance(written, list):
        report.add(path, f"{shown(written)} is {type_of(written)}", expected)
        return ()
    if len(written) > RELAX_MOST:
        report.add(path, f"{len(written)} steps", f"at most {RELAX_MOST}")
    found = []
    for n, table in enumerate(written[:RELAX_MOST], 1):
        here = (*path, str(n))
        if not isinstance(table, dict):
            report.add(here, f"{shown(table)} is {type_of(table)}", expected)
            continue
        values = read(report, here, table, RELAX, names)
        if values["after_s"] is not None:
            found.append(Relax(**values))
    return tuple(found)


def _service_level(report: Report, path: tuple[str, ...], written: object, names: Names) -> ServiceLevel | None:
    if written is None:
        return None
    here = (*path, "service_level")
    table = report.table(here, written)
    values = read(report, here, table, SERVICE_LEVEL, names) if isinstance(written, dict) else {}
    return ServiceLevel(**values) if values and all(values.values()) else None


def _keys(report: Report, path: tuple[str, ...], written: object, names: Names) -> dict[str, Action]:
    """Return what each key does; a text names keys that leave."""
    here = (*path, "keys")
    if isinstance(written, str):
        if set(written) - set(KEYS) or len(set(written)) < len(written):
            report.add(here, f"{shown(written)} is not a set of telephone keys", f"{TYPES['keys']}, of {KEYS}")
            return {}
        return dict.fromkeys(written, LEAVE)
    found = {}
    for key, value in report.table(here, written).items():
        if len(key) != 1 or key not in KEYS:
            report.add((*here, key), f"{shown(key)} is not a telephone key", f"one of {KEYS}")
        try:
            found[key] = action_of(value, names, pressed=True)
        except Wrong as error:
            report.add((*here, key), error.wrong, error.expected, error.near)
    return found


# -- what one key alone does not tell


def _check_relax(report: Report, path: tuple[str, ...], queue: QueueConfig) -> None:
    before = 0.0
    for n, relax in enumerate(queue.relax, 1):
        here = (*path, "relax", str(n))
        if relax.after_s <= before:
            report.add((*here, "after_s"), f"{relax.after_s:g} is not after the step before", f"more than {before:g}")
        if relax.after_s >= queue.max_wait_s:
            wrong = f"{relax.after_s:g} is never reached: max_wait_s is {queue.max_wait_s}"
            report.add((*here, "after_s"), wrong, f"less than {queue.max_wait_s}")
        if relax.any_language and not queue.by_language:
            report.add((*here, "any_language"), "of no use: the queue asks for no language", "by_language = true")
        if not relax.widens and not relax.priority:
            report.add(here, "changes nothing", "need, any_language, lend or priority")
        if relax.prefer and not relax.widens:
            report.add((*here, "prefer"), "the step lets nobody new in", "need, any_language or lend with it")
        before = max(before, relax.after_s)


def _check_plan(report: Report, path: tuple[str, ...], queue: QueueConfig) -> None:
    """Note a plan the router would refuse for any other reason, such as too many terms in a need."""
    ordered = [relax.after_s for relax in queue.relax]
    if ordered != sorted(set(ordered)):
        return
    for language in LANGUAGES:
        try:
            queue.plan(language)
        except BadArgument as error:
            report.add((*path, "need"), f"with project and language: {error}", "a shorter need")
            return


def _check_lending(report: Report, queue: QueueConfig, queues: Mapping[str, QueueConfig]) -> None:
    guarded = {other.project for other in queues.values() if other.service_level}
    projects = {other.project for other in queues.values() if other.project}
    for n, relax in enumerate(queue.relax, 1):
        if not relax.lend:
            continue
        here = ("queues", queue.name, "relax", str(n), "lend")
        if relax.lend == queue.project:
            report.add(here, f"{relax.lend!r} is the queue's own project", "another project")
        elif relax.lend not in projects:
            expected = "one of " + ", ".join(sorted(projects)) if projects else "a queue with that project"
            report.add(here, f"no queue belongs to project {relax.lend!r}", expected, nearest(relax.lend, projects))
        elif relax.lend not in guarded:
            wrong = f"no queue of project {relax.lend!r} has a service level, so nothing tells when it may lend"
            report.add(here, wrong, "service_level in one of its queues")


def _check_overflow(report: Report, queue: QueueConfig, queues: Mapping[str, QueueConfig]) -> None:
    """Note ways that lead back: a key to its own queue, overflows in a circle."""
    for key, action in queue.keys.items():
        if action.queue == queue.name:
            report.add(("queues", queue.name, "keys", key), "leads to the same queue", "another queue")
    way = [queue.name]
    while (following := queues[way[-1]].overflow.queue) in queues:
        if following in way:
            if following == queue.name == min(way):
                circle = " -> ".join([*way, following])
                report.add(("queues", queue.name, "overflow"), f"goes in a circle: {circle}", "a way out")
            return
        way.append(following)
