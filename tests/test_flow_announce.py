"""ivr/flow/run.py, the step `announce`: what is heard, what a key does, when the call ends."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest

from ivr.flow import commands as c
from ivr.flow.declare import KEYS
from ivr.flow.perform import ANNOUNCEMENTS, REPEATS
from ivr.flow.run import run
from ivr.sound import Prompt
from tests.support.flows import (
    FIND,
    GOODBYE,
    OFFER,
    SORRY,
    announce,
    commands,
    flow,
    goes_on,
    known,
    plays,
    say,
    talks,
    transcript,
)


def test_without_an_announcement_the_call_goes_on_at_once() -> None:
    """Most calls, most days."""
    transcript(flow(announce(after="end")), (FIND, c.Found(())), *goes_on())


def test_a_certain_announcement_ends_the_call_with_a_goodbye() -> None:
    """The caller in the outage area hears it, and the agents stay free."""
    transcript(
        flow(announce(after="end")),
        (FIND, c.Found((known(),))),
        (plays(), c.Heard()),
        (c.Play(say("goodbye_announcement"), KEYS), c.Heard()),
        (c.HangUp("announced"), None),
    )


@pytest.mark.parametrize("match", [known(certain=False), known(may_end=False)])
def test_an_uncertain_match_or_a_protected_caller_is_never_ended(match: c.Announcement) -> None:
    """He hears it and chooses; here 3, a different problem: the menu."""
    transcript(
        flow(announce(after="end")), (FIND, c.Found((match,))), (plays(), c.Heard()), (OFFER, c.Digits("3")), *goes_on()
    )


def test_one_uncertain_match_among_certain_ones_keeps_the_call() -> None:
    """Every match must allow the end."""
    matches = (known("a"), known("b", certain=False))
    transcript(
        flow(announce(after="end")),
        (FIND, c.Found(matches)),
        (plays("a"), c.Heard()),
        (plays("b"), c.Heard()),
        (OFFER, c.Digits("0")),
        *talks(),
    )


def test_only_certain_leaves_out_what_may_not_concern_the_caller() -> None:
    """Before the menu nobody hears of a place he may not live in."""
    matches = (known("a", certain=False),)
    transcript(flow(announce(after="end", only_certain=True)), (FIND, c.Found(matches)), *goes_on())


def test_a_key_during_the_announcement_keeps_the_caller() -> None:
    """0 is an agent, 3 the menu, at once; another key leads to the choices."""
    steps = flow(announce(after="end"))
    begin = (FIND, c.Found((known(),)))
    transcript(steps, begin, (plays(), c.Heard("0")), *talks())
    transcript(steps, begin, (plays(), c.Heard("3")), *goes_on())
    transcript(steps, begin, (plays(), c.Heard("7")), (OFFER, c.Digits("0")), *talks())


def test_a_key_during_the_goodbye_keeps_the_caller_too() -> None:
    """As long as he is on the line he may say he is not done."""
    transcript(
        flow(announce(after="end")),
        (FIND, c.Found((known(),))),
        (plays(), c.Heard()),
        (c.Play(say("goodbye_announcement"), KEYS), c.Heard("0")),
        *talks(),
    )


def test_the_offer_repeats_at_most_three_times() -> None:
    """1 plays it again; the fourth 1 goes on instead of keeping the line for ever."""
    events = [c.Found((known(),)), c.Heard(), *itertools.chain(*[(c.Digits("1"), c.Heard())] * 20)]
    found = _until_queue(flow(announce(after="offer")), events)

    assert 1 + REPEATS + 3 >= sum(command == plays() for command in found) > REPEATS


def _until_queue(of: object, events: Sequence[c.Event]) -> list[c.Command]:
    generator, waiting, found = run(of), iter(events), []  # type: ignore[arg-type]
    command = next(generator)
    while not isinstance(command, c.HangUp | c.Queue):
        found.append(command)
        own = isinstance(command, c.Enter | c.Leave)
        event = c.Done() if own else next(waiting)
        if isinstance(command, c.Ask) and not isinstance(event, c.Digits):
            event = c.Digits("1")
        elif isinstance(command, c.Play) and not isinstance(event, c.Heard):
            event = c.Heard()
        command = generator.send(event)
    return found


def test_silence_and_wrong_keys_at_the_offer_lead_on() -> None:
    """Three questions, then the call goes on: never worse than without an announcement."""
    transcript(
        flow(announce(after="offer")),
        (FIND, c.Found((known(),))),
        (plays(), c.Heard()),
        (OFFER, c.Digits("")),
        (OFFER, c.Digits("8")),
        (SORRY, c.Digits("")),
        *goes_on(),
    )


def test_continue_goes_on_and_a_key_is_taken_by_the_menu() -> None:
    """after = continue asks nothing; the key that stopped it is a choice already."""
    steps = flow(announce(after="continue"))
    transcript(steps, (FIND, c.Found((known(),))), (plays(), c.Heard()), *goes_on())
    transcript(steps, (FIND, c.Found((known(),))), (plays(), c.Heard("1")), *talks())


def test_an_announcement_is_heard_once_a_call_unless_it_changed() -> None:
    """Pressing 1 in the menu does not play again what was just heard, but a new version it does."""
    steps = (
        '[steps.first]\nkind = "announce"\nafter = "continue"\nnext = "second"\n'
        '[steps.second]\nkind = "announce"\nafter = "continue"\nservice = "internet"\nnext = "end"\n'
    )
    again = c.FindAnnouncements("internet")
    begin = ((FIND, c.Found((known(),))), (plays(), c.Heard()))
    transcript(flow(steps), *begin, (again, c.Found((known(),))), *GOODBYE)
    transcript(flow(steps), *begin, (again, c.Found((known(version=2),))), (plays(), c.Heard()), *GOODBYE)


def test_the_intro_is_said_once_and_many_announcements_are_cut() -> None:
    """Several matches, one intro, and no more than a caller can bear."""
    matches = tuple(known(f"n{i}") for i in range(ANNOUNCEMENTS + 3))
    steps = announce(after="continue", intro=["announcement_intro"])
    intro = c.Play((Prompt("announcement_intro"),), KEYS)
    rest = [(plays(f"n{i}"), c.Heard()) for i in range(ANNOUNCEMENTS)]
    transcript(flow(steps), (FIND, c.Found(matches)), (intro, c.Heard()), *rest, *goes_on())


def test_what_was_heard_reaches_the_trace() -> None:
    """Leave tells which announcement in which version, and why it matched."""
    found = commands(flow(announce(after="end")), [c.Found((known(),)), c.Heard(), c.Heard()], traced=True)

    assert c.Leave("first", "ended", "a v1: why a", "main") in found
