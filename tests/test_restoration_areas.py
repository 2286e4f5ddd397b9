"""Where it is still out: the smallest area that explains it, and nothing where one household has a fault of its own."""

from __future__ import annotations

import pytest

from ivr.restoration_areas import StillOut, still_out

WOLA, NODE, OTHER = "pl/waw/wola", "pl/waw/wola/node-17", "pl/waw/wola/node-3"


def said(*places: tuple[str, int, int]) -> list[tuple[str, bool]]:
    """Return answers. places  area, how many say it works, how many not."""
    return [(area, works) for area, yes, no in places for works in [True] * yes + [False] * no]


CASES = [
    ("one household", said((NODE, 0, 1)), []),
    ("two of four", said((NODE, 2, 2)), []),
    ("three in one place, however many answers", said((NODE, 40, 3)), [StillOut(NODE, 3, 43)]),
    ("two of a few", said((NODE, 3, 2)), [StillOut(NODE, 2, 5)]),
    ("two of many", said((NODE, 9, 2)), []),
    ("one of five", said((NODE, 4, 1)), []),
    ("spread over streets", said((f"{WOLA}/a", 1, 1), (f"{WOLA}/b", 1, 1), (f"{WOLA}/c", 1, 1)),
     [StillOut(WOLA, 3, 6)]),
    ("spread over a city", said(*((f"pl/waw/{n}/x", 9, 1) for n in range(9))), []),
    ("the smaller one explains it", said((NODE, 0, 5), (OTHER, 5, 0)), [StillOut(NODE, 5, 5)]),
    ("two places", said((NODE, 0, 3), (OTHER, 1, 4)), [StillOut(NODE, 3, 3), StillOut(OTHER, 4, 5)]),
    ("customers of the district itself are no district", said((WOLA, 0, 2), (NODE, 20, 0)), []),
    ("names that begin alike", said(("pl/waw/wol", 0, 2), (f"{WOLA}/a", 30, 1)), []),
    ("not known where", said(("", 5, 3), (NODE, 5, 0)), [StillOut("", 3, 8)]),
    ("nobody says no", said((NODE, 9, 0)), []),
    ("nobody says anything", [], []),
]  # fmt: skip


@pytest.mark.parametrize(("name", "answers", "expected"), CASES, ids=[name for name, _, _ in CASES])
def test_where_it_is_still_out(name: str, answers: list[tuple[str, bool]], expected: list[StillOut]) -> None:
    """One line of the table each."""
    assert sorted(expected, key=lambda each: each.area) == list(still_out(answers))


def test_nothing_above_what_was_restored() -> None:
    """Three streets of a district: named when the district was restored, not when just those streets were."""
    streets = tuple(f"{WOLA}/{name}" for name in "abc")
    answers = said(*((street, 1, 1) for street in streets))

    assert [each.area for each in still_out(answers, (WOLA,))] == [WOLA]
    assert still_out(answers, streets) == ()
