"""Show findings to a person: file by file, each with the line as it is written and ^^^^ under the exact place. Pure.

Called by `ivr dialplan check`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path

from ivr.errors import Finding

WIDTH = 110  # of a line as it is shown; of a longer one the part around the place


def as_text(findings: Sequence[Finding], contents: Mapping[Path, str], near: Path) -> str:
    """Return `findings` grouped by file. contents  of the files.  near  files below it are shown without it."""
    blocks = []
    for file, found in groupby(findings, key=lambda finding: finding.file):
        lines = contents.get(file, "").split("\n")
        shown = [_block(finding, lines) for finding in found]
        blocks.append(f"{_short(file, near)}\n" + "\n".join(shown))
    return "\n\n".join(blocks)


def counted(findings: Sequence[Finding]) -> str:
    """Return how many mistakes there are, in words."""
    files = len({finding.file for finding in findings})
    return f"{_several(len(findings), 'mistake')} in {_several(files, 'file')}"


def short(finding: Finding | str, near: Path) -> str:
    """Return `finding` as one line, its file as seen from the folder `near`."""
    return finding if isinstance(finding, str) else str(replace(finding, file=_short(finding.file, near)))


def _several(number: int, word: str) -> str:
    return f"{number} {word}" + ("" if number == 1 else "s")


def _short(file: Path, near: Path) -> Path:
    return file.relative_to(near) if file.is_relative_to(near) else file


def _block(finding: Finding, lines: Sequence[str]) -> str:
    place = f"{finding.line}:{finding.column}" if finding.column else str(finding.line or "-")
    what = f"{finding.where}: {finding.wrong}" if finding.where else finding.wrong
    rows = [f"  {place:<7} {what}", *_marked(finding, lines)]
    hints = [f"expected {finding.expected}"] if finding.expected else []
    hints += [f"did you mean {finding.nearest!r}?"] if finding.nearest else []
    if hints:
        rows.append(_INDENT + "; ".join(hints))
    return "\n".join(rows)


_INDENT = " " * 10


def _marked(finding: Finding, lines: Sequence[str]) -> list[str]:
    if not finding.line or not finding.column or finding.line > len(lines):
        return []
    line = "".join(letter if letter.isprintable() else " " for letter in lines[finding.line - 1])
    begin = finding.column - 1
    end = max(begin + 1, min((finding.end_column or 0) - 1, len(line)))
    cut = max(0, min(begin - WIDTH // 3, len(line) - WIDTH)) if len(line) > WIDTH else 0
    shown, begin, end = line[cut : cut + WIDTH], begin - cut, min(end - cut, WIDTH)
    return [_INDENT + shown, _INDENT + " " * begin + "^" * max(1, end - begin)]
