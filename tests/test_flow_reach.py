"""ivr/flow/reach.py: hours at which nobody could answer, found before a caller finds them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.flow.model import Dialplans
from ivr.flow.reach import ALWAYS, Hole, Staff, find_holes, grown, meets, spoken, together
from ivr.hours import DAY_MIN, is_open, read_week
from routing.model import Need
from tests.support.flows import HOURS, NUMBERS, dialplans, text

WARSAW = ZoneInfo("Europe/Warsaw")
TODAY = date(2026, 11, 23)
FLOW = text('[steps.first]\nkind = "queue"\nqueue = "q"\non."*" = "end"\n')
SAFE = text('[steps.first]\nkind = "queue"\nqueue = "q"\non."*" = "end"\non.nobody = "end"\n')
HEAD = '[queues.q]\nneed = "internet>=3"\nkeys = "*"\n'


def plans(queues: str = HEAD, flow: str = FLOW, **others: str) -> Dialplans:
    return dialplans(flow, queues=queues, **others)


def staff(roster: str = "", **skills: int) -> Staff:
    names = {name.replace("__", "/"): level for name, level in skills.items()}
    return Staff("anna", names, read_week(roster) if roster else ALWAYS)


def told(found: Dialplans, *agents: Staff, zone: ZoneInfo = WARSAW) -> list[str]:
    """Return each hole as a person reads it, without what takes its callers."""
    return [str(hole).partition(" (asked")[0] for hole in find_holes(found, agents, zone, TODAY) if not hole.then]


def test_somebody_at_any_hour_leaves_no_hole() -> None:
    """Level 3 is enough, level 2 is not, another skill is not."""
    assert [] == told(plans(), staff(internet=3))
    assert ["nobody can answer at any hour"] == told(plans(), staff(internet=2), staff(tv=9))
    assert ["nobody can answer at any hour"] == told(plans())


def test_an_absent_skill_is_not_level_nothing() -> None:
    """`<=` is met by a beginner, not by who knows nothing of it."""
    assert meets(Need("internet<=3"), {"internet": 2})
    assert not meets(Need("internet<=3"), {"tv": 2})


def test_the_hours_without_anybody_are_named() -> None:
    """Days with the same hours together."""
    works = staff("mon-fri 08:00-16:00", internet=5)

    assert ["nobody can answer on mon-fri 00:00-08:00 16:00-24:00, sat-sun 00:00-24:00"] == told(plans(), works)


def test_only_hours_at_which_callers_come_count() -> None:
    """The queue's calendar says when; the office is open from 8 to 16, mon to fri."""
    queue = HEAD + 'hours = "office"\n'

    assert [] == told(plans(queue), staff("mon-fri 08:00-16:00", internet=5))
    assert [] == told(plans(queue), staff("mon-fri 07:00-12:00", internet=5), staff("mon-fri 11:00-20:00", internet=5))
    assert ["nobody can answer on mon-fri 12:00-13:00"] == told(
        plans(queue), staff("mon-fri 08:00-12:00 13:00-16:00", internet=5)
    )


def test_work_past_midnight_counts_on_the_next_day() -> None:
    """Sunday's night shift is there on Monday morning."""
    night = 'timezone = "Europe/Warsaw"\n[hours.office]\nopen = "Mo 00:00-02:00; Su 23:00-03:00"\n'
    queue = HEAD + 'hours = "office"\n'

    assert [] == told(plans(queue, hours=night), staff("sun 22:00-04:00", internet=5))
    assert ["nobody can answer on mon 02:00-03:00"] == told(
        plans(queue, hours=night), staff("sun 22:00-02:00", internet=5)
    )


def test_special_days_count_unless_they_are_over() -> None:
    """Open on a Sunday in December with nobody at work is a hole, also years ahead; 1 May 2027 is a Saturday."""
    queue, works = HEAD + 'hours = "office"\n', staff("mon-fri 08:00-16:00", internet=5)
    special = "[hours.office.special]\n2026-12-13 = '10:00-14:00'\n2026-11-22 = '10:00-14:00'\n"
    later = "[hours.office.special]\n2030-06-02 = '10:00-14:00'\n05-01 = '15:00-17:00'\n"

    assert ["nobody can answer on 2026-12-13 10:00-14:00"] == told(plans(queue, hours=HOURS + special), works)
    assert ["nobody can answer on 2027-05-01 15:00-17:00, 2030-06-02 10:00-14:00"] == told(
        plans(queue, hours=HOURS + later), works
    )


def test_holidays_and_seasons_count() -> None:
    """Longer hours in December, and a holiday that falls on a day nobody works."""
    hours = 'timezone = "Europe/Warsaw"\ncountry = "PL"\n[hours.office]\nopen = "{}"\n'
    queue, works = HEAD + 'hours = "office"\n', staff("mon-fri 08:00-16:00", internet=5)
    december = hours.format("Mo-Fr 08:00-16:00; Dec Mo-Fr 08:00-18:00")
    holidays = hours.format("Mo-Fr 08:00-16:00; PH 10:00-12:00")
    found = told(plans(queue, hours=holidays), works)[0]

    assert ["nobody can answer on mon-fri 16:00-18:00"] == told(plans(queue, hours=december), works)
    assert found.startswith("nobody can answer on ")
    assert "2026-12-26 10:00-12:00" in found
    assert "2027-01-01" not in found, "a Friday: somebody is there"


def test_many_single_days_are_cut_short() -> None:
    """The first six are named."""
    special = "".join(f"2026-12-{day:02d} = '17:00-{day + 6}:00'\n" for day in range(12, 18))
    more = special + "2027-01-02 = '08:00-09:00'\n2027-01-03 = '09:00-10:00'\n"
    queue, works = HEAD + 'hours = "office"\n', staff("mon-fri 08:00-16:00", internet=5)

    assert told(plans(queue, hours=HOURS + "[hours.office.special]\n" + more), works)[0].endswith(", 2 days more")


def test_clocks_that_change_within_opening_hours() -> None:
    """A calendar in UTC, open through the night in which Warsaw puts its clocks forward, and nobody at 3 or 4 there."""
    utc = 'timezone = "UTC"\n[hours.office]\nopen = "2027 Mar 28 00:00-04:00"\n'
    found = plans(HEAD + 'hours = "office"\n', hours=utc)

    assert [] == told(found, staff("sun 01:00-02:00 03:00-06:00", internet=5))
    assert ["nobody can answer on 2027-03-28 00:00-01:00"] == told(found, staff("sun 03:00-06:00", internet=5))


def test_twenty_calendars_are_checked_at_once() -> None:
    """In less than 0.3 s on an idle machine; the bound here is that of a busy one."""
    hours = 'timezone = "Europe/Warsaw"\ncountry = "PL"\n'
    queues = ""
    for number in range(20):
        hours += f'[hours.c{number}]\nopen = "Mo-Fr 08:00-{number % 9 + 10}:00; Sa 09:00-12:00; PH off"\n'
        queues += f'[queues.q{number}]\nneed = "internet"\nhours = "c{number}"\n'
    keys = "".join(f'{number} = "queue:q{number}"\n' for number in range(10))
    first = HEAD.replace('keys = "*"\n', f"[queues.q.keys]\n'*' = 'leave'\n{keys}")
    found = plans(first + queues, hours=hours)
    began = time.process_time()
    holes = find_holes(found, [staff("mon-fri 09:00-17:00", internet=5)], WARSAW, TODAY)

    assert 11 == len(holes)
    assert time.process_time() - began < 1.5


def test_clocks_of_two_zones_are_compared() -> None:
    """London opens at 8 of its own clock, which is 9 in Warsaw, in winter and in summer."""
    london = HOURS.replace("Europe/Warsaw", "Europe/London")
    queue = HEAD + 'hours = "office"\n'

    assert [] == told(plans(queue, hours=london), staff("mon-fri 09:00-17:00", internet=5))
    assert ["nobody can answer on mon-fri 15:00-16:00"] == told(
        plans(queue, hours=london), staff("mon-fri 09:00-16:00", internet=5)
    )


def test_clocks_of_two_zones_turn_the_week() -> None:
    """Sunday's last hour in London is Monday's first in Warsaw."""
    late = 'timezone = "Europe/London"\n[hours.office]\nopen = "Su 23:00-24:00"\n'
    found = plans(HEAD + 'hours = "office"\n', hours=late)

    assert [] == told(found, staff("mon 00:00-01:00", internet=5))
    assert ["nobody can answer on sun 23:00-24:00"] == told(found, staff("sun 23:00-24:00", internet=5))


def test_summer_and_winter_both_count() -> None:
    """A calendar without summer time opens at another hour of Warsaw's clock half the year."""
    utc = 'timezone = "UTC"\n[hours.office]\nopen = "Mo 08:00-09:00"\n'
    found = plans(HEAD + 'hours = "office"\n', hours=utc)

    assert [] == told(found, staff("mon 09:00-11:00", internet=5))
    assert ["nobody can answer on mon 08:00-09:00"] == told(found, staff("mon 09:00-10:00", internet=5))


def test_a_language_the_overflow_asks_for_counts() -> None:
    """Although the first queue asks for none."""
    queue = HEAD + 'overflow = "queue:tv"\n[queues.tv]\nneed = "tv"\nby_language = true\n'

    assert [] == told(plans(queue), staff(tv=1, lang__pl=9))
    assert ["nobody can answer for callers who speak pl at any hour"] == told(plans(queue), staff(tv=1, lang__en=9))


def test_relax_steps_let_more_people_answer() -> None:
    """But agents of another project may always stay away."""
    wider = HEAD + 'relax = [{ after_s = 60, need = "tv" }]\n'
    lent = HEAD + 'relax = [{ after_s = 60, need = "tv", lend = "b" }]\n[queues.b]\nneed = "tv"\nproject = "b"\n'
    guarded = lent + "service_level = { target_s = 20, percent = 80 }\n"

    assert [] == told(plans(wider), staff(tv=1))
    assert ["nobody can answer at any hour"] == told(plans(guarded), staff(tv=1, project__b=1))


def test_only_agents_of_the_project_count() -> None:
    """A queue of acme needs a member of acme."""
    queue = HEAD + 'project = "acme"\n'

    assert ["nobody can answer at any hour"] == told(plans(queue), staff(internet=5))
    assert [] == told(plans(queue), staff(internet=5, project__acme=1))


def test_every_language_of_callers_needs_somebody() -> None:
    """Those of numbers and of language steps; a step for any language helps all."""
    numbers = NUMBERS.replace("[targets]", '[numbers.101]\nflow = "main"\nlanguage = "en"\n\n[targets]')
    queue = HEAD + "by_language = true\n"
    found = plans(queue, numbers=numbers)

    assert ("en", "pl") == spoken(found)
    assert ["nobody can answer for callers who speak en at any hour"] == told(found, staff(internet=5, lang__pl=9))
    assert [] == told(found, staff(internet=5, lang__pl=9, lang__en=1))
    assert [] == told(
        plans(queue + "relax = [{ after_s = 60, any_language = true }]\n", numbers=numbers), staff(internet=5)
    )


@pytest.mark.parametrize("overflow", ["callback", "message"])
def test_a_final_target_makes_a_caller_safe(overflow: str) -> None:
    """The hole is still told, with what takes its callers."""
    found = find_holes(plans(f'{HEAD}overflow = "{overflow}"\n'), [], WARSAW, TODAY)

    assert [f'overflow = "{overflow}"'] == [hole.then for hole in found]


def test_a_step_that_names_nobody_makes_a_caller_safe() -> None:
    """Every step has to: one that does not leaves its callers with a goodbye."""
    both = text(
        '[steps.first]\nkind = "queue"\nqueue = "q"\non."*" = "again"\non.nobody = "end"\n'
        '[steps.again]\nkind = "queue"\nqueue = "q"\non."*" = "end"\n'
    )

    assert [] == told(plans(flow=SAFE))
    assert ["nobody can answer at any hour"] == told(plans(flow=both))


def test_the_queue_an_overflow_leads_to_helps() -> None:
    """At the hours it has somebody, or with its own final target."""
    queue = HEAD + 'hours = "office"\noverflow = "queue:tv"\n[queues.tv]\nneed = "tv"\n'

    assert ["nobody can answer on mon-fri 14:00-16:00"] == told(
        plans(queue), staff("mon-fri 08:00-12:00", internet=5), staff("mon-fri 12:00-14:00", tv=1)
    )
    assert [] == told(plans(queue + 'overflow = "message"\n'))


def test_a_queue_no_caller_comes_to_has_no_hole() -> None:
    """One reached by a key of another queue has."""
    other = '[queues.tv]\nneed = "tv"\n'
    keys = HEAD.replace('keys = "*"', 'keys = { 1 = "queue:tv", "*" = "leave" }')

    assert [] == told(plans(HEAD + other), staff(internet=5))
    assert ["nobody can answer at any hour"] == told(plans(keys + other), staff(internet=5))


def test_a_misspelt_skill_is_told() -> None:
    """The nearest skill anybody has."""
    found = find_holes(plans(HEAD.replace("internet", "internt")), [staff(internet=5)], WARSAW, TODAY)

    assert ["internet"] == [hole.near for hole in found]


def test_languages_with_the_same_hole_are_told_together() -> None:
    """And a language nobody speaks is not taken for a misspelt skill."""
    numbers = NUMBERS.replace("[targets]", '[numbers.101]\nflow = "main"\nlanguage = "en"\n\n[targets]')
    found = plans(HEAD + "by_language = true\n", numbers=numbers)
    agents = [staff("mon 08:00-09:00", internet=5, lang__ru=1)]
    holes = together(find_holes(found, agents, WARSAW, TODAY))

    assert ["nobody can answer for callers who speak en, pl at any hour (asked for: internet>=3)"] == [
        str(hole) for hole in holes
    ]
    assert [""] == [hole.near for hole in holes]


def test_only_holes_that_grew_are_new() -> None:
    """Smaller ones are what a change is for."""
    queue = plans(HEAD + 'hours = "office"\n')

    def holes(roster: str) -> tuple[Hole, ...]:
        return find_holes(queue, [staff(roster, internet=5)], WARSAW, TODAY)

    nobody = find_holes(queue, [], WARSAW, TODAY)
    morning, later = holes("mon-fri 08:00-12:00"), holes("fri 09:00-16:00")

    assert () == grown(nobody, morning) == grown(morning, morning) == grown(morning, ())
    assert 1 == len(grown(morning, nobody)) == len(grown((), morning)) == len(grown(morning, later))


SPANS = st.tuples(st.integers(0, 23), st.integers(1, 24)).filter(lambda pair: pair[0] != pair[1])
ROSTER = st.dictionaries(st.integers(0, 6), SPANS, min_size=1, max_size=4)


def written(roster: Mapping[int, tuple[int, int]], names: tuple[str, ...]) -> str:
    return ", ".join(f"{names[day]} {start:02d}:00-{end:02d}:00" for day, (start, end) in roster.items())


@given(opened=ROSTER, works=st.lists(ROSTER, min_size=1, max_size=3))
def test_the_answer_is_that_of_asking_every_hour(
    opened: Mapping[int, tuple[int, int]], works: list[Mapping[int, tuple[int, int]]]
) -> None:
    """A hole is found exactly when at some hour of a week the calendar is open and no roster is."""
    days = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    osm = ", ".join(f"{days[day].title()[:2]} {start:02d}:00-{end:02d}:00" for day, (start, end) in opened.items())
    found = plans(HEAD + 'hours = "o"\n', hours=f'timezone = "Europe/Warsaw"\n[hours.o]\nopen = "{osm}"\n')
    agents = [staff(written(roster, days), internet=5) for roster in works]
    monday = datetime(2026, 11, 23, tzinfo=WARSAW)
    hours = [monday + timedelta(hours=hour) for hour in range(7 * 24)]
    alone = {at for at in hours if is_open(found.hours["o"], at)} - {
        at for at in hours for agent in agents if at_work(agent, at)
    }
    holes = find_holes(found, agents, WARSAW, TODAY)

    assert bool(alone) == bool(holes)
    assert len(alone) * 60 == sum(span.end - span.start for hole in holes for span in hole.gaps[""])


def at_work(agent: Staff, at: datetime) -> bool:
    minute, day = at.hour * 60, at.weekday()
    today, before = agent.week.get(day, ()), agent.week.get((day - 1) % 7, ())
    return any(s.start <= minute < s.end for s in today) or any(s.start <= minute + DAY_MIN < s.end for s in before)
