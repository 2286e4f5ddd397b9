"""What a scenario needs to be made real, and which of them can be real at the same time. Pure.

Called by `ivr/scenarios/real.py`. A trial of the scenario tells which queues, calendars, targets and servers it meets;
everything it does not meet is of no concern.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ivr.area import contains
from ivr.call import LANGUAGE_SKILL, LANGUAGES
from ivr.flow import commands as c
from ivr.flow.model import Dialplans, QueueConfig
from ivr.flow.reach import meets
from ivr.flow.scenario import Scenario
from ivr.flow.trial import HANG_UP, Transcript, read_keys
from ivr.flow.world import Known, Who
from ivr.hours import is_open
from ivr.sound import Clip

ANSWERED, NOBODY, WAITING = "answered", "nobody", "waiting"
CLOCK_FACTS = ("time", "weekday", "date")
PROJECT_SKILL = "project/"
ASKED_S = 1.2  # of a question are heard before its answer
AT_ONCE = 3  # calls of one stage at the same time: a machine of two cores hears them all

Needs = Mapping[tuple[str, ...], Any]
"""What must be so while the call is up, by kind and name; two scenarios fit together where both agree."""


@dataclass(frozen=True)
class Press:
    """One key, or HANG_UP. Pressed `after_s` after `heard` began for the `nth` time since the key before.

    heard  a prompt or `announcement`, '' when nothing was said since.  waiting  he is in a queue by then.
    """

    key: str
    heard: str = ""
    nth: int = 1
    after_s: float = 0.0
    waiting: bool = False


@dataclass(frozen=True)
class Part:
    """A scenario that can be real. presses  what the phone does.  alone  no other may run meanwhile."""

    scenario: Scenario
    transcript: Transcript
    needs: Needs
    presses: tuple[Press, ...]
    alone: bool = False


@dataclass
class Stage:
    """Scenarios that need the same, so that they can be real together."""

    needs: dict[tuple[str, ...], Any] = field(default_factory=dict)
    parts: list[Part] = field(default_factory=list)

    def modes(self) -> dict[str, str]:
        """Return how waiting is to end by queue."""
        return {key[1]: value for key, value in self.needs.items() if key[0] == "queue"}


def stages(parts: Iterable[Part], dialplans: Dialplans) -> list[Stage]:
    """Return `parts` in as few stages as a simple way finds."""
    found: list[Stage] = []
    for part in sorted(parts, key=lambda part: part.alone):
        fitting = None if part.alone else next((each for each in found if _fits(each, part, dialplans)), None)
        if fitting is None:
            found.append(fitting := Stage())
        fitting.needs |= part.needs
        fitting.parts.append(part)
    return found


def _fits(stage: Stage, part: Part, dialplans: Dialplans) -> bool:
    if any(other.alone for other in stage.parts):
        return False
    if any(stage.needs.get(key, value) != value for key, value in part.needs.items()):
        return False
    together = Stage({**stage.needs, **part.needs}).modes()
    return not conflict(together, dialplans)


def conflict(modes: Mapping[str, str], dialplans: Dialplans) -> bool:
    """Would an agent who is there for one queue answer another one whose callers must find nobody, or wait?"""
    for name, mode in modes.items():
        for other, wanted in modes.items():
            if mode != NOBODY and other != name and wanted != ANSWERED:
                skills, _ = agent_of(dialplans.queues[name])
                everything = dict(skills) | {f"{LANGUAGE_SKILL}{each}": 10 for each in LANGUAGES}
                if any(meets(need, everything) for need in _needs(dialplans.queues[other])):
                    return True
    return False


def _needs(queue: QueueConfig) -> list[Any]:
    plans = [queue.plan(language) for language in ("", *LANGUAGES)]
    return [need for plan in plans for need in (plan.need, *(step.need for step in plan.steps)) if need]


def agent_of(queue: QueueConfig) -> tuple[dict[str, int], tuple[str, ...]]:
    """Return the skills and projects of somebody who just meets what `queue` needs."""
    skills = {skill: level for skill, _, level in queue.plan().need.terms}
    projects = tuple(skill.removeprefix(PROJECT_SKILL) for skill in skills if skill.startswith(PROJECT_SKILL))
    usual = {skill: level for skill, level in skills.items() if not skill.startswith((PROJECT_SKILL, LANGUAGE_SKILL))}
    return usual, projects


def part_of(scenario: Scenario, transcript: Transcript, dialplans: Dialplans) -> Part | str:
    """Return `scenario` as it can be real, or why it cannot."""
    if why := _why_not(scenario, transcript):
        return why
    situation = scenario.situation
    everyone = [known for known in situation.known if not _own(known, scenario)]
    needs: dict[tuple[str, ...], Any] = {("everyone",): tuple(map(_told, everyone)), **_queues(transcript)}
    if not situation.caller:
        needs["withheld",] = scenario.name
    for command in transcript.commands:
        match command:
            case c.CheckHours():
                name = command.name
                found = situation.open.get(name)
                needs["hours", name] = is_open(dialplans.hours[name], situation.at) if found is None else found
            case c.Transfer():
                needs["target", command.target] = situation.transfers.get(command.target, "answered")
            case c.Fetch():
                needs["webhook", command.webhook] = situation.webhooks.get(command.webhook, c.Fetched("answered"))
            case c.FindCustomer(by="account"):
                who = situation.accounts.get(command.digits)
                needs["account", command.digits] = who and (who, tuple(known_to(who, scenario)))
    ends = [queued.outcome for _, queued in transcript.waits]
    alone = "key" in ends and ends[-1] == "answered" and transcript.waits[-1][0] in _waiting(transcript)
    return Part(scenario, transcript, needs, presses(transcript, scenario.keys), alone)


def _waiting(transcript: Transcript) -> set[str]:
    return {name for name, queued in transcript.waits if queued.outcome in ("key", "timeout", "abandoned")}


def _queues(transcript: Transcript) -> dict[tuple[str, ...], str]:
    waiting = _waiting(transcript)
    modes = {
        name: WAITING if name in waiting else NOBODY if queued.outcome == "nobody" else ANSWERED
        for name, queued in transcript.waits
    }
    return {("queue", name): mode for name, mode in modes.items()}


def _why_not(scenario: Scenario, transcript: Transcript) -> str:
    situation = scenario.situation
    ends: dict[str, set[str]] = {}
    for name, queued in transcript.waits:
        ends.setdefault(name, set()).add(queued.outcome)
        if queued.outcome in ("full", "too_long", "failed"):
            return f"a queue that ends as {queued.outcome} needs more callers than there are phones"
    if any("nobody" in among and len(among) > 1 for among in ends.values()):
        return "agents would have to come while he waits"
    if any(line.what == "arranges" for line in transcript.lines):
        return "arranging a call-back or a message is a dialogue of its own"
    looked = {fact for command in transcript.commands if isinstance(command, c.Look) for fact in command.facts}
    if looked & set(CLOCK_FACTS):
        return "the flow asks for the time of day, and a real call comes now"
    if looked & set(situation.facts):
        return "`facts` cannot be brought about"
    if any(isinstance(command, c.FindCustomer) and command.by == "postcode" for command in transcript.commands):
        return "postcodes are asked for"
    customer = situation.customer
    if customer and not customer.area:
        return "a customer file has no customer without an area"
    if scenario.speaks != ((customer.language if customer else "") or scenario.number.language):
        return "`language` is neither the customer's nor the number's"
    if any(not who.area for who in situation.accounts.values()):
        return "a customer file has no customer without an area"
    return _unlike_real(scenario)


def _unlike_real(scenario: Scenario) -> str:
    """Return why real matching would not come to the same announcements."""
    customer = scenario.situation.customer
    services = [known.service for known in scenario.situation.known]
    if len(set(services)) < len(services):
        return "of two announcements for one service a real caller hears the one that fits best"
    for known in scenario.situation.known:
        announcement = known.announcement
        ended = announcement.certain and (customer is None or customer.class_ == "normal")
        if announcement.may_end != ended:
            return "`may_end` is decided by the customer's class and by what is certain"
        if announcement.nth > 1 or announcement.opt_in:
            return "`heard` and `opt_in` need earlier calls, and a trunk out"
        if not announcement.certain and not scenario.situation.caller:
            return "nothing may concern a caller nobody knows anything of"
    return ""


def _own(known: Known, scenario: Scenario) -> bool:
    """Can it be posted so that no other caller hears it: for his area, or for his number?"""
    return bool(not known.announcement.certain or known.area or scenario.situation.customer)


def _told(known: Known) -> tuple[object, ...]:
    return text_of(known), known.service, known.announcement.planned


def known_to(who: Who, scenario: Scenario) -> Iterator[Known]:
    """Yield the announcements that concern a customer who is found by what he enters."""
    for known in scenario.situation.known:
        if known.announcement.certain and known.area and contains(known.area, who.area):
            yield known


def languages(parts: Iterable[Part]) -> set[str]:
    """Return the languages spoken in these scenarios."""
    changed = {command.language for part in parts for command in part.transcript.commands
               if isinstance(command, c.SetLanguage)}  # fmt: skip
    return {part.scenario.speaks for part in parts} | changed


def text_of(known: Known) -> str:
    """Return what an announcement of a scenario says."""
    (clip,) = known.announcement.phrases
    assert isinstance(clip, Clip)
    return clip.name


# -- when to press


def presses(transcript: Transcript, script: str) -> tuple[Press, ...]:
    """Return what the caller presses and when, by what he hears: no clock is the same on two machines."""
    found: list[Press] = []
    said: list[tuple[float, str]] = []
    waits = iter(transcript.waits)
    items = list(read_keys(script))
    keys = iter((item, n > 0 and len(items[n - 1]) > 1) for n, item in enumerate(items) if not item.startswith("w"))
    for line in transcript.lines:
        if line.what == "says":
            said.append((line.at_s, line.name))
        elif line.what == "waits":
            _, queued = next(waits)
            if queued.outcome in ("key", "abandoned"):
                found.append(Press(queued.key or HANG_UP, said[-1][1] if said else "", waiting=True))
                said.clear()
        elif line.what == "caller" and line.text != "presses nothing" and not (found and found[-1].key == HANG_UP):
            found.append(_press(*next(keys), said, line.at_s))
            said.clear()
    return tuple(found)


def _press(key: str, timed: bool, said: Sequence[tuple[float, str]], at_s: float) -> Press:
    """timed  it comes a while after something; else as soon as he is asked."""
    if not said:
        return Press(key)
    began_s, name = said[-1]
    return Press(key, name, sum(each == name for _, each in said), at_s - began_s if timed else ASKED_S)
