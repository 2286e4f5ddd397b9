"""A watched page in pieces: each a bit of HTML with a name. Who has one state of it is sent what is new in the next.

Every reader of one page and language gets the same text, made once. Called by the pages Live and Agents.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass

from ivr.floor import Floor
from ivr.web.event_stream import event
from ivr.web.watching import Watching

KEPT = 60  # states of a page: who was away for less than this many looks gets only what is new
BEAT_S = 4.0


@dataclass(frozen=True)
class Shown:
    """A state of a page. pieces  name -> HTML.  lists  name of a table body -> names of its rows, in order."""

    number: int
    pieces: Mapping[str, str]
    lists: Mapping[str, tuple[str, ...]]

    def since(self, before: Shown | None) -> str:
        """Return as JSON what is new since `before`, '' for nothing; all of it for None."""
        was, had = (before.pieces, before.lists) if before else ({}, {})
        pieces = {name: text for name, text in self.pieces.items() if was.get(name) != text}
        lists = {name: rows for name, rows in self.lists.items() if had.get(name) != rows}
        if not pieces and not lists and before:
            return ""
        return json.dumps({"set": pieces, "lists": lists}, ensure_ascii=False, separators=(",", ":"))


class Pieces:
    """One page in one language. make  a floor -> its pieces and lists."""

    def __init__(
        self, watching: Watching, make: Callable[[Floor], tuple[dict[str, str], dict[str, tuple[str, ...]]]]
    ) -> None:
        self.watching, self._make = watching, make
        self._kept: OrderedDict[int, Shown] = OrderedDict()
        self._told: dict[tuple[int, int], str] = {}

    async def now(self) -> Shown:
        """Return the newest state."""
        floor = await self.watching.now()
        number = self.watching.number
        if number not in self._kept:
            self._kept[number] = Shown(number, *self._make(floor))
            self._told.clear()
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return self._kept[number]

    def name_of(self, shown: Shown) -> str:
        """Return the id of the event that brings a reader to this state."""
        return f"{self.watching.token}-{shown.number}"

    async def events(self, last: str) -> AsyncIterator[str]:
        """Give what is new since the event `last`, then whatever comes, for ever; a beat when nothing does."""
        before = self._known(last)
        silent_s = 0.0
        while True:
            shown = await self.now()
            text = self._text(before, shown)
            before = shown
            if text:
                yield event("change", text, self.name_of(shown))
                silent_s = 0.0
            began = self.watching.clock()
            await self.watching.wait_newer(shown.number, BEAT_S)
            silent_s += self.watching.clock() - began
            if silent_s >= BEAT_S:
                yield event("beat")
                silent_s = 0.0

    def _known(self, last: str) -> Shown | None:
        token, _, number = last.partition("-")
        if token != self.watching.token or not number.isdecimal() or len(number) > 12:
            return None
        return self._kept.get(int(number))

    def _text(self, before: Shown | None, shown: Shown) -> str:
        key = before.number if before else -1, shown.number
        if key not in self._told:
            self._told[key] = shown.since(before)
        return self._told[key]
