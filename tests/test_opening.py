"""ivr/opening.py and ivr/opening_mistake.py: opening hours as OpenStreetMap writes them."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opening_hours import OpeningHours

from ivr.flow import reference
from ivr.opening import Span, countries, merged, read_opening, read_special
from ivr.opening_mistake import Misread, repaired

MONDAY = date(2026, 11, 23)


def on(text: str, day: date = MONDAY, country: str = "PL") -> list[str]:
    """Return the hours of `day` as they are written."""
    return [
        f"{s.start // 60:02d}:{s.start % 60:02d}-{s.end // 60:02d}:{s.end % 60:02d}"
        for s in read_opening(text, country).on(day)
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("24/7", ["00:00-24:00"]),
        ("off", []),
        ("Mo-Fr 08:00-20:00", ["08:00-20:00"]),
        ("mo-fr 8:00-20:00", ["08:00-20:00"]),
        ("Mo", ["00:00-24:00"]),
        ("Tu-Su 08:00-20:00", []),
        ("Mo-Fr 08:00-12:00,13:00-18:00", ["08:00-12:00", "13:00-18:00"]),
        ("Mo-Fr 08:00-12:00,11:00-18:00,18:00-19:00", ["08:00-19:00"]),
        ("Mo-Fr 08:00-12:00; Mo 13:00-18:00", ["13:00-18:00"]),
        ("Mo-Fr 08:00-12:00, Mo 13:00-18:00", ["08:00-12:00", "13:00-18:00"]),
        ("Mo 00:00-24:00, Tu 08:00-09:00", ["00:00-24:00"]),
        ("Mo off, Tu 08:00-09:00", []),
        ("Mo-Fr 08:00-20:00; Mo 12:00-13:00 off", ["08:00-12:00", "13:00-20:00"]),
        ("Mo-Fr 08:00-20:00; Mo 19:00-21:00,07:00-09:00 off", ["09:00-19:00"]),
        ("Mo-Fr 08:00-20:00; 2026 Nov 23 off", []),
        ("Mo-Fr 08:00-20:00; Nov 20-Dec 3 10:00-11:00", ["10:00-11:00"]),
        ("week 48 10:00-11:00", ["10:00-11:00"]),
        ("Mo[4] 10:00-11:00", ["10:00-11:00"]),
        ("Mo[1] 10:00-11:00", []),
        ("Mo-Fr 22:00-06:00", ["22:00-30:00"]),
        ("Mo-Fr 22:00-30:00", ["22:00-30:00"]),
        ("Mo-Fr 08:00-08:00", ["08:00-32:00"]),
    ],
)
def test_the_hours_that_begin_on_a_monday(text: str, expected: list[str]) -> None:
    """The last part that holds counts; `,` adds, `off` takes away; a comma of hours stays within its part."""
    assert expected == on(text)


def test_public_holidays_are_those_of_the_country() -> None:
    """Every one of Poland in 2027 (dni wolne od pracy), 24 December among them since 2025; Easter Monday in Germany."""
    closed = [
        f"{day:%m-%d}" for n in range(365) if not on("08:00-16:00; PH off", day := date(2027, 1, 1) + timedelta(days=n))
    ]

    assert closed == [
        "01-01", "01-06", "03-28", "03-29", "05-01", "05-03", "05-16", "05-27", "08-15", "11-01", "11-11", "12-24",
        "12-25", "12-26",
    ]  # fmt: skip
    assert [] == on("08:00-16:00; PH off", date(2027, 3, 29), "DE")
    assert ["08:00-16:00"] == on("08:00-16:00; PH off", date(2027, 5, 3), "DE")


def test_countries_with_known_holidays() -> None:
    """By their ISO codes."""
    assert {"PL", "DE", "CZ", "GB", "UA"} < countries()
    assert not {"XX", "UK"} & countries()


@pytest.mark.parametrize(
    ("text", "wrong", "expected", "near"),
    [
        ("", "is empty", "opening hours such as", ""),
        ("Mo-Fr 08:00-20:00;", "ends too early", "opening hours such as", "Mo-Fr 08:00-20:00"),
        ("Mo-Fr 08:00", "ends too early", "`-` and a closing time", ""),
        ("Mon-Fri 08:00-20:00", "from character 1 on, 'Mon-Fri", "days such as Mo-Fr", "Mo-Fr 08:00-20:00"),
        ("Mo-Fr 25:00-26:00", "from character 7 on, '25:00", "hours such as 08:00-20:00", ""),
        ("Mo-Fr 08:00–20:00", "from character 12 on, '–20:00'", "`-` and a closing time", "Mo-Fr 08:00-20:00"),
        ("Mo-Fr 08.00-20.00", "from character 7 on", "hours such as 08:00-20:00", "Mo-Fr 08:00-20:00"),
        ("Mo-Fr 8-12 and 13-18", "from character 7 on", "hours such as", "Mo-Fr 08:00-12:00,13:00-18:00"),
        ("Mo-Fr 9am - 5:30pm", "from character 7 on", "hours such as", "Mo-Fr 09:00-17:30"),
        (
            "Mo-Fr 08:00-20:00 PH off",
            "from character 19 on, 'PH off'",
            "`;` before the next",
            "Mo-Fr 08:00-20:00; PH off",
        ),
        ("Mo-Fr 08:00-20:00,PH off", "from character 19 on, 'PH off'", "hours such as", "Mo-Fr 08:00-20:00; PH off"),
        ("Mon to Fri 9-17, Sat 9-12", "from character 1 on", "days", "Mo-Fr 09:00-17:00; Sa 09:00-12:00"),
        ("Pn-Pt 8:00-18:00; nd zamknięte", "from character 1 on", "days", "Mo-Fr 08:00-18:00; Su off"),
        ("Пн-Пт 8:00-18:00", "from character 1 on", "days", "Mo-Fr 08:00-18:00"),
        ("weekdays 08:00-20:00", "from character 1 on", "days", "Mo-Fr 08:00-20:00"),
        ("24h", "from character 1 on", "", "24/7"),
        ("2026-12-24 off", "from character 6 on", "", "2026 Dec 24 off"),
        ("Mo, We 08:00-10:00", "'Mo' before the comma has no hours", '"Mo,We 08:00-10:00"', "Mo,We 08:00-10:00"),
        ("Mo-Fr 08:00+", "without an end", "hours such as 08:00-20:00", ""),
        ("08:00-12:00/02:00", "or repeated ones", "hours such as 08:00-20:00", ""),
        ("sunrise-sunset", "depends on the sun", "hours of the clock", ""),
        ("Mo-Fr unknown", "neither open nor closed", "hours, or `off`", ""),
        ("Mo-Fr 08:00-20:00 || off", "`||` is not used here", "after which a part replaces", ""),
        ('Mo-Fr 08:00-20:00 "please ring"', "a remark in quotes", "only days and hours", ""),
        ("08:00-20:00; SH off", "school holidays (SH) are not known", "their dates", ""),
        ("1 " * 400, "an expression of 800 characters", "at most 500", ""),
    ],
)
def test_what_cannot_be_read_is_told_in_plain_words(text: str, wrong: str, expected: str, near: str) -> None:
    """Where it is, what was expected, and what was probably meant, which can be read."""
    with pytest.raises(Misread) as raised:
        read_opening(text, "PL")

    assert wrong in raised.value.wrong
    assert expected in raised.value.expected
    assert near == raised.value.near
    assert not near or read_opening(near, "PL").rules


def test_public_holidays_need_a_country() -> None:
    """Without one the library would take no day for a holiday, and say nothing."""
    with pytest.raises(Misread, match="needs a country"):
        read_opening("08:00-20:00; PH off")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("off", ()), ("closed", ()), ("24 hours", (Span(0, 1440),)), ("24/7", (Span(0, 1440),)),
        ("08:00-14:00", (Span(480, 840),)), ("22:00-02:00", (Span(1320, 1560),)),
        ("13:00-18:00,08:00-12:00", (Span(480, 720), Span(780, 1080))),
    ],
)  # fmt: skip
def test_the_hours_of_a_special_day_are_read(text: str, expected: tuple[Span, ...]) -> None:
    """Times in order, nothing, or all day."""
    assert expected == read_special(text)


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("", ""), ("Mo 08:00-10:00", "08:00-10:00"), ("PH off", ""), ("08:00-10:00 off", ""), ("8-14", "08:00-14:00"),
        ("08:00-10:00; 12:00-14:00", "08:00-10:00,12:00-14:00"), ("morning", ""),
    ],
)  # fmt: skip
def test_other_hours_of_a_special_day_are_refused(text: str, near: str) -> None:
    """Days have no place in them."""
    with pytest.raises(Misread) as raised:
        read_special(text)

    assert near == raised.value.near


def test_a_line_closed_for_good_is_known() -> None:
    """`off` is meant; hours that never come are not."""
    assert [True, True, False, False] == [
        read_opening(text, "PL").off for text in ("off", "closed", "PH off", "2020 Mo 08:00-10:00")
    ]


PARTS = [
    "Mo", "Fr", "Mo-Fr", "Su-Tu", "PH", "SH", "off", "closed", "open", "unknown", ",", ", ", ";", "||", "-",
    "08:00-20:00",
    "22:00-06:00", "47:00-48:00", "00:00-00:00", "24/7", "week", "10-20", "1", "53", "54", "0", "99", "99999", "/2",
    "/0",
    "Jan", "Feb 30", "Feb 29", "Dec 24", "easter", "+1 day", "-9999999 days", "+99999999999999999999 days", "[1]",
    "[-1]", "[9]", "2026", "9999", "1900", "0000", "2026-2020", "sunrise", "(sunset+01:00)", "+", '"x"', "ж", "/30",
    ":",
]  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(
    text=st.one_of(
        st.text(max_size=30),
        st.lists(st.tuples(st.sampled_from(PARTS), st.sampled_from(["", " "])).map("".join), max_size=8).map("".join),
        st.from_regex(r"\A(?:Mo|Tu-Fr|Sa,Su|PH)? ?[0-9:., -]{0,20};? ?(?:off|closed)?\Z"),
    ),
    country=st.sampled_from(["", "PL"]),
    day=st.dates(),
)
def test_any_text_is_read_or_refused(text: str, country: str, day: date) -> None:
    """Whatever stands in the file: hours in order, or a mistake with a text that can be read, if any."""
    repaired(text)
    found = read_or_near(lambda each: read_opening(each, country).on(day), text)
    special = read_or_near(read_special, text)

    assert all(0 <= span.start < span.end <= 2880 for span in (*found, *special))
    assert (merged(found), merged(special)) == (found, special)


def read_or_near(read: Callable[[str], tuple[Span, ...]], text: str) -> tuple[Span, ...]:
    """Return what `text` says, or what the text says that its mistake gives as near."""
    try:
        return read(text)
    except Misread as error:
        near = error.near
    return read(near) if near else ()


DAYS = st.sampled_from(
    [
        "",
        "Mo",
        "Mo-Fr",
        "Sa,Su",
        "Su-Tu",
        "PH",
        "Mo,PH",
        "Nov",
        "Nov 20-Dec 3",
        "2026 Nov 25",
        "week 48",
        "Mo[-1]",
        "easter",
    ]
)
CLOCKS = st.tuples(st.integers(0, 47), st.integers(1, 48)).filter(lambda pair: pair[0] < pair[1])
TIMES = st.lists(CLOCKS, min_size=1, max_size=2).map(
    lambda pairs: ",".join(f"{a // 2:02d}:{a % 2 * 30:02d}-{b // 2:02d}:{b % 2 * 30:02d}" for a, b in pairs)
)
RULES = st.tuples(DAYS, TIMES, st.sampled_from(["", "", " off"])).map(
    lambda part: f"{part[0]} {part[1]}{part[2]}".strip()
)
EXPRESSIONS = st.lists(st.tuples(st.sampled_from(["; ", ", "]), RULES), min_size=1, max_size=4).map(
    lambda parts: "".join(joined + rule for joined, rule in parts)[2:]
)


@settings(max_examples=150, deadline=None)
@given(text=EXPRESSIONS, day=st.dates(date(2026, 11, 1), date(2027, 4, 30)))
def test_hours_within_a_day_are_those_the_library_finds(text: str, day: date) -> None:
    """Only hours past midnight are understood in another way: they belong to the day they begin."""
    ours = read_opening(text, "PL").on(day)
    theirs = OpeningHours(text, country="PL")
    for half_hour in range(48):
        minute = half_hour * 30 + 15
        at = datetime(day.year, day.month, day.day, minute // 60, minute % 60)

        assert theirs.is_open(at) == any(span.start <= minute < span.end for span in ours)


def test_everything_the_reference_shows_can_be_read() -> None:
    """Each row of its table, from the first column."""
    rows = re.findall(r"^\| (`[^|]*`) \|", reference._HOURS_TEXT, re.MULTILINE)
    shown = [each for row in rows for each in re.findall(r"`([^`]+)`", row)]

    assert 10 < len(shown)
    for each in shown:
        assert read_opening(each, "PL").rules
