"""ivr/flow/scenario.py, scenario_run.py and trial.py's hang-up: scenario files, their mistakes, and what fails how."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.flow.commands import Fetched, Queued
from ivr.flow.scenario import Scenario, read_scenarios
from ivr.flow.scenario_keys import SCENARIO
from ivr.flow.scenario_run import failures, happened, run_scenario
from ivr.flow.world import Who
from tests.support.flows import PROMPTS, dialplans, text

FILE = Path("dialplans/scenarios/main.toml")
ZONE = ZoneInfo("Europe/Warsaw")
SAID = {"pl": {key: f"Text of {key}." for key in PROMPTS}}
QUEUES = """
[queues.support]
skill = "internet"
keys = "*"
[queues.plain]
skill = "internet"
[queues.plain.keys]
1 = "callback"
2 = "hear_again"
"""
NUMBERS = """
[numbers.100]
flow = "main"
language = "pl"
[targets]
reception = "PJSIP/reception"
[webhooks]
crm = "https://example.com/crm"
"""
FLOW = text("""
[steps.first]
kind = "say"
prompt = "welcome"
next = "known"
[steps.known]
kind = "announce"
after = "end"
next = "menu"
on.agent = "wait"
[steps.menu]
kind = "menu"
prompt = "main_menu"
on.1 = "wait"
on.2 = "account"
on.3 = "office"
on.4 = "reception"
on.9 = "end"
[steps.account]
kind = "collect"
prompt = "enter_account"
name = "account"
next = "menu"
[steps.office]
kind = "hours"
calendar = "office"
next = "wait"
[steps.reception]
kind = "transfer"
target = "reception"
[steps.wait]
kind = "queue"
queue = "support"
prompt = "connecting"
on."*" = "menu"
""", rescue="wait")  # fmt: skip
PLANS = dialplans(FLOW, queues=QUEUES, numbers=NUMBERS)


def read(body: str) -> tuple[tuple[Scenario, ...], list[str]]:
    found, findings = read_scenarios({FILE: body.encode()}, PLANS, sorted(PROMPTS), ZONE)
    return found, [str(finding) for finding in findings]


def one(body: str) -> Scenario:
    (found,), findings = read(f"[scenarios.it]\nnumber = '100'\n{body}\n")

    assert findings == []
    return found


def wrong(body: str) -> list[str]:
    scenario = one(body)
    return [str(each) for each in failures(scenario, happened(run_scenario(scenario, PLANS, SAID)))]


def test_every_key_is_read() -> None:
    """All there is, in one scenario."""
    found = one("""
    title = "All of it"
    from = "+48221234567"
    at = 2026-11-23T10:00:00
    keys = "w,1,w2,3"
    customer = { area = "pl/Mazowieckie/", class = "vip", language = "ru" }
    accounts = { 12345 = { area = "pl" } }
    announcements = [{ text = "No internet.", service = "internet", area = "pl/mazowieckie" }]
    closed = ["office"]
    queues = { support = "*", plain = "nobody" }
    transfers.reception = "busy"
    webhooks.crm = { result = "paid", balance = 12 }
    callbacks.plain = "declined"
    messages.plain = "none"
    facts = { repeat = 3, waiting = { support = 12 } }
    hears = ["welcome", "announcement", "No internet.", "digits 12345"]
    not_hears = "closed"
    steps = ["main.menu", "wait"]
    variables = { account = "1" }
    ends = "agent"
    ends_in = "support"
    """)
    situation = found.situation

    assert situation.at == datetime(2026, 11, 23, 10, tzinfo=ZONE)
    assert situation.customer == Who("pl/mazowieckie", "vip", "ru")
    assert situation.accounts == {"12345": Who("pl")}
    assert situation.open == {"office": False}
    assert situation.queues == {"support": Queued("key", "*"), "plain": Queued("nobody")}
    assert situation.webhooks == {"crm": Fetched("answered", "paid", {"balance": "12"})}
    assert situation.facts == {"repeat": 3, "waiting.support": 12}
    assert (found.speaks, found.not_hears) == ("ru", ("closed",))
    assert [known.announcement.may_end for known in situation.known] == [False]  # of somebody who is vip


@pytest.mark.parametrize(
    ("line", "finding"),
    [
        ("nubmer = '1'", "scenarios.it.nubmer: unknown key; expected one of title, language,"),
        ("number = '200'", "scenarios.it.number: there is no number '200'; expected one of 100"),
        ("number = 100", "scenarios.it.number: 100 is a whole number; expected a text; did you mean '\"100\"'?"),
        ("from = '+48 22'", "scenarios.it.from: '+48 22' is no number to call from"),
        ("at = '10:00'", "scenarios.it.at: '10:00' is a text; expected a date and time such as 2026-11-23T10:00:00"),
        ("keys = '1,x'", "scenarios.it.keys: 'x' is neither telephone keys"),
        ("open = ['offce']", "scenarios.it.open: there is no calendar 'offce'; expected one of office; did you mean"),
        ("customer = { clas = 'vip' }", "scenarios.it.customer.clas: unknown key; expected one of area, class,"),
        ("customer = { class = 'gold' }", "scenarios.it.customer.class: 'gold' is not a choice"),
        ("customer = { area = 'a b/' }", "scenarios.it.customer.area: 'a b/' is not an area; expected names with /"),
        ("announcements = [{ service = 'tv' }]", "scenarios.it.announcements.1.text: missing"),
        ("queues = { suport = 'nobody' }", "scenarios.it.queues.suport: there is no queue 'suport'; expected one of"),
        ("queues.support = 'nobdy'", "scenarios.it.queues.support: 'nobdy' cannot happen; expected one of answered,"),
        ("queues.support = '7'", "scenarios.it.queues.support: queue support knows no key 7; expected one of *"),
        ("transfers.reception = 'away'", "scenarios.it.transfers.reception: 'away' cannot happen"),
        ("transfers.recption = 'busy'", "scenarios.it.transfers.recption: there is no target 'recption'"),
        ("webhooks.crm = 'slow'", "scenarios.it.webhooks.crm: 'slow' cannot happen; expected one of timeout, failed,"),
        ("webhooks.crm = { a = [1] }", "scenarios.it.webhooks.crm.a: [1] is a list; expected a text, a number"),
        ("callbacks.plain = 'later'", "scenarios.it.callbacks.plain: 'later' cannot happen; expected one of"),
        ("facts.repaet = 1", "scenarios.it.facts.repaet: there is no fact 'repaet'"),
        ("facts.waiting.suport = 1", "scenarios.it.facts.waiting.suport: there is no queue 'suport'"),
        ("facts.repeat = 'x'", "scenarios.it.facts.repeat: 'x' is not a number"),
        ("hears = ['welcom']", "scenarios.it.hears: there is no prompt 'welcom'; expected a prompt, or"),
        ("hears = ['No internet.']", "scenarios.it.hears: 'No internet.' is said by nothing; expected a prompt"),
        ("steps = ['main.men']", "scenarios.it.steps: there is no step 'main.men'; expected `step` or `flow.step`;"),
        ("ends = 'agnt'", "scenarios.it.ends: 'agnt' is not a choice"),
        ("ends_in = 'suport'", "scenarios.it.ends_in: there is no queue 'suport'"),
        ("from = ''\ncustomer = {}", "scenarios.it.customer: who withholds his number is not known by it"),
        ("open = ['office']\nclosed = ['office']", "scenarios.it.closed: office is open as well"),
    ],
)  # fmt: skip
def test_each_mistake_is_told_with_its_line(line: str, finding: str) -> None:
    """File, line, place, what is wrong, what was expected, the nearest right name."""
    needed = {"number": "number = '100'", "ends": "ends = 'agent'"}
    body = "\n".join(text for key, text in needed.items() if not line.startswith(f"{key} ="))
    _, findings = read(f"[scenarios.it]\n{body}\n{line}\n")
    last = 2 + body.count("\n") + bool(body) + line.count("\n")

    assert findings[0].startswith(f"{FILE}:{last}: {finding}"), findings[0]
    assert len(findings) == 1


def test_what_is_missing_and_written_twice() -> None:
    """Without a number and an end a scenario says nothing; a name is used once in all files."""
    _, findings = read("[scenarios.a]\n[scenarios.b]\nnumber = '100'\nends = 'agent'\n")

    assert [finding.partition(";")[0] for finding in findings] == [
        f"{FILE}:1: scenarios.a.ends: missing", f"{FILE}:1: scenarios.a.number: missing",
    ]  # fmt: skip
    same = b"[scenarios.b]\nnumber = '100'\nends = 'agent'\n"
    _, found = read_scenarios({FILE: same, FILE.with_name("x.toml"): same}, PLANS, sorted(PROMPTS), ZONE)

    assert [str(each) for each in found] == [
        "dialplans/scenarios/x.toml:1: scenarios.b: there is another one in main.toml:1; expected each name once"
    ]


VALUES = st.recursive(
    st.text(max_size=8) | st.integers() | st.booleans() | st.sampled_from(["support", "nobody", "*", "1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["area", "text", "crm", "x"]), inner),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from([key.name for key in SCENARIO]), VALUES, max_size=6))
def test_nothing_written_in_a_scenario_breaks_the_reader(values: dict[str, object]) -> None:
    """Whatever stands where: a finding, or a scenario that runs."""
    from ivr.scenarios.toml_text import toml_text

    found, findings = read(toml_text({"scenarios": {"it": values}}))
    for scenario in found:
        failures(scenario, happened(run_scenario(scenario, PLANS, SAID)))

    assert bool(found) != bool(findings)


# -- run


def test_a_scenario_that_comes_true_has_no_failure() -> None:
    """Heard, gone, ended as written."""
    assert wrong('keys = "1"\nhears = ["welcome", "connecting"]\nsteps = ["menu", "main.wait"]\nends = "agent"') == []
    assert wrong('keys = "2,12345#,1"\nvariables = { account = "12345" }\nends = "agent"\nends_in = "support"') == []
    assert wrong('keys = "3"\nat = 2026-11-22T12:00:00\nhears = "closed"\nends = "closed"') == []


def test_what_was_not_heard_is_shown_in_its_place() -> None:
    """A difference an engineer understands: what came instead, with times, and where it should have been."""
    (found,) = wrong('keys = "5,1"\nhears = ["welcome", "offer_menu", "connecting"]\nends = "agent"')

    assert found.splitlines() == [
        f"{FILE}:4: scenarios.it.hears: 'offer_menu' did not come; expected to hear 'offer_menu' after 'welcome'",
        "    =    0.0 s  welcome                “Text of welcome.”",
        "    -           offer_menu  <- expected here",
        "         1.1 s  main_menu              “Text of main_menu.”",
        "         2.4 s  invalid_key            “Text of invalid_key.”",
        "         3.9 s  main_menu              “Text of main_menu.”",
        "         5.1 s  connecting             “Text of connecting.”",
    ]


def test_everything_else_that_can_be_wrong() -> None:
    """Not to be heard, the way, variables, the end and the queue."""
    found = wrong(
        'keys = "1"\nnot_hears = ["main_menu"]\nsteps = ["wait", "menu"]\nvariables = { accont = "1" }\n'
        'ends = "closed"\nends_in = "plain"'
    )

    assert [each.splitlines()[0].partition("scenarios.it.")[2] for each in found] == [
        "not_hears: 'main_menu' was heard at 1.1 s; expected not to hear it",
        "steps: 'menu' came only earlier, at 1.1 s; expected to come to step 'menu' after 'wait'",
        "variables: accont was never set; expected '1'",
        "ends: the call ended as 'agent' after 63.8 s in main.wait; expected 'closed'",
        "ends_in: an agent of support answered; expected one of queue 'plain'",
    ]


@pytest.mark.parametrize(
    ("body", "ends"),
    [
        ('keys = "w1,h"', "hung_up"),
        ('keys = "h"', "hung_up"),
        ('keys = "1"\nqueues.support = "abandoned"', "abandoned"),
        ('keys = "1,h"\nqueues.support = "*"', "hung_up"),
    ],
)
def test_the_caller_hangs_up(body: str, ends: str) -> None:
    """In a prompt, in a question, while waiting, and back in the menu."""
    assert wrong(f'{body}\nends = "{ends}"') == []


def test_a_prompt_that_was_not_begun_is_not_heard() -> None:
    """A key during the first of two prompts: the second is never said."""
    body = 'announcements = [{ text = "A." }, { text = "B." }]\nkeys = "w1.5,0"\nhears = ["A."]\nnot_hears = ["B."]'

    assert wrong(f'{body}\nends = "agent"') == []
