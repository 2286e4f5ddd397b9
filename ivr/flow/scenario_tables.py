"""Tables and lists below the keys of a scenario, and all that is wrong in one at once. Pure.

Used by `scenario_values.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any, TypeVar

from ivr.area import area_path
from ivr.errors import nearest
from ivr.flow import scenario_keys as k
from ivr.flow.declare import Key
from ivr.flow.model import Dialplans
from ivr.flow.tables import Names, Wrong, shown, type_of, value_of

T = TypeVar("T")


@dataclass(frozen=True)
class Context:
    """What scenarios may name. prompts  what flows may say.  zone  of moments that name none."""

    dialplans: Dialplans
    prompts: frozenset[str]
    zone: tzinfo

    @property
    def names(self) -> Names:
        plans = self.dialplans
        return {
            "queue": [*plans.queues, ""], "calendar": plans.hours, "target": plans.targets, "webhook": plans.webhooks,
            "flow": plans.flows, "prompt": self.prompts,
        }  # fmt: skip


def plain_text(field: str, value: object) -> str:
    """Return a plain value of a reply as text. Raises Wrong."""
    if type(value) not in (str, int, float, bool):
        raise Wrong(f"{shown(value)} is {type_of(value)}", "a text, a number, true or false", at=(field,))
    return str(value).lower() if isinstance(value, bool) else str(value)


def one_of(value: object, known: Collection[str], more: str = "") -> str:
    """Return `value` when it is one of `known`. more  what else may stand there. Raises Wrong."""
    if not isinstance(value, str) or value not in known:
        near = nearest(value[:100], known) if isinstance(value, str) else ""
        raise Wrong(f"{shown(value)} cannot happen", "one of " + ", ".join(known) + (f", {more}" if more else ""), near)
    return value


def area_of(text: str, at: tuple[str, ...]) -> str:
    """Return an area in its one spelling. Raises Wrong."""
    try:
        return area_path(text)
    except ValueError as error:
        raise Wrong(f"{shown(text)} is not an area", str(error).partition("expected ")[2], at=at) from None


def list_of(value: object, expected: str) -> list[Any]:
    """Return `value` when it is a list of bearable length. Raises Wrong."""
    if not isinstance(value, list):
        raise Wrong(f"{shown(value)} is {type_of(value)}", expected)
    if len(value) > k.LIST_MOST:
        raise Wrong(f"a list of {len(value)}", f"at most {k.LIST_MOST}")
    return value


def table_of(keys: tuple[Key, ...], value: object, context: Context) -> dict[str, Any]:
    """Return the values of `keys` from a table. Raises Wrong for all that is wrong in it."""
    if not isinstance(value, dict):
        expected = "a table of " + ", ".join(key.name for key in keys)
        raise Wrong(f"{shown(value)} is {type_of(value)}", expected)
    declared = {key.name: key for key in keys}
    wrongs = [
        Wrong("unknown key", "one of " + ", ".join(declared), nearest(name, declared), (name,))
        for name in value
        if name not in declared
    ]
    found: dict[str, Any] = {}
    for name, key in declared.items():
        found[name] = key.default
        if name in value:
            try:
                found[name] = value_of(key, value[name], context.names)
            except Wrong as error:
                wrongs += below(error, name)
        elif key.default is None and not key.absent:
            wrongs.append(Wrong("missing", key.doc, at=(name,)))
    raise_all(wrongs)
    return found


def each_of(value: object, expected: str, read_one: Callable[[str, object], T]) -> dict[str, T]:
    """Return the table `value` with each entry read. Raises Wrong for all that are wrong."""
    if not isinstance(value, dict):
        raise Wrong(f"{shown(value)} is {type_of(value)}", expected)
    if len(value) > k.LIST_MOST:
        raise Wrong(f"a table of {len(value)}", f"at most {k.LIST_MOST} entries")
    found: dict[str, T] = {}
    wrongs: list[Wrong] = []
    for name, each in value.items():
        try:
            found[name] = read_one(name, each)
        except Wrong as error:
            wrongs += below(error, name)
    raise_all(wrongs)
    return found


def below(error: Wrong, *at: str) -> Iterator[Wrong]:
    """Yield `error` and those with it, as mistakes below `at`."""
    for each in (error, *error.others):
        yield Wrong(each.wrong, each.expected, each.near, (*at, *each.at))


def raise_all(wrongs: list[Wrong]) -> None:
    """Raise the first of `wrongs` with the others in it; nothing when there are none."""
    if wrongs:
        wrongs[0].others = wrongs[1:]
        raise wrongs[0]
