"""Run a flow: a generator that yields commands and receives the events answering them.

Pure: no clock, no I/O, no chance. `session.py` drives it on real calls, `flow/trial.py` in a terminal and in
tests. It ends after yielding HangUp; closing it earlier (the caller left) is fine at any point.

Bounds: STEPS steps a call, DEPTH flows inside each other, the declared tries of every question, a number of
announcements a step and of repeats of them. A caller who uses them up hears a goodbye, never silence.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping

from ivr.flow import perform, perform_known
from ivr.flow.check_set import DEPTH
from ivr.flow.commands import Command, Done, Enter, Event, HangUp, Heard, Leave, Play
from ivr.flow.declare import Fallback
from ivr.flow.facts import facts_in, filled
from ivr.flow.model import Flow, Step
from ivr.flow.place import Frame, read_place, read_reached, write_place
from ivr.flow.state import Running, State, answer, phrases_of
from ivr.flow.steps import KINDS

STEPS = 200  # of one call; kazoo allows 50 branches

_PERFORM: Mapping[str, Callable[[Step, State], Running]] = {
    "say": perform.say,
    "menu": perform.menu,
    "collect": perform.collect,
    "language": perform.language,
    "announce": perform.announce,
    "hours": perform.hours,
    "queue": perform.queue,
    "transfer": perform.transfer,
    "goto": perform.goto,
    "branch": perform_known.branch,
    "set": perform_known.set_,
    "identify": perform_known.identify,
    "status": perform_known.status,
    "callback": perform_known.callback,
    "message": perform_known.message,
    "survey": perform_known.survey,
    "webhook": perform_known.webhook,
}


def run(
    flow: Flow,
    flows: Mapping[str, Flow] | None = None,
    *,
    place: str = "",
    variables: Mapping[str, str] | None = None,
) -> Generator[Command, Event, None]:
    """Yield what to do on a call, from `place` (the start of `flow` if '' or unknown) to HangUp.

    flows  all there are, for steps that go on in another one.  place  of an Enter.  variables  known already.
    Raises AssertionError when an event does not answer the command: a bug of the driver.
    """
    return _Run(flow, {flow.name: flow, **(flows or {})}, place, variables or {}).steps()


class _Run:
    """One call. frames  where it is, the innermost flow last."""

    def __init__(self, flow: Flow, flows: Mapping[str, Flow], place: str, variables: Mapping[str, str]) -> None:
        self.flows = flows
        self.frames: list[Frame] = read_place(place, flows) or [(flow.name, flow.start)]
        self.state = State(variables=dict(variables), reached=read_reached(place))

    def steps(self) -> Generator[Command, Event, None]:
        for _ in range(STEPS):
            flow, name = self.frames[-1]
            step = self.flows[flow].steps[name]
            answer((yield Enter(step.name, step.kind, flow, write_place(self.frames, self.state.reached))), Done)
            if step.kind == "hangup":
                yield from self._end(step.values["disposition"], step.values["prompt"])
                return
            if step.kind == "return" and len(self.frames) == 1:  # nobody invoked this flow
                yield from self._end("completed", ("goodbye",))
                return
            if not (yield from self._take(step)):
                return
        yield from self._end("failed", ("goodbye",))

    def _take(self, step: Step) -> Generator[Command, Event, bool]:
        """Perform one step and go on; False once the call has ended."""
        if step.kind == "pass":
            self._enter(self.frames[:-1], step.values["flow"])
            return True
        if step.kind == "invoke" and len(self.frames) <= DEPTH:
            yield from self._set(step)
            self._enter(self.frames, step.values["flow"])
            return True
        self.state.detail = ""
        if step.kind == "return":
            self.frames.pop()
            outcome = step.values["outcome"]
            step = self._step()
            outcome = outcome if outcome in step.on else "done"
        elif step.kind == "invoke":  # too deep: only a rescue is left
            return (yield from self._rescue(step, ()))
        else:
            outcome = yield from _PERFORM[step.kind](step, self.state)
        answer((yield Leave(step.name, outcome, self.state.detail, self.frames[-1][0])), Done)
        return (yield from self._follow(step, outcome))

    def _step(self) -> Step:
        flow, name = self.frames[-1]
        return self.flows[flow].steps[name]

    def _enter(self, around: list[Frame], flow: str) -> None:
        self.frames = [*around, (flow, self.flows[flow].start)]

    def _set(self, step: Step) -> Generator[Command, Event, None]:
        texts: Mapping[str, str] = dict(step.values["with"])
        facts = dict.fromkeys(fact for text in texts.values() for fact in facts_in(text))
        values = yield from perform.look(tuple(facts), self.state)
        for name, text in texts.items():
            yield from perform.keep(name, filled(text, values), self.state, facts_in(text))

    def _follow(self, step: Step, outcome: str) -> Generator[Command, Event, bool]:
        """Go where `outcome` leads; False once the call has ended."""
        otherwise = Fallback("next") if outcome in step.on else KINDS[step.kind].outcome[outcome].otherwise
        prompts = (otherwise.prompt,) if otherwise.prompt else ()
        if otherwise.to == "end":
            yield from self._end(otherwise.disposition, prompts)
            return False
        if otherwise.to == "rescue":
            return (yield from self._rescue(step, prompts))
        self._go(step.on.get(outcome) or step.next)
        return True

    def _rescue(self, step: Step, prompts: tuple[str, ...]) -> Generator[Command, Event, bool]:
        """Go to the flow's rescue, once a call; the second time the call ends."""
        rescue = self.flows[self.frames[-1][0]].rescue
        if self.state.rescued or step.name == rescue:
            yield from self._end("failed", (*prompts, "goodbye"))
            return False
        self.state.rescued = True
        if prompts:
            answer((yield Play(phrases_of(prompts))), Heard)
        self._go(rescue)
        return True

    def _go(self, step: str) -> None:
        self.frames[-1] = (self.frames[-1][0], step)

    def _end(self, disposition: str, prompts: tuple[str, ...]) -> Generator[Command, Event, None]:
        if prompts:
            answer((yield Play(phrases_of(prompts))), Heard)
        yield HangUp(self.state.reached or disposition if disposition == "completed" else disposition)
