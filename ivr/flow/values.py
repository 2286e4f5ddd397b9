"""Read one value of `dialplans/` as the key declared for it (flow/steps.py) wants it. Pure.

Called by `flow/tables.py` and whoever reads a value on its own; a wrong one raises Wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from ivr.errors import nearest
from ivr.flow import declare, facts
from ivr.flow.declare import TYPES, Key
from ivr.flow.facts import BadCondition, Condition
from ivr.flow.model import Action
from ivr.flow.queue_keys import OVERFLOWS, PRESSED, TO_QUEUE
from routing.errors import BadArgument
from routing.model import Need

Names = Mapping[str, Collection[str] | None]
"""What may be named, by type (prompt, queue, calendar, target, webhook, flow, step); None: unknown, so not checked."""

TEXT_CHARS = 200
LIST_LENGTH = 20
PROMPT = r"[a-z][a-z0-9_]{0,47}"
URL_CHARS = 500
LOCAL_HOSTS = ("127.0.0.1", "localhost", "::1")

K = TypeVar("K")
T = TypeVar("T")


class Wrong(Exception):
    """A value is not what its key wants.

    at  the keys below it that lead to the mistake.  kind  a key of MISTAKES.  part  the words of the value that are
    wrong, '' for all.  item  which item of a list is wrong, 0 for none.  others  further mistakes.  found  what
    is right of a list or table, None for nothing.
    """

    def __init__(
        self,
        wrong: str,
        expected: str = "",
        near: str = "",
        at: tuple[str, ...] = (),
        *,
        kind: str = "wrong_value",
        part: str = "",
        item: int = 0,
    ) -> None:
        self.wrong, self.expected, self.near, self.at = wrong, expected, near, at
        self.kind, self.part, self.item = kind, part, item
        self.others: list[Wrong] = []
        self.found: object = None
        super().__init__(wrong)


def value_of(key: Key, value: object, names: Names) -> object:
    """Return `value` as `key` wants it. Raises Wrong."""
    return READERS[key.type](key, value, names)


def name_of(kind: str, value: object, names: Names) -> str:
    """Return `value` when it names a `kind` that exists. Raises Wrong."""
    if not isinstance(value, str):
        raise Wrong(f"{shown(value)} is {type_of(value)}", TYPES[kind], kind="wrong_type")
    known = names.get(kind)
    if known is not None and value not in known and kind == "prompt":
        raise no_prompt(value, known)
    if known is not None and value not in known:
        raise Wrong(
            f"there is no {kind} {shown(value)}", _choice(known), nearest(value[:100], known), kind=f"unknown_{kind}"
        )
    return value


def no_prompt(value: str, known: Collection[str]) -> Wrong:
    """Return the mistake that no prompt is called `value`; `value` may be what it should say."""
    where = "under [prompts] in prompts/<language>.toml"
    if re.fullmatch(PROMPT, value):
        expected, near = f'a line {value} = "..." {where}', nearest(value, known)
        return Wrong(f"there is no prompt {shown(value)}", expected, near, kind="unknown_prompt")
    if not re.search(r"\s", value):
        expected, near = _choice(known) or TYPES["prompt"], nearest(value[:100], known)
        return Wrong(f"there is no prompt {shown(value)}", expected, near, kind="unknown_prompt")
    words = re.findall(r"[a-z]+", value.lower()) if value.isascii() else []
    name = "_".join(words[:3])[:40] or "my_prompt"
    wrong = f"{shown(value)} is a text and not the name of a prompt"
    line = f'{name} = "{value}"' if len(value) <= 60 else f'{name} = "..."'
    return Wrong(wrong, f'the name "{name}" here, and a line {line} {where}', kind="unknown_prompt")


def action_of(value: object, names: Names, *, pressed: bool = False) -> Action:
    """Return what a key in a queue (`pressed`) or its overflow does. Raises Wrong."""
    known = PRESSED if pressed else OVERFLOWS
    expected = f"one of {', '.join(known)}, queue:<name of a queue>"
    if not isinstance(value, str):
        raise Wrong(f"{shown(value)} is {type_of(value)}", expected, kind="wrong_type")
    kind, _, queue = value.replace(" ", ":", 1).partition(":")
    if kind == TO_QUEUE and queue:
        return Action(kind, name_of("queue", queue, names))
    if value not in known:
        raise Wrong(f"{shown(value)} is nothing a queue can do here", expected, nearest(value[:100], known))
    return Action(value)


def fixed(table: Mapping[K, T]) -> Mapping[K, T]:
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
        raise Wrong(f"{shown(value)} is {type_of(value)}", TYPES[key.type] + _range(key), kind="wrong_type")


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
    return _matching(key, value, declare.NAME)


def _dial(key: Key, value: object, names: Names) -> str:
    return _matching(key, value, declare.DIAL_STRING)


def _matching(key: Key, value: object, pattern: str) -> str:
    _want(key, value, (str,))
    assert isinstance(value, str)
    if not re.fullmatch(pattern, value):
        raise Wrong(f"{shown(value)} is not {TYPES[key.type]}", f"{TYPES[key.type]} ({pattern})")
    return value


def _dials(key: Key, value: object, names: Names) -> tuple[str, ...]:
    _want(key, value, (list,))
    return _items(value, lambda item: _dial(Key(key.name, "dial", key.doc), item, names))


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
    return _items(value, lambda item: name_of("prompt", item, names))


def _items(value: object, read_one: Callable[[object], T]) -> tuple[T, ...]:
    """Return the list `value` with each item read. Raises Wrong for all that are wrong."""
    assert isinstance(value, list)
    if len(value) > LIST_LENGTH:
        raise Wrong(f"a list of {len(value)}", f"at most {LIST_LENGTH}")
    found, wrongs = [], []
    for number, item in enumerate(value, 1):
        try:
            found.append(read_one(item))
        except Wrong as error:
            error.item = number
            wrongs.append(error)
    _raise(wrongs, tuple(found))
    return tuple(found)


def _raise(wrongs: list[Wrong], found: object) -> None:
    if wrongs:
        wrongs[0].others, wrongs[0].found = wrongs[1:], found
        raise wrongs[0]


def _pressed(key: Key, value: object, names: Names) -> str:
    _want(key, value, (str,))
    assert isinstance(value, str)
    if set(value) - set(declare.KEYS) or len(set(value)) < len(value):
        raise Wrong(f"{shown(value)} is not a set of telephone keys", TYPES[key.type] + f", of {declare.KEYS}")
    return value


def _choice_of(key: Key, value: object, names: Names) -> str:
    if not isinstance(value, str) or value not in key.choices:
        near = nearest(value[:100], key.choices) if isinstance(value, str) else ""
        raise Wrong(f"{shown(value)} is not a choice", "one of " + ", ".join(repr(c) for c in key.choices), near)
    return value


def _need(key: Key, value: object, names: Names) -> Need:
    _want(key, value, (str,))
    try:
        return Need(str(value))
    except BadArgument as error:
        expected = str(error).partition("expected ")[2] or str(error)
        raise Wrong(f"{shown(value)} is no need", expected, kind="need") from None


def _action(key: Key, value: object, names: Names) -> Action:
    return action_of(value, names)


def _fact(key: Key, value: object, names: Names) -> str:
    _want(key, value, (str,))
    if value == "" and key.default == "":
        return ""
    return _as_wrong(lambda: facts.read_fact(str(value), names.get("queue")))


def _facts(key: Key, value: object, names: Names) -> tuple[str, ...]:
    _want(key, value, (list,))
    return _items(value, lambda item: _fact(Key(key.name, "fact", key.doc), item, names))


def _names(key: Key, value: object, names: Names) -> tuple[str, ...]:
    _want(key, value, (list,))
    return _items(value, lambda item: _name(Key(key.name, "name", key.doc), item, names))


def _filled(key: Key, value: object, names: Names) -> str:
    text = _text(key, value, names)
    for fact in facts.facts_in(text):
        _as_wrong(lambda fact=fact: facts.read_fact(fact, names.get("queue")))  # type: ignore[misc]
    return text


def _conditions(key: Key, value: object, names: Names) -> Mapping[str, Condition]:
    def condition(text: object) -> Condition:
        written = _condition_text(key, text)
        return _as_wrong(lambda: facts.read_condition(written, names.get("queue")))

    return _each(key, value, condition, instead=lambda text: Condition(str(text), ()))


def _condition_text(key: Key, value: object) -> str:
    return _text(Key(key.name, "text", key.doc), value, {})


def _values(key: Key, value: object, names: Names) -> Mapping[str, str]:
    return _each(key, value, lambda text: _filled(Key(key.name, "filled", key.doc), text, names))


def _each(
    key: Key, value: object, read_one: Callable[[object], T], instead: Callable[[object], T] | None = None
) -> Mapping[str, T]:
    """Return the table `value` with each entry read. Raises Wrong for all that are wrong.

    instead  what stands for a wrong one in `Wrong.found`, None for nothing.
    """
    _want(key, value, (dict,))
    assert isinstance(value, dict)
    if len(value) > LIST_LENGTH or not (value or key.default is not None):
        raise Wrong(f"a table of {len(value)}", f"one to {LIST_LENGTH} entries")
    found, wrongs = {}, []
    for name, each in value.items():
        try:
            if not re.fullmatch(declare.NAME, name):
                expected = f"{TYPES['name']} ({declare.NAME})"
                raise Wrong(f"{shown(name)} is not {TYPES['name']}", expected, kind="wrong_name")
            found[name] = read_one(each)
        except Wrong as error:
            error.at = (name,)
            wrongs.append(error)
            if instead:
                found[name] = instead(each)
    _raise(wrongs, fixed(found))
    return fixed(found)


def _as_wrong(read_it: Callable[[], T]) -> T:
    try:
        return read_it()
    except BadCondition as error:
        raise Wrong(error.wrong, error.expected, error.near, kind=error.kind, part=error.part) from None


def _url(key: Key, value: object, names: Names) -> str:
    _want(key, value, (str,))
    found = urlsplit(str(value)) if _is_address(str(value)) else None
    local = found is not None and found.hostname in LOCAL_HOSTS
    if found is None or not found.hostname or not (found.scheme == "https" or (found.scheme == "http" and local)):
        raise Wrong(f"{shown(value)} is not an address to ask", TYPES["url"], kind="address")
    if found.username or found.password:
        expected = "HOTLINE_WEBHOOK_TOKENS in the settings for secrets"
        raise Wrong("the address holds a password", expected, kind="address")
    return str(value)


def _is_address(text: str) -> bool:
    try:
        urlsplit(text).port  # noqa: B018
    except ValueError:
        return False
    return len(text) <= URL_CHARS and text.isascii() and text.isprintable() and " " not in text


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


READERS: Mapping[str, Callable[[Key, object, Names], object]] = {
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
    "opening hours": _text,
    "country": _text,
    "fact": _fact,
    "facts": _facts,
    "names": _names,
    "conditions": _conditions,
    "filled": _filled,
    "values": _values,
    "webhook": _named,
    "url": _url,
}
