"""ivr/flow/run.py: every call ends within its bounds, whatever the flow and whatever happens."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.flow import commands as c
from ivr.flow.run import STEPS, run
from ivr.flow.steps import KEYS, KINDS
from ivr.sound import Prompt
from tests.support.flows import (
    MENU,
    PROMPTS,
    WAIT,
    WELCOME,
    announce,
    commands,
    dialplans,
    flow,
    known,
    lines_of,
    say,
    text,
)


def test_a_call_has_a_bound_of_steps_and_ends_with_a_goodbye() -> None:
    """A caller who goes round a menu for ever hears a goodbye, never silence."""
    ring = flow('[steps.first]\nkind = "menu"\nprompt = "main_menu"\non.1 = "first"\n')
    found = commands(ring, [c.Digits("1")] * STEPS + [c.Heard()])

    assert [c.Play(say("goodbye")), c.HangUp("failed")] == found[-2:]
    assert len(found) == STEPS + 2


def test_an_event_that_does_not_answer_the_command_is_a_bug() -> None:
    """The driver of the flow is wrong: better one call lost than a wrong turn taken."""
    generator = run(flow(WELCOME + MENU + WAIT))
    next(generator)

    with pytest.raises(AssertionError, match="Heard"):
        generator.send(c.Heard())


def test_a_caller_who_leaves_at_any_point_closes_the_flow_quietly() -> None:
    """close() at each command raises nothing and yields nothing more."""
    events = [c.Found((known(),)), c.Heard(), c.Digits("3"), c.Digits("1"), c.Queued("answered")]
    whole = commands(flow(announce(after="offer")), events, traced=True)
    for end in range(1, len(whole) + 1):
        generator, waiting = run(flow(announce(after="offer"))), iter(events)
        command = next(generator)
        for _ in range(end - 1):
            own = isinstance(command, c.Enter | c.Leave)
            command = generator.send(c.Done() if own else next(waiting))
        generator.close()

        assert whole[end - 1] == command


@st.composite
def flow_texts(draw: st.DrawFn) -> str:
    """Draw a valid flow: without a key every way leads forward; a key may lead anywhere."""
    count = draw(st.integers(1, 6))
    names = [f"s{i}" for i in range(count)] + ["end"]
    rows = []
    for i, name in enumerate(names[:-1]):
        kind = KINDS[draw(st.sampled_from(sorted(set(KINDS) - {"hangup"})))]
        later, anywhere = st.sampled_from(names[i + 1 :]), st.sampled_from(names)
        values: dict[str, object] = {"kind": kind.name}
        for key in kind.keys:
            values |= _drawn(draw, key.name)
        on = {o.name: draw(anywhere if o.free else later) for o in kind.outcomes if draw(st.booleans())}
        if kind.pressed:
            keys = KEYS if kind.pressed == "menu" else "*"
            pressed = set(draw(st.text(alphabet=keys, min_size=1, max_size=3))) if kind.pressed == "menu" else {"*"}
            on |= {key: draw(anywhere) for key in sorted(pressed)}
        if any(o.otherwise.to == "next" and o.name not in on for o in kind.outcomes):
            values["next"] = names[i + 1]
        else:
            first = next(iter(kind.outcomes)).name
            on[first] = names[i + 1]
        rows.append(f"[steps.{name}]\n" + lines_of(values) + "".join(f'on."{k}" = "{v}"\n' for k, v in on.items()))
    return text("".join(rows), start="s0", rescue=draw(st.sampled_from(names)))


def _drawn(draw: st.DrawFn, name: str) -> dict[str, object]:
    always: dict[str, object] = {
        "prompt": "welcome", "name": "account", "language": "en", "calendar": "office", "queue": "support",
        "target": "reception",
    }  # fmt: skip
    if name in always:
        return {name: always[name]}
    sometimes: dict[str, object] = {
        "after": draw(st.sampled_from(["end", "offer", "continue"])), "tries": draw(st.integers(1, 9)),
        "interrupt": False,
        "only_certain": True, "secret": True, "finish": "*", "least": 2, "most": 3,
    }  # fmt: skip
    return {name: sometimes[name]} if name in sometimes and draw(st.booleans()) else {}


def _event(command: c.Command, number: int) -> c.Event:
    """Return some event that answers `command`, odd ones too."""
    key = ("", "", *KEYS, "x", "11")[number % 16]
    match command:
        case c.Play():
            return c.Heard(key)
        case c.Ask():
            return c.Digits(key * (1 + number % 3))
        case c.FindAnnouncements():
            found = [
                known(f"n{number % 7 + i}", certain=number % 2 == 0, may_end=number % 3 == 0) for i in range(number % 9)
            ]
            return c.Found(tuple(found))
        case c.CheckHours():
            return c.Hours(number % 2 == 0)
        case c.Queue():
            return c.Queued(("answered", "nobody", "full", "timeout", "failed", "key", "odd")[number % 7], key)
        case c.Transfer():
            return c.Transferred(("answered", "busy", "no_answer", "failed", "odd")[number % 5])
    return c.Done()


@settings(max_examples=60, deadline=None)
@given(flow_texts(), st.lists(st.integers(0, 10_000), min_size=1, max_size=40))
def test_any_valid_flow_ends_within_its_bounds_whatever_happens(content: str, numbers: list[int]) -> None:
    """Every call ends with HangUp, says something or connects before it, and never runs away."""
    found = dialplans(content).flows["main"]
    generator, numbers_again, seen = run(found), itertools.cycle(numbers), []
    command = next(generator)
    while not isinstance(command, c.HangUp):
        seen.append(command)
        command = generator.send(_event(command, next(numbers_again)))
        assert len(seen) < STEPS * 100
    seen.append(command)

    assert sum(isinstance(s, c.Enter) for s in seen) <= STEPS
    assert any(isinstance(s, c.Play | c.Ask | c.Queue | c.Transfer) for s in seen)
    assert all(
        p.key in PROMPTS for s in seen if isinstance(s, c.Play | c.Ask) for p in s.phrases if isinstance(p, Prompt)
    )
    with pytest.raises(StopIteration):
        generator.send(c.Done())
