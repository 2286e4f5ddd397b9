"""Why a call waits, in words: every code of an offer, and every rule that can keep a call waiting."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from routing import explain
from routing.explain import Explained, reason_words
from routing.keys import class_name, group_name
from routing.model import ORDERS, Need, Plan, Step
from routing.why import why

NOW = 1_800_000_000_000
PLAN = Plan(
    Need("internet>=3").of_project("acme"),
    (Step(60, Need("internet").of_project("acme"), skip_if_nobody=False), Step(120, Need("tv"), lend="north")),
)


def agent(skills: dict[str, int], state: str = "ready", status: str = "in", **fields: object) -> dict[str, str]:
    record = {"name": "", "group": group_name(skills), "state": state, "status": status, "since_ms": NOW - 34_000}
    return {name: str(value) for name, value in {**record, **fields}.items()}


def seen(
    agents: dict[str, dict[str, str]],
    *,
    waited_s: float = 48,
    plan: Plan = PLAN,
    lending: tuple[str, ...] = (),
    position: int = 1,
    **call: object,
) -> Explained:
    entered = NOW - round(waited_s * 1000)
    record = {"state": "waiting", "queue": "support", "class": class_name(plan, 4), "entered_ms": entered,
              "since_ms": entered, **call}  # fmt: skip
    return Explained("1.7", NOW, {name: str(value) for name, value in record.items()}, agents, frozenset(lending),
                     position, 5)  # fmt: skip


def verdict(it: Explained) -> str:
    lines = why(it)
    assert "call 1.7, queue support: " in lines[0]
    return lines[1].removeprefix("why it waits: ")


ACME = {"internet": 3, "project/acme": 1}
LOW = {"internet": 1, "project/acme": 1}

VERDICTS = [
    ("nobody at all", seen({}), "nobody signed in has what it asks for: internet >= 3 and project acme; no agent is "
     "signed in at all"),
    ("nobody has the skill", seen({"anna": agent({"tv": 2})}, plan=Plan(Need("internet"))),
     "nobody signed in has what it asks for: no one has internet >= 1"),
    ("each term in somebody, not together", seen({"anna": agent({"a": 2}), "bob": agent({"b": 1})},
                                                 plan=Plan(Need("a&b"))),
     "nobody signed in has what it asks for: no one has a >= 1 and b >= 1 together"),
    ("one busy", seen({"anna": agent(ACME, "talking")}),
     "the only agent who may take it now, anna, is talking for 34 s"),
    ("all busy", seen({"anna": agent(ACME, "talking"), "bob": agent(ACME, "wrap_up", until_ms=NOW + 5000),
                       "cleo": agent(ACME, "talking")}),
     "all 3 agents who may take it now are busy: 1 in wrap-up, 2 talking"),
    ("in back-off", seen({"anna": agent(ACME, "back_off", until_ms=NOW + 12_000)}, tried="anna:1"),
     "the only agent who may take it now, anna, is in back-off, 12 s more"),
    ("paused", seen({"anna": agent(ACME, "ready", "paused", pause_reason="lunch")}),
     "the only agent who may take it now, anna, is paused (lunch)"),
    ("a relax step", seen({"bob": agent(LOW, name="Bob Low")}),
     "nobody signed in may take it yet; in 12 s a relax step lets in bob (Bob Low)"),
    ("capped", seen({"anna": agent(ACME)}, tried="bob:1 anna:3"),
     "anna did not take it 3 times and will not be offered it again; nobody else may take it now"),
    ("held", seen({"anna": agent(ACME, "talking")}, held="anna"),
     "it is held for anna, whom it asks for (talking for 34 s), until he is free or that takes too long"),
    ("lending off", seen({"nora": agent({"tv": 2})}, waited_s=200),
     "only nora could take it, and project north lends no agents now"),
    ("no controller", seen({}, state="detached", since_ms=NOW - 3000),
     "no controller has taken it on for 3 s; it keeps its place until one does"),
]  # fmt: skip


@pytest.mark.parametrize(("it", "expected"), [row[1:] for row in VERDICTS], ids=[row[0] for row in VERDICTS])
def test_the_rule_that_keeps_a_call_waiting_is_named(it: Explained, expected: str) -> None:
    assert expected == verdict(it)


def test_the_whole_answer_names_steps_agents_and_what_would_have_to_change() -> None:
    """Read as a supervisor reads it."""
    agents = {
        "anna": agent(ACME, "talking", name="Anna Nowak"),
        "bob": agent(LOW, since_ms=NOW - 90_000),
        "cleo": agent(ACME, "wrap_up", until_ms=NOW + 5_000),
        "dan": agent(ACME, status="paused", pause_reason="lunch"),
        "eve": agent({"internet": 9}),
        "fay": agent({"project/acme": 1, "internet": 2}, "talking"),
        "nora": agent({"tv": 2}),
    }

    assert why(seen(agents, position=3, tried="cleo:1")) == [
        "call 1.7, queue support: waits for 48 s, place 3 of 5, priority 4, worth 4.8 points now",
        "why it waits: all 3 agents who may take it now are busy: 1 in wrap-up, 1 paused, 1 talking",
        "it asks for internet >= 3 and project acme",
        "  from 60 s of waiting on (in 12 s) internet >= 1 and project acme",
        "  from 2 min 0 s of waiting on (in 72 s) tv >= 1, while project north lends (not now)",
        "agents looked at:",
        "  anna (Anna Nowak) is talking for 34 s",
        "  cleo is in wrap-up, 5 s more; did not take it 1 time, comes after others",
        "  dan is paused (lunch)",
        "  bob is ready for 90 s; may take it in 12 s",
        "  fay is talking for 34 s; may take it in 12 s",
        "  nora is ready for 34 s; project north does not lend him now",
        "  eve is ready for 34 s; not of project acme",
        "what would have to change:",
        "  2 calls before it must go first, or `ivr queue priority` raises it",
        "  the wrap-up of cleo ends by itself in 5 s",
        "  anna (Anna Nowak) gets free",
        "  dan ends the pause (`ivr agent pause dan --end`)",
        "  in 12 s it may go to bob or fay too",
        "  project north lends agents again: nora",
    ]


def test_what_keeps_an_agent_from_it_names_level_and_project() -> None:
    plan = Plan(Need("internet<=3&pl").of_project("acme"))
    agents = {"a": agent({"internet": 5, "pl": 1, "project/acme": 1}), "b": agent({"internet": 2, "pl": 1})}

    lines = why(seen(agents, plan=plan))

    assert "  a is ready for 34 s; has internet 5, not <= 3" in lines
    assert "  b is ready for 34 s; not of project acme" in lines


def test_a_call_back_is_called_one() -> None:
    assert "queue support: waits to be called back for 48 s, place 1 of" in why(seen({}, node="-"))[0]
    assert "queue support: waits for 48 s, place 1 of" in why(seen({}, node="main"))[0]


def test_with_nobody_a_skipped_step_counts_at_once() -> None:
    plan = Plan(Need("internet>=3"), (Step(60, Need("internet")),))

    lines = why(seen({"anna": agent({"internet": 1}, "talking")}, plan=plan))

    assert "why it waits: the only agent who may take it now, anna, is talking for 34 s" in lines
    assert "  or, as nobody meets that, internet >= 1" in lines


def test_a_call_with_an_agent_tells_why_him() -> None:
    """Offered, ringing, talking: the reason is in words, with what the call asked for."""
    agents = {"anna": agent(ACME, "talking", name="Anna")}
    code = {"agent": "anna", "reason": "longest_idle:3:6000:1", "since_ms": NOW - 2000}
    reason = (
        "why anna (Anna): longest idle of 3 ready agents with internet >= 3 and project acme (idle 6 s), "
        "1 agent did not take this call before"
    )

    assert why(seen(agents, state="offered", taken="0", **code)) == [
        "call 1.7, queue support: offered to anna (Anna) 2 s ago, the controller has not taken the offer yet", reason,
    ]  # fmt: skip
    assert "his phone rings" in why(seen(agents, state="offered", taken="1", **code))[0]
    talks = "call 1.7, queue support: talks to anna (Anna) for 2 s"
    assert why(seen(agents, state="bridged", **code)) == [talks, reason]


REASONS = [
    ("longest_idle:1:400:0", "longest idle of 1 ready agent with tv >= 2 (idle 0 s)"),
    ("most_skilled:2:6000:0", "most skilled of 2 ready agents with tv >= 2 (idle 6 s)"),
    ("fewest_calls:2:6000:2", "with the fewest calls of 2 ready agents with tv >= 2 (idle 6 s), 2 agents did not take "
     "this call before"),
    ("relaxed:longest_idle:2:125000:0", "a relax step lets him in: longest idle of 2 ready agents (idle 2 min 5 s)"),
    ("freed:4:7201000:-3", "first of 4 waiting for tv >= 2 (waited 2 h 0 min, priority -3) when this agent became "
     "ready"),
    ("affinity:3000", "the agent this call asks for, and ready (idle 3 s)"),
    ("held:12000", "the agent this call asks for; it was held for him (waited 12 s)"),
    ("", ""),
    ("longest idle of 3", "longest idle of 3"),
    ("freed:1:2", "freed:1:2"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "words"), REASONS)
def test_a_code_of_an_offer_becomes_words(code: str, words: str) -> None:
    assert words == reason_words(code, "tv>=2")


def test_every_code_a_script_can_write_has_words() -> None:
    """The codes in the scripts' own sources, and every order of agents."""
    folder = Path(explain.__file__).with_name("scripts")
    source = "\n".join(path.read_text(encoding="utf-8") for path in folder.rglob("*.lua"))
    written = set(re.findall(r"'(\w+):(?:%d:?)*'", source))

    assert {"freed", "affinity", "held", "relaxed"} <= written
    for kind in written - {"relaxed"}:
        numbers = {"freed": 3}.get(kind, 1)
        assert reason_words(":".join([kind, *["1000"] * numbers])) != ":".join([kind, *["1000"] * numbers])
    for order in ORDERS:
        assert reason_words(f"{order}:1:1000:0") != f"{order}:1:1000:0"
