"""What a waiting caller is told of his place and his wait, and when. Pure: times are seconds of any clock.

A place is told when it is better than the one told before, a wait as a range, and never a later end than he has
heard; without data nothing is said of it. Called by `waiting.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from ivr.flow.model import QueueConfig
from ivr.sound import Phrase, Prompt
from routing.measure import Wait


@dataclass(frozen=True)
class Rung:
    """A range of waiting there is a sentence for. low, high  minutes.  prompt  a key of prompts/<locale>.toml."""

    prompt: str
    low: float
    high: float

    @property
    def minutes(self) -> str:
        """Return the range for traces: `under 1`, `3-5`, `over 30`."""
        return self.prompt.removeprefix("wait_").replace("_", " " if self.low == 0 or self.high == inf else "-")


# Ranges overlap, so that one of them fits an expectation of "mean, and 30 s or 25 % to either side".
RUNGS = (
    Rung("wait_under_1", 0, 1),
    *(
        Rung(f"wait_{low}_{high}", low, high)
        for low, high in (
            (1, 2), (1, 3), (2, 4), (3, 5), (4, 7), (5, 8), (7, 10), (8, 12), (10, 15), (12, 20), (15, 25), (20, 30),
        )
    ),
    Rung("wait_over_30", 30, inf),
)  # fmt: skip
TOO_SOON = 2  # a minute promised too early is as bad as two minutes feared too many


def rung_of(wait: Wait) -> Rung:
    """Return the range to be spoken for `wait`: the nearest, rather too late an end than too early."""
    low, high = wait.low_s / 60, wait.high_s / 60
    if wait.mean_s / 60 >= RUNGS[-1].low:
        return RUNGS[-1]

    def distance(rung: Rung) -> float:
        early = high - rung.high
        return abs(low - rung.low) + (early * TOO_SOON if early > 0 else -early)

    return min(RUNGS[:-1], key=distance)


class Telling:
    """What one caller has been told in one queue, and what comes next.

    since_s  when he came into this queue.  position  told last, 0 for none.  rung  range told last.
    """

    def __init__(self, queue: QueueConfig, now_s: float) -> None:
        self.queue, self.since_s = queue, now_s
        self.position = 0
        self.rung: Rung | None = None
        self._place_at, self._message_at = now_s, now_s
        self._messages = 0

    def waited_s(self, now_s: float) -> float:
        """Return the seconds in this queue."""
        return now_s - self.since_s

    def place_due(self, now_s: float) -> bool:
        """Has the time between two messages of the place passed?"""
        return now_s >= self._place_at

    def news(self, now_s: float, position: int, wait: Wait | None) -> tuple[Phrase, ...]:
        """Return what to tell of place and wait: only what got better, () for nothing. The next is due later."""
        self._place_at = now_s + self.queue.position_every_s
        return (*self._better_place(position), *self._better_wait(wait))

    def again(self, now_s: float, position: int, wait: Wait | None) -> tuple[Phrase, ...]:
        """Return place and wait for a caller who asks: as told before, or better."""
        self.news(now_s, position, wait)
        place = (Prompt("queue_position", self.position),) if self.position else ()
        return (*place, *((Prompt(self.rung.prompt),) if self.rung else ()))

    def message(self, now_s: float) -> tuple[Phrase, ...]:
        """Return the next of the queue's messages when it is due, () before."""
        if not self.queue.messages or now_s < self._message_at:
            return ()
        self._message_at = now_s + self.queue.message_every_s
        self._messages += 1
        return (Prompt(self.queue.messages[(self._messages - 1) % len(self.queue.messages)]),)

    def next_s(self, now_s: float, latest_s: float) -> float:
        """Return when to look around: at the end of the longest wait, or when something will be due.

        latest_s  at the latest.  A place that is due already waits for news of the line.
        """
        later = (at for at in (self._place_at, self._message_at) if at > now_s)
        return min((latest_s, self.since_s + self.queue.max_wait_s, *later))

    def _better_place(self, position: int) -> tuple[Phrase, ...]:
        if not 0 < position < (self.position or inf):
            return ()
        self.position = position
        return (Prompt("queue_position", position),)

    def _better_wait(self, wait: Wait | None) -> tuple[Phrase, ...]:
        if wait is None or not self.queue.ewt:
            return ()
        rung = rung_of(wait)
        if self.rung and rung.high >= self.rung.high:
            return ()
        self.rung = rung
        return (Prompt(rung.prompt),)
