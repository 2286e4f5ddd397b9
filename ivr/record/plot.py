"""Draw quarter hours as SVG: a stacked bar each, and yesterday's calls as a line. Pure.

Colours come from classes, so that a style sheet decides (light, dark); `standalone` puts one in. Words are passed in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from ivr.record.quarter_hours import Quarter

WIDTH, HEIGHT = 960, 260
LEFT, RIGHT, TOP, BOTTOM = 44, 8, 12, 28
STACK = ("answered", "announced", "abandoned", "others")  # from the ground up
STYLE = (
    "svg{background:#fff;font:12px sans-serif}.answered{fill:#1a7f4e}.announced{fill:#2f6fce}.abandoned{fill:#c2372e}"
    ".others{fill:#8a8f98}.before{fill:none;stroke:#6b7280;stroke-width:2;stroke-dasharray:4 3}.rule{stroke:#d7dae0}"
    ".tick{fill:#4b5563}"
)
STEPS = (1, 2, 5)


def plot(
    today: Sequence[Quarter], before: Sequence[Quarter], words: Mapping[str, str], *, standalone: bool = False
) -> str:
    """Return an SVG of `today`, with `before` (another day) as a line over it.

    words  title, desc.  standalone  a file of its own: with namespace, size and style.
    """
    top = _top(max([*(each.offered for each in today), *(each.offered for each in before), 1]))
    size = f' xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}"' if standalone else ""
    drawn = [
        f'<svg{size} class="plot" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="plot-title plot-desc">',
        f'<title id="plot-title">{escape(words["title"])}</title><desc id="plot-desc">{escape(words["desc"])}</desc>',
        *([f"<style>{STYLE}</style>"] if standalone else []),
        *_rules(top),
        *_hours(today),
        *_bars(today, top),
        *_line(today, before, top),
        "</svg>",
    ]
    return "".join(drawn)


def _top(most: int) -> int:
    """Return the end of the scale: 1, 2 or 5 times a power of ten, four rules apart at least 1."""
    unit = 1
    while True:
        for step in STEPS:
            if step * unit * 4 >= most:
                return step * unit * 4
        unit *= 10


def _rules(top: int) -> list[str]:
    found = []
    for n in range(5):
        y = _y(top * n / 4, top)
        found.append(
            f'<line class="rule" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>'
            f'<text class="tick" x="{LEFT - 6}" y="{y + 4}" text-anchor="end">{top * n // 4}</text>'
        )
    return found


def _hours(today: Sequence[Quarter]) -> list[str]:
    """Return the clock below; on a day whose clocks change an hour is missing, or comes twice and is named once."""
    found = []
    for n, each in enumerate(today):
        if each.at.minute == 0 and each.at.hour % 2 == 0 and not each.at.fold:
            found.append(f'<text class="tick" x="{_x(n, today)}" y="{HEIGHT - 8}">{each.at:%H:%M}</text>')
    return found


def _bars(today: Sequence[Quarter], top: int) -> list[str]:
    found = []
    width = round(_x(1, today) - _x(0, today) - 1.5, 1)
    for n, each in enumerate(today):
        ground = 0
        for kind in STACK:
            many = int(getattr(each, kind))
            if many > 0:
                y = _y(ground + many, top)
                height = round(_y(ground, top) - y, 1)
                found.append(
                    f'<rect class="{kind}" x="{_x(n, today)}" y="{y}" width="{width}" height="{height}"/>'
                )  # fmt: skip
                ground += many
    return found


def _line(today: Sequence[Quarter], before: Sequence[Quarter], top: int) -> list[str]:
    """Return the other day's calls, each over the same time of today's clock."""
    by_clock: dict[tuple[int, int], int] = {}
    for each in before:
        by_clock.setdefault((each.at.hour, each.at.minute), each.offered)
    if not any(by_clock.values()):
        return []
    middle = (_x(1, today) - _x(0, today)) / 2
    points = [
        f"{round(_x(n, today) + middle, 1)},{_y(by_clock[clock], top)}"
        for n, each in enumerate(today) if (clock := (each.at.hour, each.at.minute)) in by_clock
    ]  # fmt: skip
    return [f'<polyline class="before" points="{" ".join(points)}"/>']


def _x(n: int, today: Sequence[Quarter]) -> float:
    return round(LEFT + (WIDTH - LEFT - RIGHT) * n / max(1, len(today)), 1)


def _y(value: float, top: int) -> float:
    return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / top, 1)
