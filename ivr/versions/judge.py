"""Is a canary worse than what is live? Pure; asked again and again by `canary.py` while calls come in.

Two one-sided tests, Fisher's exact: failed calls, and callers who hung up. Both are asked after every call, so their
limits are far below the 5 % of a test that is asked once: docs/decisions/0010 has the rate of false alarms.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import exp, lgamma

FAILED_LEAST = 2  # one failed call is chance
FAILED_P = 0.001
LEFT_LEAST_CALLS = 20
LEFT_P = 0.0005
ENOUGH = 100  # calls of the live version in the same period; with fewer, the hours before count as well
NO_HISTORY = 20  # a hotline that knows nothing of itself is taken as so many calls without a failure

FAILED = ("failed",)
LEFT = ("hung_up", "abandoned")


@dataclass(frozen=True)
class Counts:
    """Calls of one version. calls  begun, also those that are still up.  left  hung up before they were helped."""

    calls: int = 0
    failed: int = 0
    left: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.calls + other.calls, self.failed + other.failed, self.left + other.left)

    def ended(self, disposition: str) -> Counts:
        """Return these counts with one more of the calls ended so."""
        return Counts(self.calls, self.failed + (disposition in FAILED), self.left + (disposition in LEFT))


def total(dispositions: Iterable[tuple[str, int]]) -> Counts:
    """Return the counts of (disposition, calls) pairs; '' stands for calls that are up."""
    found = Counts()
    for disposition, calls in dispositions:
        ended = Counts().ended(disposition)
        found += Counts(calls, calls * ended.failed, calls * ended.left)
    return found


def judge(canary: Counts, live: Counts, before: Counts) -> str:
    """Return why `canary` is to be rolled back, '' when nothing speaks against it.

    live  calls of the live version since the canary began.  before  of the live version in the hours before that.
    """
    base = live if live.calls >= ENOUGH else live + before
    if canary.failed >= FAILED_LEAST:
        known = base if base.calls >= NO_HISTORY else Counts(NO_HISTORY, base.failed, base.left)
        p = chance(canary.failed, canary.calls, known.failed, known.calls)
        if p < FAILED_P:
            return f"{canary.failed} of {canary.calls} calls failed, {_told(base.failed, base.calls)}{_p(p)}"
    if canary.calls >= LEFT_LEAST_CALLS:
        p = chance(canary.left, canary.calls, base.left, base.calls)
        if p < LEFT_P:
            return f"{canary.left} of {canary.calls} callers hung up, {_told(base.left, base.calls)}{_p(p)}"
    return ""


def _told(happened: int, calls: int) -> str:
    return f"with the live version {happened} of {calls}"


def _p(p: float) -> str:
    return f" (by chance: {'less than 1 in a million' if p < 1e-6 else f'1 in {1 / p:,.0f}'})"


def chance(here: int, of: int, there: int, of_there: int) -> float:
    """Return how likely chance alone puts `here` or more of all that happened among these `of` calls.

    Fisher's exact test, one-sided: the upper tail of the hypergeometric distribution.
    """
    calls, happened = of + of_there, here + there
    whole = _log_choose(calls, of)
    found = last = 0.0
    for k in range(max(here, of - (calls - happened)), min(of, happened) + 1):
        term = exp(_log_choose(happened, k) + _log_choose(calls - happened, of - k) - whole)
        found += term
        if term < last and term < found * 1e-12:  # beyond the peak: the rest adds nothing
            break
        last = term
    return min(1.0, found)


def _log_choose(n: int, k: int) -> float:
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)
