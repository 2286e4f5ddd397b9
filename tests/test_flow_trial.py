"""ivr/flow/trial.py, and the dialplans of this project tried by it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.errors import InputError
from ivr.flow import commands as c
from ivr.flow.load import load, prompt_keys, prompt_texts
from ivr.flow.trial import SCRIPT_KEYS, Transcript, read_keys, try_flow
from ivr.flow.world import Known, Situation
from ivr.settings import PROJECT
from ivr.sound import Clip

TEXTS = prompt_texts(PROJECT / "prompts")
DIALPLANS = load(PROJECT / "dialplans", prompt_keys(PROJECT / "prompts"))
MONDAY = datetime(2026, 11, 23, 11, 0, tzinfo=UTC)
NOON = Situation(MONDAY)
OUTAGE = c.Announcement("wola", 1, (Clip("/x", "No internet in Wola."),), certain=True, may_end=True, why="area")


def call(number: str, keys: str = "", situation: Situation = NOON) -> Transcript:
    dialled = DIALPLANS.numbers[number]
    return try_flow(DIALPLANS.flows[dialled.flow], DIALPLANS, keys, situation, dialled.language, TEXTS)


def said(transcript: Transcript) -> list[str]:
    return [line.text for line in transcript.lines if line.what == "says"]


def with_outage(announcement: c.Announcement = OUTAGE, service: str = "internet") -> Situation:
    return Situation(MONDAY, known=[Known(announcement, service)])


def test_a_caller_in_the_outage_area_hears_it_and_the_call_ends() -> None:
    """No key pressed, no agent needed."""
    found = call("101", situation=with_outage())

    assert (found.disposition, found.steps) == ("announced", ("welcome", "known_outage"))
    assert [TEXTS["en"]["welcome"], "No internet in Wola.", TEXTS["en"]["goodbye_announcement"]] == said(found)


@pytest.mark.parametrize("key", ["1", "0"])
def test_another_caller_reaches_an_agent(key: str) -> None:
    """1 for a fault, 0 for an agent: support takes both."""
    found = call("100", key)

    assert found.disposition == "agent"
    assert c.Queue("support") in found.commands


@pytest.mark.parametrize(("number", "language"), [("100", "pl"), ("101", "en"), ("102", "ru")])
def test_each_number_speaks_its_language(number: str, language: str) -> None:
    """The same flow, three languages."""
    assert TEXTS[language]["welcome"] == said(call(number))[0]


@pytest.mark.parametrize(("keys", "language"), [("9,1", "pl"), ("9,2", "ru"), ("9,3", "en")])
def test_the_language_can_be_changed(keys: str, language: str) -> None:
    """After 9 and a choice the menu comes in that language."""
    assert TEXTS[language]["main_menu"] == said(call("100", keys))[3]


def test_an_uncertain_outage_is_offered_after_the_caller_says_internet() -> None:
    """Before the menu nothing is said of it; after 1 he hears it, and 3 or silence still lead to an agent."""
    situation = with_outage(replace(OUTAGE, certain=False))
    found = call("101", "1,3", situation)

    assert found.steps == ("welcome", "known_outage", "menu", "fault", "support")
    assert ["No internet in Wola.", TEXTS["en"]["offer_menu"]] == said(found)[2:4]
    assert found.disposition == "agent"


def test_an_outage_of_another_service_is_not_offered_for_internet() -> None:
    """Pressing 1 asks for announcements of the service internet only."""
    found = call("101", "1", with_outage(replace(OUTAGE, certain=False), "tv"))

    assert "No internet in Wola." not in said(found)


@pytest.mark.parametrize(
    ("keys", "queue", "at", "disposition"),
    [
        ("2", "billing", MONDAY, "agent"),
        ("3", "sales", MONDAY, "agent"),
        ("2", "", datetime(2026, 11, 22, 11, 0, tzinfo=UTC), "closed"),
        ("3", "", datetime(2026, 12, 25, 11, 0, tzinfo=UTC), "closed"),
        ("1", "support", datetime(2026, 12, 25, 3, 0, tzinfo=UTC), "agent"),
    ],
)
def test_invoices_and_contracts_have_hours_and_faults_none(
    keys: str, queue: str, at: datetime, disposition: str
) -> None:
    """Sundays and holidays close the office; faults are taken at any time."""
    found = call("100", keys, Situation(at))
    queues = [command.queue for command in found.commands if isinstance(command, c.Queue)]

    assert ([queue] if queue else [], disposition) == (queues, found.disposition)


def test_a_silent_caller_reaches_an_agent() -> None:
    """A rotary phone, a frightened caller: three questions, then somebody helps."""
    found = call("100")

    assert (found.disposition, found.steps[-1]) == ("agent", "support")


def test_nobody_in_the_queue_is_told() -> None:
    """The caller hears that nobody can take the call."""
    found = call("101", "1", Situation(MONDAY, queues={"support": c.Queued("nobody")}))

    assert ("no_agent", TEXTS["en"]["no_agents"]) == (found.disposition, said(found)[-1])


def test_the_closed_line_says_so_after_what_is_known() -> None:
    """103 is never open."""
    found = call("103", situation=with_outage())

    assert ["No internet in Wola.", TEXTS["pl"]["closed"]] == said(found)
    assert found.disposition == "closed"


def test_reception_is_connected_or_replaced_by_an_agent() -> None:
    """104 rings one fixed phone."""
    busy = call("104", situation=Situation(MONDAY, transfers={"reception": "busy"}))

    assert (call("104").disposition, busy.disposition) == ("transferred", "agent")
    assert TEXTS["pl"]["busy"] in said(busy)


def test_every_disposition_of_the_trial_is_one_that_records_know() -> None:
    """The transcript's last line names it."""
    found = call("100", "1")

    assert (found.lines[-1].what, found.lines[-1].text) == ("ends", "agent")


# -- the caller's script


def test_keys_after_a_wait_are_pressed_at_that_moment() -> None:
    """w3 lets the welcome (2.4 s) end and stops the announcement; 0 leads to an agent."""
    found = call("101", "w3,0", with_outage())
    pressed = next(line for line in found.lines if line.what == "caller")

    assert (pressed.text, pressed.at_s) == ("presses 0", 3.0)
    assert found.steps == ("welcome", "known_outage", "support")


def test_a_key_without_a_wait_is_pressed_at_the_next_question() -> None:
    """It does not stop an announcement: the caller in the area hears it out."""
    assert call("101", "0", with_outage()).disposition == "announced"


def test_a_wait_alone_lets_one_question_pass() -> None:
    """w is silence at one question."""
    found = call("101", "w,2")

    assert TEXTS["en"]["no_input"] in said(found)
    assert found.steps[-1] == "billing"


def test_a_long_wait_runs_over_several_questions() -> None:
    """After 25 seconds the second question stands."""
    found = call("101", "w25,2")

    assert said(found).count(TEXTS["en"]["no_input"]) == 1
    assert found.steps[-1] == "billing"


@pytest.mark.parametrize(
    ("script", "expected"), [("", []), ("12#", ["1", "2", "#"]), (" w2.5, 1 ,w", ["w2.5", "1", "w"])]
)
def test_a_script_is_read_as_keys_and_waits(script: str, expected: list[str]) -> None:
    """Items are separated by commas or blanks; keys may stand together."""
    assert expected == list(read_keys(script))


@pytest.mark.parametrize("script", ["a", "1;2", "w-1", "w1e9", "1w2", "٣", "w99999", "1" * (SCRIPT_KEYS + 1)])
def test_a_script_that_makes_no_sense_is_an_input_error(script: str) -> None:
    """The person at the keyboard is told what keys are."""
    with pytest.raises(InputError, match=r"^keys: "):
        read_keys(script)


@settings(max_examples=60, deadline=None)
@given(
    script=st.lists(st.sampled_from([*"0123459*#", "w", "w0", "w1", "w2.5", "w30"]), max_size=12).map(",".join),
    number=st.sampled_from(sorted(DIALPLANS.numbers)),
    outage=st.sampled_from([None, OUTAGE, replace(OUTAGE, certain=False), replace(OUTAGE, may_end=False)]),
    queued=st.sampled_from(["answered", "nobody", "full", "timeout", "failed"]),
)
def test_every_caller_hears_something_and_the_clock_never_runs_back(
    script: str, number: str, outage: c.Announcement | None, queued: str
) -> None:
    """Whatever is pressed, on every number: words, and an end that the records know."""
    queues = {name: c.Queued(queued) for name in DIALPLANS.queues}
    found = call(number, script, Situation(MONDAY, known=[Known(outage, "")] if outage else [], queues=queues))
    times = [line.at_s for line in found.lines]

    assert said(found) or found.disposition == "transferred"
    assert sorted(times) == times
    assert "[" not in "".join(said(found)), "a prompt without words"
