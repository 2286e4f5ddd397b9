"""How often somebody may ask, and try passwords. Pure: time is passed in. Holds at most so many names."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable

NAMES = 10_000
LONGEST_S = 900.0
FORGOTTEN_S = 3600.0


class Rates:
    """One token bucket per key: a minute's worth at once, then evenly."""

    def __init__(self) -> None:
        self._known: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def wait_s(self, key: Hashable, per_minute: int, now: float) -> float:
        """Count one; return 0.0, or how long to wait when it was one too many."""
        left, at = self._known.pop(key, (float(per_minute), now))
        left = min(float(per_minute), left + (now - at) * per_minute / 60)
        enough = left >= 1
        self._known[key] = (left - 1 if enough else left, now)
        while len(self._known) > NAMES:
            self._known.popitem(last=False)
        return 0.0 if enough else (1 - left) * 60 / per_minute


class LoginLimits:
    """Who tries passwords waits longer after each wrong one: 1, 2, 4 ... s, 15 minutes at most.

    A name from one address: after 5; any name from one address: after 20; a name from anywhere: after 50, and at most
    a minute, so that nobody can lock somebody else out. Unknown names count like known ones.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[Hashable, tuple[int, float]] = OrderedDict()

    def wait_s(self, name: str, address: str, now: float) -> float:
        """Return how long to wait before another try is looked at, 0.0 for not at all."""
        return max(self._left(key, free, longest, now) for key, free, longest in _keys(name, address))

    def failed(self, name: str, address: str, now: float) -> None:
        """Count a wrong password."""
        for key, _, _ in _keys(name, address):
            failures, at = self._known.pop(key, (0, now))
            self._known[key] = (failures + 1 if now - at < FORGOTTEN_S else 1, now)
        while len(self._known) > NAMES:
            self._known.popitem(last=False)

    def passed(self, name: str, address: str) -> None:
        """Forget a name's failures from this address: the password was right."""
        self._known.pop(_keys(name, address)[0][0], None)

    def _left(self, key: Hashable, free: int, longest_s: float, now: float) -> float:
        failures, at = self._known.get(key, (0, now))
        if failures < free or now - at >= FORGOTTEN_S:
            return 0.0
        return max(0.0, at + min(longest_s, 2.0 ** min(failures - free, 20)) - now)


def _keys(name: str, address: str) -> tuple[tuple[Hashable, int, float], ...]:
    name = name[:40].lower()
    return ((name, address), 5, LONGEST_S), (("", address), 20, LONGEST_S), ((name, ""), 50, 60.0)
