"""ivr/flow/run.py: what a flow does, as transcripts of (command out, event in)."""

from __future__ import annotations

import pytest

from ivr.flow import commands as c
from ivr.flow.declare import KEYS
from tests.support.flows import (
    GOODBYE,
    MENU,
    WAIT,
    WELCOME,
    commands,
    dialplans,
    flow,
    goes_on,
    say,
    talks,
    text,
    transcript,
)


def test_a_call_through_the_menu_to_an_agent() -> None:
    """Welcome, menu, key 1, queue, talk, end."""
    transcript(flow(WELCOME + MENU + WAIT), (c.Play(say("welcome"), KEYS), c.Heard()), *goes_on())


def test_every_step_is_entered_and_left_for_the_trace() -> None:
    """The trace and a second controller see each step with its outcome."""
    events = [c.Heard(), c.Digits("1"), c.Queued("answered")]
    found = commands(flow(WELCOME + MENU + WAIT), events, traced=True)

    assert [
        c.Enter("first", "say", "main", "main.first"), c.Leave("first", "done", flow="main"),
        c.Enter("menu", "menu", "main", "main.menu"), c.Leave("menu", "1", flow="main"),
        c.Enter("wait", "queue", "main", "main.wait"), c.Leave("wait", "answered", flow="main"),
    ] == [command for command in found if isinstance(command, c.Enter | c.Leave)]  # fmt: skip


def test_a_second_controller_begins_at_the_step_it_is_told() -> None:
    """The caller who waited waits again, and hears no welcome."""
    transcript(flow(WELCOME + MENU + WAIT), *talks(), place="main.wait")


def test_an_unknown_step_to_begin_at_is_the_start() -> None:
    """The flow may have changed while the controller was away."""
    transcript(flow(WELCOME + MENU + WAIT), (c.Play(say("welcome"), KEYS), c.Heard()), *goes_on(), place="main.gone")


# -- say and menu


def test_a_key_pressed_during_the_welcome_is_taken_by_the_menu() -> None:
    """Who calls often need not listen."""
    transcript(flow(WELCOME + MENU + WAIT), (c.Play(say("welcome"), KEYS), c.Heard("1")), *talks())


def test_a_key_pressed_early_that_the_menu_does_not_have_is_forgotten() -> None:
    """It is no wrong choice: the menu was not heard yet."""
    transcript(flow(WELCOME + MENU + WAIT), (c.Play(say("welcome"), KEYS), c.Heard("7")), *goes_on())


def test_a_prompt_that_must_be_heard_is_not_interrupted() -> None:
    """interrupt = false leaves no key to stop it."""
    legal = WELCOME.replace("next", "interrupt = false\nnext")
    transcript(flow(legal + MENU + WAIT), (c.Play(say("welcome")), c.Heard()), *goes_on())


def test_a_silent_caller_is_asked_three_times_and_then_rescued() -> None:
    """No input and a wrong key are told apart; then somebody helps."""
    rescued = dialplans(
        text(WELCOME + MENU + WAIT.replace("wait", "end2"), rescue="end2").replace('"wait"', '"end"')
    ).flows["main"]
    transcript(
        rescued,
        (c.Play(say("welcome"), KEYS), c.Heard()),
        (c.Ask(say("main_menu")), c.Digits("")),
        (c.Ask(say("no_input", "main_menu")), c.Digits("9")),
        (c.Ask(say("invalid_key", "main_menu")), c.Digits("")),
        (c.Play(say("too_many_tries")), c.Heard()),
        *talks(),
    )


def test_rescue_works_once_a_call() -> None:
    """A rescue that comes back to a menu does not keep the caller for ever."""
    again = flow(WELCOME + MENU + 'on.9 = "end"\n' + WAIT, rescue="first")
    asked = [(c.Ask(say(*p, "main_menu")), c.Digits("")) for p in ((), ("no_input",), ("no_input",))]
    welcome = (c.Play(say("welcome"), KEYS), c.Heard())
    transcript(
        again,
        welcome,
        *asked,
        (c.Play(say("too_many_tries")), c.Heard()),
        welcome,
        *asked,
        (c.Play(say("too_many_tries", "goodbye")), c.Heard()),
        (c.HangUp("failed"), None),
    )


def test_outcomes_a_menu_names_go_there_without_a_word() -> None:
    """no_input and wrong_key named: no second try."""
    named = MENU.replace("menu]", "first]") + 'on.no_input = "wait"\non.wrong_key = "end"\n' + WAIT
    transcript(flow(named), (c.Ask(say("main_menu")), c.Digits("")), *talks())
    transcript(flow(named), (c.Ask(say("main_menu")), c.Digits("8")), *GOODBYE)


# -- collect, language, goto, hours, hangup


def test_digits_are_asked_again_when_too_few_and_then_kept() -> None:
    """The entry ends with #; what is entered is kept for the agent."""
    begin = '[steps.first]\nkind = "collect"\nprompt = "enter_account"\nname = "account"\n'
    steps = begin + 'least = 4\nmost = 8\nnext = "end"\n'
    transcript(
        flow(steps),
        (c.Ask(say("enter_account"), 8, "#"), c.Digits("123")),
        (c.Ask(say("invalid_key", "enter_account"), 8, "#"), c.Digits("")),
        (c.Ask(say("no_input", "enter_account"), 8, "#"), c.Digits("12345")),
        (c.Keep("account", "12345"), c.Done()),
        *GOODBYE,
    )


def test_secret_digits_are_kept_nowhere() -> None:
    """No command but the question itself ever carries them."""
    steps = '[steps.first]\nkind = "collect"\nprompt = "enter_account"\nname = "pin"\nsecret = true\nnext = "end"\n'
    found = commands(flow(steps), [c.Digits("9876"), c.Heard()], traced=True)

    assert c.Ask(say("enter_account"), 12, "#", secret=True) in found
    assert "9876" not in repr(found)


def test_language_goto_and_hours() -> None:
    """Small steps do one thing each."""
    steps = (
        '[steps.first]\nkind = "language"\nlanguage = "ru"\nnext = "jump"\n[steps.jump]\nkind = "goto"\nnext = "open"\n'
        '[steps.open]\nkind = "hours"\ncalendar = "office"\nnext = "end"\n'
    )
    begin = (c.SetLanguage("ru"), c.Done())
    transcript(flow(steps), begin, (c.CheckHours("office"), c.Hours(True)), *GOODBYE)
    transcript(
        flow(steps),
        begin,
        (c.CheckHours("office"), c.Hours(False)),
        (c.Play(say("closed")), c.Heard()),
        (c.HangUp("closed"), None),
    )


def test_a_hangup_may_be_silent() -> None:
    """prompt = [] says nothing, and the disposition is the step's."""
    steps = '[steps.first]\nkind = "hangup"\nprompt = []\ndisposition = "closed"\n'

    assert [c.HangUp("closed")] == commands(dialplans(text(steps, rescue="end")).flows["main"], [])


# -- queue and transfer


@pytest.mark.parametrize(
    ("queued", "prompt", "disposition"),
    [
        (c.Queued("answered"), None, "agent"),
        (c.Queued("nobody"), "no_agents", "no_agent"),
        (c.Queued("full"), "queue_full", "no_agent"),
        (c.Queued("timeout"), "no_agents", "no_agent"),
        (c.Queued("failed"), "", "failed"),
        (c.Queued("what is this"), "", "failed"),
        (c.Queued("key", "5"), "", "failed"),
    ],
)
def test_every_way_out_of_a_queue_ends_with_a_word(queued: c.Queued, prompt: str | None, disposition: str) -> None:
    """Nobody falls out of a queue into silence, whatever the router answers; `failed` goes to Asterisk's ladder."""
    spoken = [(c.Play(say(prompt)), c.Heard())] if prompt else []
    transcript(
        dialplans(text(WAIT, start="wait")).flows["main"],
        (c.Queue("plain"), queued),
        *spoken,
        (c.HangUp(disposition), None),
    )


def test_a_waiting_caller_leaves_by_key_to_the_step_named() -> None:
    """* ends waiting and leads back."""
    steps = '[steps.first]\nkind = "queue"\nqueue = "support"\nprompt = "connecting"\non."*" = "end"\n'
    transcript(
        flow(steps), (c.Play(say("connecting")), c.Heard()), (c.Queue("support"), c.Queued("key", "*")), *GOODBYE
    )


@pytest.mark.parametrize("outcome", ["busy", "no_answer", "failed", "unheard of"])
def test_a_transfer_that_fails_is_told_and_rescued(outcome: str) -> None:
    """The caller hears that it failed and reaches the rescue."""
    steps = '[steps.first]\nkind = "transfer"\ntarget = "reception"\nprompt = "transferring"\n'
    transcript(
        flow(steps),
        (c.Play(say("transferring")), c.Heard()),
        (c.Transfer("reception"), c.Transferred(outcome)),
        (c.Play(say("transfer_failed")), c.Heard()),
        *GOODBYE,
    )


def test_a_transfer_rings_as_long_as_the_step_says() -> None:
    """`ring_s`, 30 s unless written."""
    steps = '[steps.first]\nkind = "transfer"\ntarget = "reception"\nring_s = 45\n'
    transcript(
        flow(steps), (c.Transfer("reception", 45), c.Transferred("answered")), (c.HangUp("transferred"), None)
    )


def test_a_transfer_that_is_answered_ends_the_call() -> None:
    """After the talk there is nothing left to say."""
    steps = '[steps.first]\nkind = "transfer"\ntarget = "reception"\n'
    transcript(flow(steps), (c.Transfer("reception"), c.Transferred("answered")), (c.HangUp("transferred"), None))
