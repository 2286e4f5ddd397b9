"""Which steps and outcomes of the flows scenarios have gone through, and which there are. Pure.

What counts as an outcome that can happen, with the values a step has (dialplans/README.md tells engineers the same):

- every key, condition, result or returned outcome that `on` names, and every other outcome its kind declares,
- but not one these values rule out: `ended` without `after = "end"`, `too_long` from a queue without `max_ewt_s`,
  `open` of a calendar that is always closed;
- being asked again (`no_input`, `wrong_key` not in `on`) counts where it can happen: with more than one try;
- a queue's `failed` (a fault of the hotline itself) and `opted_in`, and `continue` of an announcement that lets less
  follow it than its step, count only when the step names them.

Steps are those a caller of some number can come to by such outcomes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from ivr.flow.check import named_outcomes
from ivr.flow.commands import Ask, Command, Enter, Leave
from ivr.flow.declare import KEYS, Fallback
from ivr.flow.model import Dialplans, Flow, Step, led_to
from ivr.flow.queue_keys import OVERFLOWING
from ivr.flow.steps import KINDS
from ivr.flow.trial import Way
from ivr.hours import DAY_MIN, Calendar, Span
from ivr.sound import Prompt

Place = tuple[str, str]
MISSES = ("no_input", "wrong_key")


@dataclass(frozen=True)
class Coverage:
    """What there is and what was gone through. steps, ways  how often each was, 0 for never."""

    steps: Mapping[Place, int] = field(default_factory=dict)
    ways: Mapping[Way, int] = field(default_factory=dict)

    @property
    def missed_steps(self) -> tuple[str, ...]:
        return tuple(f"{flow}.{step}" for (flow, step), count in self.steps.items() if not count)

    @property
    def missed_ways(self) -> tuple[str, ...]:
        """`flow.step: outcome`; those of steps never come to are not told again."""
        return tuple(
            f"{flow}.{step}: {outcome}"
            for (flow, step, outcome), count in self.ways.items()
            if not count and self.steps[flow, step]
        )

    @property
    def percent(self) -> int:
        """How much of steps and outcomes together, rounded down."""
        counts = [*self.steps.values(), *self.ways.values()]
        return 100 * sum(map(bool, counts)) // len(counts) if counts else 100


def cover(dialplans: Dialplans, calls: Iterable[Iterable[Command]]) -> Coverage:
    """Return what `calls` (the commands of each) went through."""
    places, ways = possible(dialplans)
    seen: Counter[Place] = Counter()
    taken: Counter[Way] = Counter()
    for commands in calls:
        for found in went(commands, dialplans):
            if len(found) == 2:
                seen[found] += 1
            else:
                taken[found] += 1
    return Coverage({place: seen[place] for place in places}, {way: taken[way] for way in ways})


def went(commands: Iterable[Command], dialplans: Dialplans) -> Iterator[Place | Way]:
    """Yield every step a call came to and every outcome, being asked again included."""
    step: Step | None = None
    flow = ""
    for command in commands:
        match command:
            case Enter():
                flow, step = command.flow, dialplans.flows[command.flow].steps[command.step]
                yield command.flow, command.step
            case Leave():
                yield command.flow, command.step, command.outcome
            case Ask() if step and step.kind in ("menu", "collect"):
                first = command.phrases[0]
                for missed in MISSES:
                    if missed not in step.on and first == Prompt(step.values[f"{missed}_prompt"]):
                        yield flow, step.name, missed


def possible(dialplans: Dialplans) -> tuple[tuple[Place, ...], tuple[Way, ...]]:
    """Return the steps callers can come to and the outcomes these can have, as they come in a call."""
    ahead: list[Place] = []
    for number in dialplans.numbers.values():
        flow = dialplans.flows[number.flow]
        ahead.append((flow.name, flow.start))
    found: dict[Place, tuple[str, ...]] = {}
    while ahead:
        place = ahead.pop(0)
        if place not in found:
            flow = dialplans.flows[place[0]]
            step = flow.steps[place[1]]
            found[place] = tuple(dict.fromkeys(outcomes(step, dialplans)))
            ahead += [(place[0], target) for target in _targets(flow, step, found[place])]
            if step.kind in ("invoke", "pass"):
                other = dialplans.flows[step.values["flow"]]
                ahead.append((other.name, other.start))
    return tuple(found), tuple((*place, outcome) for place, among in found.items() for outcome in among)


def outcomes(step: Step, dialplans: Dialplans) -> Iterator[str]:
    """Yield the outcomes `step` can have."""
    match step.kind:
        case "menu":
            yield from (key for key in step.on if key in KEYS)
            yield from _asked(step, some_key_is_wrong=not set(KEYS) <= set(step.on))
        case "collect":
            yield "entered"
            yield from _asked(step, some_key_is_wrong=True)
        case "announce":
            after = step.values["after"]
            yield "nothing"
            yield from ("continue",) if after == "continue" else ("other", "agent", "opted_in", "no_input")
            yield from ("continue",) if "continue" in step.on else ()
            yield from ("ended",) if after == "end" else ()
        case "hours":
            yield from _states(dialplans.hours[step.values["calendar"]])
        case "queue":
            yield from _waiting(step, dialplans)
        case "invoke":
            back = _returned(dialplans.flows[step.values["flow"]], dialplans)
            yield from (outcome if outcome in step.on else "done" for outcome in back)
        case "return" | "pass" | "hangup":
            return
        case _:
            yield from named_outcomes(step) or ()
            yield from KINDS[step.kind].outcome


def _asked(step: Step, *, some_key_is_wrong: bool) -> Iterator[str]:
    again = step.values["tries"] > 1
    can = ("no_input", "wrong_key") if some_key_is_wrong else ("no_input",)
    yield from (missed for missed in can if missed in step.on or again)
    if any(missed not in step.on for missed in can):
        yield "too_many"


def _states(calendar: Calendar) -> Iterator[str]:
    special = [*calendar.dated.values(), *calendar.yearly.values()]
    always = calendar.opening.text.strip() == "24/7"
    if not calendar.opening.off or any(special):
        yield "open"
    if not always or any(spans != (Span(0, DAY_MIN),) for spans in special):
        yield "closed"


def _waiting(step: Step, dialplans: Dialplans) -> Iterator[str]:
    yield "answered"
    yield from (key for key in step.on if key in KEYS)
    queues = [dialplans.queues[name] for name in sorted(led_to(step.values["queue"], dialplans.queues))]
    for outcome in OVERFLOWING:
        ends = [queue for queue in queues if outcome != "too_long" or queue.max_ewt_s]
        if any(not queue.overflow.queue for queue in ends):
            yield outcome
    for what in ("callback", "message"):
        if any(action.kind == what for queue in queues for action in queue.ways_out):
            yield what
    yield from (outcome for outcome in ("failed", "opted_in") if outcome in step.on)


def _returned(flow: Flow, dialplans: Dialplans) -> Iterator[str]:
    """Yield what `flow`, or a flow it passes to, returns."""
    seen: set[str] = set()
    ahead = [flow.name]
    while ahead:
        if (name := ahead.pop()) not in seen:
            seen.add(name)
            steps = dialplans.flows[name].steps.values()
            yield from (step.values["outcome"] for step in steps if step.kind == "return")
            ahead += [step.values["flow"] for step in steps if step.kind == "pass"]


def _targets(flow: Flow, step: Step, among: Iterable[str]) -> Iterator[str]:
    for outcome in among:
        if outcome in step.on:
            yield step.on[outcome]
            continue
        declared = KINDS[step.kind].outcome.get(outcome)
        otherwise = declared.otherwise if declared else Fallback("next")
        if otherwise.to == "next" and step.next:
            yield step.next
        elif otherwise.to == "rescue":
            yield flow.rescue
