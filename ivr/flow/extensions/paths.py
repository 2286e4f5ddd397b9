"""Find places in an `extensions.conf`: extensions, patterns, includes, labels. Pure.

Used by `flow/extensions/walk.py`, which follows the lines from there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from ivr.flow.extensions.file import Context, Entry, ExtensionsFile
from ivr.flow.extensions.values import arguments, plain, split, substitute, variables

INCLUDE_DEPTH = 10


@dataclass(frozen=True)
class Spot:
    """One priority. exten  as written, a pattern too."""

    context: str
    exten: str
    priority: int


@dataclass(frozen=True)
class Timed:
    """An extension found only at some times. first  (time, where) in this order.  otherwise  None: not found."""

    first: tuple[tuple[str, Spot], ...]
    otherwise: Spot | None
    exten: str


Target = Spot | Timed


@dataclass(frozen=True)
class Jump:
    """Where to go on. exten  what ${EXTEN} is there."""

    target: Target
    exten: str


@dataclass(frozen=True)
class Landing:
    """A line a caller would notice.

    kind  its application, or `end`, `return`, `missing`, `hours`, `timed`, `branch`, `language`, `set`, `invoke`.
    args  with everything known put in.  yes, no  where an answer leads.  skipped  lines before it, not converted.
    """

    kind: str
    env: Mapping[str, str]
    spot: Spot | None = None
    entry: Entry | None = None
    args: tuple[str, ...] = ()
    yes: Jump | None = None
    no: Jump | None = None
    timed: Timed | None = None
    skipped: tuple[Entry, ...] = ()


@dataclass
class Paths:
    """The ways through one file. refuse  is told of each line that is not converted: entry, why, instead."""

    file: ExtensionsFile
    refuse: Callable[[Entry, str, str], None]
    seen: set[Entry] = field(default_factory=set)
    collected: set[str] = field(default_factory=set)
    counters: set[str] = field(default_factory=set)
    assigned: set[str] = field(default_factory=set)
    read: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        for context in self.file.contexts.values():
            for entries in context.extens.values():
                for entry in entries.values():
                    self._learn(entry)

    def _learn(self, entry: Entry) -> None:
        if entry.app.lower() not in ("set", "noop", "verbose", "log"):
            self.read |= variables(entry.args)
        if entry.app.lower() == "set":
            for name, value in assignments(entry.args):
                self.assigned.add(name)
                self.read |= variables(value)
                if name in variables(value):
                    self.counters.add(name)

    # -- finding extensions

    def find(self, context: str, exten: str) -> Target | None:
        """Return where `exten` begins in `context`, its includes too; None when it is not there."""
        found: list[tuple[str, Spot]] = []
        for spec, spot in self._candidates(context, exten, "", 0, set()):
            if not spec:
                return Timed(tuple(found), spot, exten) if found else spot
            found.append((spec, spot))
        return Timed(tuple(found), None, exten) if found else None

    def _candidates(self, name: str, exten: str, spec: str, depth: int, been: set[str]) -> list[tuple[str, Spot]]:
        context = self.file.contexts.get(name)
        if context is None or depth > INCLUDE_DEPTH or name in been:
            return []
        been.add(name)
        if written := matching(context, exten):
            return [(spec, Spot(name, written, min(context.extens[written])))]
        found: list[tuple[str, Spot]] = []
        for included in context.includes[:100]:
            found += self._candidates(included.context, exten, included.spec or spec, depth + 1, been)
            if found and not found[-1][0]:
                break
        return found

    def entry(self, spot: Spot) -> Entry | None:
        context = self.file.contexts.get(spot.context)
        return context.extens.get(spot.exten, {}).get(spot.priority) if context else None

    def after(self, spot: Spot) -> Spot:
        return Spot(spot.context, spot.exten, spot.priority + 1)

    def jump(self, text: str, here: Spot, env: Mapping[str, str]) -> Jump | None:
        """Return where `[[context,]exten,]priority` leads, None when that is nowhere. Raises Unknown."""
        parts = [plain(substitute(part, env)) for part in arguments(text)]
        parts = [part for part in parts if part] or [""]
        priority = parts[-1]
        exten = parts[-2] if len(parts) > 1 else env.get("EXTEN", here.exten)
        context = parts[-3] if len(parts) > 2 else here.context
        found = Spot(here.context, here.exten, 1) if len(parts) == 1 else self.find(context, exten)
        if found is None or isinstance(found, Timed):
            return Jump(found, exten) if found else None
        entries = self.file.contexts[found.context].extens[found.exten]
        if priority.isdecimal():
            return Jump(replace(found, priority=int(priority)), exten) if int(priority) in entries else None
        at = next((entry.priority for entry in entries.values() if entry.label and entry.label == priority), None)
        return Jump(replace(found, priority=at), exten) if at is not None else None


def assignments(args: str) -> list[tuple[str, str]]:
    """Return the variables an application Set sets, with what they become."""
    found = []
    for part in split(args):
        name, sign, value = part.partition("=")
        if sign and name.strip():
            found.append((name.strip().lstrip("_"), value))
        elif found:  # a comma that belonged to the value
            found[-1] = (found[-1][0], f"{found[-1][1]},{part}")
    return found


def matching(context: Context, exten: str) -> str:
    """Return the extension of `context` that `exten` meets: itself, else the closest pattern; '' for none."""
    if exten in context.extens:
        return exten
    if len(exten) > 40:
        return ""
    found = [each for each in context.extens if each.startswith("_") and meets(each[1:], exten)]
    if not re.fullmatch(r"[0-9*#+A-Da-d]+", exten):  # s-BUSY meets _s-. here; that i meets _. helps nobody
        found = [each for each in found if each[1:2] == exten[:1]]
    return min(found, key=_looseness, default="")


def meets(pattern: str, exten: str) -> bool:
    i, exten = 0, exten.replace("-", "")
    for sign in _signs(pattern):
        if sign in (".", "!"):
            return sign == "!" or i < len(exten)
        if i == len(exten) or not _takes(sign, exten[i]):
            return False
        i += 1
    return i == len(exten)


def _signs(pattern: str) -> list[str]:
    return re.findall(r"\[[^\]]*\]|[^ -]", pattern.partition("/")[0])


def _takes(sign: str, key: str) -> bool:
    sets = {"X": "0123456789", "Z": "123456789", "N": "23456789"}
    if sign.startswith("["):
        inner = sign[1:-1]
        ranges = re.findall(r"(.)-(.)|(.)", inner)
        return any((a <= key <= b) if a else key == single for a, b, single in ranges)
    return key in sets.get(sign.upper(), sign)


def _looseness(pattern: str) -> tuple[bool, int, str]:
    signs = _signs(pattern[1:])
    return signs[-1:] in (["."], ["!"]), sum(sign[0] in "XZNxzn[.!" for sign in signs), pattern
