"""ivr/flow/run.py: what a flow does, as transcripts of (command out, event in)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.flow import commands as c
from ivr.flow.run import ANNOUNCEMENTS, REPEATS, STEPS, run
from ivr.flow.steps import KEYS, KINDS
from ivr.sound import Clip, Phrase, Prompt
from tests.support.flows import PROMPTS, commands, dialplans, flow, lines_of, text, transcript

WELCOME = '[steps.first]\nkind = "say"\nprompt = "welcome"\nnext = "menu"\n'
MENU = '[steps.menu]\nkind = "menu"\nprompt = "main_menu"\non.1 = "wait"\n'
WAIT = '[steps.wait]\nkind = "queue"\nqueue = "plain"\n'
GOODBYE = ((c.Play((Prompt("goodbye"),)), c.Heard()), (c.HangUp("completed"), None))
FIND, OFFER = c.FindAnnouncements(), c.Ask((Prompt("offer_menu"),))
SORRY = c.Ask((Prompt("invalid_key"), Prompt("offer_menu")))


def say(*keys: str) -> tuple[Phrase, ...]:
    return tuple(Prompt(key) for key in keys)


def known(name: str = "a", *, certain: bool = True, may_end: bool = True, version: int = 1) -> c.Announcement:
    return c.Announcement(name, version, (Clip(f"/{name}", name),), certain, may_end, f"why {name}")


def plays(name: str = "a") -> c.Play:
    return c.Play((Clip(f"/{name}", name),), KEYS)


def announce(**values: object) -> str:
    return '[steps.first]\nkind = "announce"\nnext = "menu"\non.agent = "wait"\n' + lines_of(values) + MENU + WAIT


def goes_on() -> tuple[tuple[c.Command, c.Event | None], ...]:
    """The rest of a call that has come to the menu, and presses 1 there."""
    return (c.Ask(say("main_menu")), c.Digits("1")), *talks()


def talks() -> tuple[tuple[c.Command, c.Event | None], ...]:
    return (c.Queue("plain"), c.Queued("answered")), (c.HangUp("agent"), None)


def test_a_call_through_the_menu_to_an_agent() -> None:
    """Welcome, menu, key 1, queue, talk, end."""
    transcript(flow(WELCOME + MENU + WAIT), (c.Play(say("welcome"), KEYS), c.Heard()), *goes_on())


def test_every_step_is_entered_and_left_for_the_trace() -> None:
    """The trace and a second controller see each step with its outcome."""
    events = [c.Heard(), c.Digits("1"), c.Queued("answered")]
    found = commands(flow(WELCOME + MENU + WAIT), events, traced=True)

    assert [
        c.Enter("first", "say"), c.Leave("first", "done"), c.Enter("menu", "menu"), c.Leave("menu", "1"),
        c.Enter("wait", "queue"), c.Leave("wait", "answered"),
    ] == [command for command in found if isinstance(command, c.Enter | c.Leave)]  # fmt: skip


def test_a_second_controller_begins_at_the_step_it_is_told() -> None:
    """The caller who waited waits again, and hears no welcome."""
    transcript(flow(WELCOME + MENU + WAIT), *talks(), start="wait")


def test_an_unknown_step_to_begin_at_is_the_start() -> None:
    """The flow may have changed while the controller was away."""
    transcript(flow(WELCOME + MENU + WAIT), (c.Play(say("welcome"), KEYS), c.Heard()), *goes_on(), start="gone")


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
    rescued = dialplans(text(WELCOME + MENU + WAIT.replace("wait", "end2"), rescue="end2").replace('"wait"', '"end"')).flows["main"]
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
    again = dialplans(text(WELCOME + MENU + WAIT, rescue="menu")).flows["main"]
    asked = [(c.Ask(say(*p, "main_menu")), c.Digits("")) for p in ((), ("no_input",), ("no_input",))]
    transcript(
        again,
        (c.Play(say("welcome"), KEYS), c.Heard()),
        *asked,
        (c.Play(say("too_many_tries")), c.Heard()),
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
    steps = '[steps.first]\nkind = "collect"\nprompt = "enter_account"\nname = "account"\nleast = 4\nmost = 8\nnext = "end"\n'
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
        (c.Queued("failed"), "no_agents", "no_agent"),
        (c.Queued("what is this"), "no_agents", "no_agent"),
        (c.Queued("key", "5"), "no_agents", "no_agent"),
    ],
)
def test_every_way_out_of_a_queue_ends_with_a_word(queued: c.Queued, prompt: str | None, disposition: str) -> None:
    """Nobody falls out of a queue into silence, whatever the router answers."""
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


def test_a_transfer_that_is_answered_ends_the_call() -> None:
    """After the talk there is nothing left to say."""
    steps = '[steps.first]\nkind = "transfer"\ntarget = "reception"\n'
    transcript(flow(steps), (c.Transfer("reception"), c.Transferred("answered")), (c.HangUp("transferred"), None))


# -- announce


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
    first = c.Play((Prompt("announcement_intro"), Clip("/n0", "n0")), KEYS)
    rest = [(plays(f"n{i}"), c.Heard()) for i in range(1, ANNOUNCEMENTS)]
    transcript(flow(steps), (FIND, c.Found(matches)), (first, c.Heard()), *rest, *goes_on())


def test_what_was_heard_reaches_the_trace() -> None:
    """Leave tells which announcement in which version, and why it matched."""
    found = commands(flow(announce(after="end")), [c.Found((known(),)), c.Heard(), c.Heard()], traced=True)

    assert c.Leave("first", "ended", "a v1: why a") in found


# -- bounds and misuse


def test_a_call_has_a_bound_of_steps_and_ends_with_a_goodbye() -> None:
    """A caller who goes round a menu for ever hears a goodbye, never silence."""
    ring = flow('[steps.first]\nkind = "menu"\nprompt = "main_menu"\non.1 = "first"\n')
    found = commands(ring, [c.Digits("1")] * STEPS + [c.Heard()])

    assert [c.Play(say("goodbye")), c.HangUp("failed")] == found[-2:]
    assert STEPS + 2 == len(found)


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


# -- properties: any valid flow, any events


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
        on |= {names[i + 1]: ""} and {}
        if any(o.otherwise.to == "next" and o.name not in on for o in kind.outcomes):
            values["next"] = names[i + 1]
        else:
            first = next(iter(kind.outcomes)).name
            on[first] = names[i + 1]
        rows.append(f"[steps.{name}]\n" + lines_of(values) + "".join(f'on."{k}" = "{v}"\n' for k, v in on.items()))
    return text("".join(rows), start="s0", rescue=draw(st.sampled_from(names)))


def _drawn(draw: st.DrawFn, name: str) -> dict[str, object]:
    always: dict[str, object] = {
        "prompt": "welcome", "name": "account", "language": "en", "calendar": "office", "queue": "support", "target": "reception",
    }  # fmt: skip
    if name in always:
        return {name: always[name]}
    sometimes: dict[str, object] = {
        "after": draw(st.sampled_from(["end", "offer", "continue"])), "tries": draw(st.integers(1, 9)), "interrupt": False,
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
            found = [known(f"n{number % 7 + i}", certain=number % 2 == 0, may_end=number % 3 == 0) for i in range(number % 9)]
            return c.Found(tuple(found))
        case c.CheckHours():
            return c.Hours(number % 2 == 0)
        case c.Queue():
            return c.Queued(("answered", "nobody", "full", "timeout", "failed", "key", "odd")[number % 7], key)
        case c.Transfer():
            return c.Transferred(("answered", "busy", "no_answer", "failed", "odd")[number % 5])
    return c.Done()


@settings(max_examples=120, deadline=None)
@given(flow_texts(), st.lists(st.integers(0, 10_000), min_size=1, max_size=40))
def test_any_valid_flow_ends_within_its_bounds_whatever_happens(content: str, numbers: list[int]) -> None:
    """Every call ends with HangUp, says something or connects before it, and never runs away."""
    try:
        found = dialplans(content).flows["main"]
    except AssertionError as refused:
        assert "never reached" in str(refused)  # noqa: PT017
        return
    generator, numbers_again, seen = run(found), itertools.cycle(numbers), []
    command = next(generator)
    while not isinstance(command, c.HangUp):
        seen.append(command)
        command = generator.send(_event(command, next(numbers_again)))
        assert len(seen) < STEPS * 100
    seen.append(command)

    assert sum(isinstance(s, c.Enter) for s in seen) <= STEPS
    assert any(isinstance(s, c.Play | c.Ask | c.Queue | c.Transfer) for s in seen)
    assert all(p.key in PROMPTS for s in seen if isinstance(s, c.Play | c.Ask) for p in s.phrases if isinstance(p, Prompt))
    with pytest.raises(StopIteration):
        generator.send(c.Done())
