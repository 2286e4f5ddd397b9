"""Read Asterisk's `extensions.conf`: contexts, extensions, priorities, each with its file and line. Pure.

Knows what Asterisk's own reader knows: `same`, `n+2`, labels, templates, `#include`, `;-- --;` comments. What a line
included names is read by the caller, who sets the limits on files. Nothing in a file is an error here: a line that
cannot be understood is kept in `odd`, with the reason. Used by `convert.py`; queues.conf is read with it too.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

FILES = 60  # a FreePBX has about 40
INCLUDE_DEPTH = 10
LINES = 60_000
LINE_CHARS = 4_000
CONTEXTS = 3_000
PRIORITY_MOST = 100_000

Include = Callable[[str], "tuple[str, str] | None"]
"""Gives name and text of an included file, None when it cannot be read."""

_SECTION = re.compile(r"\[([^\]]*)\]\s*(?:\(([^)]*)\))?\s*$")
_PRIORITY = re.compile(r"([A-Za-z0-9_.-]{1,40})\s*(?:\+\s*([0-9]{1,4}))?\s*(?:\(([^)]*)\))?")
_SETTING = re.compile(r"\s*([^=]*?)\s*=>?\s*(.*)", re.DOTALL)
_TOO_MANY = f"the files have more than {LINES} lines: the rest is not read"


@dataclass(frozen=True)
class Place:
    """One line of one file. line  1-based."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True)
class Entry:
    """One priority of an extension. args  what stands in the brackets, as written."""

    exten: str
    priority: int
    label: str
    app: str
    args: str
    at: Place

    def __str__(self) -> str:
        return f"{self.app}({self.args})"


@dataclass(frozen=True)
class Included:
    """An `include =>` of a context. spec  its time, '' for always."""

    context: str
    spec: str
    at: Place


@dataclass
class Context:
    """One context. extens  priorities by extension, in the order written."""

    name: str
    at: Place
    title: str = ""
    extens: dict[str, dict[int, Entry]] = field(default_factory=dict)
    includes: list[Included] = field(default_factory=list)
    settings: list[tuple[str, str, Place]] = field(default_factory=list)
    template: bool = False


@dataclass(frozen=True)
class Odd:
    """A line that was not read, and why."""

    at: Place
    text: str
    why: str


@dataclass
class ExtensionsFile:
    """Everything that was read."""

    contexts: dict[str, Context] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    odd: list[Odd] = field(default_factory=list)


def read_extensions(name: str, text: str, include: Include = lambda _: None) -> ExtensionsFile:
    """Return what the file `name` holds. include  gives the text of `#include`d files."""
    reader = _Reader(include)
    reader.read(name, text, 0)
    return reader.found


class _Reader:
    def __init__(self, include: Include) -> None:
        self.include = include
        self.found = ExtensionsFile()
        self.context: Context | None = None
        self.exten, self.priority = "", 0
        self.files = self.lines = 0
        self.comment = False

    def read(self, name: str, text: str, depth: int) -> None:
        self.files += 1
        self.comment = False
        begun = ""
        for number, raw in enumerate(text.split("\n"), 1):
            self.lines += 1
            if self.lines > LINES:
                if not self.found.odd or self.found.odd[-1].why != _TOO_MANY:
                    self.found.odd.append(Odd(Place(name, number), "", _TOO_MANY))
                return
            at = Place(name, number)
            if len(raw) > LINE_CHARS or len(begun) > LINE_CHARS:
                self._odd(at, raw[:80], f"longer than {LINE_CHARS} characters")
                begun = ""
                continue
            line, remark = self._without_comment(raw)
            if line.endswith("\\") and not line.endswith("\\\\"):
                begun += line[:-1]
                continue
            line, begun = (begun + line).strip(), ""
            if line:
                self._line(line, remark, at, depth)

    def _without_comment(self, raw: str) -> tuple[str, str]:
        """Return the line without its comments, and the text of the last one."""
        kept: list[str] = []
        i, raw = 0, raw.rstrip("\r")
        while i < len(raw):
            if self.comment:
                end = raw.find("--;", i)
                if end < 0:
                    return "".join(kept).rstrip(), ""
                self.comment, i = False, end + 3
            elif raw.startswith(";--", i) and not raw.startswith(";---", i):
                self.comment, i = True, i + 3
            elif raw[i] == ";":
                return "".join(kept).rstrip(), raw[i + 1 :].strip()
            elif raw.startswith("\\;", i):
                kept.append(";")
                i += 2
            else:
                kept.append(raw[i])
                i += 1
        return "".join(kept).rstrip(), ""

    def _odd(self, at: Place, text: str, why: str) -> None:
        self.found.odd.append(Odd(at, text, why))

    def _line(self, line: str, remark: str, at: Place, depth: int) -> None:
        if line.startswith("["):
            self._section(line, remark, at)
        elif line.startswith("#"):
            self._directive(line, at, depth)
        elif not (found := _SETTING.fullmatch(line)) or not found[1]:
            self._odd(at, line, "neither a context, an extension nor a setting")
        elif self.context is None:
            self._odd(at, line, "before the first context")
        elif self.context.name == "globals":
            self.found.variables[found[1]] = found[2]
        else:
            self._setting(self.context, found[1].lower().rstrip("+ "), found[2], line, at)

    def _section(self, line: str, remark: str, at: Place) -> None:
        found = _SECTION.fullmatch(line)
        name = found[1].strip() if found else ""
        self.exten, self.priority = "", 0
        if not found or not name or (name not in self.found.contexts and len(self.found.contexts) >= CONTEXTS):
            self._odd(at, line, f"more than {CONTEXTS} contexts" if name else "no context can be named so")
            self.context = None
            return
        options = [option.strip() for option in (found[2] or "").split(",") if option.strip()]
        self.context = self.found.contexts.setdefault(name, Context(name, at, remark))
        for option in options:
            if option == "!":
                self.context.template = True
            elif option != "+":
                self._inherit(self.context, option, line, at)

    def _inherit(self, context: Context, name: str, line: str, at: Place) -> None:
        base = self.found.contexts.get(name)
        if base is None or base is context:
            self._odd(at, line, f"there is no template [{name}]")
            return
        for exten, entries in base.extens.items():
            context.extens.setdefault(exten, {}).update(entries)
        context.includes += base.includes
        context.settings += base.settings

    def _directive(self, line: str, at: Place, depth: int) -> None:
        word, _, rest = line[1:].partition(" ")
        name = rest.strip().strip('"<>')
        if word.lower() not in ("include", "tryinclude"):
            why = "a program is not run to read a file" if word.lower() == "exec" else "unknown directive"
            self._odd(at, line, why)
            return
        if depth >= INCLUDE_DEPTH or self.files >= FILES:
            self._odd(at, line, f"more than {FILES} files, or {INCLUDE_DEPTH} inside each other")
            return
        content = self.include(name)
        if content is None:
            if word.lower() == "include":
                self._odd(at, line, "the file is not there, or may not be read")
            return
        self.read(*content, depth + 1)
        self.comment = False

    def _setting(self, context: Context, key: str, value: str, line: str, at: Place) -> None:
        if key == "exten":
            exten, comma, rest = value.partition(",")
            self.exten = exten.strip().strip('"')
            if not comma or not self.exten:
                self._odd(at, line, "expected exten => name,priority,application")
                return
            self._entry(context, rest, line, at)
        elif key == "same":
            if self.exten:
                self._entry(context, value, line, at)
            else:
                self._odd(at, line, "`same` before the first extension of the context")
        elif key == "include":
            name, spec = (value.replace("|", ",", 1) if "|" in value else value).partition(",")[::2]
            context.includes.append(Included(name.strip(), spec.strip(), at))
        else:
            context.settings.append((key, value, at))

    def _entry(self, context: Context, rest: str, line: str, at: Place) -> None:
        written, comma, call = rest.partition(",")
        if written.strip().lower() == "hint":
            return
        found = _PRIORITY.fullmatch(written.strip())
        if not found or not comma:
            self._odd(at, line, f"{written.strip()[:40]!r} is no priority")
            return
        priority = self._priority(context, found[1].strip(), int(found[2] or 0))
        entries = context.extens.get(self.exten, {})
        if priority is None:
            self._odd(at, line, f"{self.exten} has no label {found[1]!r}")
            return
        if priority in entries or not 0 < priority <= PRIORITY_MOST:
            self._odd(at, line, f"priority {priority} of {self.exten} cannot be used, or is there already")
            return
        self.priority = priority
        app, args = _call(call.strip())
        context.extens.setdefault(self.exten, {})[priority] = Entry(
            self.exten, priority, (found[3] or "").strip(), app, args, at
        )

    def _priority(self, context: Context, written: str, more: int) -> int | None:
        """Return the priority `written` stands for, None for nothing. `n+2` is two after the next (pbx_config.c)."""
        if written.isdecimal():
            return int(written) + more
        entries = context.extens.get(self.exten, {})
        if written in ("n", "next", "s", "same"):
            last = self.priority if self.priority in entries else max(entries, default=0)
            return last + (written in ("n", "next")) + more
        return next((entry.priority + more for entry in entries.values() if entry.label == written), None)


def _call(text: str) -> tuple[str, str]:
    """Return application and arguments of `App(args)`, `App` or the old `App,args`."""
    name, opening, rest = text.partition("(")
    if opening and "," not in name:
        return name.strip(), (rest.rstrip()[:-1] if rest.rstrip().endswith(")") else rest).strip()
    name, _, rest = text.partition(",")
    return name.strip(), rest.strip()
