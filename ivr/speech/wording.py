"""The wording of every prompt: reads and checks prompts/<locale>.toml. Pure but for reading the files.

Called by `render`, `audit` and `clip`. Mistakes are ConfigError with every finding.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ivr.call import LANGUAGES
from ivr.errors import ConfigError, Finding, nearest
from ivr.speech.words import FORMS

KEY = re.compile(r"[a-z][a-z0-9_]{0,47}")
LARGEST_RANGE = 200
LARGEST_VALUE = 999
LONGEST_TEXT = 600

_PLACEHOLDER = re.compile(r"\{([a-z_]*)(?::([a-z_]*))?\}")
_SECTION = re.compile(r"^(prompts|numbers|voice|expand\.(words|units|calendar))\.")
_TABLES = {"locale", "name", "voice", "prompts", "numbers", "expand"}
_EXPAND = {"words", "units", "calendar"}
_CALENDAR = {"months", "point"}
_RANGE_FIELDS = {"text", "from", "to", "at"}


@dataclass(frozen=True)
class Line:
    """One thing to be recorded or spoken: a prompt, or one value of a prompt rendered for a range."""

    key: str
    value: int | None
    text: str

    @property
    def file_name(self) -> str:
        """How a studio names the recording, without extension."""
        return self.key if self.value is None else f"{self.key}-{self.value}"


@dataclass(frozen=True)
class Unit:
    """A unit in words. forms (one, few, many, genitive singular)  sub  its hundredth, () for none."""

    forms: tuple[str, ...]
    gender: str = "m"
    sub: tuple[str, ...] = ()
    sub_gender: str = "m"


@dataclass(frozen=True)
class Expansion:
    """How written text becomes speakable: abbreviations, units, months, the decimal point."""

    words: Mapping[str, str]
    units: Mapping[str, Unit]
    months: tuple[str, ...] = ()
    point: str = "."


@dataclass(frozen=True)
class Locale:
    """All wording of one language.

    voices  engine name -> its voice.  rate  percent of the voice's own speed.  joined  key -> other keys.
    """

    locale: str
    name: str
    file: Path
    voices: Mapping[str, str]
    rate: int
    lines: tuple[Line, ...]
    joined: Mapping[str, tuple[str, ...]]
    expansion: Expansion


def read(*folders: Path) -> dict[str, Locale]:
    """Read every locale of `folders`; a later folder adds to those before, and its wording of a prompt wins.

    Raises ConfigError when one is wrong or none is there.
    """
    findings: list[Finding] = []
    found: dict[str, Locale] = {}
    for folder in folders:
        files = sorted(folder.glob("*.toml"))
        if not files:
            findings.append(Finding(folder, None, "", "no prompt texts", "one <language>.toml per language"))
        for locale in (read_locale(file, findings) for file in files):
            if locale:
                found[locale.locale] = added(found[locale.locale], locale) if locale.locale in found else locale
    if findings:
        raise ConfigError(*findings)
    return found


def added(usual: Locale, own: Locale) -> Locale:
    """Return `usual` with the prompts of `own`; voice and expansion stay unless `own` names some."""
    ours = keys([own])
    lines = (*(line for line in usual.lines if line.key not in ours), *own.lines)
    joined = {key: parts for key, parts in usual.joined.items() if key not in ours} | dict(own.joined)
    expansion = replace(
        usual.expansion,
        words={**usual.expansion.words, **own.expansion.words},
        units={**usual.expansion.units, **own.expansion.units},
    )
    voices = {**usual.voices, **own.voices}
    return replace(usual, lines=lines, joined=joined, expansion=expansion, voices=voices)


def keys(locales: Iterable[Locale]) -> frozenset[str]:
    """Return every prompt key any locale has."""
    return frozenset(key for locale in locales for key in (*(line.key for line in locale.lines), *locale.joined))


def read_locale(file: Path, findings: list[Finding]) -> Locale | None:
    """Read one file, adding its mistakes to `findings`; None when it cannot be used at all."""
    try:
        source = file.read_text(encoding="utf-8")
        document = tomllib.loads(source)
    except UnicodeDecodeError:
        findings.append(Finding(file, None, "", "is not UTF-8 text", "a TOML file saved as UTF-8"))
        return None
    except tomllib.TOMLDecodeError as error:
        findings.append(Finding(file, _error_line(str(error), source), "", f"is not valid TOML: {error}"))
        return None
    return _Reader(file, source, findings).locale(document)


def _error_line(message: str, source: str) -> int:
    """Return the line a TOML error is at; the last one when the document ends too soon."""
    match = re.search(r"at line (\d+)", message)
    return int(match[1]) if match else max(1, len(source.splitlines()))


@dataclass
class _Reader:
    file: Path
    source: str
    findings: list[Finding]

    def locale(self, document: Mapping[str, Any]) -> Locale:
        code = document.get("locale")
        if code not in LANGUAGES or code != self.file.stem:
            self.wrong("locale", f"is {code!r}", f"{self.file.stem!r}, one of {', '.join(LANGUAGES)}")
        for table in document.keys() - _TABLES:
            self.wrong(table, "unknown table", ", ".join(sorted(_TABLES)), nearest(table, _TABLES))
        voice = self.table(document, "voice")
        lines: list[Line] = []
        joined: dict[str, tuple[str, ...]] = {}
        for section in ("prompts", "numbers"):
            for key, entry in self.table(document, section).items():
                self.entry(f"{section}.{key}", key, entry, lines, joined)
        self.check_joined(lines, joined)
        rate = voice.get("rate", 100)
        if not isinstance(rate, int) or not 20 <= rate <= 200:
            self.wrong("voice.rate", f"is {rate!r}", "percent, 20 to 200")
        return Locale(
            str(code),
            str(document.get("name", code)),
            self.file,
            {k: str(v) for k, v in voice.items() if k != "rate"},
            rate,
            tuple(lines),
            joined,
            self.expansion(self.table(document, "expand")),
        )

    def entry(self, where: str, key: str, entry: Any, lines: list[Line], joined: dict[str, tuple[str, ...]]) -> None:
        if not KEY.fullmatch(key):
            self.wrong(where, "is not a prompt name", "small letters, digits and _, a letter first")
        elif any(line.key == key for line in lines) or key in joined:
            self.wrong(where, "is there twice")
        elif isinstance(entry, str):
            self.plain(where, key, entry, lines)
        elif isinstance(entry, dict) and "parts" in entry:
            joined[key] = tuple(str(part) for part in entry["parts"])
        elif isinstance(entry, dict):
            self.range(where, key, entry, lines)
        else:
            self.wrong(where, f"is {entry!r}", "a text, or { text, from, to }, or { parts }")

    def plain(self, where: str, key: str, text: str, lines: list[Line]) -> None:
        if _PLACEHOLDER.search(text):
            self.wrong(where, "has a placeholder but no range", '{ text = "...", from = 1, to = 20 }')
        elif self.speakable(where, text):
            lines.append(Line(key, None, text))

    def range(self, where: str, key: str, entry: Mapping[str, Any], lines: list[Line]) -> None:
        for field in entry.keys() - _RANGE_FIELDS:
            known = ", ".join(sorted(_RANGE_FIELDS))
            self.wrong(where, f"unknown field {field!r}", known, nearest(field, _RANGE_FIELDS))
        text, least, most = entry.get("text"), entry.get("from"), entry.get("to")
        if not isinstance(text, str) or not isinstance(least, int) or not isinstance(most, int):
            self.wrong(where, "lacks text, from or to", '{ text = "...{value:number}", from = 1, to = 20 }')
            return
        if not 0 <= least <= most <= LARGEST_VALUE or most - least >= LARGEST_RANGE:
            self.wrong(where, f"range {least} to {most}", f"0 <= from <= to, at most {LARGEST_RANGE} values")
            return
        special = {str(k): str(v) for k, v in (entry.get("at") or {}).items()}
        if self.speakable(where, text) and self.placeholder(where, text):
            for value in range(least, most + 1):
                lines.append(Line(key, value, special.get(str(value)) or filled(text, value, self.file.stem)))

    def placeholder(self, where: str, text: str) -> bool:
        forms = _PLACEHOLDER.findall(text)
        if len(forms) != 1:
            self.wrong(where, f"has {len(forms)} placeholders", "one, for example {value:number}")
            return False
        form = forms[0][1] or "number"
        if form not in FORMS:
            self.wrong(where, f"unknown number form {form!r}", ", ".join(FORMS), nearest(form, FORMS))
            return False
        return self.file.stem in LANGUAGES

    def speakable(self, where: str, text: str) -> bool:
        if 0 < len(text.strip()) <= LONGEST_TEXT:
            return True
        self.wrong(where, f"has {len(text)} characters", f"1 to {LONGEST_TEXT}")
        return False

    def check_joined(self, lines: list[Line], joined: Mapping[str, tuple[str, ...]]) -> None:
        for key, parts in joined.items():
            if not parts or any(not KEY.fullmatch(part) or part in joined for part in parts):
                self.wrong(f"prompts.{key}", f"parts {list(parts)}", "names of prompts that are not joined")

    def expansion(self, table: Mapping[str, Any]) -> Expansion:
        units = {name: self.unit(f"expand.units.{name}", entry) for name, entry in table.get("units", {}).items()}
        calendar = table.get("calendar", {})
        for name in table.keys() - _EXPAND:
            self.wrong(f"expand.{name}", "unknown key", _belongs(_EXPAND), nearest(name, _EXPAND))
        for name in calendar.keys() - _CALENDAR:
            self.wrong(f"expand.calendar.{name}", "unknown key", _belongs(_CALENDAR), nearest(name, _CALENDAR))
        months = tuple(calendar.get("months", ()))
        if months and len(months) != 12:
            self.wrong("expand.calendar.months", f"has {len(months)} months", "12")
        words = {str(k): str(v) for k, v in table.get("words", {}).items()}
        return Expansion(words, units, months, str(calendar.get("point", ".")))

    def unit(self, where: str, entry: Any) -> Unit:
        forms = tuple(entry.get("forms", ())) if isinstance(entry, dict) else ()
        sub = tuple(entry.get("sub", ())) if isinstance(entry, dict) else ()
        if len(forms) not in (3, 4) or len(sub) not in (0, 3):
            self.wrong(where, "lacks its forms", 'forms = ["minuta", "minuty", "minut"]')
            return Unit(("", "", ""))
        return Unit(forms, entry.get("gender", "m"), sub, entry.get("sub_gender", "m"))

    def table(self, document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
        found = document.get(name, {})
        if isinstance(found, dict):
            return found
        self.wrong(name, f"is {found!r}", f"a table [{name}]")
        return {}

    def wrong(self, where: str, wrong: str, expected: str = "", near: str = "") -> None:
        self.findings.append(Finding(self.file, self.line(where), where, wrong, expected, near))

    def line(self, where: str) -> int | None:
        """Find the line that sets the last name of `where`."""
        name = re.escape(_SECTION.sub("", where))
        match = re.search(rf'^\s*\[?"?{name}"?\s*[=\]]', self.source, re.MULTILINE)
        return self.source.count("\n", 0, match.start()) + 1 if match else None


def _belongs(known: Iterable[str]) -> str:
    return f"{', '.join(sorted(known))}; a prompt belongs under [prompts]"


def filled(text: str, value: int, language: str) -> str:
    """Put `value` in words where `text` has its placeholder."""

    def words(match: re.Match[str]) -> str:
        form: Callable[[int, str], str] = FORMS[match[2] or "number"]
        return form(value, language)

    return _PLACEHOLDER.sub(words, text)
