"""Areas: paths such as pl/mazowieckie/warszawa/wola/node-17; an area holds everything below it. Pure."""

from __future__ import annotations

import re
import unicodedata

AREA_MOST = 200  # characters


def area_path(text: str) -> str:
    """Return an area path in its one spelling: lower case, no slash at either end.

    Raises ValueError when it is not a path of names with / between them.
    """
    area = unicodedata.normalize("NFC", text).strip().strip("/").lower()
    parts = area.split("/")
    if not area or len(area) > AREA_MOST or not all(re.fullmatch(r"\w[\w.-]*", part) for part in parts):
        raise ValueError(
            f"{text!r} is not an area; expected names with / between them, for example pl/mazowieckie/warszawa/wola"
        )
    return area


def contains(area: str, other: str) -> bool:
    """Is `other` at or below `area`? Whole names count: a/b contains a/b/c, not a/bc."""
    return other == area or other.startswith(area + "/")
