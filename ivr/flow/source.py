"""One TOML file of `dialplans/`: read within limits, parsed, and every key's place known.

tomllib tells no lines; `flow/places.py` finds them. Imports nothing of the rest but errors; called by `flow/load.py`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ivr.errors import Finding
from ivr.flow.places import Place, columns, find_places, narrowed
from ivr.flow.toml_mistakes import explain

FILE_BYTES = 128 * 1024  # 2,000 steps of 60 bytes; beyond this a file was not written by a person
LINE_CHARS = 1000  # tomllib takes quadratic time for a key of thousands of dots
DEPTH = 8  # steps.<name>.on is 3

_BYTE_ORDER_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True)
class Source:
    """A parsed file. places  of each table, key and list item by its path.  text  the file."""

    file: Path
    table: Mapping[str, Any]
    places: Mapping[tuple[str, ...], Place] = field(default_factory=dict)
    text: str = ""

    def line(self, *path: str) -> int | None:
        """Return the line of `path`, or of the nearest table around it; None when none is written."""
        place = self._nearest(path)[0]
        return place.line if place else None

    def exactly(self, path: tuple[str, ...], *, key: bool = False, part: str = "") -> tuple[int, int, int] | None:
        """Return line, column and end column of the mistake at `path`, of the nearest table around it, or None.

        key  the key is wrong and not its value.  part  of the value: the words that are wrong.
        """
        place, exact = self._nearest(path)
        if not place:
            return None
        if key or not exact or not place.value:
            return columns(self.text, place.key)
        return columns(self.text, narrowed(self.text, place.value, part))

    def _nearest(self, path: tuple[str, ...]) -> tuple[Place | None, bool]:
        for end in range(len(path), 0, -1):
            if path[:end] in self.places:
                return self.places[path[:end]], end == len(path)
        return None, False


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
    source = Source(file, table, find_places(text, DEPTH), text)
    if deep := _deepest(table, ()):
        return None, _too_deep(file, source.line(*deep))
    return source, None


def find_lines(text: str) -> dict[tuple[str, ...], int]:
    """Return the line of each table header, key and list item in `text`; of a table written twice, the first.

    An item of a list has the path of the list and its number: ("relax", "1").
    """
    return {path: place.line for path, place in find_places(text, DEPTH).items()}


def _decode(file: Path, content: bytes) -> str | Finding:
    if len(content) > FILE_BYTES:
        return _unreadable(file, None, f"has more than {FILE_BYTES} bytes", "a file written by hand")
    if content.startswith(_BYTE_ORDER_MARKS):
        return _unreadable(
            file, (1, 1), "begins with a byte order mark", "UTF-8 without one; save it again as plain UTF-8"
        )
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        begin = content.rfind(b"\n", 0, error.start) + 1
        place = content.count(b"\n", 0, error.start) + 1, len(content[begin : error.start].decode()) + 1
        return _unreadable(file, place, f"byte 0x{content[error.start]:02x} is not UTF-8", "a file saved as UTF-8")
    for number, line_text in enumerate(text.split("\n"), 1):
        if len(line_text) > LINE_CHARS:
            return _unreadable(file, (number, 1), f"a line of {len(line_text)} characters", f"at most {LINE_CHARS}")
    return text


def _toml_mistake(file: Path, text: str, message: str) -> Finding:
    found = explain(text, message)
    return Finding(
        file, found.line, "", found.wrong, found.expected, column=found.column, end_column=found.end_column, kind="toml"
    )


def _too_deep(file: Path, line: int | None) -> Finding:
    wrong, expected = "nested too deeply", f"at most {DEPTH} tables inside each other"
    return _unreadable(file, (line, 1) if line else None, wrong, expected)


def _unreadable(file: Path, place: tuple[int, int] | None, wrong: str, expected: str = "") -> Finding:
    line, column = place or (None, None)
    end = column + 1 if column else None
    return Finding(file, line, "", wrong, expected, column=column, end_column=end, kind="toml")


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
