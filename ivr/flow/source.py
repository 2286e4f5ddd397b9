"""One TOML file of `dialplans/`: read within limits, parsed, and every key's line known.

tomllib tells no lines, so a small scanner of its own finds the line of each table header and key. It is only
used to say where a mistake is: where TOML is written in a way it does not follow, it names the nearest table.
Imports nothing of the rest but errors; called by `flow/load.py`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ivr.errors import Finding

FILE_BYTES = 128 * 1024  # 2,000 steps of 60 bytes; beyond this a file was not written by a person
LINE_CHARS = 1000  # tomllib takes quadratic time for a key of thousands of dots
DEPTH = 8  # steps.<name>.on is 3

_AT_LINE = re.compile(r"\s*\(at (?:line (\d+), column \d+|end of document)\)$")
_PART = re.compile(r"""\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([A-Za-z0-9_-]+))\s*(\.?)""")
_BYTE_ORDER_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True)
class Source:
    """A parsed file. lines  1-based line of each table and key by its path."""

    file: Path
    table: Mapping[str, Any]
    lines: Mapping[tuple[str, ...], int] = field(default_factory=dict)

    def line(self, *path: str) -> int | None:
        """Return the line of `path`, or of the nearest table around it; None when none is written."""
        for end in range(len(path), 0, -1):
            if path[:end] in self.lines:
                return self.lines[path[:end]]
        return None


def parse(file: Path, content: bytes) -> tuple[Source | None, Finding | None]:
    """Return `content` parsed, or the one mistake that keeps it from being parsed."""
    text = _decode(file, content)
    if isinstance(text, Finding):
        return None, text
    try:
        table = tomllib.loads(text)
    except RecursionError:
        return None, _too_deep(file, None)
    except ValueError as error:  # TOMLDecodeError, and a number of thousands of digits
        return None, _toml_mistake(file, text, str(error))
    lines = find_lines(text)
    if deep := _deepest(table, ()):
        return None, _too_deep(file, Source(file, table, lines).line(*deep))
    return Source(file, table, lines), None


def find_lines(text: str) -> dict[tuple[str, ...], int]:
    """Return the line of each table header and key in `text`; of a table written twice, the first.

    A table in a list has the path of the list and its number: ("relax", "1").
    """
    lines: dict[tuple[str, ...], int] = {}
    counted: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    path: tuple[str, ...] = ()
    closing, depth = "", 0
    for number, line in enumerate(text.split("\n"), 1):
        if not closing and depth <= 0:
            depth = 0
            header = line.strip()
            if header.startswith("["):
                table = _path(header.lstrip("["))[0]
                if header.startswith("[["):
                    table = _counted(table, counted)
                _note(lines, table, number)
                continue
            path, rest = _path(line)
            if not path or not rest.startswith("="):
                continue
            _note(lines, table + path, number)
            line = rest[1:]
        closing, depth, opened = _scan_value(line, closing, depth)
        for _ in range(opened):
            _note(lines, _counted(table + path, counted), number)
    return lines


def _counted(path: tuple[str, ...], counted: dict[tuple[str, ...], int]) -> tuple[str, ...]:
    counted[path] = counted.get(path, 0) + 1
    return (*path, str(counted[path]))


def _note(lines: dict[tuple[str, ...], int], path: tuple[str, ...], number: int) -> None:
    for end in range(1, min(len(path), DEPTH) + 1):
        lines.setdefault(path[:end], number)


def _path(text: str) -> tuple[tuple[str, ...], str]:
    """Return the dotted key at the start of `text`, and what follows it."""
    parts: list[str] = []
    position = 0
    while found := _PART.match(text, position):
        parts.append(next(part for part in found.groups()[:3] if part is not None))
        position = found.end()
        if not found[4]:
            break
    return tuple(parts), text[position:]


def _scan_value(text: str, closing: str, depth: int) -> tuple[str, int, int]:
    """Return the quote still open at the end of the line, brackets open, and tables of a list that begin in it."""
    i = tables = 0
    while i < len(text):
        if closing:
            if closing == '"""' and text[i] == "\\":
                i += 2
            elif text.startswith(closing, i):
                i, closing = i + 3, ""
            else:
                i += 1
        elif text.startswith(('"""', "'''"), i):
            closing, i = text[i : i + 3], i + 3
        elif text[i] in "\"'":
            i = _after_string(text, i)
        elif text[i] == "#":
            break
        else:
            tables += text[i] == "{" and depth == 1
            depth += (text[i] in "[{") - (text[i] in "]}")
            i += 1
    return closing, depth, tables


def _after_string(text: str, start: int) -> int:
    quote, i = text[start], start + 1
    while i < len(text) and text[i] != quote:
        i += 2 if text[i] == "\\" and quote == '"' else 1
    return i + 1


def _decode(file: Path, content: bytes) -> str | Finding:
    if len(content) > FILE_BYTES:
        return Finding(file, None, "", f"has more than {FILE_BYTES} bytes", "a file written by hand")
    if content.startswith(_BYTE_ORDER_MARKS):
        return Finding(
            file, 1, "", "begins with a byte order mark", "UTF-8 without one; save it again as plain UTF-8"
        )
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return Finding(
            file, line, "", f"byte 0x{content[error.start]:02x} is not UTF-8", "a file saved as UTF-8"
        )
    for number, line_text in enumerate(text.split("\n"), 1):
        if len(line_text) > LINE_CHARS:
            return Finding(
                file, number, "", f"a line of {len(line_text)} characters", f"at most {LINE_CHARS}"
            )
    return text


def _toml_mistake(file: Path, text: str, message: str) -> Finding:
    found = _AT_LINE.search(message)
    wrong = _AT_LINE.sub("", message)
    if not found:
        return Finding(file, None, "", f"not readable as TOML: {wrong}")
    line = int(found[1]) if found[1] else text.count("\n") + 1
    expected = "each table and key once" if "overwrite" in wrong or "twice" in wrong else ""
    return Finding(file, line, "", f"not readable as TOML: {wrong}", expected)


def _too_deep(file: Path, line: int | None) -> Finding:
    return Finding(file, line, "", "nested too deeply", f"at most {DEPTH} tables inside each other")


def _deepest(value: object, path: tuple[str, ...]) -> tuple[str, ...]:
    """Return the path of something nested deeper than DEPTH, or ()."""
    if len(path) > DEPTH:
        return path
    children: list[tuple[str, object]] = []
    if isinstance(value, dict):
        children = list(value.items())
    elif isinstance(value, list):
        children = [("", item) for item in value]
    return next((deep for name, child in children if (deep := _deepest(child, (*path, name)))), ())
