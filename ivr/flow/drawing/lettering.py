"""How wide text is in a picture, and where its lines break. Pure.

Whoever lays a picture out needs widths before a font is known. These are DejaVu Sans's, rounded up: the widest font a
browser falls back to, so that text fits its box in the narrower ones, too. Called by `flow/drawing/draw.py`.
"""

from __future__ import annotations

import unicodedata

BOLD = 1.13
_WIDTHS = {
    0.30: "IJijlł",
    0.35: " ,./:;\\f|·’'",
    0.40: "!()-[]t",
    0.45: "r",
    0.50: '"*_`–',
    0.55: "?cszćśźżгзсэ“”„",
    0.60: "FLPkvxyŁРвктухчья",
    0.65: "$0123456789ESTYabdeghnopqu{}ĘŚąęńóГЕЗТУабеийлнопрЁё«»",
    0.70: "ABCKRVXZĄĆŹŻАБВСХЧЬЭЯдц",
    0.75: "HNUŃИЙКЛНПмъ",
    0.80: "&DGOQÓДОЦы",
    0.85: "#+<=>^w~Ъфю≤≥",
    0.90: "MМФЫж",
    0.95: "%шщ",
    1.00: "@Wm—…",
    1.10: "№ЖШЩЮ",
}
_WIDTH = {char: width for width, chars in _WIDTHS.items() for char in chars}


def plain(text: str) -> str:
    """Return `text` as one line of characters XML allows and that do not turn the direction of what follows."""
    return " ".join("".join(c if _harmless(c) else " " for c in text).split())


def _harmless(char: str) -> bool:
    return unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp")


def width(text: str, size: float, *, bold: bool = False) -> float:
    """Return how wide `text` is at most, in the unit of `size`, the height of the font."""
    return sum(map(_of, text)) * size * (BOLD if bold else 1.0)


def _of(char: str) -> float:
    if unicodedata.combining(char):
        return 0.0
    return _WIDTH.get(char, 1.1 if unicodedata.east_asian_width(char) in "WF" else 0.85)


def wrap(text: str, size: float, most: float, lines: int, *, bold: bool = False) -> tuple[str, ...]:
    """Return `text` in at most `lines` lines no wider than `most`; what does not fit ends in "…"."""
    found: list[str] = []
    words = plain(text).split(" ") if plain(text) else []
    while words and len(found) < lines:
        line, words = _line(words, size, most, bold)
        found.append(line)
    if words:
        found[-1] = _cut(f"{found[-1]} {words[0]}", size, most, bold)
    return tuple(found)


def _line(words: list[str], size: float, most: float, bold: bool) -> tuple[str, list[str]]:
    """Return the longest first line of `words` and what is left; a word wider than the line is broken."""
    line = words[0]
    if width(line, size, bold=bold) > most:
        fits = max(1, _fitting(line, size, most, bold))
        rest = [line[fits:]] if line[fits:] else []
        return line[:fits], [*rest, *words[1:]]
    for count, word in enumerate(words[1:], 1):
        longer = f"{line} {word}"
        if width(longer, size, bold=bold) > most:
            return line, words[count:]
        line = longer
    return line, []


def _cut(line: str, size: float, most: float, bold: bool) -> str:
    """Return the beginning of `line` that fits with "…", at a word's end unless that word is a long one."""
    begun = line[: _fitting(line, size, most - width("…", size, bold=bold), bold)]
    whole = begun.rpartition(" ")[0]
    return (whole if len(whole) > len(begun) * 0.35 else begun).rstrip(" ,.;:–-") + "…"


def _fitting(text: str, size: float, most: float, bold: bool) -> int:
    """Return how many characters of `text` fit into `most`."""
    total = 0.0
    for index, char in enumerate(text):
        total += _of(char)
        if total * size * (BOLD if bold else 1.0) > most:  # as `width` reckons, to the last digit
            return index
    return len(text)
