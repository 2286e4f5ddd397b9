"""How often the canary's judge is wrong, and how soon it is right: `python -m bench.canary_sim [runs]`.

Calls are drawn by chance; 10 % of them try a canary; the judge is asked after every one of its calls, as a controller
does. The same judge (`ivr/versions/judge.py`), no clock, no server.
"""

from __future__ import annotations

import random
import statistics
import sys
from dataclasses import dataclass

from ivr.versions.judge import Counts, judge

SHARE = 0.1
BEFORE = 500  # calls of the live version in the hours before


@dataclass(frozen=True)
class Rates:
    """Shares of the calls that fail, and whose callers hang up."""

    failed: float
    left: float

    def draw(self, chance: random.Random) -> Counts:
        """Return one call."""
        luck = chance.random()
        return Counts(1, int(luck < self.failed), int(self.failed <= luck < self.failed + self.left))


def calls_until_gone(chance: random.Random, usual: Rates, canary: Rates, most: int) -> int | None:
    """Return after how many calls of the canary it was rolled back, None when `most` were not enough."""
    before = Counts(BEFORE, round(BEFORE * usual.failed), round(BEFORE * usual.left))
    tried, live = Counts(), Counts()
    while tried.calls < most:
        if chance.random() >= SHARE:
            live += usual.draw(chance)
            continue
        one = canary.draw(chance)
        tried += one
        if (one.failed or one.left) and judge(tried, live, before):
            return tried.calls
    return None


def main() -> None:
    """Print both tables."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    chance = random.Random(2026)
    print(f"a canary exactly as good as the live version, {runs} runs of 1,000 of its calls: rolled back")
    for usual in (Rates(0.001, 0.2), Rates(0.01, 0.35), Rates(0.03, 0.5)):
        wrong = sum(calls_until_gone(chance, usual, usual, 1000) is not None for _ in range(runs))
        print(f"  {usual.failed:6.1%} fail, {usual.left:4.0%} hang up: {wrong / runs:6.2%}")
    print("a canary that is worse: its calls until it is rolled back, median and 9 of 10")
    usual = Rates(0.005, 0.35)
    for worse in (Rates(1, 0), Rates(0.5, 0.2), Rates(0.1, 0.35), Rates(0.03, 0.35), Rates(0.005, 0.9),
                  Rates(0.005, 0.55), Rates(0.005, 0.45)):  # fmt: skip
        found = sorted(calls_until_gone(chance, usual, worse, 3000) or 3000 for _ in range(max(20, runs // 10)))
        told = f"{statistics.median(found):5.0f} {found[int(0.9 * len(found))]:5}"
        print(f"  {worse.failed:6.1%} fail, {worse.left:4.0%} hang up: {told}")


if __name__ == "__main__":
    main()
