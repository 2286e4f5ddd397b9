"""Figures of announcements: against a slow reference on random calls, the boundaries by hand, and quick enough."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ivr.cli import announce
from ivr.db import Database
from ivr.record.figures import AGAIN_HOURS, IN_IVR, AnnouncementFigures, Counts, OptIns
from tests.support.announced import PUBLISHED, call_row, fill, hearing_row, opt_in_row, version_row
from tests.support.desk import NOW, desk_settings, opened


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with opened(desk_settings(tmp_path)) as database:
        yield database


# -- random calls against a reference that loops over everything

NUMBERS = ("+48221000001", "+48221000002", "+48221000003", "")
ACCOUNTS = {"+48221000001": "A1", "+48221000002": "A1", "+48221000003": "A3", "": ""}
random_call = st.fixed_dictionaries({
    "ani": st.sampled_from(NUMBERS),
    "at_min": st.integers(0, 660),
    "long_min": st.one_of(st.none(), st.integers(0, 20)),
    "disposition": st.sampled_from([*IN_IVR, "agent", "abandoned", ""]),
    "hearings": st.lists(
        st.fixed_dictionaries({
            "version": st.integers(1, 3),
            "length_ms": st.sampled_from([0, 1000, 10_000]),
            "heard_ms": st.sampled_from([0, 799, 800, 1000, 7999, 8000, 10_000]),
            "key": st.sampled_from(["", "1", "3", "0"]),
            "outcome": st.sampled_from(["ended", "other", "agent", "opted_in", "continue", "no_input", "hung_up"]),
        }),
        max_size=3,
    ),
})  # fmt: skip


def counts_of(calls: list[dict[str, Any]], version: int | None, again: timedelta) -> Counts:
    """Count by looking at every call, one after the other."""
    numbers = dict.fromkeys(Counts.__dataclass_fields__, 0)
    for n, call in enumerate(calls):
        heard = [each for each in call["hearings"] if version in (None, each["version"])]
        enough = any(each["length_ms"] and each["heard_ms"] >= 0.8 * each["length_ms"] for each in heard)
        outcomes = {each["outcome"] for each in heard}
        numbers["matched"] += bool(heard)
        numbers["heard"] += enough
        numbers["barged_in"] += any(each["key"] for each in heard)
        for name, outcome in (("chose_agent", "agent"), ("different", "other"), ("hung_up", "hung_up"),
                              ("ended", "ended"), ("opted_in", "opted_in")):  # fmt: skip
            numbers[name] += outcome in outcomes
        if not (enough and call["ani"] and call["long_min"] is not None and call["disposition"] in IN_IVR):
            continue
        end = PUBLISHED + timedelta(minutes=call["at_min"] + call["long_min"])
        again_called = False
        for m, other in enumerate(calls):
            same = other["ani"] and ACCOUNTS[other["ani"]] == ACCOUNTS[call["ani"]]
            begin = PUBLISHED + timedelta(minutes=other["at_min"])
            again_called |= bool(m != n and same and end < begin <= end + again)
        if not again_called:
            numbers["deflected" if end + again <= NOW else "deflected_so_far"] += 1
    return Counts(**numbers)


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(calls=st.lists(random_call, max_size=12), hours=st.sampled_from([1, 4, 9]))
def test_counts_are_those_of_a_slow_reference(calls: list[dict[str, Any]], hours: int) -> None:
    """In total and for every version, whatever callers did and however often they called again."""

    async def counted(folder: Path) -> None:
        async with opened(desk_settings(folder)) as database:
            began = [PUBLISHED + timedelta(minutes=call["at_min"]) for call in calls]
            ended = [None if call["long_min"] is None else at + timedelta(minutes=call["long_min"])
                     for call, at in zip(calls, began, strict=True)]  # fmt: skip
            await fill(
                database,
                call=[call_row(f"c{n}", call["ani"], began[n], ended_at=ended[n], disposition=call["disposition"])
                      for n, call in enumerate(calls)],
                hearing=[hearing_row(f"c{n}", call["ani"], m, account=ACCOUNTS[call["ani"]], **each)
                         for n, call in enumerate(calls) for m, each in enumerate(call["hearings"])],
                customer=[{"number": number, "account": account, "name": "", "area": "", "language": "", "class": ""}
                          for number, account in ACCOUNTS.items() if number],
            )  # fmt: skip
            figures = await AnnouncementFigures(database).of("a1", NOW, again_hours=hours)
            again = timedelta(hours=hours)
            expected = counts_of(calls, None, again)

            assert {**vars(expected), "opted_in": 0} == vars(figures.total)
            for each in figures.versions:
                assert counts_of(calls, each.version, again) == each.counts
            assert {each["version"] for call in calls for each in call["hearings"]} == {
                each.version for each in figures.versions
            }
            live = (await AnnouncementFigures(database).counters(["a1", "none"]))["a1"]
            assert {**vars(expected), "opted_in": 0, "deflected": 0, "deflected_so_far": 0} == vars(live)

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(counted(Path(folder)))


async def test_a_caller_counts_as_deflected_only_after_the_time_is_over(database: Database) -> None:
    """To the second: one whose time is over, one whose time is not, and one who called in the last second."""
    end = NOW - timedelta(hours=AGAIN_HOURS)
    half = timedelta(seconds=30)
    await fill(
        database,
        call=[call_row("over", "+48221000001", end - half), call_row("soon", "+48221000002", end - half, ended_at=end
              + timedelta(seconds=1)), call_row("again", "+48221000003", end - half),
              call_row("late", "+48221000003", NOW, disposition="agent")],
        hearing=[hearing_row("over", "+48221000001"), hearing_row("soon", "+48221000002"),
                 hearing_row("again", "+48221000003")],
    )  # fmt: skip
    figures = (await AnnouncementFigures(database).of("a1", NOW)).total

    assert (1, 1) == (figures.deflected, figures.deflected_so_far)


async def test_times_from_call_to_publication_to_caller(database: Database) -> None:
    """The first call of somebody concerned, the publication of a draft, the first caller who heard it."""
    before = PUBLISHED - timedelta(minutes=9)
    wola = "pl/mazowieckie/warszawa/wola"
    await fill(
        database,
        announcement_version=[version_row(1, PUBLISHED - timedelta(minutes=2), "draft", areas=[wola]),
                              version_row(2, PUBLISHED, areas=[wola]),
                              version_row(3, PUBLISHED + timedelta(hours=1), areas=[wola])],
        customer=[{"number": number, "account": "", "name": "", "area": area, "language": "", "class": ""}
                  for number, area in (("+48221000001", f"{wola}/node-17"), ("+48221000002", f"{wola}-x"))],
        call=[call_row("early", "+48221000001", PUBLISHED - timedelta(hours=2)),
              call_row("other", "+48221000002", before - timedelta(minutes=9)),
              call_row("first", "+48221000001", before, disposition="agent", talk_ms=240_000)],
        hearing=[hearing_row("x", "", version=2, at=PUBLISHED + timedelta(seconds=3)),
                 hearing_row("y", "", version=3, at=PUBLISHED + timedelta(hours=1, seconds=7))],
    )  # fmt: skip
    figures = await AnnouncementFigures(database).of("a1", NOW)

    assert (540.0, 3.0) == (figures.lag_s, figures.first_heard_s)
    assert [(2, 3.0), (3, 7.0)] == [(each.version, each.first_heard_s) for each in figures.versions]
    assert 240.0 == figures.mean_talk_s


async def test_work_planned_ahead_is_heard_from_its_start_on(database: Database) -> None:
    """Nobody could hear it before: the time runs from `starts`."""
    starts = PUBLISHED + timedelta(hours=1)
    row = {**version_row(1, PUBLISHED), "starts": starts}
    await fill(database, announcement_version=[row], hearing=[hearing_row("x", "", at=starts + timedelta(seconds=4))])
    figures = await AnnouncementFigures(database).of("a1", NOW)

    assert (4.0, None) == (figures.first_heard_s, figures.lag_s)


async def test_a_failed_switch_is_found_by_its_name(database: Database) -> None:
    """node-1 anywhere in the path, but not node-17."""
    await fill(
        database,
        announcement_version=[version_row(1, PUBLISHED, node="node-1")],
        customer=[{"number": number, "account": "", "name": "", "area": area, "language": "", "class": ""}
                  for number, area in (("+48221000001", "pl/wola/node-1"), ("+48221000002", "pl/wola/node-17"))],
        call=[call_row("other", "+48221000002", PUBLISHED - timedelta(minutes=20)),
              call_row("first", "+48221000001", PUBLISHED - timedelta(minutes=5))],
    )  # fmt: skip

    assert 300.0 == (await AnnouncementFigures(database).of("a1", NOW)).lag_s


async def test_minutes_saved_are_talks_that_did_not_happen(database: Database) -> None:
    """Deflected callers times the mean talk of the last week; older talks do not count."""
    old, end = NOW - timedelta(days=8), NOW - timedelta(hours=6)
    await fill(
        database,
        call=[call_row("t1", "x", end, disposition="agent", talk_ms=100_000),
              call_row("t2", "y", end, disposition="agent", talk_ms=200_000),
              call_row("t3", "z", old, disposition="agent", talk_ms=999_000),
              call_row("a", "+48221000001", end), call_row("b", "+48221000002", end)],
        hearing=[hearing_row("a", "+48221000001"), hearing_row("b", "+48221000002")],
    )  # fmt: skip
    figures = await AnnouncementFigures(database).of("a1", NOW)

    assert (2, 150.0, 5.0) == (figures.total.deflected, figures.mean_talk_s, figures.saved_min)


async def test_who_asked_to_be_told(database: Database) -> None:
    """Reached is who took the call; the still-out rate is of those who answered."""
    outcomes = ["works", "works", "works", "still_out", "declined", "no_answer", "busy", "cancelled", ""]
    await fill(database, opt_in=[opt_in_row(f"+4822100000{n}", each) for n, each in enumerate(outcomes)])
    figures = await AnnouncementFigures(database).of("a1", NOW)

    assert OptIns(9, 5, 3, 1) == figures.opt_ins
    assert 0.25 == figures.opt_ins.still_out_rate
    assert 9 == figures.total.opted_in == (await AnnouncementFigures(database).counters(["a1"]))["a1"].opted_in


async def test_an_announcement_nobody_heard(database: Database) -> None:
    """Zeros and nothing made up."""
    figures = await AnnouncementFigures(database).of("none", NOW)

    assert Counts() == figures.total
    assert (None, None, None, None, ()) == (
        figures.first_heard_s, figures.lag_s, figures.saved_min, figures.total.wrong_match_rate, figures.versions
    )  # fmt: skip


async def test_ten_thousand_hearings_are_counted_quickly(database: Database) -> None:
    """Counters are asked for every second, figures by people: what grew with the square would take minutes."""
    many = 10_000
    await fill(
        database,
        call=[call_row(f"c{n}", f"+4822{n:07}", PUBLISHED + timedelta(seconds=n)) for n in range(many)],
        hearing=[hearing_row(f"c{n}", f"+4822{n:07}", account=f"A{n}") for n in range(many)],
        customer=[{"number": f"+4822{n:07}", "account": f"A{n}", "name": "", "area": "pl/x", "language": "",
                   "class": ""} for n in range(many)],
    )  # fmt: skip
    figures = AnnouncementFigures(database)
    began = time.process_time()
    counts = (await figures.counters(["a1"]))["a1"]
    counted = time.process_time()
    whole = await figures.of("a1", NOW)
    done = time.process_time()

    assert many == counts.matched == whole.total.deflected + whole.total.deflected_so_far
    assert counted - began < 2
    assert done - counted < 15


def test_the_command_tells_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row for each version and one for all; what the columns mean; the estimate is called one."""
    conf = desk_settings(tmp_path)
    monkeypatch.setattr("ivr.cli.announce_desk.settings", lambda: conf)
    end = NOW - timedelta(days=400)

    async def stock() -> None:
        async with opened(conf) as database:
            await fill(
                database, announcement_version=[version_row(1, end)],
                call=[call_row("a", "+48221000001", end)], hearing=[hearing_row("a", "+48221000001", at=end)],
                opt_in=[opt_in_row("+48221000001", "still_out")],
            )  # fmt: skip

    asyncio.run(stock())
    told = CliRunner().invoke(announce.command, ["figures", "a1", "--again", "2"], catch_exceptions=False).output

    assert "a1: for everyone, service all" in told
    assert ["all", "1", "1", "0", "0", "0", "0", "1", "0", "0.0", "s"] in [line.split() for line in told.splitlines()]
    assert "no other call within 2 h" in told
    assert "asked to be told: 1, reached 1, still out 100%" in told
