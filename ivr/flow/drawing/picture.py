"""A call flow as boxes and arrows, before anybody knows where they stand; its DOT text. Pure.

`draw.py` makes a Picture of flows, Graphviz finds the places (`ivr/graphviz.py`), `svg.py` draws. All sizes
are fixed here: Graphviz measures no text, so that the places are the same on every machine. Units are points.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from html import escape

from ivr.flow.drawing.lettering import plain, width

PAD = 8.0  # inside a card
HEAD = 28.0  # height of a card's head
CAP = 15.0  # side of a key's little square
STYLES = {  # of text: size, bold, italic, colour
    "name": (13.0, True, False, "#1b1f24"),
    "said": (11.0, False, True, "#24292f"),
    "note": (10.0, False, False, "#57606a"),
    "end": (10.0, False, False, "#24292f"),
    "drop": (10.5, True, False, "#b00020"),
    "key": (11.0, False, False, "#24292f"),
    "outcome": (10.5, True, False, "#24292f"),
    "meaning": (9.5, False, False, "#57606a"),
    "count": (10.5, True, False, "#0b4f8a"),
    "number": (13.0, True, False, "#ffffff"),
    "of_number": (10.0, False, False, "#ffffff"),
    "title": (20.0, True, False, "#1b1f24"),
    "flow": (13.0, True, False, "#57606a"),
    "legend": (10.5, False, False, "#57606a"),
}


@dataclass(frozen=True)
class Text:
    """One line. style  one of STYLES.  mark  drawn before it: '' nothing, `end`, or a telephone key."""

    text: str
    style: str
    mark: str = ""

    @property
    def wide(self) -> float:
        size, bold, _, _ = STYLES[self.style]
        return width(self.text, size, bold=bold) + (CAP + 4 if self.mark else 0)

    @property
    def high(self) -> float:
        return max(
            STYLES[self.style][0] * (1.6 if self.style == "number" else 1.32), CAP + 2 if len(self.mark) == 1 else 0.0
        )


@dataclass(frozen=True)
class Card:
    """A step, or the numbers that lead into a flow (kind ''). about  its tooltip.  size  width and height."""

    id: str
    flow: str
    name: str
    kind: str
    lines: tuple[Text, ...]
    about: str
    size: tuple[float, float]
    right: str = ""


@dataclass(frozen=True)
class Arrow:
    """A way. style  '' ordinary, main (the way on), back, start, rescue, invoke or pass.

    line  its width.  faint  nobody took it.
    """

    tail: str
    head: str
    style: str
    lines: tuple[Text, ...]
    about: str
    line: float = 1.3
    faint: bool = False

    @property
    def size(self) -> tuple[float, float]:
        """Return width and height of what is written on it."""
        return max((t.wide for t in self.lines), default=0.0) + 8 + self.line, sum(t.high for t in self.lines) + 4


@dataclass(frozen=True)
class Picture:
    """flows  name and title of each, in order; several are framed.  counted  with counts of calls."""

    title: str
    subtitle: str
    flows: tuple[tuple[str, str], ...]
    cards: tuple[Card, ...]
    arrows: tuple[Arrow, ...]
    legend: tuple[Text, ...] = ()
    counted: bool = False

    @property
    def boxed(self) -> bool:
        return len(self.flows) > 1


def ident(flow: str, step: str = "") -> str:
    """Return the id of a step's card, or of the card of the numbers that lead to `flow`."""
    return re.sub(r"[^\w.]", "_", f"{flow}.{step}")


def frame(flow: str) -> str:
    """Return what Graphviz calls the frame of `flow`."""
    return f"cluster_{ident(flow)}".removesuffix(".")


def dot(picture: Picture) -> str:
    """Return `picture` in the language of Graphviz. An arrow's id is its number."""
    return "\n".join(_lines(picture)) + "\n"


def _lines(picture: Picture) -> Iterator[str]:
    yield f"digraph {_quoted(picture.title)} {{"
    yield (
        '  graph [rankdir=TB, nodesep=0.35, ranksep=0.42, splines=true, fontname="Helvetica", '
        "outputorder=edgesfirst, bgcolor=white]"
    )
    yield '  node [shape=box, style=rounded, fixedsize=true, fontname="Helvetica", fontsize=10]'
    yield '  edge [fontname="Helvetica", fontsize=9, arrowsize=0.7]'
    arrows = list(enumerate(picture.arrows))
    flow_of = {card.id: card.flow for card in picture.cards}
    for name, title in picture.flows:
        inside = [each for each in arrows if flow_of[each[1].tail] == flow_of[each[1].head] == name]
        indent = "    " if picture.boxed else "  "
        if picture.boxed:
            yield f"  subgraph {_quoted(frame(name))} {{"
            yield f"    graph [label={_quoted(f'{name}: {title}')}, labeljust=l, margin=16, color=gray]"
        yield from (indent + _node(card) for card in picture.cards if card.flow == name)
        yield from (indent + _edge(*each) for each in inside)
        if picture.boxed:
            yield "  }"
    yield from ("  " + _edge(*each) for each in arrows if flow_of[each[1].tail] != flow_of[each[1].head])
    yield "}"


def _node(card: Card) -> str:
    wide, high = (f"{side / 72:.3f}" for side in card.size)
    label = "\\n".join(_escaped(line) for line in (card.name, card.kind, *(t.text for t in card.lines)) if line)
    return f'{_quoted(card.id)} [width={wide}, height={high}, label="{label}", tooltip={_quoted(card.about)}]'


def _edge(number: int, arrow: Arrow) -> str:
    values = [f"id={number}"]
    if arrow.style == "rescue":
        values += ["style=dashed", "weight=0"]
    elif arrow.style == "invoke":
        values += ["style=dotted", "arrowhead=vee"]
    elif arrow.style in ("start", "pass"):
        values += ["style=bold", "weight=10"]
    elif arrow.style == "main":
        values += ["weight=10"]
    elif arrow.style == "back":
        values += ["weight=0"]
    if arrow.lines:
        wide, high = (round(side) for side in arrow.size)
        inside = "<BR/>".join(
            escape(plain(f"{line.mark if len(line.mark) == 1 else ''} {line.text}")) or " " for line in arrow.lines
        )
        table = f'<TABLE BORDER="0" CELLPADDING="0" CELLSPACING="0" FIXEDSIZE="TRUE" WIDTH="{wide}" HEIGHT="{high}">'
        values.append(f"label=<{table}<TR><TD>{inside}</TD></TR></TABLE>>")
    return f"{_quoted(arrow.tail)} -> {_quoted(arrow.head)} [{', '.join(values)}]"


def _escaped(text: str) -> str:
    return re.sub(r'(["\\])', r"\\\1", plain(text))


def _quoted(text: str) -> str:
    return f'"{_escaped(text)}"'


def at_ease(card: Card) -> Card:
    """Return `card` as wide and high as what is written on it."""
    head = width(card.name, STYLES["name"][0], bold=True) + HEAD + width(f"{card.kind}{card.right}", 9.5) + 26
    wide = max(head, *(t.wide + 2 * PAD for t in card.lines), 110.0)
    high = HEAD + sum(t.high for t in card.lines) + (PAD if card.lines else 0.0)
    return replace(card, size=(round(wide), round(high)))
