"""Wait for something to become true, at most so long."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable


async def until(true: Callable[[], object], timeout_s: float = 15.0, what: str = "") -> float:
    """Return after how many seconds `true()` became true; AssertionError when it did not."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < timeout_s, f"not within {timeout_s} s: {what or true}"
        await asyncio.sleep(0.005)
    return time.monotonic() - began
