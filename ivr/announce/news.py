"""Wakes everybody who waits in a queue when callers hear something else than before. Imports asyncio only.

`live.py` tells, `waiting.py` listens: no caller asks the database or Redis whether there is anything new.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class News:
    """Whoever listens at the moment."""

    def __init__(self) -> None:
        self._listening: set[asyncio.Event] = set()

    @contextmanager
    def listen(self) -> Iterator[asyncio.Event]:
        """Give an event that is set whenever there is something new, and once at the beginning; clear it yourself."""
        event = asyncio.Event()
        event.set()
        self._listening.add(event)
        try:
            yield event
        finally:
            self._listening.discard(event)

    def tell(self) -> None:
        """Wake all who listen."""
        for event in self._listening:
            event.set()
