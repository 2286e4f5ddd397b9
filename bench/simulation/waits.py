"""What waiting callers would be told, by four ways to estimate, and how far off it was.

QLm is `routing.measure`. LES tells the wait of the last call that was answered; the running mean is that of
app_queue (old x 3/4 + new x 1/4); the mean of the hour is plain. What a caller has waited is taken off these. All are
asked when a call has to wait, and each minute.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import sqrt

from bench.simulation.clock import Event, Life
from routing import keys
from routing.measure import Measure, Wait

HOUR_MS = 3_600_000
# Of the goal G14: near enough is within this, or this share of the real wait.
NEAR_S, NEAR_SHARE = 30.0, 0.25
LES, RUNNING, HOUR, KNOWING = "LES", "running mean", "mean of the hour", "QLm knowing"
WAYS = ("QLm", LES, RUNNING, HOUR, KNOWING)


@dataclass
class Told:
    """One estimate and what came of it. later  asked for a minute or more after the call began to wait."""

    life: Life
    at_ms: int
    later: bool
    wait: Wait | None
    others_s: Mapping[str, float | None]


@dataclass
class Errors:
    """One way to estimate. mean_s  of the real waits.  in_range  None where a way gives no range."""

    way: str
    calls: int
    silent: int
    mean_s: float
    rmse_s: float
    bias_s: float
    near: float
    in_range: float | None = None

    @property
    def rmse_share(self) -> float:
        return self.rmse_s / self.mean_s if self.mean_s else 0.0


@dataclass
class _Past:
    """Waits of the calls of one queue that were answered."""

    last_s: float | None = None
    running_s: float | None = None
    hour: deque[tuple[int, float]] = field(default_factory=deque)
    hour_sum_s: float = 0.0

    def add(self, at_ms: int, waited_s: float) -> None:
        self.last_s = waited_s
        self.running_s = waited_s if self.running_s is None else 0.75 * self.running_s + 0.25 * waited_s
        self.hour.append((at_ms, waited_s))
        self.hour_sum_s += waited_s
        while self.hour[0][0] < at_ms - HOUR_MS:
            self.hour_sum_s -= self.hour.popleft()[1]


class Waits:
    """Watches a run: feeds the measure, asks all ways, keeps what they said.

    knowing  (position, agents in) -> seconds, by somebody who knows the true means of talks and patience.
    """

    def __init__(self, knowing: Callable[[int, int], float] | None = None) -> None:
        self.measure, self._knowing = Measure(), knowing
        self.told: list[Told] = []
        self._past: dict[str, _Past] = {}

    def event(self, event: Event) -> None:
        self.measure.feed(event)
        if event["type"] == "bridged":
            self._past.setdefault(event["queue"], _Past()).add(int(event["at_ms"]), int(event["waited_ms"]) / 1000)

    def waits(self, now: int, life: Life, position: int, agents_in: int) -> None:
        caller, past = life.caller, self._past.get(life.caller.line.name, _Past())
        line = keys.class_name(caller.plan).partition("@")[0]
        waited_s = (now - life.entered_ms) / 1000
        wait = self.measure.expected_wait(caller.line.name, position, agents_in, waited_s, line)
        hour_s = past.hour_sum_s / len(past.hour) if past.hour else None
        said = {LES: past.last_s, RUNNING: past.running_s, HOUR: hour_s}
        left: dict[str, float | None] = {
            way: None if said_s is None else max(0.0, said_s - waited_s) for way, said_s in said.items()
        }
        left[KNOWING] = self._knowing(position, agents_in) if self._knowing else None
        self.told.append(Told(life, now, waited_s > 0, wait, left))


def errors_of(told: list[Told]) -> list[Errors]:
    """Return how each way did, over the calls an agent answered in the end."""
    known = [each for each in told if each.life.helped_ms is not None]
    found = []
    for way in WAYS:
        said = [(mean_s, _real_s(each), each) for each in known if (mean_s := _said_s(each, way)) is not None]
        found.append(_errors(way, said, len(known) - len(said)))
    return found


def _said_s(told: Told, way: str) -> float | None:
    if way != "QLm":
        return told.others_s[way]
    return told.wait.mean_s if told.wait else None


def _real_s(told: Told) -> float:
    assert told.life.helped_ms is not None
    return (told.life.helped_ms - told.at_ms) / 1000


def _errors(way: str, said: list[tuple[float, float, Told]], silent: int) -> Errors:
    calls = max(1, len(said))
    ranges = [told.wait.low_s <= real <= told.wait.high_s for _, real, told in said if told.wait]
    return Errors(
        way,
        len(said),
        silent,
        sum(real for _, real, _ in said) / calls,
        sqrt(sum((told - real) ** 2 for told, real, _ in said) / calls),
        sum(told - real for told, real, _ in said) / calls,
        sum(abs(told - real) <= max(NEAR_S, NEAR_SHARE * real) for told, real, _ in said) / calls,
        sum(ranges) / max(1, len(ranges)) if way == "QLm" else None,
    )
