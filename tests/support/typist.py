"""A keyboard with keys at given moments of a clock that does not run: for calls in a terminal."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence


class Typist:
    """Presses each key when its second has come. lines  what he types where a line is asked for."""

    def __init__(self, keys: Sequence[tuple[float, str]] = (), lines: Sequence[str] = ()) -> None:
        self.now_s = 0.0
        self._keys, self._lines = deque(keys), deque(lines)

    def wait(self, seconds: float, *, asked: bool = False) -> tuple[str, float]:
        """Return the next key that is due within `seconds`; the clock goes on."""
        if self._keys and self._keys[0][0] <= self.now_s + seconds:
            at_s, key = self._keys.popleft()
            passed = max(0.0, at_s - self.now_s)
        else:
            key, passed = "", seconds
        self.now_s += passed
        return key, passed

    def line(self) -> str:
        """Return the next line."""
        return self._lines.popleft()
