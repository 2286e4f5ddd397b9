"""Read the values only scenarios have: moments, scripts, customers, outcomes by name. Pure. Called by `scenario.py`.

Each reader returns the value or raises `tables.Wrong`, as those of `tables.py` do.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from ivr.errors import InputError, nearest
from ivr.flow import commands as c
from ivr.flow import declare, facts
from ivr.flow import scenario_keys as k
from ivr.flow.declare import Key
from ivr.flow.facts import BadCondition
from ivr.flow.scenario_tables import (
    Context,
    area_of,
    below,
    each_of,
    list_of,
    one_of,
    plain_text,
    raise_all,
    table_of,
)
from ivr.flow.tables import Wrong, name_of, shown, type_of
from ivr.flow.trial import read_keys
from ivr.flow.world import Who

DIGITS = r"[0-9*#]{1,20}"


def _dialled(key: Key, value: object, context: Context) -> str:
    numbers = context.dialplans.numbers
    if not isinstance(value, str):
        near = str(value) if str(value) in numbers else ""
        raise Wrong(f"{shown(value)} is {type_of(value)}", "a text", f'"{near}"' if near else "")
    if value not in numbers:
        known = "one of " + ", ".join(numbers) if len(numbers) <= 12 else k.TYPES["dialled"]
        raise Wrong(f"there is no number {shown(value)}", known, nearest(value[:100], numbers))
    return value


def _caller(key: Key, value: object, context: Context) -> str:
    if not isinstance(value, str) or not re.fullmatch(rf"(?:{declare.DIAL_NUMBER})?", value):
        raise Wrong(f"{shown(value)} is no number to call from", k.TYPES["caller"])
    return value


def _moment(key: Key, value: object, context: Context) -> datetime:
    if not isinstance(value, datetime):
        raise Wrong(f"{shown(value)} is {type_of(value)}", f"{k.TYPES['moment']}, without quotes")
    return value


def _script(key: Key, value: object, context: Context) -> str:
    if not isinstance(value, str):
        raise Wrong(f"{shown(value)} is {type_of(value)}", k.TYPES["script"] + ', such as "1,w2,3"')
    try:
        read_keys(value)
    except InputError as error:
        raise Wrong(str(error).removeprefix("keys: "), k.TYPES["script"]) from None
    return value


def _calendars(key: Key, value: object, context: Context) -> tuple[str, ...]:
    return tuple(name_of("calendar", each, context.names) for each in list_of(value, k.TYPES["calendars"]))


def _customer(key: Key, value: object, context: Context) -> Who:
    found = table_of(k.CUSTOMER, value, context)
    if found["area"]:
        found["area"] = area_of(found["area"], ("area",))
    return Who(found["area"], found["class"], found["language"])


def _customers(key: Key, value: object, context: Context) -> Mapping[str, Who]:
    def read(digits: str, each: object) -> Who:
        if not re.fullmatch(DIGITS, digits):
            raise Wrong(f"{shown(digits)} cannot be entered", "up to 20 digits")
        return _customer(key, each, context)

    return each_of(value, k.TYPES[key.type], read)


def _announcements(key: Key, value: object, context: Context) -> tuple[dict[str, Any], ...]:
    found: list[dict[str, Any]] = []
    wrongs: list[Wrong] = []
    for number, each in enumerate(list_of(value, k.TYPES["announcements"]), 1):
        try:
            values = table_of(k.ANNOUNCED, each, context)
            if values["area"]:
                values["area"] = area_of(values["area"], ("area",))
            found.append(values)
        except Wrong as error:
            wrongs += below(error, str(number))
    raise_all(wrongs)
    return tuple(found)


def _waits(key: Key, value: object, context: Context) -> Mapping[str, c.Queued]:
    def read(name: str, each: object) -> c.Queued:
        queue = context.dialplans.queues[name_of("queue", name, {"queue": context.dialplans.queues})]
        if isinstance(each, str) and len(each) == 1 and each in declare.KEYS:
            if each not in queue.keys:
                can = "one of " + " ".join(queue.keys) if queue.keys else "a key that queues.toml gives this queue"
                raise Wrong(f"queue {name} knows no key {each}", can)
            return c.Queued("key", each)
        return c.Queued(one_of(each, k.WAITS, "or a key of the queue"))

    return each_of(value, k.TYPES["waits"], read)


def _transfers(key: Key, value: object, context: Context) -> Mapping[str, str]:
    def read(name: str, each: object) -> str:
        name_of("target", name, context.names)
        return one_of(each, k.TRANSFERS)

    return each_of(value, k.TYPES["transfers"], read)


def _replies(key: Key, value: object, context: Context) -> Mapping[str, c.Fetched]:
    def read(name: str, each: object) -> c.Fetched:
        name_of("webhook", name, context.names)
        if not isinstance(each, dict):
            return c.Fetched(one_of(each, k.NO_REPLY, "or a table: the reply"))
        values = {field: plain_text(field, plain) for field, plain in each.items()}
        return c.Fetched("answered", values.pop("result", ""), values)

    return each_of(value, k.TYPES["replies"], read)


def _arranged(key: Key, value: object, context: Context) -> Mapping[str, str]:
    def read(name: str, each: object) -> str:
        name_of("queue", name, {"queue": context.dialplans.queues})
        return one_of(each, k.ARRANGED[key.name])

    return each_of(value, k.TYPES["arranged"], read)


def _facts(key: Key, value: object, context: Context) -> Mapping[str, facts.Value]:
    """Facts by name; `waiting.support = 12` is a table in TOML."""
    if not isinstance(value, dict):
        raise Wrong(f"{shown(value)} is {type_of(value)}", k.TYPES["known facts"])
    flat: dict[str, tuple[Any, tuple[str, ...]]] = {}
    for name, each in value.items():
        if isinstance(each, dict):
            flat.update({f"{name}.{of}": (of_value, (name, of)) for of, of_value in each.items()})
        else:
            flat[name] = (each, (name,))
    wrongs: list[Wrong] = []
    for name, (each, at) in flat.items():
        try:
            facts.read_fact(name, context.dialplans.queues)
            if name.startswith(f"{facts.VARIABLE}."):
                raise Wrong("a variable is set by the flow, not by the world", "another fact")
            if type(each) not in (str, int, float):
                raise Wrong(f"{shown(each)} is {type_of(each)}", "a text or a number")
            facts.read_condition(f"{name} = {each}", context.dialplans.queues)
        except BadCondition as bad:
            wrongs += below(Wrong(bad.wrong, bad.expected, bad.near), *at)
        except Wrong as error:
            wrongs += below(error, *at)
    raise_all(wrongs)
    return {name: each for name, (each, _) in flat.items()}


def _heard(key: Key, value: object, context: Context) -> tuple[str, ...]:
    """Prompts, `announcement`, and texts that `scenario.py` holds against the announcements."""
    found = list_of([value] if isinstance(value, str) else value, k.TYPES["heard"])
    for each in found:
        if not isinstance(each, str):
            raise Wrong(f"{shown(each)} is {type_of(each)}", k.TYPES["heard"])
        if re.fullmatch(declare.NAME, each) and each not in context.prompts and each != k.ANNOUNCEMENT:
            near = nearest(each, (*context.prompts, k.ANNOUNCEMENT))
            raise Wrong(f"there is no prompt {shown(each)}", f"a prompt, or `{k.ANNOUNCEMENT}`", near)
    return tuple(str(each) for each in found)


def _visited(key: Key, value: object, context: Context) -> tuple[str, ...]:
    flows = context.dialplans.flows
    known = {step for flow in flows.values() for step in flow.steps}
    known |= {f"{flow.name}.{step}" for flow in flows.values() for step in flow.steps}
    found = list_of(value, k.TYPES["visited"])
    for each in found:
        if not isinstance(each, str) or each not in known:
            near = nearest(each[:100], known) if isinstance(each, str) else ""
            raise Wrong(f"there is no step {shown(each)}", "`step` or `flow.step`", near)
    return tuple(str(each) for each in found)


def _kept(key: Key, value: object, context: Context) -> Mapping[str, str]:
    def read(name: str, each: object) -> str:
        if not re.fullmatch(declare.NAME, name):
            raise Wrong(f"{shown(name)} is not {declare.TYPES['name']}", f"{declare.TYPES['name']} ({declare.NAME})")
        if not isinstance(each, str):
            raise Wrong(f"{shown(each)} is {type_of(each)}", "a text")
        return each

    return each_of(value, k.TYPES["kept"], read)


READERS: Mapping[str, Callable[[Key, object, Context], Any]] = {
    "dialled": _dialled,
    "caller": _caller,
    "moment": _moment,
    "script": _script,
    "calendars": _calendars,
    "customer": _customer,
    "customers": _customers,
    "announcements": _announcements,
    "waits": _waits,
    "transfers": _transfers,
    "replies": _replies,
    "arranged": _arranged,
    "known facts": _facts,
    "heard": _heard,
    "visited": _visited,
    "kept": _kept,
}
