"""ivr/flow/source.py: one TOML file within limits, and the line of every key."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.flow.places import find_places
from ivr.flow.source import DEPTH, FILE_BYTES, LINE_CHARS, find_lines, parse
from ivr.settings import PROJECT

FILE = Path("flows/main.toml")
SAMPLE = '''title = "x"   # [not.a.table]
text = """
fake = 1
[steps.fake]
"""
list = [
  "a", # ]
  "b]",
]
literal = '# no comment'

[steps.menu]
kind = "menu"
on.1 = "a"
"on"."*" = "b"

[ steps . "quoted name" . on ]
0 = "c"
'''


def mistake(content: bytes) -> str:
    return str(parse(FILE, content)[1])


def test_lines_of_headers_keys_dotted_and_quoted_keys() -> None:
    """Text inside strings, lists and comments is no key."""
    lines = find_lines(SAMPLE)

    assert lines == {
        ("title",): 1, ("text",): 2, ("list",): 6, ("list", "1"): 7,
        ("list", "2"): 8, ("literal",): 10, ("steps",): 12, ("steps", "menu"): 12,
        ("steps", "menu", "kind"): 13, ("steps", "menu", "on"): 14, ("steps", "menu", "on", "1"): 14,
        ("steps", "menu", "on", "*"): 15, ("steps", "quoted name"): 17, ("steps", "quoted name", "on"): 17,
        ("steps", "quoted name", "on", "0"): 18,
    }  # fmt: skip


def test_a_key_that_is_not_written_gets_the_line_of_its_table() -> None:
    """A missing key is best looked for where its table begins."""
    source, _ = parse(FILE, SAMPLE.encode())
    assert source is not None

    assert (
        source.line("steps", "menu", "prompt"),
        source.line("steps", "menu", "on", "9"),
        source.line("steps", "nowhere"),
    ) == (12, 14, 12)


KEYS = st.sampled_from(["a", "b-1", "1", "*", "two words", "ключ", "x" * 20])
VALUES = st.recursive(
    st.integers() | st.booleans() | st.text(alphabet=st.characters(exclude_categories=["C"]), max_size=8),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.lists(KEYS, min_size=1, max_size=3), VALUES), max_size=8), st.booleans())
def test_every_key_of_a_written_file_is_found_on_its_line(
    rows: list[tuple[list[str], object]], multiline: bool
) -> None:
    """Whatever keys and values a file has, the scanner names the line tomllib read them from."""
    text, expected = "", {}
    for path, value in rows:
        text += "# comment = 1\n"
        expected.setdefault(tuple(path), text.count("\n") + 1)
        text += ".".join(_quoted(part) for part in path) + " = " + _value(value, multiline) + "\n"
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return  # the same key twice
    lines = find_lines(text)

    assert expected == {path: lines.get(path) for path in expected}


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _value(value: object, multiline: bool) -> str:
    if isinstance(value, list):
        comma = ",\n" if multiline else ", "
        return "[" + comma.join(_value(item, multiline) for item in value) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return _quoted(value) if isinstance(value, str) else str(value)


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        (b"\xef\xbb\xbftitle = 1\n", 1, "byte order mark"),
        ("title = 1\n".encode("utf-16"), 1, "byte order mark"),
        ("a = 1\nb = 'ż'\n".encode("iso-8859-2"), 2, "is not UTF-8"),
        (b"a = 1\nb = \n", 2, "nothing stands after ="),
        (b"a = 1\n\na = 2\n", 3, "each table and key once"),
        (b"[a]\nx = 1\n[b]\n[a]\n", 4, "each table and key once"),
        (b"[a]\nx = 1\nx = 2\n", 3, "each table and key once"),
        (b'a = "', 1, "the quote is not closed"),
        (b"a = " + b"9" * 999, 1, "characters"),
        (b"a\x00 = 1\n", 1, "the character '\\x00'"),
        (b"{\n", 1, "not readable as TOML: Invalid statement; expected a line such as"),
        (b"a = 1\n" + b"b" * (LINE_CHARS + 1), 2, "characters"),
        (b".".join([b"a"] * (DEPTH + 2)) + b" = 1\n", 1, "nested too deeply"),
        (b"\n[x]\na = " + b"[" * 300 + b"]" * 300 + b"\n", None, "nested too deeply"),
    ],
)
def test_a_file_that_cannot_be_read_says_where_and_why(content: bytes, line: int | None, words: str) -> None:
    """Mark, encoding, syntax, duplicates, length and depth: one finding with the line."""
    source, finding = parse(FILE, content)

    assert source is None
    assert finding is not None
    assert words in str(finding)
    assert line is None or line == finding.line


def test_a_huge_file_is_refused_before_it_is_parsed() -> None:
    """A file a person cannot have written costs nothing."""
    assert f"more than {FILE_BYTES} bytes" in mistake(b"#" * (FILE_BYTES + 1))


def test_a_number_of_thousands_of_digits_is_a_finding() -> None:
    """Python refuses to convert it with a plain ValueError."""
    digits = "\n".join(["a = [", *["9" * 900 + ","] * 3, "]"])

    assert parse(FILE, digits.encode())[1] is None


@settings(max_examples=120, deadline=None)
@given(st.binary(max_size=300) | st.text(alphabet="[]{}\"'#=.\n\\ a1,", max_size=120).map(str.encode))
def test_any_bytes_are_parsed_or_found_wrong(content: bytes) -> None:
    """Nothing else ever comes out."""
    source, finding = parse(FILE, content)

    assert (source is None) != (finding is None)


@pytest.mark.parametrize("file", sorted((PROJECT / "dialplans").rglob("*.toml")), ids=lambda file: file.stem)
def test_every_value_of_a_real_file_stands_where_it_is_said_to(file: Path) -> None:
    """Cut out of the file and read alone, each value and list item is the one tomllib found at that path."""
    text = file.read_text("utf-8")
    table, places = tomllib.loads(text), find_places(text, DEPTH)
    known = {path: value for path, value in _all(table, ()) if len(path) <= DEPTH}

    assert set(known) == set(places)
    for path, place in places.items():
        assert place.line == text.count("\n", 0, place.key[0]) + 1
        if place.value:
            assert tomllib.loads("x = " + text[slice(*place.value)])["x"] == known[path]


def _all(value: object, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], object]]:
    if path:
        yield path, value
    items = value.items() if isinstance(value, dict) else enumerate(value, 1) if isinstance(value, list) else ()
    for name, each in items:
        yield from _all(each, (*path, str(name)))


def test_places_within_a_line_are_exact() -> None:
    """Keys, values, items, and the words of a value that are wrong."""
    source, _ = parse(FILE, b'[steps.a]\nprompt = ["one", "two"]\nwhen = { x = "clas = vip" }\non.1 = "b"\n')
    assert source is not None

    assert [
        source.exactly(("steps", "a", "prompt", "2")),
        source.exactly(("steps", "a", "when", "x"), part="clas"),
        source.exactly(("steps", "a", "when", "x"), part="nowhere"),
        source.exactly(("steps", "a", "on", "1"), key=True),
        source.exactly(("steps", "a", "next")),
        source.exactly(("title",)),
    ] == [(2, 18, 23), (3, 15, 19), (3, 14, 26), (4, 1, 5), (1, 2, 9), None]


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="[]{}\"'#=.\n\\ a1,ż", max_size=120))
def test_places_of_any_text_are_within_it(text: str) -> None:
    """Also of text that is no TOML: never a crash, never a place outside."""
    for place in find_places(text, DEPTH).values():
        assert 0 <= place.key[0] <= place.key[1] <= len(text)
        assert place.value is None or 0 <= place.value[0] <= place.value[1] <= len(text)
