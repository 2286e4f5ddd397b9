"""What the page says, in each language: words/<page>.toml holds [key] tables with en, pl and ru.

A key without a language falls back to English; a test finds such, and keys nobody asks for.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from functools import cache
from pathlib import Path

LANGUAGES = ("en", "pl", "ru")
FOLDER = Path(__file__).parent / "words"


@cache
def words() -> dict[str, dict[str, str]]:
    """Return `<page>.<key>` -> language -> text."""
    found = {}
    for file in sorted(FOLDER.glob("*.toml")):
        for key, texts in tomllib.loads(file.read_text("utf-8")).items():
            found[f"{file.stem}.{key}"] = texts
    return found


def speak(language: str) -> Callable[..., str]:
    """Return the function templates call as `_`: `_("live.waiting", n=3)`. Raises KeyError for an unknown key."""

    def say(key: str, **values: object) -> str:
        texts = words()[key]
        text = texts.get(language) or texts["en"]
        return text.format(**values) if values else text

    return say


def best_language(accept: str) -> str:
    """Return the language of ours a browser's Accept-Language asks for first; English when none is ours."""
    wanted = []
    for part in accept[:500].split(","):
        name, _, quality = part.strip().partition(";q=")
        try:
            wanted.append((-float(quality or 1), name[:2].lower()))
        except ValueError:
            continue
    return next((name for _, name in sorted(wanted, key=lambda each: each[0]) if name in LANGUAGES), "en")
