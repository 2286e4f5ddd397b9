"""What is written on the cards and arrows of a picture of call flows. Pure. Called by `flow/drawing/draw.py`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ivr.flow.declare import KEYS, Key, Kind
from ivr.flow.drawing.lettering import plain, wrap
from ivr.flow.drawing.picture import STYLES, Arrow, Card, Text
from ivr.flow.drawing.ways import Ways
from ivr.flow.model import Step

WIDE = 200.0  # of the words on a card
ON_ARROW = 132.0  # of the words on an arrow
SAID_LINES, NOTE_LINES, MEANING_LINES, NAME_LINES = 3, 3, 2, 4
CONDITIONS = 3  # of one arrow that are told
TIP_CHARS = 300  # of one value in a tooltip
MARKED = 19.0  # taken from a line by its mark
_PROMPTS = ("prompt", "prompts")
_TOLD_ELSEWHERE = ("tries", "disposition", "timeout_s")

Words = Mapping[str, str]
"""What prompts say, by key."""


def texts(text: str, style: str, lines: int, *, wide: float = WIDE) -> Iterator[Text]:
    """Yield `text` in at most `lines` lines."""
    size, bold, _, _ = STYLES[style]
    yield from (Text(line, style) for line in wrap(text, size, wide, lines, bold=bold))


def marked(text: str, style: str, mark: str, lines: int, *, wide: float = WIDE) -> Iterator[Text]:
    """Yield `text` with `mark` before its first line; a mark stands without text, too."""
    found = [*texts(text, style, lines, wide=wide - MARKED)] or [Text("", style)]
    for index, line in enumerate(found):
        yield Text(line.text, style, mark if index == 0 else "more")


def said(step: Step, kind: Kind, words: Words) -> Iterator[Text]:
    """Tell the first words of what a step says: its required prompt, else the first that is not a default."""
    keys = [key for key in kind.keys if key.type in _PROMPTS]
    given = [key for key in keys if key.default is None or step.values.get(key.name) != key.default]
    for key in given[:1]:
        text = plain(" ".join(words.get(prompt, f"[{prompt}]") for prompt in listed(step.values.get(key.name))))
        yield from texts(f"“{text}”" if text else "", "said", SAID_LINES)


def notes(step: Step, kind: Kind) -> Iterator[Text]:
    """Tell the other values of a step, unless they are the defaults."""
    told = [_note(kind, key, step.values.get(key.name)) for key in kind.keys if _worth_telling(step, kind, key)]
    again = [o.name for o in kind.outcomes if o.otherwise.to == "again" and o.name not in step.on]
    if again and isinstance(tries := step.values.get("tries"), int):
        told.append(f"asked {tries} times at most" if tries > 1 else "asked once")
    yield from texts(" · ".join(told), "note", NOTE_LINES)


def _note(kind: Kind, key: Key, value: object) -> str:
    if key.name == kind.name:
        return shown(value)
    return f"{key.name}{': ' if isinstance(value, Mapping) else ' = '}{shown(value)}"


def _worth_telling(step: Step, kind: Kind, key: Key) -> bool:
    value = step.values.get(key.name)
    if key.type in (*_PROMPTS, "queue") or key.name in _TOLD_ELSEWHERE or key.name == kind.named:
        return False
    return value not in (None, "", (), {}) and value != key.default and (step.kind, key.name) != ("return", "outcome")


def labels(step: Step, kind: Kind, outcomes: Sequence[str], words: Words) -> Iterator[Text]:
    """Tell keys and conditions one by one with what they mean, a single other outcome too, several by name."""
    for outcome in outcomes:
        if outcome in KEYS:
            yield from marked(key_meaning(step, outcome, words), "key", outcome, 2, wide=ON_ARROW)
    conditions = [outcome for outcome in outcomes if outcome in _conditions(step, kind)]
    for outcome in conditions[:CONDITIONS]:
        yield from _with_meaning(step, kind, outcome, words)
    others = [o for o in outcomes if o not in KEYS and o not in conditions[:CONDITIONS]]
    if len(others) == 1:
        yield from _with_meaning(step, kind, others[0], words)
    else:
        yield from texts(", ".join(others), "outcome", NAME_LINES, wide=ON_ARROW)


def _with_meaning(step: Step, kind: Kind, outcome: str, words: Words) -> Iterator[Text]:
    yield from texts(outcome, "outcome", 1, wide=ON_ARROW)
    yield from texts(meaning(step, kind, outcome, words), "meaning", MEANING_LINES, wide=ON_ARROW)


def _conditions(step: Step, kind: Kind) -> Mapping[str, object]:
    named = step.values.get(kind.named) if kind.named else None
    return named if isinstance(named, Mapping) else {}


def meaning(step: Step, kind: Kind, outcome: str, words: Words) -> str:
    """Tell what `outcome` means: a branch's condition, what the menu says of the key, or its declaration."""
    if outcome in (conditions := _conditions(step, kind)):
        return plain(str(conditions[outcome]))
    if outcome in kind.outcome:
        return kind.outcome[outcome].doc.replace("`", "")
    return key_meaning(step, outcome, words) if outcome in KEYS else ""


def key_meaning(step: Step, key: str, words: Words) -> str:
    """Return what the question says before it names `key`: of "Invoices: press 2. …" `Invoices`, '' when nothing."""
    question = plain(" ".join(words.get(prompt, "") for prompt in listed(step.values.get("prompt"))))
    earlier = ""
    for sentence in re.split(r"(?<=[.!?;])\s+", question):
        if key.isdigit() and re.search(rf"(?<!\d){key}(?!\d)", sentence):
            before, sign, _ = sentence.partition(":" if ":" in sentence else ",")
            if sign and not re.search(r"\d", before):
                return before
            return earlier if earlier and sentence.count(" ") < 2 else sentence  # "Shall we call you? Press 1."
        earlier = sentence
    return ""


def about(step: Step, kind: Kind) -> str:
    """Return the tooltip of a step: everything the file says of it, and what its kind does."""
    lines = [f"{step.name} ({step.kind})", kind.doc.replace("`", "")]
    lines += [f"{name} = {shown(value)[:TIP_CHARS]}" for name, value in step.values.items() if value is not None]
    lines += [f"on.{outcome} = {target}" for outcome, target in step.on.items()]
    lines += [f"next = {step.next}"] if step.next else []
    return "\n".join(plain(line) for line in lines if line)


def legend(arrows: Sequence[Arrow], cards: Sequence[Card], ways: Ways | None) -> Iterator[Text]:
    """Tell what the marks and lines of this picture mean, and what was counted."""
    if ways:
        versions = ", ".join(f"{plain(version) or 'unknown'} ({number(n)})" for version, n in ways.calls.items())
        yield Text(f"{ways.period}: {number(ways.total)} calls; of version {versions or 'none'}", "count")
        yield Text(
            "× times a step was entered · on an arrow: times taken, share of those who entered the step", "legend"
        )
        yield Text("width of an arrow: share of all calls · pale: taken by nobody", "legend")
        yield Text("hung up at this step before anybody helped, share of those who entered it", "legend", "drop")
    if any(text.mark == "end" for card in cards for text in card.lines):
        back = (
            ", or goes back to the flow that invoked this one" if any(card.kind == "return" for card in cards) else ""
        )
        yield Text(f"the call ends with this outcome{back}", "legend", "end")
    if any(arrow.style == "rescue" for arrow in arrows):
        yield Text("to the flow's rescue, because the step does not say where", "legend", "dashes")
    if any(arrow.style == "invoke" for arrow in arrows):
        yield Text("goes through another flow and comes back", "legend", "dots")


def listed(value: object) -> tuple[str, ...]:
    """Return a text, or a list of texts, as a tuple."""
    if isinstance(value, str):
        return (value,)
    return tuple(str(each) for each in value) if isinstance(value, Iterable) else ()


def shown(value: object) -> str:
    """Return a value as one line."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} = {shown(each)}" for name, each in value.items())
    if isinstance(value, str):
        return value
    return ", ".join(shown(each) for each in value) if isinstance(value, Iterable) else f"{value}"


def counted(count: int, share: float) -> str:
    """Return a count and its share, 0 to 1."""
    return f"{number(count)} · {share * 100:.0f} %" if share >= 0.01 or not share else f"{number(count)} · <1 %"


def number(count: int) -> str:
    """Return `count` with its thousands apart."""
    return f"{count:,}".replace(",", "\u00a0")


def wait(seconds: float) -> str:
    """Return a time as people say it."""
    return f"{seconds / 60:g} min" if seconds >= 60 else f"{seconds:g} s"
