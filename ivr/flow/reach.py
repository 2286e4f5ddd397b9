"""Can somebody answer every queue at every hour? Compares queues with the agents and their working hours.

Pure: the day is passed in. Called by `ivr dialplan check` and by `desk/staffing.py` before agents are saved. A
caller is safe where an agent at work meets the need or a relax step, in this queue or in those it overflows to,
and where a final target takes him: a call-back, a message, or the step that `on.nobody` names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import groupby
from zoneinfo import ZoneInfo

from ivr.call import LANGUAGE_SKILL
from ivr.errors import nearest
from ivr.flow.model import Dialplans, QueueConfig, Step, led_to
from ivr.hours import DAY_MIN, WEEKDAYS, Calendar, Span
from routing.model import Need

Gaps = Mapping[str, tuple[Span, ...]]

WEEK_MIN = 7 * DAY_MIN
ALWAYS: Mapping[int, tuple[Span, ...]] = {day: (Span(0, DAY_MIN),) for day in range(7)}
NOBODY = "nobody"  # the outcome


@dataclass(frozen=True)
class Staff:
    """An agent as the check sees him. skills  projects and languages among them.  week  when he works."""

    agent_id: str
    skills: Mapping[str, int]
    week: Mapping[int, tuple[Span, ...]]


@dataclass(frozen=True)
class Hole:
    """Hours at which nobody can answer callers of one queue.

    language  '' when the queue does not ask for one.  needs  without the language.  gaps  minutes of the week
    ('') or of a special day.  ever  does somebody answer at other hours?  then  what takes those callers all the
    same (`overflow = "callback"`), '' when nothing does.  near  the skill that was meant, perhaps.
    """

    queue: str
    language: str
    needs: tuple[str, ...]
    gaps: Gaps
    ever: bool
    then: str = ""
    near: str = ""

    @property
    def when(self) -> str:
        """Tell the hours: `on sat 09:00-14:00`."""
        if not self.ever:
            return "at any hour"
        days = [f"{day} " + " ".join(map(_hours, spans)) for day, spans in self.gaps.items() if day]
        return "on " + ", ".join([*_words(self.gaps.get("", ())), *days])

    def __str__(self) -> str:
        speaking = f" for callers who speak {self.language}" if self.language else ""
        return f"nobody can answer{speaking} {self.when} (asked for: {' or '.join(self.needs)})"


def find_holes(dialplans: Dialplans, staff: Sequence[Staff], zone: ZoneInfo, today: date) -> tuple[Hole, ...]:
    """Return every hole by queue and language; queues no caller can come to have none.

    zone  of the agents' working hours.  today  special days before it do not count.
    """
    languages = spoken(dialplans)
    found = []
    for queue in dialplans.queues.values():
        steps = tuple(_entries(queue.name, dialplans))
        if not steps:
            continue
        chain = _chain(queue, dialplans)
        then = _final(chain, steps)
        for language in languages if any(each.by_language for each in chain) else ("",):
            needs = _needs(chain, language)
            able = [agent for agent in staff if any(meets(need, agent.skills) for need in needs)]
            gaps = _gaps(dialplans.hours.get(queue.hours), _together(agent.week for agent in able), zone, today)
            if gaps:
                texts = tuple(dict.fromkeys(_without_language(need) for need in needs))
                found.append(Hole(queue.name, language, texts, gaps, bool(able), then, _near(needs, staff)))
    return tuple(found)


def grown(before: Iterable[Hole], after: Iterable[Hole]) -> tuple[Hole, ...]:
    """Return the holes of `after` that are new, or have hours they did not have."""
    known = {(hole.queue, hole.language): hole.gaps for hole in before}

    def larger(hole: Hole) -> bool:
        old = known.get((hole.queue, hole.language), {})
        return any([*_uncovered(spans, old.get(day, ()), 0)] for day, spans in hole.gaps.items())

    return tuple(hole for hole in after if larger(hole))


def together(holes: Iterable[Hole]) -> tuple[Hole, ...]:
    """Return the holes as they are told: those of one queue that differ only in the language as one."""
    found: dict[tuple[object, ...], Hole] = {}
    for hole in holes:
        key = (hole.queue, hole.needs, tuple(hole.gaps.items()), hole.ever)
        known = found.get(key)
        found[key] = replace(known, language=f"{known.language}, {hole.language}") if known else hole
    return tuple(found.values())


def meets(need: Need, skills: Mapping[str, int]) -> bool:
    """Is all of `need` met? A skill that is absent meets nothing."""
    return all(
        skill in skills and (skills[skill] >= level if op == ">=" else skills[skill] <= level)
        for skill, op, level in need.terms
    )


def spoken(dialplans: Dialplans) -> tuple[str, ...]:
    """Return the languages callers may speak: those of numbers and of `language` steps."""
    found = {number.language for number in dialplans.numbers.values()}
    found |= {step.values["language"] for step in _steps(dialplans) if step.kind == "language"}
    return tuple(sorted(found))


def _steps(dialplans: Dialplans) -> Iterator[Step]:
    for flow in dialplans.flows.values():
        yield from flow.steps.values()


def _entries(queue: str, dialplans: Dialplans) -> Iterator[Step]:
    """Yield the steps whose callers can choose to wait in `queue`: it is named there, or by a key of their queues.

    Who comes by overflow does not count: the queue he comes from answers for him.
    """
    for step in _steps(dialplans):
        if step.kind == "queue" and queue in _chosen(step.values["queue"], dialplans):
            yield step


def _chosen(queue: str, dialplans: Dialplans) -> set[str]:
    queues = dialplans.queues
    return {queue} | {a.queue for name in led_to(queue, queues) for a in queues[name].keys.values() if a.queue}


def _chain(queue: QueueConfig, dialplans: Dialplans) -> tuple[QueueConfig, ...]:
    """Return the queue and those it overflows to, one after the other (the loader refuses circles)."""
    found = [queue]
    while found[-1].overflow.queue:
        found.append(dialplans.queues[found[-1].overflow.queue])
    return tuple(found)


def _final(chain: Sequence[QueueConfig], steps: Sequence[Step]) -> str:
    """Return what takes callers nobody answers, '' when for some of them nothing is written."""
    last = chain[-1].overflow
    if last.kind != "leave":
        return f'overflow = "{last}"'
    return "on.nobody" if all(NOBODY in step.on for step in steps) else ""


def _needs(chain: Sequence[QueueConfig], language: str) -> tuple[Need, ...]:
    """Return every need that brings an answer some day; agents of another project may always stay away."""
    found: dict[Need, None] = {}
    for queue in chain:
        plan = queue.plan(language)
        found[plan.need] = None
        found.update((step.need, None) for step in plan.steps if step.need and not step.lend)
    return tuple(found)


def _without_language(need: Need) -> str:
    others = [f"{skill}{op}{level}" for skill, op, level in need.terms if not skill.startswith(LANGUAGE_SKILL)]
    return "&".join(others) or need.text


def _near(needs: Iterable[Need], staff: Sequence[Staff]) -> str:
    known = {skill for agent in staff for skill in agent.skills}
    asked = [skill for need in needs for skill, _, _ in need.terms]
    unknown = [skill for skill in asked if skill not in known and not skill.startswith(LANGUAGE_SKILL)]
    return next((near for skill in unknown if (near := nearest(skill, known))), "")


# -- minutes of a week, 0 is Monday 00:00


def _together(weeks: Iterable[Mapping[int, tuple[Span, ...]]]) -> list[Span]:
    """Return all minutes of these weeks, sorted and merged; what runs into the next Monday is Monday's."""
    spans = [Span(day * DAY_MIN + s.start, day * DAY_MIN + s.end) for week in weeks for day in week for s in week[day]]
    spans += [Span(0, span.end - WEEK_MIN) for span in spans if span.end > WEEK_MIN]
    spans = [Span(span.start, min(span.end, WEEK_MIN)) for span in spans]
    merged: list[Span] = []
    for span in sorted(spans, key=lambda each: each.start):
        if merged and span.start <= merged[-1].end:
            merged[-1] = Span(merged[-1].start, max(merged[-1].end, span.end))
        else:
            merged.append(span)
    return merged


def _gaps(calendar: Calendar | None, covered: Sequence[Span], zone: ZoneInfo, today: date) -> Gaps:
    """Return when `calendar` (None: always) is open and nobody works: of the week under '', of special days."""
    shifts = _shifts(calendar.zone, zone, today) if calendar else {0}
    opened = {"": _together([calendar.weekly if calendar else ALWAYS])}
    for day, on, spans in _special_days(calendar, today):
        opened[day] = [Span(on * DAY_MIN + span.start, on * DAY_MIN + span.end) for span in spans]
    found = {}
    for day, hours in opened.items():
        gaps = {gap for shift in shifts for gap in _uncovered(hours, covered, shift)}
        found[day] = tuple(sorted(gaps, key=_start))
    return {day: gaps for day, gaps in found.items() if gaps}


def _shifts(calendar: ZoneInfo, zone: ZoneInfo, today: date) -> set[int]:
    """Return by how many minutes clocks of the calendar are ahead of those of `zone`, in winter and summer."""
    found = set()
    for month in (1, 7):
        noon = datetime(today.year, month, 15, 12)
        ahead = noon.replace(tzinfo=zone) - noon.replace(tzinfo=calendar)
        found.add(round(ahead.total_seconds() / 60))
    return found


def _special_days(calendar: Calendar | None, today: date) -> Iterator[tuple[str, int, tuple[Span, ...]]]:
    """Yield special days with hours and the weekday each is; one of every year falls on each weekday some day."""
    if calendar is None:
        return
    for day, spans in calendar.dated.items():
        if day >= today:
            yield day.isoformat(), day.weekday(), spans
    for (month, number), spans in calendar.yearly.items():
        for weekday in range(7):
            yield f"{month:02d}-{number:02d} (when a {WEEKDAYS[weekday]})", weekday, spans


def _uncovered(opened: Iterable[Span], covered: Sequence[Span], shift: int) -> Iterator[Span]:
    """Yield the parts of `opened` outside `covered`, which is `shift` minutes behind."""
    round_the_week = [
        Span(span.start + shift + turn, span.end + shift + turn)
        for turn in (-WEEK_MIN, 0, WEEK_MIN) for span in covered
    ]  # fmt: skip
    for span in opened:
        at = span.start
        for work in round_the_week:
            if work.end <= at:
                continue
            if work.start >= span.end:
                break
            if work.start > at:
                yield Span(at, work.start)
            at = max(at, work.end)
        if at < span.end:
            yield Span(at, span.end)


def _words(gaps: Iterable[Span]) -> list[str]:
    """Return gaps as `mon-fri 18:00-20:00`, days with the same hours together."""
    days: dict[int, list[str]] = {}
    for gap in sorted(gaps, key=_start):
        for day in range(gap.start // DAY_MIN, (gap.end - 1) // DAY_MIN + 1):
            begin, end = max(gap.start, day * DAY_MIN), min(gap.end, (day + 1) * DAY_MIN)
            days.setdefault(day % 7, []).append(_hours(Span(begin, end)))
    found = []
    for _, run in groupby(enumerate(sorted(days)), key=lambda item: (item[1] - item[0], days[item[1]])):
        among = [day for _, day in run]
        name = WEEKDAYS[among[0]] + (f"-{WEEKDAYS[among[-1]]}" if len(among) > 1 else "")
        found.append(f"{name} {' '.join(dict.fromkeys(days[among[0]]))}")
    return found


def _hours(span: Span) -> str:
    start, end = span.start % DAY_MIN, span.end % DAY_MIN or DAY_MIN
    return f"{start // 60:02d}:{start % 60:02d}-{end // 60:02d}:{end % 60:02d}"


def _start(span: Span) -> int:
    return span.start
