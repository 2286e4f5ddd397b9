"""What people type about an announcement: times through clock changes, targets, and what is wrong with them."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from ivr.announce.model import NUMBERS_MOST, Target
from ivr.announce.typed import eta_time, point_in_time, read_target
from ivr.errors import InputError
from tests.support.desk import NOW

WARSAW = ZoneInfo("Europe/Warsaw")


def warsaw(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=WARSAW).astimezone(UTC)


@pytest.mark.parametrize(
    ("text", "now", "expected"),
    [
        ("18:30", "2026-11-23T15:00", "2026-11-23T18:30"),
        ("9:05", "2026-11-23T15:00", "2026-11-24T09:05"),
        ("15:00", "2026-11-23T15:00", "2026-11-24T15:00"),
        ("2026-11-24T06:00", "2026-11-23T15:00", "2026-11-24T06:00"),
        ("2026-11-24 06:00", "2026-11-23T15:00", "2026-11-24T06:00"),
        ("2026-11-24T05:00Z", "2026-11-23T15:00", "2026-11-24T06:00"),
        ("02:30", "2026-03-28T23:00", "2026-03-29T03:30"),  # skipped that night
        ("06:00", "2026-03-28T23:00", "2026-03-29T06:00"),  # a night of 23 hours
        ("06:00", "2026-10-24T23:00", "2026-10-25T06:00"),  # a night of 25 hours
    ],
)
def test_times_are_read(text: str, now: str, expected: str) -> None:
    """HH:MM is the next such time on the clock, through clock changes as well."""

    assert warsaw(expected) == point_in_time(text, warsaw(now), WARSAW)


def test_of_a_repeated_time_the_first_is_meant() -> None:
    """02:30 on the night of the change to winter time comes twice."""
    found = point_in_time("02:30", warsaw("2026-10-24T23:00"), WARSAW)

    assert datetime(2026, 10, 25, 0, 30, tzinfo=UTC) == found


@pytest.mark.parametrize(
    "text", ["", "25:00", "18.30", "1830", "half past six", "2026-11-24", "2026-13-01T10:00", "18:3", "١٨:٣٠"]
)
def test_what_is_no_time_is_said(text: str) -> None:
    """The message shows both forms."""

    with pytest.raises(ValueError, match=r"expected HH:MM, for example 18:30, .* 2026-11-23T18:30"):
        point_in_time(text, NOW, WARSAW)


def test_unknown_is_an_expected_end() -> None:
    """`unknown` is None; a time is a time."""

    assert eta_time("unknown", NOW, WARSAW) is None
    assert warsaw("2026-11-23T18:30") == eta_time("18:30", NOW, WARSAW)


def test_a_target_of_everything() -> None:
    """Each in its one spelling, twice the same once."""
    read = read_target(
        "48", areas=(" /PL/Mazowieckie/ ", "pl/mazowieckie", ""), node="Node-17", dnis=" 100 ", prefix="+48 22",
        numbers=("+48 22 123-45-67", "0048221234567", "22 123 45 67", "A 1/7", "1001", ""), project="acme",
        classes=("VIP", "vip", ""),
    )  # fmt: skip

    assert Target(("pl/mazowieckie",), "100", "+4822", "acme", ("vip",), "node-17",
                  ("+48221234567", "A 1/7", "1001")) == read  # fmt: skip
    assert read_target("48").everyone


@pytest.mark.parametrize(
    ("typed", "wrong"),
    [
        ({"areas": ["a b"]}, "'a b' is not an area"),
        ({"areas": [f"a/{n}" for n in range(101)]}, "101 areas; expected at most 100"),
        ({"node": "a/b"}, "'a/b' is not a node; expected one name"),
        ({"project": "x" * 99}, "is not a project"),
        ({"numbers": ["x" * 41]}, "neither a number nor an account of at most 40 characters"),
        ({"numbers": ["a\0b"]}, "neither a number nor an account"),
        ({"numbers": [str(n) for n in range(NUMBERS_MOST + 1)]}, "20001 numbers and accounts; expected at most 20000"),
        ({"classes": ["vipp"]}, "'vipp' is not a class of customers; .*did you mean vip"),
        ({"dnis": "1oo"}, "is not a number that can be dialled"),
        ({"prefix": "22"}, r"did you mean '\+4822'"),
    ],
)
def test_what_is_no_target(typed: dict[str, object], wrong: str) -> None:
    """Said with what was expected."""
    with pytest.raises(InputError, match=wrong):
        read_target("48", **typed)  # type: ignore[arg-type]
