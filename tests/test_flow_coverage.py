"""ivr/flow/coverage.py: which steps and outcomes there are, and which were gone through."""

from __future__ import annotations

import pytest

from ivr.flow.coverage import cover, possible
from ivr.flow.model import Dialplans
from ivr.flow.trial import try_flow
from ivr.flow.world import Situation
from tests.support.flows import dialplans, text
from tests.test_flow_scenario import SAID, one

QUEUES = """
[queues.support]
skill = "internet"
max_ewt_s = 60
keys = "*"
[queues.plain]
skill = "internet"
overflow = "callback"
[queues.plain.keys]
2 = "message"
5 = "queue:support"
[queues.chain]
skill = "internet"
overflow = "queue:support"
"""
HOURS = """
timezone = "Europe/Warsaw"
[hours.office]
open = "Mo-Fr 08:00-16:00"
[hours.always]
open = "24/7"
[hours.never]
open = "off"
[hours.once]
open = "off"
[hours.once.special]
2026-12-31 = "08:00-14:00"
"""


def ways(steps: str, **others: str) -> set[str]:
    """Return the outcomes of the first step of a flow."""
    plans = dialplans(text(steps), **{"queues": QUEUES, "hours": HOURS} | others)
    return {outcome for _, step, outcome in possible(plans)[1] if step == "first"}


MENU = '[steps.first]\nkind = "menu"\nprompt = "main_menu"\non.1 = "end"\n'


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (MENU, {"1", "no_input", "wrong_key", "too_many"}),
        (MENU + "tries = 1\n", {"1", "too_many"}),
        (MENU + 'on.no_input = "end"\n', {"1", "no_input", "wrong_key", "too_many"}),
        (MENU + 'on.no_input = "end"\non.wrong_key = "end"\n', {"1", "no_input", "wrong_key"}),
        (MENU + "".join(f'on."{key}" = "end"\n' for key in "023456789*#"),
         {*"0123456789*#", "no_input", "too_many"}),
    ],
)  # fmt: skip
def test_a_menu_asks_again_only_where_it_can(steps: str, expected: set[str]) -> None:
    """Named keys; asked again with more than one try; too many unless every miss has its own way."""
    assert expected == ways(steps)


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ("continue", {"nothing", "continue"}),
        ("offer", {"nothing", "other", "agent", "opted_in", "no_input"}),
        ("end", {"nothing", "other", "agent", "opted_in", "no_input", "ended"}),
    ],
)
def test_an_announcement_ends_the_call_only_where_it_may(after: str, expected: set[str]) -> None:
    """By `after`."""
    assert expected == ways(f'[steps.first]\nkind = "announce"\nafter = "{after}"\nnext = "end"\n')


@pytest.mark.parametrize(
    ("calendar", "expected"),
    [("office", {"open", "closed"}), ("always", {"open"}), ("never", {"closed"}), ("once", {"open", "closed"})],
)
def test_a_calendar_that_never_changes_has_one_outcome(calendar: str, expected: set[str]) -> None:
    """24/7, off, and off but for one day."""
    assert expected == ways(f'[steps.first]\nkind = "hours"\ncalendar = "{calendar}"\nnext = "end"\n')


@pytest.mark.parametrize(
    ("queue", "expected"),
    [
        ("support", {"answered", "*", "nobody", "full", "too_long", "timeout"}),
        ("chain", {"answered", "*", "nobody", "full", "too_long", "timeout"}),
        ("plain", {"answered", "*", "nobody", "full", "too_long", "timeout", "callback", "message"}),
    ],
)
def test_a_queue_ends_as_its_keys_and_overflows_let_it(queue: str, expected: set[str]) -> None:
    """Its own, and those of the queues it leads to; what is declined comes back to the flow."""
    assert expected == ways(f'[steps.first]\nkind = "queue"\nqueue = "{queue}"\non."*" = "end"\n')


def test_a_fault_of_the_hotline_counts_only_when_the_step_names_it() -> None:
    """`failed` of a queue."""
    assert "failed" in ways('[steps.first]\nkind = "queue"\nqueue = "plain"\non."*" = "end"\non.failed = "end"\n')


def test_steps_nobody_can_come_to_do_not_count() -> None:
    """Behind a calendar that is never open, and a rescue nothing leads to."""
    plans = dialplans(
        text('[steps.first]\nkind = "hours"\ncalendar = "never"\nnext = "there"\n'
             '[steps.there]\nkind = "goto"\nnext = "end"\n'),
        hours=HOURS,
    )  # fmt: skip

    assert possible(plans)[0] == (("main", "first"),)


# -- gone through


def covered(plans: Dialplans, *scripts: str) -> tuple[set[str], set[str], int]:
    """Return steps and ways that none of `scripts` went through, and the percentage."""
    at = one("ends = 'agent'").situation.at
    flow = plans.flows["main"]
    found = cover(plans, [try_flow(flow, plans, keys, Situation(at), "pl", SAID).commands for keys in scripts])
    return set(found.missed_steps), set(found.missed_ways), found.percent


def test_what_was_gone_through_is_counted_and_the_rest_named() -> None:
    """Asked again counts where the hotline asked again."""
    plans = dialplans(text(MENU + 'on.2 = "more"\n[steps.more]\nkind = "goto"\nnext = "first"\n'))

    assert covered(plans, "1") == ({"main.more"}, {f"main.first: {each}" for each in
                                                   ("2", "no_input", "wrong_key", "too_many")}, 33)  # fmt: skip
    assert covered(plans, "2,1", "9,w,w") == (set(), set(), 100)


def test_a_flow_that_comes_back_is_covered_step_by_step() -> None:
    """invoke: `done` and what the other flow names; `return` has no outcome of its own."""
    invoke = '[steps.first]\nkind = "invoke"\nflow = "other"\nnext = "end"\non.paid = "end"\n'
    menu = MENU.replace("first", "ask").replace('"end"', '"paid"')
    returns = '[steps.paid]\nkind = "return"\noutcome = "paid"\n[steps.back]\nkind = "return"\n'
    other = f'title = "O"\nstart = "ask"\nrescue = "back"\n{menu}{returns}'
    from ivr.flow.load import build
    from tests.support.flows import FOLDER, PROMPTS, files

    built, wrong = build({**files(text(invoke)), FOLDER / "flows" / "other.toml": other.encode()}, FOLDER, PROMPTS)

    assert wrong == []
    assert built is not None
    assert covered(built, "1")[1] == {
        "main.first: done", "other.ask: no_input", "other.ask: wrong_key", "other.ask: too_many"
    }  # fmt: skip
    assert covered(built, "1", "9,w,w") == (set(), set(), 100)
