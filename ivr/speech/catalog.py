"""The rendered prompts on disk: an index beside the audio, read as a PromptSet. Reads and writes files only.

VAR/prompts/index.json            what each prompt says, in which file, by which voice
VAR/prompts/index-<version>.json  the same as it was when call flows were made live with it
VAR/prompts/<locale>/<hash>.ulaw  .alaw .sln
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ivr.errors import ConfigError
from ivr.settings import Settings
from ivr.sound import PromptSet, Rendered
from ivr.speech import wording as texts
from ivr.speech.audio import RATE, write_whole
from ivr.speech.wording import Locale

INDEX = "index.json"
KEPT_INDEXES = 20  # versions of call flows that can be made live again with the very prompts they had


@dataclass(frozen=True)
class Entry:
    """One rendered line. stem  `<locale>/<hash>`, relative to the folder of prompts."""

    locale: str
    key: str
    value: int | None
    stem: str
    seconds: float
    voice: str
    text: str

    @property
    def line(self) -> tuple[str, str, int | None]:
        return (self.locale, self.key, self.value)


def folder(settings: Settings) -> Path:
    """Return where rendered prompts live."""
    return settings.var_dir / "prompts"


def wording(settings: Settings) -> dict[str, Locale]:
    """Return the wording of every language, read again when a file has changed. Raises ConfigError."""
    directories = settings.prompt_dirs
    files = [file for directory in directories for file in sorted(directory.glob("*.toml"))]
    return _wording(directories, tuple((file, file.stat().st_mtime_ns) for file in files))


@lru_cache(maxsize=4)
def _wording(directories: tuple[Path, ...], _stamps: tuple[tuple[Path, int], ...]) -> dict[str, Locale]:
    return texts.read(*directories)


def load_prompt_set(settings: Settings, version: str = "") -> PromptSet:
    """Return the rendered prompts; an empty set when none were rendered yet.

    version  of a kept index: its prompts win, the newest ones add what it lacks. One that is not kept any more: the
    newest ones. Raises ConfigError when an index is damaged.
    """
    newest = read_index(settings)
    kept = read_index(settings, _kept(version)) if version and version != newest.version else newest
    base = folder(settings)
    rendered = {
        entry.line: Rendered(str(base / entry.stem), entry.seconds, entry.text, entry.voice)
        for entry in (*newest.entries, *kept.entries)
    }
    joined = {**newest.joined, **kept.joined}
    return PromptSet(
        kept.version or newest.version, rendered, joined, settings.default_language, clip_seconds=clip_seconds
    )


def keep_index(settings: Settings) -> str:
    """Keep the index as it is now for `load_prompt_set`; return its version, '' when nothing was rendered yet."""
    version = read_index(settings).version
    if version:
        file = folder(settings) / _kept(version)
        write_whole(file, (folder(settings) / INDEX).read_bytes())
        for old in _kept_indexes(settings)[:-KEPT_INDEXES]:
            old.unlink(missing_ok=True)
    return version


def kept_stems(settings: Settings) -> set[str]:
    """Return every file a kept index names: they stay."""
    return {entry.stem for file in _kept_indexes(settings) for entry in read_index(settings, file.name).entries}


def _kept(version: str) -> str:
    return f"index-{version}.json"


def _kept_indexes(settings: Settings) -> list[Path]:
    """Return the kept indexes, the one kept longest ago first."""
    return sorted(folder(settings).glob(_kept("*")), key=lambda file: (file.stat().st_mtime_ns, file.name))


@dataclass(frozen=True)
class Index:
    """What index.json holds."""

    version: str
    entries: tuple[Entry, ...]
    joined: Mapping[str, tuple[str, ...]]


def read_index(settings: Settings, name: str = INDEX) -> Index:
    """Read an index; an empty one when there is none. Raises ConfigError when it is damaged."""
    file = folder(settings) / name
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        entries = tuple(Entry(**entry) for entry in document["prompts"])
        return Index(document["version"], entries, {k: tuple(v) for k, v in document["joined"].items()})
    except FileNotFoundError:
        return Index("", (), {})
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        what = f"{file} is damaged ({type(error).__name__})"
        raise ConfigError(f"{what}: run `ivr prompts render --force`") from error


def write_index(settings: Settings, entries: Iterable[Entry], joined: Mapping[str, tuple[str, ...]]) -> Index:
    """Write the index whole; its version follows from its content."""
    ordered = tuple(sorted(entries, key=lambda entry: (entry.locale, entry.key, entry.value or 0)))
    content = [vars(entry) for entry in ordered]
    version = hashlib.sha256(json.dumps([content, sorted(joined.items())]).encode()).hexdigest()[:12]
    document = {"version": version, "joined": joined, "prompts": content}
    folder(settings).mkdir(parents=True, exist_ok=True)
    write_whole(folder(settings) / INDEX, json.dumps(document, ensure_ascii=False, indent=0).encode())
    return Index(version, ordered, dict(joined))


@lru_cache(maxsize=1024)
def clip_seconds(stem: str) -> float:
    """Return how long the clip at `stem` plays, from its size (its name is its content); 0.0 when unknown."""
    try:
        return Path(f"{stem}.ulaw").stat().st_size / RATE
    except OSError:
        return 0.0
