"""Tell which variables still matter at a line of `extensions.conf`. Pure.

Two ways that come to a line with different values of a variable that matters become two steps, else one. Used by
`flow/extensions/convert.py`.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator

from ivr.flow.extensions.file import Entry
from ivr.flow.extensions.paths import Paths, Spot, Timed, assignments
from ivr.flow.extensions.values import Unknown, arguments, variables
from ivr.flow.extensions.words import SILENT

MOST = 20_000  # lines; a larger file is taken with every variable that is read anywhere
_MENU = ("background", "backgrounddetect", "waitexten")


class Live:
    """The variables that matter, by line."""

    def __init__(self, paths: Paths) -> None:
        self.paths = paths
        self.always: frozenset[str] | None = None
        self.found: dict[Spot, frozenset[str]] = {}
        spots = [
            Spot(name, exten, priority)
            for name, context in paths.file.contexts.items()
            for exten, entries in context.extens.items()
            for priority in entries
        ]
        if len(spots) > MOST:
            self.always = frozenset(paths.read - paths.counters)
        else:
            self._work(spots)

    def at(self, spot: Spot) -> frozenset[str]:
        """Return the variables that matter from `spot` on."""
        return self.found.get(spot, frozenset()) if self.always is None else self.always

    def _work(self, spots: list[Spot]) -> None:
        ways = {spot: list(self._ways(spot)) for spot in spots}
        before: defaultdict[Spot, list[Spot]] = defaultdict(list)
        for spot, following in ways.items():
            for each in following:
                before[each].append(spot)
        ahead, waiting = deque(reversed(spots)), set(spots)
        while ahead:
            spot = ahead.popleft()
            waiting.discard(spot)
            after: frozenset[str] = frozenset().union(*(self.found.get(each, frozenset()) for each in ways[spot]))
            entry = self.paths.entry(spot)
            matters = self._before(entry, after) - self.paths.counters if entry else after
            if matters != self.found.get(spot, frozenset()):
                self.found[spot] = matters
                for each in before[spot]:
                    if each not in waiting:
                        waiting.add(each)
                        ahead.append(each)

    def _before(self, entry: Entry, after: frozenset[str]) -> frozenset[str]:
        app = entry.app.lower()
        if app in SILENT:
            return after
        if app == "set":
            pairs = assignments(entry.args)
            names = {name for name, _ in pairs}
            needed = {v for name, value in pairs if name in after or "(" in name for v in variables(value)}
            return (after - names) | needed
        if app == "read":
            return (after - {arguments(entry.args)[0]}) | variables(entry.args)
        told = {"dial": "DIALSTATUS", "queue": "QUEUESTATUS"}.get(app)
        return (after - {told}) | variables(entry.args) if told else after | variables(entry.args)

    def _ways(self, spot: Spot) -> Iterator[Spot]:
        entry = self.paths.entry(spot)
        if entry is None:
            return
        app = entry.app.lower()
        if app not in ("goto", "hangup", "return"):
            yield self.paths.after(spot)
        if app in _MENU:
            yield from self._all_of(spot.context, set())
        elif app == "macro":
            yield from self._target(f"macro-{arguments(entry.args)[0]},s,1", spot)
        elif app in ("goto", "gotoif", "gotoiftime", "gosub", "gosubif", "execif"):
            for text in entry.args.replace("?", ":").split(":") if app != "goto" else (entry.args,):
                yield from self._target(text.partition("(")[0] if app.startswith("gosub") else text, spot)

    def _target(self, text: str, spot: Spot) -> Iterator[Spot]:
        parts = arguments(text)
        if "${" in text or "$[" in text:
            context = parts[-3] if len(parts) > 2 else spot.context
            yield from self._all_of(context, set())
            return
        try:
            found = self.paths.jump(text, spot, {"EXTEN": spot.exten})
        except Unknown:
            return
        if found and isinstance(found.target, Timed):
            yield from (each for _, each in found.target.first)
            if found.target.otherwise:
                yield found.target.otherwise
        elif found and isinstance(found.target, Spot):
            yield found.target

    def _all_of(self, name: str, been: set[str]) -> Iterator[Spot]:
        context = self.paths.file.contexts.get(name)
        if context is None or name in been or len(been) > 100:
            return
        been.add(name)
        for exten, entries in context.extens.items():
            yield Spot(name, exten, min(entries))
        for included in context.includes[:100]:
            yield from self._all_of(included.context, been)
