"""Key strings such as `1,w2,3`. Pure; `phone` presses them, the command line checks them before dialling."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ivr.errors import InputError

DIALPAD = "0123456789*#ABCD"
HANG_UP = "h"
KEY_GAP_S = 0.15  # after each key, so that two equal keys stay two
LONGEST_PAUSE_S = 120.0


@dataclass(frozen=True)
class Pause:
    """Seconds to wait before the next key."""

    seconds: float


def parse_keys(text: str) -> list[str | Pause]:
    """Split `text` into single keys and pauses.

    Parts are separated by commas; a part is keys (`1`, `12#`), `w` and seconds (`w2`, `w0.5`), or `h`, which hangs up.
    Raises InputError naming the wrong part.
    """
    parts = (part.strip() for part in text.split(","))
    return [item for part in parts if part for item in _part(part)]


def _part(part: str) -> Iterator[str | Pause]:
    if part[0] in "wW":
        yield Pause(_seconds(part))
        return
    if part.lower() == HANG_UP:
        yield HANG_UP
        return
    for key in part.upper():
        if key not in DIALPAD:
            raise InputError(f"keys: {part!r} holds {key!r}; expected 0-9 * # A-D, w and seconds (w2), or h")
        yield key


def _seconds(part: str) -> float:
    try:
        seconds = float(part[1:])
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= LONGEST_PAUSE_S:
        raise InputError(
            f"keys: {part!r} is no pause; expected w and up to {LONGEST_PAUSE_S:.0f} seconds, such as w2: a phone "
            "does not know when it is asked"
        )
    return seconds
