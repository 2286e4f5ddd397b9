"""Rows of a CSV file a person exported: any separator, each with its line, what is wrong as findings.

Used by `customers.py` and `agent_file.py`.
"""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path

from ivr.errors import ConfigError, Finding, nearest

FINDINGS_MOST = 1000  # a file of another kind is wrong in every row


def csv_rows(
    file: Path, columns: Sequence[str], needed: Sequence[str], findings: list[Finding]
) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield line and values by column; , ; and tab separate. Rows that cannot be read go to `findings`.

    Ends when `findings` (the caller adds to it as well) holds too many.
    Raises ConfigError when the file as a whole cannot be used.
    """
    lines = iter(_text(file).splitlines(keepends=True))
    header = next(lines, "")
    delimiter = max(",;\t", key=header.count)
    names = [name.strip().lower() for name in next(csv.reader([header], delimiter=delimiter), [])]
    _check_header(file, names, columns, needed)
    for line, values in _rows(file, lines, delimiter, findings):
        if len(findings) >= FINDINGS_MOST:
            findings.append(Finding(file, line, "", "more rows are wrong; only the first are listed"))
            return
        if len(values) != len(names):
            findings.append(Finding(file, line, "", f"{len(values)} values for {len(names)} columns"))
            continue
        yield line, {name: _clean(value) for name, value in zip(names, values, strict=True)}


def _text(file: Path) -> str:
    try:
        return file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ConfigError(Finding(file, None, "", error.strerror or str(error), "a CSV file")) from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        wrong = f"byte {error.start} is not UTF-8"
        raise ConfigError(Finding(file, line, "", wrong, "a CSV file saved as UTF-8")) from error


def _check_header(file: Path, names: Sequence[str], columns: Sequence[str], needed: Sequence[str]) -> None:
    expected = f"columns {', '.join(columns)}"
    findings = [
        Finding(file, 1, "", f"unknown column {name!r}", expected, nearest(name, columns))
        for name in names if name not in columns
    ]  # fmt: skip
    findings += [Finding(file, 1, "", f"column {name!r} is missing", expected) for name in needed if name not in names]
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    findings += [Finding(file, 1, "", f"column {name!r} is there twice") for name in twice]
    if findings:
        raise ConfigError(*findings)


def _rows(file: Path, lines: Iterator[str], delimiter: str, findings: list[Finding]) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 2
        try:
            values = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            findings.append(Finding(file, line, "", f"cannot be read: {error}", 'values, quoted with " if needed'))
            continue
        if any(value.strip() for value in values):
            yield line, values


def _clean(value: str) -> str:
    """Drop what is not printable: the text is shown in terminals and logs."""
    return "".join(char for char in unicodedata.normalize("NFC", value).strip() if char.isprintable())
