"""Read the transcripts in tests/recordings: what a real Asterisk 22.10.1 said, and what it was asked.

A line begins with `<` (from Asterisk), `>` (to Asterisk) or `#` (a remark). Line ends are restored: LF for
AGI, CR LF for AMI.
"""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "recordings"


def lines(name: str) -> list[tuple[str, str]]:
    """Return (`<` or `>`, text) of every line of one transcript."""
    text = (FOLDER / f"{name}.txt").read_text()
    return [(line[0], line[2:]) for line in text.splitlines() if line[:1] in "<>"]


def received(name: str) -> bytes:
    """Return the bytes Asterisk sent."""
    end = "\r\n" if name.startswith("ami-") else "\n"
    return "".join(text + end for sign, text in lines(name) if sign == "<").encode()


def blocks(name: str) -> list[list[tuple[str, str]]]:
    """Return an AMI transcript's messages as (key, value) lists, in order, the banner left out."""
    found: list[list[tuple[str, str]]] = [[]]
    for sign, text in lines(name):
        if sign != "<" or text.startswith("Asterisk Call Manager"):
            continue
        if text:
            key, _, value = text.partition(":")
            found[-1].append((key, value.removeprefix(" ")))
        elif found[-1]:
            found.append([])
    return [block for block in found if block]


def names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.txt"))
