"""Can somebody answer every queue at every hour? Compares queues with the agents and their working hours.

Pure: the day is passed in. Called by `ivr dialplan check` and by `desk/staffing.py` before agents are saved. A
caller is safe where an agent at work meets the need or a relax step, in this queue or in those it overflows to,
and where a final target takes him: a call-back, a message, or the step that `on.nobody` names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from zoneinfo import ZoneInfo

from ivr.call import LANGUAGE_SKILL
from ivr.errors import nearest
from ivr.flow.gaps import Gaps, all_hours, find_gaps, gap_words, hours_text, uncovered, when_open
from ivr.flow.model import Dialplans, QueueConfig, Step, led_to
from ivr.hours import DAY_MIN, Span
from ivr.opening import merged
from routing.model import Need

ALWAYS: Mapping[int, tuple[Span, ...]] = {day: (Span(0, DAY_MIN),) for day in range(7)}
NOBODY = "nobody"  # the outcome
DAYS_TOLD = 6


@dataclass(frozen=True)
class Staff:
    """An agent as the check sees him. skills  projects and languages among them.  week  when he works."""

    agent_id: str
    skills: Mapping[str, int]
    week: Mapping[int, tuple[Span, ...]]


@dataclass(frozen=True)
class Hole:
    """Hours at which nobody can answer callers of one queue.

    language  '' when the queue does not ask for one.  needs  without the language.  gaps  minutes of the week: under
    '' those of every week (or of many), under a day only of that one.  ever  does somebody answer at other hours?
    then  what takes those callers all the same (`overflow = "callback"`), '' when nothing does.  near  the skill that
    was meant, perhaps.
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
        days = [f"{day} " + " ".join(map(hours_text, gaps)) for day, gaps in self.gaps.items() if day]
        more = [f"{len(days) - DAYS_TOLD} days more"] if len(days) > DAYS_TOLD else []
        return "on " + ", ".join([*gap_words(self.gaps.get("", ())), *days[:DAYS_TOLD], *more])

    def __str__(self) -> str:
        speaking = f" for callers who speak {self.language}" if self.language else ""
        return f"nobody can answer{speaking} {self.when} (asked for: {' or '.join(self.needs)})"


def find_holes(dialplans: Dialplans, staff: Sequence[Staff], zone: ZoneInfo, today: date) -> tuple[Hole, ...]:
    """Return every hole by queue and language; queues no caller can come to have none.

    zone  of the agents' working hours.  today  special days before it do not count.
    """
    languages = spoken(dialplans)
    named = {queue.hours for queue in dialplans.queues.values()}
    opened = {name: when_open(dialplans.hours.get(name), zone, today) for name in named}
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
            gaps = find_gaps(opened[queue.hours], all_hours(agent.week for agent in able))
            if gaps:
                texts = tuple(dict.fromkeys(_without_language(need) for need in needs))
                found.append(Hole(queue.name, language, texts, gaps, bool(able), then, _near(needs, staff)))
    return tuple(found)


def grown(before: Iterable[Hole], after: Iterable[Hole]) -> tuple[Hole, ...]:
    """Return the holes of `after` that are new, or have hours they did not have."""
    known = {(hole.queue, hole.language): hole.gaps for hole in before}

    def larger(hole: Hole) -> bool:
        old = known.get((hole.queue, hole.language), {})
        usual = old.get("", ())
        return any([*uncovered(gaps, merged((*usual, *old.get(day, ()))), 0)] for day, gaps in hole.gaps.items())

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
