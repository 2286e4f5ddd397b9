"""Which steps calls come to, and in which languages: numbers followed through all flows. Pure. Used by the checks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ivr.errors import nearest
from ivr.flow.check import edges
from ivr.flow.check_set import led_to
from ivr.flow.model import Flow, Number, Step
from ivr.flow.steps import KINDS

Place = tuple[str, str]
"""A flow and a step of it."""


def languages(numbers: Sequence[Number], flows: Mapping[str, Flow]) -> dict[Place, set[str]]:
    """Return every step that callers of `numbers` can come to, with the languages they may hear there."""
    return _Walk(flows).follow(numbers)


class _Walk:
    def __init__(self, flows: Mapping[str, Flow]) -> None:
        self.flows = flows
        self.spoken: dict[Place, set[str]] = {}
        self.invoking: set[Place] = set()
        self.ahead: list[tuple[str, str, str]] = []
        self.returned: dict[str, set[str]] = {}

    def follow(self, numbers: Sequence[Number]) -> dict[Place, set[str]]:
        for number in numbers:
            self._begin(number.flow or "", number.language or "")
        while self.ahead:
            flow, step, language = self.ahead.pop()
            self._take(flow, self.flows[flow].steps[step], language)
        return self.spoken

    def _begin(self, name: str, language: str) -> None:
        flow = self.flows.get(name) or self.flows.get(nearest(name[:100], self.flows))
        if flow:
            self._go(flow.name, flow.start, language)

    def _go(self, flow: str, step: str, language: str) -> None:
        steps = self.flows[flow].steps
        name = step if step in steps else nearest(step[:100], steps)
        if name and language not in self.spoken.setdefault((flow, name), set()):
            self.spoken[flow, name].add(language)
            self.ahead.append((flow, name, language))

    def _take(self, flow: str, step: Step, language: str) -> None:
        if target := led_to(step):
            self._begin(target, language)
        if step.kind == "invoke":
            self.invoking.add((flow, step.name))
            for back in set().union(*(self.returned.get(name, set()) for name in self._inside(target))):
                self._leave(flow, step, back)
        elif step.kind == "return":
            self.returned.setdefault(flow, set()).add(language)
            for invoking, name in list(self.invoking):
                invoke = self.flows[invoking].steps[name]
                if flow in self._inside(led_to(invoke)):
                    self._leave(invoking, invoke, language)
        else:
            self._leave(flow, step, step.values["language"] or language if step.kind == "language" else language)

    def _leave(self, flow: str, step: Step, language: str) -> None:
        for target in ways(step, self.flows[flow].rescue):
            self._go(flow, target, language)

    def _inside(self, flow: str) -> set[str]:
        """Return `flow` and those it passes calls to: a `return` there comes back to who invoked `flow`."""
        found: set[str] = set()
        ahead = [flow]
        while ahead:
            name = ahead.pop()
            if name in self.flows and name not in found:
                found.add(name)
                ahead += [led_to(step) for step in self.flows[name].steps.values() if step.kind == "pass"]
        return found


def ways(step: Step, rescue: str) -> Iterator[str]:
    """Yield the steps `step` can lead to, the rescue of its flow included."""
    yield from (edge.target for edge in edges(step))
    outcomes = KINDS[step.kind].outcomes
    if any(outcome.otherwise.to == "rescue" and outcome.name not in step.on for outcome in outcomes):
        yield rescue
