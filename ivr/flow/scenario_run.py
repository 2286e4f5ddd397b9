"""Lead a scenario through the flows and tell what did not come as it says. Pure. Called by `ivr/scenarios/`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ivr.errors import Finding, nearest
from ivr.flow.commands import Enter
from ivr.flow.model import Dialplans
from ivr.flow.scenario import Scenario
from ivr.flow.trial import Line, Texts, Transcript, try_flow

SHOWN = 30  # lines of a way that went wrong
TEXT_CHARS = 60


@dataclass(frozen=True)
class Failure:
    """One thing that did not come. way  what came instead, line by line, the place marked."""

    finding: Finding
    way: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "\n".join((str(self.finding), *(f"    {line}" for line in self.way)))


@dataclass(frozen=True)
class Happened:
    """What a call was like, tried or real.

    heard  what was said, with times.  visited  times, flows and steps.  kept  variables.  seconds  until its end.
    """

    heard: tuple[Line, ...]
    visited: tuple[tuple[float, str, str], ...]
    disposition: str
    answered_in: str
    kept: dict[str, str]
    seconds: float


def run_scenario(scenario: Scenario, dialplans: Dialplans, texts: Texts) -> Transcript:
    """Return how the call of `scenario` goes on the pure flow."""
    flow = dialplans.flows[scenario.number.flow]
    return try_flow(flow, dialplans, scenario.keys, scenario.situation, scenario.speaks, texts)


def happened(transcript: Transcript) -> Happened:
    """Return what a trial was like."""
    entered = [command for command in transcript.commands if isinstance(command, Enter)]
    times = [line.at_s for line in transcript.lines if line.what == "step"]
    visited = tuple((at_s, each.flow, each.step) for at_s, each in zip(times, entered, strict=True))
    heard = tuple(line for line in transcript.lines if line.what == "says")
    return Happened(
        heard, visited, transcript.disposition, transcript.answered_in, dict(transcript.kept),
        transcript.lines[-1].at_s,
    )  # fmt: skip


def failures(scenario: Scenario, found: Happened) -> tuple[Failure, ...]:
    """Return everything `scenario` expects that did not come, in the order of its keys."""
    return tuple(_failures(scenario, found))


def _failures(scenario: Scenario, found: Happened) -> Iterator[Failure]:
    rows = [_Row(line.at_s, (line.name, line.text), _heard(line)) for line in found.heard]
    yield from _in_order(scenario, "hears", "to hear", scenario.hears, rows)
    for name in scenario.not_hears:
        line = next((line for line in found.heard if name in (line.name, line.text)), None)
        if line:
            yield Failure(scenario.finding("not_hears", f"{name!r} was heard at {line.at_s:.1f} s", "not to hear it"))
    places = [_Row(at_s, (step, f"{flow}.{step}"), f"{flow}.{step}") for at_s, flow, step in found.visited]
    yield from _in_order(scenario, "steps", "to come to step", scenario.visited, places)
    for name, value in scenario.variables.items():
        if found.kept.get(name) != value:
            was = f"is {found.kept[name]!r}" if name in found.kept else "was never set"
            near = "" if name in found.kept else nearest(name, found.kept)
            yield Failure(scenario.finding("variables", f"{name} {was}", f"{value!r}", near))
    if scenario.ends != found.disposition:
        at = f" in {places[-1].told}" if places else ""
        wrong = f"the call ended as {found.disposition!r} after {found.seconds:.1f} s{at}"
        told = _tail(places, found)
        yield Failure(scenario.finding("ends", wrong, f"{scenario.ends!r}"), told)
    if scenario.ends_in and scenario.ends_in != found.answered_in:
        who = f"an agent of {found.answered_in} answered" if found.answered_in else "no agent answered"
        yield Failure(scenario.finding("ends_in", who, f"one of queue {scenario.ends_in!r}"))


@dataclass(frozen=True)
class _Row:
    """Something that came. names  what it may be called.  told  how it is shown."""

    at_s: float
    names: tuple[str, ...]
    told: str


def _in_order(
    scenario: Scenario, key: str, to: str, expected: Sequence[str], rows: Sequence[_Row]
) -> Iterator[Failure]:
    """Yield a failure at the first of `expected` that did not come after those before it."""
    found: list[int] = []
    for name in expected:
        after = found[-1] + 1 if found else 0
        index = next((i for i in range(after, len(rows)) if name in rows[i].names), None)
        if index is None:
            yield _missing(scenario, key, to, name, expected[: len(found)], rows, found)
            return
        found.append(index)


def _missing(
    scenario: Scenario, key: str, to: str, name: str, before: Sequence[str], rows: Sequence[_Row], found: list[int]
) -> Failure:
    after = f" after {before[-1]!r}" if before else ""
    earlier = next((row for row in rows if name in row.names), None)
    if not rows:
        wrong = "nothing came"
    elif earlier:
        wrong = f"{name!r} came only earlier, at {earlier.at_s:.1f} s"
    else:
        wrong = f"{name!r} did not come"
    known = {each for row in rows for each in row.names if " " not in each}
    begin = found[-1] + 1 if found else 0
    way = [f"{'=' if i in found else ' '} {row.at_s:6.1f} s  {row.told}" for i, row in enumerate(rows)]
    way.insert(begin, f"-           {name}  <- expected here")
    near = "" if earlier else nearest(name, known)
    return Failure(scenario.finding(key, wrong, f"{to} {name!r}{after}", near), _cut(way, begin))


def _cut(way: Sequence[str], middle: int) -> tuple[str, ...]:
    begin = max(0, min(middle - SHOWN // 2, len(way) - SHOWN))
    end = begin + SHOWN
    return (
        *((f"  … {begin} before",) if begin else ()),
        *way[begin:end],
        *((f"  … {len(way) - end} more",) if end < len(way) else ()),
    )


def _tail(places: Sequence[_Row], found: Happened) -> tuple[str, ...]:
    """Return the last steps and what was heard in them."""
    last = [*((row.at_s, 0, f"step  {row.told}") for row in places)]
    last += [(line.at_s, 1, f"hears {_heard(line)}") for line in found.heard]
    return tuple(f"  {at_s:6.1f} s  {told}" for at_s, _, told in sorted(last)[-8:])


def _heard(line: Line) -> str:
    text = line.text if len(line.text) <= TEXT_CHARS else f"{line.text[: TEXT_CHARS - 1]}…"
    return f"{line.name:<22} “{text}”" if text and text != line.name else line.name
