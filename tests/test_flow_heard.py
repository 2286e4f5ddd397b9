"""ivr/flow/heard.py and the step `announce`: what a caller hears on his first, second and third call."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ivr.flow import commands as c
from ivr.flow import heard
from ivr.flow.declare import KEYS
from ivr.sound import Clip, Phrase, Prompt
from tests.support.flows import FIND, announce, commands, flow, goes_on, known, plays, say, talks, transcript

BRIEF = c.Play(say("heard_outage"), KEYS)
AGENT = c.Play(say("offer_agent"), KEYS)
GOODBYE = c.Play(say("goodbye_announcement"), KEYS)
WITH_2 = c.Ask((Prompt("offer_opt_in"), Prompt("offer_menu")))
OFFER = c.Ask((Prompt("offer_menu"),))


def again(calls: int, **changed: object) -> c.Announcement:
    """An announcement he has heard on so many calls of the last two hours."""
    return replace(heard.as_heard(known(), calls), **changed)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("announcement", "said", "agent", "points", "why"),
    [
        (known(), "/a", False, 0, ""),
        (again(1), "heard_outage", False, 0, "second time, only what is new"),
        (again(1, known_version=0), "/a", False, 0, "second time"),  # he hung up before its end
        (again(1, version=2), "/a", False, 0, "second time"),  # it has changed since
        (again(2), "heard_outage", True, 30, "third time, only what is new, an agent is offered"),
        (again(2, version=2), "/a", True, 30, "third time, an agent is offered"),
        (again(3), "heard_outage", True, 30, "4th time, only what is new, an agent is offered"),
        (again(5, lately=1), "heard_outage", False, 0, "6th time, only what is new"),  # the others were yesterday
        (again(1, brief=()), "/a", False, 0, "second time"),  # there is no short way to say it
    ],
)
def test_what_he_hears(announcement: c.Announcement, said: str, agent: bool, points: int, why: str) -> None:
    """By how often, how lately and which version."""
    assert said == name(heard.told(announcement)[0])
    assert (agent, points, why) == (
        heard.calls_again(announcement), heard.points(announcement), heard.why(announcement),
    )  # fmt: skip


def name(phrase: Phrase) -> str:
    assert isinstance(phrase, Clip | Prompt)
    return phrase.file if isinstance(phrase, Clip) else phrase.key


def test_the_second_call_hears_what_is_new_and_ends() -> None:
    """The short text, then the goodbye."""
    transcript(
        flow(announce(after="end")), (FIND, c.Found((again(1),))), (BRIEF, c.Heard()), (GOODBYE, c.Heard()),
        (c.HangUp("announced"), None),
    )  # fmt: skip


def test_the_third_call_is_offered_an_agent_and_never_ended() -> None:
    """Though the match is certain and the step says `end`."""
    begin = ((FIND, c.Found((again(2),))), (BRIEF, c.Heard()))
    steps = flow(announce(after="end"))
    transcript(steps, *begin, (AGENT, c.Heard()), (OFFER, c.Digits("0")), *talks())
    transcript(steps, *begin, (AGENT, c.Heard("0")), *talks())


def test_one_who_calls_again_keeps_the_call_for_all_announcements() -> None:
    """A new one beside it does not end his third call."""
    found = (again(2), replace(known("b"), service="tv"))
    transcript(
        flow(announce(after="end")), (FIND, c.Found(found)), (BRIEF, c.Heard()), (plays("b"), c.Heard()),
        (AGENT, c.Heard()), (OFFER, c.Digits("3")), *goes_on(),
    )  # fmt: skip


def test_a_step_that_goes_on_offers_nothing() -> None:
    """`continue` asks nothing, on the third call as well."""
    transcript(flow(announce(after="continue")), (FIND, c.Found((again(2),))), (BRIEF, c.Heard()), *goes_on())


def test_1_repeats_all_of_it() -> None:
    """Who asks to hear it again hears the announcement itself."""
    transcript(
        flow(announce(after="offer")), (FIND, c.Found((again(1),))), (BRIEF, c.Heard()), (OFFER, c.Digits("1")),
        (plays(), c.Heard()), (OFFER, c.Digits("3")), *goes_on(),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("step", "most", "ends"), [("end", "end", True), ("end", "offer", False), ("offer", "end", False)]
)
def test_an_announcement_says_how_much_may_follow_it(step: str, most: str, ends: bool) -> None:
    """The lesser of the step's `after` and its own."""
    events = [c.Found((replace(known(), after=most),)), c.Heard()]
    rest = [c.Heard()] if ends else [c.Digits("0"), c.Queued("answered")]
    found = commands(flow(announce(after=step)), [*events, *rest])

    assert (GOODBYE in found, OFFER in found) == (ends, not ends)


def test_an_announcement_after_which_nothing_is_asked() -> None:
    """Its `continue` goes on, whatever the step offers."""
    found = replace(known(), after="continue")
    transcript(flow(announce(after="end")), (FIND, c.Found((found,))), (plays(), c.Heard()), *goes_on())


# -- to be called when it is over


def wanted(*names: str) -> tuple[c.Announcement, ...]:
    return tuple(replace(known(each), opt_in=True, may_end=False) for each in names)


def test_2_arranges_a_call_and_ends_this_one() -> None:
    """The number is confirmed by who drives the flow."""
    transcript(
        flow(announce(after="offer")), (FIND, c.Found(wanted("a", "b"))), (plays("a"), c.Heard()),
        (plays("b"), c.Heard()), (WITH_2, c.Digits("2")), (c.OptIn(("a", "b")), c.Arranged("booked")),
        (c.Play(say("goodbye")), c.Heard()), (c.HangUp("announced"), None),
    )  # fmt: skip


def test_2_during_the_announcement_as_well() -> None:
    """He need not hear the choices."""
    transcript(
        flow(announce(after="end")), (FIND, c.Found(wanted("a"))), (plays(), c.Heard("2")),
        (c.OptIn(("a",)), c.Arranged("booked")), (c.Play(say("goodbye")), c.Heard()), (c.HangUp("announced"), None),
    )  # fmt: skip


def test_who_declines_chooses_again() -> None:
    """It is no wrong key."""
    transcript(
        flow(announce(after="offer")), (FIND, c.Found(wanted("a"))), (plays(), c.Heard()), (WITH_2, c.Digits("2")),
        (c.OptIn(("a",)), c.Arranged("declined")), (WITH_2, c.Digits("0")), *talks(),
    )  # fmt: skip


def test_2_is_a_wrong_key_where_nobody_can_be_called() -> None:
    """And it is not said."""
    wrong = c.Ask((Prompt("invalid_key"), Prompt("offer_menu")))
    transcript(
        flow(announce(after="offer")), (FIND, c.Found((known(),))), (plays(), c.Heard()), (OFFER, c.Digits("2")),
        (wrong, c.Digits("3")), *goes_on(),
    )  # fmt: skip


def test_who_declines_for_ever_comes_to_an_end() -> None:
    """The choices are bounded."""
    events: list[c.Event] = [c.Found(wanted("a")), c.Heard()]
    found = commands(
        flow(announce(after="offer")),
        [*events, *[c.Digits("2"), c.Arranged("declined")] * 5, c.Digits("2"), c.Digits("1"), c.Queued("answered")],
    )

    assert 5 == sum(isinstance(each, c.OptIn) for each in found)


def test_every_play_of_an_announcement_says_which() -> None:
    """So that what was heard of it can be measured; what is said around it is none."""
    found = commands(flow(announce(after="end", intro=["announcement_intro"])), [c.Found((known(),)), *[c.Heard()] * 3])

    assert [None, known(), None] == [each.of for each in found if isinstance(each, c.Play)]
