"""Draw a picture as SVG, once Graphviz has found the places. Pure.

The SVG stands alone: no scripts, no style sheets, no references; every text is escaped. The same picture and places
give the same bytes. Each step is a group with `data-step`, its values are its <title>.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import hypot
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from ivr.flow.drawing.icons import look
from ivr.flow.drawing.lettering import plain
from ivr.flow.drawing.picture import CAP, HEAD, PAD, STYLES, Arrow, Card, Picture, Text, frame

MARGIN = 24.0
TOP = 64.0  # of the title
INK, LINE, PALE, FRAME, RED, CALLS = "#24292f", "#57606a", "#b6bcc2", "#d0d7de", "#b00020", "#0b4f8a"
FONTS = "Arial, 'Liberation Sans', Helvetica, 'DejaVu Sans', sans-serif"
NOT_COUNTED = ("start", "invoke", "pass")
DASHES = {"rescue": "6 4", "invoke": "1.5 3.5"}

Point = tuple[float, float]


def svg(picture: Picture, places: Mapping[str, Any]) -> str:
    """Return the SVG of `picture`. places  Graphviz's answer (json0) to its DOT text."""
    return "\n".join(_Sheet(picture, places).lines()) + "\n"


class _Sheet:
    def __init__(self, picture: Picture, places: Mapping[str, Any]) -> None:
        self.picture = picture
        left, low, right, high = _numbers(places["bb"])
        self.left, self.high = left, high
        legend = sum(_high(text) for text in picture.legend)
        self.below = TOP + (high - low) + 16
        wide = max(right - left, *(t.wide + 30 for t in picture.legend), Text(picture.title, "title").wide, 320.0)
        self.size = (wide + 2 * MARGIN, self.below + legend + MARGIN)
        objects = [each for each in places.get("objects", ()) if isinstance(each, dict)]
        self.boxes = {str(each["name"]): each["bb"] for each in objects if "bb" in each}
        self.cards = {str(each["name"]): self._at(each["pos"]) for each in objects if "pos" in each}
        self.ways = {int(each["id"]): each for each in places.get("edges", ())}

    def _at(self, text: str) -> Point:
        x, y = _numbers(text)[:2]
        return x - self.left + MARGIN, self.high - y + TOP

    def lines(self) -> Iterator[str]:
        wide, high = (f"{side:.0f}" for side in self.size)
        yield (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide}" height="{high}" viewBox="0 0 {wide} {high}" '
            f'role="img" font-family="{FONTS}">'
        )
        yield f"<title>{escape(self.picture.title)}</title>"
        yield f'<rect width="{wide}" height="{high}" fill="#ffffff"/>'
        yield _text(Text(self.picture.title, "title"), MARGIN, 34)
        yield _text(Text(self.picture.subtitle, "legend"), MARGIN, 52)
        if self.picture.boxed:
            yield from self._frames()
        order = sorted(enumerate(self.picture.arrows), key=lambda each: (not each[1].faint, each[1].line))
        for number, arrow in order:
            yield from self._arrow(arrow, self.ways[number])
        for card in self.picture.cards:
            yield from _card(card, self.cards[card.id])
        for number, arrow in enumerate(self.picture.arrows):
            if arrow.lines and "lp" in self.ways[number]:
                yield from _label(arrow, self._at(self.ways[number]["lp"]))
        yield from self._legend()
        yield "</svg>"

    def _frames(self) -> Iterator[str]:
        for name, title in self.picture.flows:
            left, low, right, high = _numbers(self.boxes[frame(name)])
            x, y = self._at(f"{left},{high}")
            yield (f'<rect x="{_n(x)}" y="{_n(y)}" width="{_n(right - left)}" height="{_n(high - low)}" rx="12" '
                   f'fill="#f6f8fa" stroke="{FRAME}"/>')  # fmt: skip
            yield _text(Text(plain(f"{name} · {title}"), "flow"), x + 12, y + 19)

    def _arrow(self, arrow: Arrow, way: Mapping[str, Any]) -> Iterator[str]:
        points, tip = self._spline(str(way["pos"]))
        colour = PALE if arrow.faint else CALLS if self.picture.counted and arrow.style not in NOT_COUNTED else LINE
        dashes = f' stroke-dasharray="{DASHES[arrow.style]}"' if arrow.style in DASHES else ""
        path = f"M{_xy(points[0])}C" + " ".join(map(_xy, points[1:]))
        yield f"<g data-from={quoteattr(arrow.tail)} data-to={quoteattr(arrow.head)}>{_title(arrow.about)}"
        yield (f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="{arrow.line:g}"{dashes} '
               'stroke-linecap="round"/>')  # fmt: skip
        yield f'<path d="{_head(points[-1], tip, arrow.line)}" fill="{colour}"/></g>'

    def _spline(self, pos: str) -> tuple[list[Point], Point]:
        """Return the curve's points, and where its arrow ends."""
        parts = pos.split()
        ends = [part for part in parts if part.startswith(("e,", "s,"))]
        points = [self._at(part) for part in parts if part not in ends]
        tips = [self._at(part[2:]) for part in ends if part.startswith("e,")]
        return points, tips[0] if tips else points[-1]

    def _legend(self) -> Iterator[str]:
        y = self.below
        for text in self.picture.legend:
            y += _high(text)
            yield from _marked(text, MARGIN, y - 4, 22)


def _card(card: Card, middle: Point) -> Iterator[str]:
    (wide, high), (colour, sign) = card.size, look(card.kind)
    x, y = middle[0] - wide / 2, middle[1] - high / 2
    yield f"<g data-step={quoteattr(card.id)}>{_title(card.about)}"
    fill = colour if not card.kind else "#ffffff"
    yield (f'<rect x="{_n(x)}" y="{_n(y)}" width="{_n(wide)}" height="{_n(high)}" rx="8" fill="{fill}" '
           f'stroke="{colour}" stroke-width="1.4"/>')  # fmt: skip
    if card.kind:
        edge, bottom = x + wide, y + HEAD
        shape = f"M{_n(x)} {_n(y + 8)}q0-8 8-8H{_n(edge - 8)}q8 0 8 8V{_n(bottom)}H{_n(x)}z"
        whole = f"M{_n(x)} {_n(y + 8)}q0-8 8-8H{_n(edge - 8)}q8 0 8 8V{_n(y + high - 8)}q0 8-8 8H{_n(x + 8)}q-8 0-8-8z"
        yield f'<path d="{shape if card.lines else whole}" fill="{colour}" fill-opacity="0.1"/>'
    yield f'<circle cx="{_n(x + 15)}" cy="{_n(y + HEAD / 2)}" r="10" fill="{colour}"/>'
    yield (f'<path d="{sign}" transform="translate({_n(x + 8.2)} {_n(y + HEAD / 2 - 6.8)}) scale(0.85)" fill="none" '
           'stroke="#ffffff" stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round"/>')  # fmt: skip
    named = Text(card.name, "name" if card.kind else "number")
    yield _text(named, x + HEAD + 2, y + HEAD / 2 + 4.5)
    if card.kind:
        yield (f'<text x="{_n(x + wide - PAD)}" y="{_n(y + HEAD / 2 + 4)}" text-anchor="end" font-size="9.5" '
               f'fill="{colour}">{escape(card.kind + card.right)}</text>')  # fmt: skip
    at = y + HEAD
    for text in card.lines:
        at += text.high
        yield from _marked(text, x + PAD, at - text.high * 0.25 + 2, CAP + 4)
    yield "</g>"


def _label(arrow: Arrow, middle: Point) -> Iterator[str]:
    """Draw what is written on an arrow, on a white ground so that lines behind it do not disturb."""
    wide, high = arrow.size
    x, y = middle[0] - wide / 2 + arrow.line, middle[1] - high / 2
    yield f"<g>{_title(arrow.about)}"
    yield (f'<rect x="{_n(x)}" y="{_n(y)}" width="{_n(wide - arrow.line)}" height="{_n(high)}" rx="3" fill="#ffffff" '
           'fill-opacity="0.85"/>')  # fmt: skip
    at = y + 2
    for text in arrow.lines:
        at += text.high
        yield from _marked(text, x + 4, at - text.high * 0.25, CAP + 4)
    yield "</g>"


def _marked(text: Text, x: float, y: float, indent: float) -> Iterator[str]:
    """Draw a line of text whose feet stand at `y`, after its mark."""
    if text.mark == "end":
        yield f'<rect x="{_n(x + 3)}" y="{_n(y - 8)}" width="8" height="8" rx="1.5" fill="{INK}"/>'
    elif text.mark == "drop":
        yield f'<path d="M{_n(x + 2)} {_n(y - 8)}h10l-5 8z" fill="{RED}"/>'
    elif text.mark in ("dashes", "dots"):
        dashes = DASHES["rescue" if text.mark == "dashes" else "invoke"]
        yield (f'<path d="M{_n(x)} {_n(y - 4)}h18" stroke="{LINE}" stroke-width="1.3" stroke-dasharray="{dashes}" '
               'stroke-linecap="round"/>')  # fmt: skip
    elif len(text.mark) == 1:
        yield (f'<rect x="{_n(x)}" y="{_n(y - 11.5)}" width="{CAP:g}" height="{CAP:g}" rx="3.5" fill="#ffffff" '
               f'stroke="{INK}" stroke-width="1.1"/>')  # fmt: skip
        yield (f'<text x="{_n(x + CAP / 2)}" y="{_n(y if text.mark != "*" else y + 2)}" text-anchor="middle" '
               f'font-size="11" font-weight="bold" fill="{INK}">{escape(text.mark)}</text>')  # fmt: skip
    if text.text:
        yield _text(text, x + (indent if text.mark else 0.0), y)


def _text(text: Text, x: float, y: float) -> str:
    size, bold, italic, colour = STYLES[text.style]
    weight = ' font-weight="bold"' if bold else ""
    slant = ' font-style="italic"' if italic else ""
    return (
        f'<text x="{_n(x)}" y="{_n(y)}" font-size="{size:g}"{weight}{slant} fill="{colour}">{escape(text.text)}</text>'
    )


def _title(text: str) -> str:
    return f"<title>{escape(text)}</title>" if text else ""


def _head(start: Point, tip: Point, line: float) -> str:
    """Return the path of an arrow's head: from where its line ends to its tip."""
    dx, dy = tip[0] - start[0], tip[1] - start[1]
    length = hypot(dx, dy) or 1.0
    half = 2.6 + line * 0.75
    across = (-dy / length * half, dx / length * half)
    left, right = (start[0] + across[0], start[1] + across[1]), (start[0] - across[0], start[1] - across[1])
    return f"M{_xy(tip)}L{_xy(left)} {_xy(right)}z"


def _high(text: Text) -> float:
    return text.high + 2


def _numbers(text: str) -> Sequence[float]:
    return [float(part) for part in str(text).split(",")]


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _xy(point: Point) -> str:
    return f"{_n(point[0])} {_n(point[1])}"
