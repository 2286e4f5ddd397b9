"""ivr/flow/perform_known.py and run.py: steps that know, ask, remember and go through other flows, as transcripts."""

from __future__ import annotations

import pytest

from ivr.flow import commands as c
from ivr.flow.declare import KEYS
from ivr.flow.load import Dialplans, build
from ivr.sound import Prompt, SayDigits, SayNumber
from tests.support.flows import (
    FOLDER,
    GOODBYE,
    NUMBERS,
    PROMPTS,
    WEBHOOKS,
    commands,
    dialplans,
    files,
    flow,
    known,
    plays,
    say,
    text,
    transcript,
)


def with_webhook(steps: str) -> Dialplans:
    return dialplans(text(steps), numbers=NUMBERS + WEBHOOKS)


BRANCH = (
    '[steps.first]\nkind = "branch"\nnext = "end"\non.vip = "vip"\non.late = "late"\n'
    '[steps.first.when]\nvip = "class = vip"\nlate = "time >= 18:00 & language = pl"\n'
    '[steps.vip]\nkind = "hangup"\nprompt = []\ndisposition = "agent"\n'
    '[steps.late]\nkind = "hangup"\nprompt = []\ndisposition = "closed"\n'
)
LOOK = c.Look(("class", "time", "language"))


@pytest.mark.parametrize(
    ("values", "rest"),
    [
        ({"class": "vip", "time": "19:00", "language": "pl"}, ((c.HangUp("agent"), None),)),
        ({"class": "normal", "time": "19:00", "language": "pl"}, ((c.HangUp("closed"), None),)),
        ({"class": "normal", "time": "19:00"}, GOODBYE),
        ({}, GOODBYE),
    ],
)
def test_the_first_condition_that_holds_is_the_way(values: dict[str, str], rest: tuple) -> None:  # type: ignore[type-arg]
    """Nothing known: `otherwise`. The facts are asked for once."""
    transcript(flow(BRANCH), (LOOK, c.Seen(values)), *rest)


def test_the_trace_tells_what_a_branch_knew() -> None:
    """The detail of its Leave."""
    found = commands(flow(BRANCH), [c.Seen({"class": "vip", "time": "19:00"})], traced=True)

    assert c.Leave("first", "vip", "class = vip, time = 19:00", "main") in found


def test_a_variable_is_set_read_and_said() -> None:
    """set, then say digits and number; only facts that are no variables are looked up."""
    steps = (
        '[steps.first]\nkind = "set"\nname = "a"\nvalue = "1{dialled}{var.none}"\nnext = "b"\n'
        '[steps.b]\nkind = "say"\nprompt = "welcome"\ndigits = "var.a"\nnumber = "waiting.plain"\nnext = "end"\n'
    ).replace("{var.none}", "")
    transcript(
        flow(steps),
        (c.Look(("dialled",)), c.Seen({"dialled": "100"})),
        (c.Keep("a", "1100"), c.Done()),
        (c.Look(("waiting.plain",)), c.Seen({"waiting.plain": 7})),
        (c.Play((Prompt("welcome"), SayDigits("1100"), SayNumber(7)), KEYS), c.Heard()),
        *GOODBYE,
    )


IDENTIFY = '[steps.first]\nkind = "identify"\nnext = "end"\n'
BY_NUMBER, QUESTION = c.FindCustomer("number"), c.Ask(say("enter_account"), 12, "#")


def back(digits: str) -> c.Ask:
    return c.Ask((Prompt("read_back"), SayDigits(digits), Prompt("confirm_entry")))


def test_a_caller_known_by_his_number_is_asked_nothing() -> None:
    """Most calls."""
    transcript(flow(IDENTIFY), (BY_NUMBER, c.Customers(True)), *GOODBYE)


def test_an_unknown_caller_is_asked_and_his_digits_are_read_back() -> None:
    """2 enters again; anything else, silence too, is right."""
    transcript(
        flow(IDENTIFY),
        (BY_NUMBER, c.Customers(False)),
        (QUESTION, c.Digits("12345")),
        (back("12345"), c.Digits("2")),
        (QUESTION, c.Digits("54321")),
        (back("54321"), c.Digits("")),
        (c.FindCustomer("account", "54321"), c.Customers(True)),
        *GOODBYE,
    )


def test_who_is_not_found_in_three_tries_is_unknown_and_who_enters_nothing_is_silent() -> None:
    """Two outcomes, so that a flow can tell them apart."""
    steps = IDENTIFY + 'on.no_input = "quiet"\n[steps.quiet]\nkind = "hangup"\nprompt = []\ndisposition = "closed"\n'
    again = c.Ask(say("no_input", "enter_account"), 12, "#")
    lost = c.Ask(say("not_found", "enter_account"), 12, "#")
    nobody = ((back("1111"), c.Digits("1")), (c.FindCustomer("account", "1111"), c.Customers(False)))
    begin = (BY_NUMBER, c.Customers(False))
    transcript(flow(steps), begin, (QUESTION, c.Digits("")), (again, c.Digits("")), (again, c.Digits("")),
               (c.HangUp("closed"), None))  # fmt: skip
    transcript(flow(steps), begin, (QUESTION, c.Digits("1111")), *nobody, (lost, c.Digits("1111")), *nobody,
               (lost, c.Digits("1111")), *nobody, *GOODBYE)  # fmt: skip


STATUS = '[steps.first]\nkind = "status"\nservice = "tv"\nnext = "end"\non.outage = "bad"\non.unknown = "bad"\n'
BAD = '[steps.bad]\nkind = "hangup"\nprompt = []\ndisposition = "announced"\n'


def test_the_state_of_the_services_is_said() -> None:
    """All normal; an outage; nobody knows where he lives."""
    found, ends = flow(STATUS + BAD), (c.HangUp("announced"), None)
    transcript(found, (c.FindState("tv"), c.State((), True)), (c.Play(say("status_normal"), KEYS), c.Heard()), *GOODBYE)
    transcript(found, (c.FindState("tv"), c.State((known(),), True)), (plays(), c.Heard("5")), ends)
    transcript(found, (c.FindState("tv"), c.State((), False)), (c.Play(say("status_unknown"), KEYS), c.Heard()), ends)


@pytest.mark.parametrize(
    ("kind", "command", "outcome", "rest"),
    [
        ("callback", c.OfferCallback("plain"), "booked",
         ((c.Play(say("goodbye")), c.Heard()), (c.HangUp("callback"), None))),
        ("callback", c.OfferCallback("plain"), "odd", GOODBYE),
        ("message", c.TakeMessage("plain"), "kept", ((c.Play(say("goodbye")), c.Heard()), (c.HangUp("message"), None))),
        ("message", c.TakeMessage("plain"), "none", GOODBYE),
    ],
)  # fmt: skip
def test_a_call_back_or_a_message_ends_the_call_and_declined_it_goes_on(
    kind: str, command: c.Command, outcome: str, rest: tuple  # type: ignore[type-arg]
) -> None:  # fmt: skip
    """An answer nobody declared counts as declined."""
    transcript(
        flow(f'[steps.first]\nkind = "{kind}"\nqueue = "plain"\nnext = "end"\n'), (command, c.Arranged(outcome)), *rest
    )


SURVEY = (
    '[steps.first]\nkind = "survey"\nname = "after"\nquestions = ["survey_polite", "survey_solved"]\nnext = "end"\n'
)


def test_a_survey_keeps_each_answer_and_two_silences_end_it() -> None:
    """A key that is no answer is asked again."""
    first = c.Ask(say("survey_intro", "survey_polite"))
    transcript(
        flow(SURVEY),
        (first, c.Digits("9")),
        (c.Ask(say("invalid_key", "survey_intro", "survey_polite")), c.Digits("4")),
        (c.Answer("after", "survey_polite", 4), c.Done()),
        (c.Ask(say("survey_solved")), c.Digits("")),
        (c.Play(say("survey_thanks")), c.Heard()),
        *GOODBYE,
    )
    transcript(flow(SURVEY), (first, c.Digits("")), (c.Ask(say("survey_solved")), c.Digits("")), *GOODBYE)


WEBHOOK = (
    '[steps.first]\nkind = "webhook"\nwebhook = "crm"\nsend = ["var.a", "time"]\nresults = ["paid"]\nnext = "end"\n'
    'on.paid = "bye"\n[steps.bye]\nkind = "hangup"\nprompt = []\ndisposition = "closed"\n'
).replace('"var.a", ', "")


@pytest.mark.parametrize(
    ("fetched", "kept", "disposition"),
    [
        (c.Fetched("answered", "paid", {"balance": "5"}), ["balance"], "closed"),
        (c.Fetched("answered", "odd", {"Bad": "x", "ok": "y"}), ["ok"], "completed"),
        (c.Fetched("timeout"), [], "completed"),
        (c.Fetched("what"), [], "completed"),
    ],
)
def test_a_webhook_goes_where_its_server_says(fetched: c.Fetched, kept: list[str], disposition: str) -> None:
    """Only results the step names are ways; only plain names become variables."""
    events = [c.Seen({"time": "10:00"}), fetched, *[c.Done()] * len(kept), *[c.Heard()] * (disposition == "completed")]
    found = commands(with_webhook(WEBHOOK).flows["main"], events)

    assert c.Fetch("crm", {"time": "10:00"}, 3) in found
    assert kept == [command.name for command in found if isinstance(command, c.Keep)]
    assert found[-1] == c.HangUp(disposition)


def test_a_long_reply_is_cut_in_the_record_as_in_the_call() -> None:
    """A server that answers a novel does not fill the database."""
    events = [c.Seen({}), c.Fetched("answered", "", {"long": "x" * 5000}), c.Done(), c.Heard()]
    found = commands(with_webhook(WEBHOOK).flows["main"], events)

    assert c.Keep("long", "x" * 200) in found


def several() -> Dialplans:
    main = text(
        '[steps.first]\nkind = "invoke"\nflow = "sub"\nnext = "end"\non.paid = "over"\n'
        '[steps.first.with]\nreason = "{dialled}"\n[steps.over]\nkind = "pass"\nflow = "last"\n'
    )
    sub = (
        'title = "S"\nstart = "ask"\nrescue = "back"\n[steps.ask]\nkind = "menu"\nprompt = "main_menu"\non.1 = "paid"\n'
        'on.2 = "back"\n[steps.paid]\nkind = "return"\noutcome = "paid"\n[steps.back]\nkind = "return"\n'
    )
    last = 'title = "L"\nstart = "bye"\nrescue = "bye"\n[steps.bye]\nkind = "return"\n'
    contents = files(main) | {FOLDER / "flows" / f"{n}.toml": t.encode() for n, t in (("sub", sub), ("last", last))}
    built, wrong = build(contents, FOLDER, PROMPTS)
    assert built is not None, wrong
    return built


def test_an_invoked_flow_comes_back_with_its_outcome_and_a_passed_one_does_not() -> None:
    """Trace and place tell the flow; a return nobody waits for ends the call."""
    found = several()
    events = [c.Seen({"dialled": "100"}), c.Done(), c.Digits("1"), c.Heard()]
    seen = commands(found.flows["main"], events, flows=found.flows, traced=True)

    assert [
        c.Enter("first", "invoke", "main", "main.first"),
        c.Look(("dialled",)),
        c.Keep("reason", "100"),
        c.Enter("ask", "menu", "sub", "main.first>sub.ask"),
        c.Ask(say("main_menu")),
        c.Leave("ask", "1", flow="sub"),
        c.Enter("paid", "return", "sub", "main.first>sub.paid"),
        c.Leave("first", "paid", flow="main"),
        c.Enter("over", "pass", "main", "main.over"),
        c.Enter("bye", "return", "last", "last.bye"),
        c.Play(say("goodbye")),
        c.HangUp("completed"),
    ] == seen


def test_a_second_controller_goes_on_inside_an_invoked_flow() -> None:
    """And comes back to the flow that invoked it."""
    found = several()
    transcript(
        found.flows["main"], (c.Ask(say("main_menu")), c.Digits("2")), *GOODBYE,
        flows=found.flows, place="main.first>sub.ask",
    )  # fmt: skip


def test_what_is_made_of_secret_digits_is_secret_too() -> None:
    """`set` and `invoke` with a PIN in it reach neither record nor channel; a plain value over it is kept again."""
    steps = (
        '[steps.first]\nkind = "collect"\nprompt = "enter_account"\nname = "pin"\nsecret = true\nnext = "copy"\n'
        '[steps.copy]\nkind = "set"\nname = "note"\nvalue = "PIN {var.pin}"\nnext = "again"\n'
        '[steps.again]\nkind = "set"\nname = "more"\nvalue = "{var.note}!"\nnext = "plain"\n'
        '[steps.plain]\nkind = "set"\nname = "note"\nvalue = "checked"\nnext = "end"\n'
    )
    found = commands(flow(steps), [c.Digits("4711"), c.Done(), c.Heard()])

    assert [c.Keep("note", "checked")] == [command for command in found if isinstance(command, c.Keep)]
    assert "4711" not in str(found)


@pytest.mark.parametrize(
    ("kind", "event", "disposition"),
    [
        ('kind = "queue"\nqueue = "plain"\non.answered = "end"\non.nobody = "end"', c.Queued("answered"), "agent"),
        ('kind = "queue"\nqueue = "plain"\non.answered = "end"\non.nobody = "end"', c.Queued("nobody"), "completed"),
        ('kind = "transfer"\ntarget = "reception"\non.answered = "end"', c.Transferred("answered"), "transferred"),
        ('kind = "callback"\nqueue = "plain"\nnext = "end"\non.booked = "end"', c.Arranged("booked"), "callback"),
        ('kind = "message"\nqueue = "plain"\nnext = "end"\non.kept = "end"', c.Arranged("kept"), "message"),
    ],
)
def test_a_call_that_comes_to_its_end_is_recorded_by_what_it_reached(
    kind: str, event: c.Event, disposition: str
) -> None:
    """A goodbye or a survey after a talk does not make it another kind of call."""
    found = commands(flow(f"[steps.first]\n{kind}\n"), [event, c.Heard()])

    assert c.HangUp(disposition) == found[-1]
