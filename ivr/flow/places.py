"""Where each key and value of a TOML file stands: a small reader that follows a file tomllib has understood.

tomllib tells no places. They are only used to say where a mistake is: where a file is written in a way this reader
does not follow, it stops, and the nearest table is named. Pure. Called by `flow/source.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

Path = tuple[str, ...]
Span = tuple[int, int]
"""Offsets in the text: of the first character, and of the one after the last."""

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACES = re.compile(r"[ \t]*")
_PART = re.compile(r"""[ \t]*(?:"((?:[^"\\\n]|\\.)*)"|'([^'\n]*)'|([A-Za-z0-9_-]+))[ \t]*""")
_MULTILINE = {
    '"""': re.compile(r'"""(?:[^\\]|\\.)*?"""(?:"{0,2})', re.DOTALL),
    "'''": re.compile(r"'''.*?'''(?:'{0,2})", re.DOTALL),
}
_STRING = re.compile(r""""(?:[^"\\\n]|\\.)*"|'[^'\n]*'""")
_PLAIN = re.compile(r"[^,\]}#\n]*[^,\]}#\n\s]")
_ESCAPES = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", '"': '"', "\\": "\\"}
_ESCAPE = re.compile(r'\\(?:([btnfr"\\])|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8}))')


@dataclass(frozen=True)
class Place:
    """Where a key or table is written. key, value  offsets in the text; value None for a table with a header."""

    line: int
    key: Span
    value: Span | None = None


def find_places(text: str, depth: int) -> dict[Path, Place]:
    """Return the place of every table, key and list item in `text`; of what is written twice, the first.

    An item of a list has the list's path and its number: ("relax", "1"). Nothing deeper than `depth` is noted.
    """
    reader = _Reader(text, depth)
    with suppress(_Lost, RecursionError):  # what was read till then is right
        reader.document()
    return reader.places


class _Lost(Exception):
    """The text is not written as this reader understands it."""


class _Reader:
    def __init__(self, text: str, depth: int) -> None:
        self.text, self.depth, self.at = text, depth, 0
        self.places: dict[Path, Place] = {}
        self.tables: dict[Path, int] = {}
        self.line, self.counted_to = 1, 0

    def document(self) -> None:
        table: Path = ()
        while True:
            self._match(_BLANK)
            if self.at >= len(self.text):
                return
            if self.text[self.at] == "[":
                table = self._header()
            else:
                self._pair(table)

    def _header(self) -> Path:
        double = self.text.startswith("[[", self.at)
        self.at += 2 if double else 1
        path, spans = self._key()
        key = (spans[0][0], spans[-1][1])
        self._skip("]]" if double else "]")
        if double:
            self._note(path, Place(self._line(key[0]), key))
            self.tables[path] = self.tables.get(path, 0) + 1
            path = (*path, str(self.tables[path]))
        self._note(path, Place(self._line(key[0]), key))
        return path

    def _pair(self, table: Path) -> None:
        written, spans = self._key()
        self._skip("=")
        path, line, outer = (*table, *written), self._line(spans[0][0]), len(table)
        for end in range(outer + 1, len(path)):  # a dotted key opens tables
            self._note(path[:end], Place(line, (spans[0][0], spans[end - outer - 1][1])))
        self._note(path, Place(line, (spans[0][0], spans[-1][1])))
        value = self._value(path)
        first = self.places.get(path)
        if first and first.value is None and first.key[0] == spans[0][0]:
            self.places[path] = Place(line, first.key, value)

    def _value(self, path: Path) -> Span:
        self._match(_SPACES)
        start = self.at
        opening = self.text[start : start + 1]
        if opening == "{":
            self._inside("}", lambda _: self._pair(path))
        elif opening == "[":
            self._inside("]", lambda number: self._item((*path, str(number))))
        elif pattern := _MULTILINE.get(self.text[start : start + 3]):
            self._must(pattern)
        elif opening in ('"', "'"):
            self._must(_STRING)
        else:
            self._must(_PLAIN)
        return start, self.at

    def _item(self, path: Path) -> None:
        start = self.at
        if len(path) <= self.depth:
            self.places.setdefault(path, Place(self._line(start), (start, start)))
        span = self._value(path)
        if len(path) <= self.depth:
            self.places[path] = Place(self.places[path].line, span, span)

    def _inside(self, closing: str, read_one: Callable[[int], None]) -> None:
        self.at += 1
        number = 0
        while True:
            self._match(_BLANK)
            if self.text.startswith(closing, self.at):
                self.at += 1
                return
            number += 1
            read_one(number)
            self._match(_BLANK)
            if self.text.startswith(",", self.at):
                self.at += 1
            elif not self.text.startswith(closing, self.at):
                raise _Lost

    def _key(self) -> tuple[Path, list[Span]]:
        parts: list[str] = []
        spans: list[Span] = []
        while True:
            found = self._must(_PART)
            quoted, literal, bare = found.groups()
            parts.append(_unescaped(quoted) if quoted is not None else literal if literal is not None else bare)
            inside = found[0].strip(" \t")
            start = found.start() + found[0].index(inside)
            spans.append((start, start + len(inside)))
            if not self.text.startswith(".", self.at):
                return tuple(parts), spans
            self.at += 1

    def _note(self, path: Path, place: Place) -> None:
        for end in range(1, min(len(path), self.depth)):
            self.places.setdefault(path[:end], place)
        if len(path) <= self.depth:
            self.places.setdefault(path, place)

    def _match(self, pattern: re.Pattern[str]) -> None:
        found = pattern.match(self.text, self.at)
        self.at = found.end() if found else self.at

    def _must(self, pattern: re.Pattern[str]) -> re.Match[str]:
        found = pattern.match(self.text, self.at)
        if not found:
            raise _Lost
        self.at = found.end()
        return found

    def _skip(self, mark: str) -> None:
        if not self.text.startswith(mark, self.at):
            raise _Lost
        self.at += len(mark)

    def _line(self, offset: int) -> int:
        """Return the line of `offset`; offsets come nearly in order."""
        if offset < self.counted_to:
            return self.text.count("\n", 0, offset) + 1
        self.line += self.text.count("\n", self.counted_to, offset)
        self.counted_to = offset
        return self.line


def _unescaped(text: str) -> str:
    def letter(found: re.Match[str]) -> str:
        return _ESCAPES[found[1]] if found[1] else chr(int(found[2] or found[3], 16))

    return _ESCAPE.sub(letter, text)


def narrowed(text: str, span: Span, part: str) -> Span:
    """Return where `part` stands within `span`; the whole span when it does not, or more than once."""
    inside = text[span[0] : span[1]]
    if not part or inside.count(part) != 1:
        return span
    start = span[0] + inside.index(part)
    return start, start + len(part)


def columns(text: str, span: Span) -> tuple[int, int, int]:
    """Return line, column and end column of `span`, cut to its first line that is not empty."""
    begin = text.rfind("\n", 0, span[0]) + 1
    end = text.find("\n", span[0])
    last = min(span[1], len(text) if end < 0 else end)
    return text.count("\n", 0, span[0]) + 1, span[0] - begin + 1, max(last, span[0] + 1) - begin + 1
