"""ivr/flow/facts.py: conditions read from any text, and what they mean where something is not known."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.flow.check_branches import implies, impossible
from ivr.flow.facts import FACTS, TERMS_MOST, VALUE_CHARS, BadCondition, Value, filled, read_condition, read_fact
from ivr.settings import PROJECT

QUEUES = ("support", "sales")
PIECES = st.sampled_from(
    [*FACTS, "waiting.support", "agents.none", "var.x", "=", "!=", "<", "<=", ">", ">=", "&", "|", "vip", "18:00",
     "25:61", "2026-12-24", "2026-02-30", "pl/mazowieckie", "5", "-1.5", "9" * 30, "yes", " ", "{", "}", "\n", "ż"]
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "value", "holds"),
    [
        ("class = vip|business", "business", True),
        ("class = vip|business", "normal", False),
        ("class != vip", "normal", True),
        ("class != vip|normal", "normal", False),
        ("class != vip", None, False),
        ("time >= 18:00", "18:00", True),
        ("time < 18:00", "18:00", False),
        ("date <= 2026-12-24", "2026-12-25", False),
        ("area = pl/mazowieckie", "pl/mazowieckie/warszawa", True),
        ("area = pl/mazowieckie", "pl/mazow", False),
        ("area != pl/mazowieckie", "pl/mazowieckie/warszawa", False),
        ("waiting.support > 3", 4, True),
        ("waiting.support > 3", "4", True),
        ("waiting.support > 3", None, False),
        ("waiting.support <= 3", None, False),
        ("ewt_s.support < 1.5", 1.25, True),
        ("var.x = 5", "5.0", True),
        ("var.x = 5", "five", False),
        ("var.x > 5", "five", False),
        ("var.x = ", "", True),
        ("var.x != ", "7", True),
        ("announced = yes", "no", False),
    ],
)
def test_a_term_holds_only_when_its_fact_is_known(text: str, value: Value, holds: bool) -> None:
    """What is not known makes = and != false alike."""
    condition = read_condition(text, QUEUES)

    assert condition.holds({condition.facts[0]: value}) is holds
    assert condition.holds({}) is False


def test_all_terms_of_a_condition_must_hold() -> None:
    """& joins; one unknown fact is enough for no."""
    condition = read_condition("class = vip & language = pl & repeat >= 2")
    values: dict[str, Value] = {"class": "vip", "language": "pl", "repeat": 2}

    assert condition.holds(values)
    assert not any(condition.holds({k: v for k, v in values.items() if k != gone}) for gone in values)


@pytest.mark.parametrize(
    ("text", "kind", "near"),
    [
        ("clas = vip", "unknown_fact", "class"),
        ("class = vpi", "condition", "vip"),
        ("waiting.suport > 1", "unknown_queue", "support"),
        ("waiting > 1", "unknown_fact", ""),
        ("class.x = vip", "unknown_fact", ""),
        ("time = 24:00", "condition", ""),
        ("date = 2026-02-30", "condition", ""),
        ("date = 20261224", "condition", ""),
        ("repeat > many", "condition", ""),
        ("class > vip", "condition", ""),
        ("time < 08:00|09:00", "condition", ""),
        ("var.Order = 1", "wrong_name", ""),
        ("class vip", "condition", ""),
        ("", "condition", ""),
        (" & ".join(["class = vip"] * (TERMS_MOST + 1)), "condition", ""),
    ],
)
def test_a_condition_that_cannot_be_read_says_why(text: str, kind: str, near: str) -> None:
    """With the nearest name, and the words that are wrong."""
    with pytest.raises(BadCondition) as raised:
        read_condition(text, QUEUES)

    assert (kind, near) == (raised.value.kind, raised.value.near)
    assert raised.value.part in text


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=14).map("".join) | st.text(max_size=60))
def test_any_text_is_a_condition_or_a_mistake(text: str) -> None:
    """Nothing else ever comes out, and a condition can be held against anything."""
    try:
        condition = read_condition(text, QUEUES)
    except BadCondition:
        return

    for value in (None, "", "vip", 5, 1.5, "18:00", "nan", "pl/x"):
        assert condition.holds(dict.fromkeys(condition.facts, value)) in (True, False)
    assert implies(condition, condition)
    assert isinstance(impossible(condition), str)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300), st.dictionaries(st.sampled_from(["time", "var.x"]), st.text(max_size=300) | st.none()))
def test_any_text_is_filled_within_its_length(text: str, values: dict[str, str | None]) -> None:
    """{fact} is replaced by what is known, by nothing otherwise."""
    assert len(filled(text, values)) <= VALUE_CHARS
    assert filled("<{var.x}>", {}) == "<>"


@pytest.mark.parametrize(
    ("text", "never"),
    [
        ("time > 18:00 & time < 08:00", True),
        ("time >= 08:00 & time <= 08:00", False),
        ("time > 08:00 & time <= 08:00", True),
        ("class = vip & class = business", True),
        ("class = vip|business & class = business", False),
        ("announced != yes & announced != no", True),
        ("area = pl/mazowieckie & area = pl/mazowieckie/warszawa", False),
        ("area = pl/mazowieckie & area = pl/podlaskie", True),
        ("area = pl/mazowieckie/warszawa & area != pl/mazowieckie", True),
        ("area = pl/mazowieckie & area != pl/mazowieckie/warszawa", False),
        ("waiting.support > 10 & waiting.support < 5", True),
        ("waiting.support > 10 & waiting.sales < 5", False),
        ("var.x = 5 & var.x < 3", True),
        ("var.x > 5 & var.x != a", False),
    ],
)
def test_terms_that_exclude_each_other_are_found(text: str, never: bool) -> None:
    """Only what is certain."""
    assert bool(impossible(read_condition(text, QUEUES))) is never


@pytest.mark.parametrize(
    ("later", "earlier", "hidden"),
    [
        ("class = vip", "class = vip|business", True),
        ("class = vip & language = pl", "class = vip", True),
        ("class = vip", "class = vip & language = pl", False),
        ("time < 08:00", "time < 12:00", True),
        ("time < 12:00", "time < 08:00", False),
        ("time <= 08:00", "time < 08:00", False),
        ("area = pl/mazowieckie/warszawa", "area = pl/mazowieckie", True),
        ("waiting.support > 10", "waiting.support > 5", True),
        ("waiting.support > 10", "waiting.sales > 5", False),
        ("weekday = sat", "weekday != sun", True),
    ],
)
def test_a_condition_that_an_earlier_one_leaves_nothing_to_is_found(later: str, earlier: str, hidden: bool) -> None:
    """The first that holds is taken: order matters."""
    assert implies(read_condition(later, QUEUES), read_condition(earlier, QUEUES)) is hidden


def test_every_fact_is_documented() -> None:
    """docs/dialplan.md has a row for each."""
    page = (PROJECT / "docs" / "dialplan.md").read_text("utf-8")

    assert [fact.written for fact in FACTS.values() if f"| `{fact.written}` |" not in page] == []
    assert [read_fact(name) for name, fact in FACTS.items() if not fact.of] == [n for n, f in FACTS.items() if not f.of]
