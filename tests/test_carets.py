"""ivr/carets.py: findings as a person sees them."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from ivr.carets import WIDTH, as_text, counted, short
from ivr.errors import Finding

FILE = Path("/d/flows/main.toml")


def shown(finding: Finding, content: str) -> list[str]:
    return as_text([finding], {FILE: content}, Path("/d")).split("\n")


def test_the_mark_stands_under_the_place() -> None:
    """File, place, words, line, mark, hint."""
    finding = Finding(FILE, 2, "steps.a.queue", "there is no queue 'x'", "one of y", "y", 9, 12, "unknown_queue")

    assert [
        "flows/main.toml",
        "  2:9     steps.a.queue: there is no queue 'x'",
        '          queue = "x"',
        "                  ^^^",
        "          expected one of y; did you mean 'y'?",
    ] == shown(finding, '[steps.a]\nqueue = "x"\n')


def test_of_a_long_line_the_part_around_the_place_is_shown() -> None:
    """The mark is still under it."""
    line = "a" * 300 + "X" + "b" * 300
    rows = shown(Finding(FILE, 1, "", "w", column=301, end_column=302), line)

    assert "X" == rows[2][rows[3].index("^")]
    assert len(rows[2]) == WIDTH + 10


def test_a_mistake_of_a_whole_file_has_no_mark() -> None:
    """A file that is missing."""
    assert ["flows/main.toml", "  -       is missing"] == shown(Finding(FILE, None, "", "is missing"), "")


def test_counts_and_single_lines() -> None:
    """One is one, and files are told as seen from here."""
    one = Finding(FILE, 1, "a", "b")

    assert counted([one]) == "1 mistake in 1 file"
    assert counted([one, one]) == "2 mistakes in 1 file"
    assert short(one, Path("/d")) == "flows/main.toml:1: a: b"


@given(st.text(max_size=200), st.integers(1, 300), st.integers(0, 300), st.integers(1, 5))
def test_any_line_and_place_can_be_shown(line: str, column: int, length: int, number: int) -> None:
    """No letter of the file reaches the terminal that it could take for a command."""
    text = as_text([Finding(FILE, number, "", "w", column=column, end_column=column + length)], {FILE: line}, Path("/"))

    assert all(letter.isprintable() or letter == "\n" for letter in text)
