"""What a flow may ask about the call and the world, and the conditions written with it. Pure.

A `branch` tests conditions, `set` and `webhook` use the facts themselves. Who drives the flow (session, trial) finds
the values; here is only what they are called, what may be compared with them, and when a condition holds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from ivr.area import area_path, contains
from ivr.call import CLASSES, LANGUAGES
from ivr.errors import nearest

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
VARIABLE = "var"
VALUE_CHARS = 200  # of a variable
TERMS_MOST, CHOICES_MOST = 10, 20

Value = str | int | float | None
"""What is known of one fact, None for nothing."""

_TERM = re.compile(r"\s*([A-Za-z0-9_.]+)\s*(>=|<=|!=|=|<|>)\s*(.*?)\s*", re.DOTALL)
_FILLED = re.compile(r"\{([^{}]*)\}")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


@dataclass(frozen=True)
class Fact:
    """One fact. type  one of _KINDS.  of  what stands after the dot, '' for nothing: a queue, or a name."""

    name: str
    type: str
    doc: str
    of: str = ""
    choices: tuple[str, ...] = ()

    @property
    def written(self) -> str:
        return f"{self.name}.<{self.of}>" if self.of else self.name


FACTS = {
    fact.name: fact
    for fact in (
        Fact("time", "time", "the time of day, such as 18:00, in the zone of the hotline"),
        Fact("weekday", "choice", "the day of the week", choices=WEEKDAYS),
        Fact("date", "date", "today, such as 2026-12-24"),
        Fact("language", "choice", "the language spoken now", choices=LANGUAGES),
        Fact("dialled", "text", "the number he dialled, as in numbers.toml"),
        Fact("caller", "choice", "is he a customer of the customer file?", choices=("known", "unknown", "withheld")),
        Fact("class", "choice", "the customer's class; normal for a caller nobody knows", choices=CLASSES),
        Fact("area", "area", "where he lives: `area = pl/mazowieckie` holds there and everywhere below it"),
        Fact("announced", "choice", "has he heard an announcement in this call?", choices=("yes", "no")),
        Fact("repeat", "number", "his calls within the last 24 hours, without this one"),
        Fact("waiting", "number", "callers who wait in the queue now", of="queue"),
        Fact("ewt_s", "number", "the wait a new caller of the queue must expect, in seconds", of="queue"),
        Fact("agents", "number", "agents signed in who could answer the queue", of="queue"),
        Fact(VARIABLE, "free", "a variable: digits of `collect`, text of `set`, a reply of `webhook`", of="name"),
    )
}
CALL_FACTS = ("dialled", "language", "caller", "class", "area", "announced", "repeat")


class BadCondition(ValueError):
    """A condition, or a text with facts, is not right. expected, near, kind, part  for the finding, as of Wrong."""

    def __init__(
        self, wrong: str, expected: str = "", near: str = "", *, kind: str = "condition", part: str = ""
    ) -> None:
        self.wrong, self.expected, self.near, self.kind, self.part = wrong, expected, near, kind, part
        super().__init__(wrong)


@dataclass(frozen=True)
class Term:
    """One comparison. values  several only for = and !=."""

    fact: str
    op: str
    values: tuple[str, ...]

    def holds(self, value: Value) -> bool:
        """Does it hold for `value`? Nothing known: no."""
        if value is None:
            return False
        kind = FACTS[self.fact.partition(".")[0]].type
        same = any(_same(kind, value, each) for each in self.values)
        if self.op in ("=", "!="):
            return same is (self.op == "=")
        ordered = _ordered(kind, value, self.values[0])
        return ordered is not None and _ORDER[self.op](ordered)


@dataclass(frozen=True)
class Condition:
    """Terms that must all hold. text  as written."""

    text: str
    terms: tuple[Term, ...]

    def holds(self, values: Mapping[str, Value]) -> bool:
        """Does it hold, given the `values` of its facts? A fact that is missing is not known."""
        return all(term.holds(values.get(term.fact)) for term in self.terms)

    @property
    def facts(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(term.fact for term in self.terms))

    def __str__(self) -> str:
        return self.text


def read_condition(text: str, queues: Collection[str] | None = None) -> Condition:
    """Return the condition written in `text`. queues  those there are, None when unknown. Raises BadCondition."""
    parts = text.split("&")
    if len(parts) > TERMS_MOST:
        raise BadCondition(f"{len(parts)} terms", f"at most {TERMS_MOST}, joined by &")
    return Condition(text.strip(), tuple(_term(part, queues) for part in parts))


def read_fact(text: str, queues: Collection[str] | None = None) -> str:
    """Return the name of a fact. Raises BadCondition naming the nearest."""
    name, dot, of = text.partition(".")
    fact = FACTS.get(name)
    if fact is None:
        wrong, near = f"there is no fact {text[:60]!r}", nearest(name[:60], FACTS)
        raise BadCondition(wrong, "one of " + known_facts(), near, kind="unknown_fact", part=text)
    if bool(dot) != bool(fact.of):
        raise BadCondition(f"{text[:60]!r} is not how {name} is written", fact.written, kind="unknown_fact", part=text)
    if fact.of == "queue" and queues is not None and of not in queues:
        wrong, near = f"there is no queue {of[:60]!r}", nearest(of[:60], queues)
        raise BadCondition(wrong, "a queue of queues.toml", near, kind="unknown_queue", part=of)
    if fact.of == "name" and not _NAME.fullmatch(of):
        wrong = f"{of[:60]!r} is no name of a variable"
        raise BadCondition(wrong, "small letters, digits and _", kind="wrong_name", part=of)
    return text


def facts_in(text: str) -> tuple[str, ...]:
    """Return the facts that `text` names in braces, as written."""
    return tuple(dict.fromkeys(_FILLED.findall(text)))


def filled(text: str, values: Mapping[str, Value]) -> str:
    """Return `text` with each {fact} replaced by what is known of it, '' for nothing; cut to VALUE_CHARS."""

    def value_of(found: re.Match[str]) -> str:
        value = values.get(found[1])
        return "" if value is None else str(value)

    return _FILLED.sub(value_of, text)[:VALUE_CHARS]


def known_facts() -> str:
    """Return every fact as it is written, for a message."""
    return ", ".join(fact.written for fact in FACTS.values())


def _term(text: str, queues: Collection[str] | None) -> Term:
    found = _TERM.fullmatch(text)
    if not found:
        expected = "`fact op value`, op one of = != < <= > >=; several joined by &"
        raise BadCondition(f"{text.strip()[:60]!r} is no comparison", expected, part=text.strip())
    name, op, right = found[1], found[2], found[3]
    fact = FACTS[read_fact(name, queues).partition(".")[0]]
    values = tuple(value.strip() for value in right.split("|"))
    if len(values) > CHOICES_MOST or (len(values) > 1 and op not in ("=", "!=")):
        expected = f"one value, or with = and != up to {CHOICES_MOST}"
        raise BadCondition(f"{right[:60]!r}: several values", expected, part=right)
    if fact.type in ("choice", "area", "text") and op not in ("=", "!="):
        raise BadCondition(f"{name} cannot be compared with {op}", "= or !=", part=text.strip())
    return Term(name, op, tuple(_value(fact, value) for value in values))


def _value(fact: Fact, text: str) -> str:
    short = repr(text[:60])
    if fact.type == "choice" and text not in fact.choices:
        near = nearest(text[:60], fact.choices)
        raise BadCondition(f"{fact.name} is never {short}", "one of " + ", ".join(fact.choices), near, part=text)
    if fact.type == "area":
        try:
            return area_path(text)
        except ValueError as error:
            raise BadCondition(f"{short} is not an area", str(error).partition("expected ")[2], part=text) from None
    if fact.type == "time" and not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", text):
        raise BadCondition(f"{short} is not a time of day", "one such as 08:00", part=text)
    if fact.type == "date" and not _is_date(text):
        raise BadCondition(f"{short} is not a date", "one such as 2026-12-24", part=text)
    if fact.type == "number" and number_of(text) is None:
        raise BadCondition(f"{short} is not a number", f"a number: {fact.doc}", part=text)
    if len(text) > VALUE_CHARS or not text.isprintable():
        expected = f"at most {VALUE_CHARS} printable characters"
        raise BadCondition("the value is too long or not printable", expected, part=text)
    return text


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _same(kind: str, value: Value, written: str) -> bool:
    if kind == "area":
        return contains(written, str(value))
    number, other = number_of(value), number_of(written)
    if kind in ("number", "free") and number is not None and other is not None:
        return number == other
    return str(value) == written


def _ordered(kind: str, value: Value, written: str) -> int | None:
    """Return -1, 0 or 1 as `value` is before, at or after `written`; None when they cannot be compared."""
    if kind in ("time", "date"):
        return (str(value) > written) - (str(value) < written)
    number, other = number_of(value), number_of(written)
    if number is None or other is None:
        return None
    return (number > other) - (number < other)


def number_of(value: Value) -> float | None:
    """Return `value` as a number, None when it is none."""
    if isinstance(value, int | float):
        return float(value)
    text = value or ""
    return float(text) if re.fullmatch(r"-?[0-9]{1,15}(\.[0-9]{1,6})?", text) else None


_ORDER: Mapping[str, Callable[[int], bool]] = {
    "<": lambda order: order < 0,
    "<=": lambda order: order <= 0,
    ">": lambda order: order > 0,
    ">=": lambda order: order >= 0,
}


def variables(conditions: Collection[Condition]) -> Iterator[str]:
    """Yield the variables these conditions test."""
    for condition in conditions:
        for fact in condition.facts:
            if fact.startswith(f"{VARIABLE}."):
                yield fact.removeprefix(f"{VARIABLE}.")
