"""Call flows as pictures: cards, arrows, counts, DOT. ivr/flow/drawing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.errors import InputError
from ivr.flow.drawing.draw import LARGE, STEPS, draw, reached
from ivr.flow.drawing.icons import LOOK, look
from ivr.flow.drawing.lettering import plain, width, wrap
from ivr.flow.drawing.picture import Arrow, Card, Picture, dot
from ivr.flow.drawing.ways import Ways
from ivr.flow.model import Dialplans, Flow, Step
from ivr.flow.steps import KINDS
from tests.support.flows import dialplans

SMALL = """
title = "Small shop"
start = "hello"
rescue = "staff"

[steps.hello]
kind = "say"
prompt = "welcome"
next = "menu"

[steps.menu]
kind = "menu"
prompt = "main_menu"
on.1 = "staff"
on."*" = "hello"

[steps.staff]
kind = "queue"
queue = "plain"
on.nobody = "bye"
on.timeout = "bye"

[steps.bye]
kind = "hangup"
"""
TEXTS = {
    "pl": {"welcome": "Dzień dobry.", "main_menu": "Obsługa: naciśnij 1."},
    "ru": {"welcome": "Здравствуйте.", "main_menu": "Поддержка: нажмите 1."},
}
GOLDEN = Path(__file__).parent / "data" / "small_flow.dot"


def small() -> Picture:
    return draw(dialplans(SMALL), ["main"], TEXTS)


def arrow(picture: Picture, tail: str, head: str, style: str | None = None) -> Arrow:
    found = [a for a in picture.arrows if (a.tail, a.head) == (tail, head) and style in (None, a.style)]
    assert len(found) == 1, found
    return found[0]


def card(picture: Picture, name: str) -> Card:
    return next(each for each in picture.cards if each.id == name)


def said(thing: Card | Arrow) -> list[str]:
    return [text.text for text in thing.lines]


def test_a_small_flow_as_dot() -> None:
    """The whole DOT text of a flow, tooltips aside."""
    picture = small()
    short = replace(picture, cards=tuple(replace(c, about="T") if c.kind else c for c in picture.cards))

    assert GOLDEN.read_text("utf-8") == dot(short)


def test_the_same_flow_gives_the_same_text() -> None:
    """Nothing depends on the order of sets or on the moment."""
    assert dot(small()) == dot(small())


def test_a_card_tells_what_is_said_in_the_language_of_the_number() -> None:
    """The number's language, another one where it is asked for, the prompt's name where nothing is known."""
    plans = dialplans(SMALL)
    said_in = [said(card(draw(plans, ["main"], texts, language=language), "main.hello"))
               for texts, language in ((TEXTS, ""), (TEXTS, "ru"), ({}, ""), ({"ru": TEXTS["ru"]}, "pl"))]  # fmt: skip

    assert [["“Dzień dobry.”"], ["“Здравствуйте.”"], ["“[welcome]”"], ["“Здравствуйте.”"]] == said_in


@pytest.mark.parametrize(
    ("words", "key", "meant"),
    [
        ("Awaria: naciśnij 1. Faktury: naciśnij 2.", "2", "Faktury"),
        ("По-русски, нажмите 2. Po polsku, naciśnij 1.", "2", "По-русски"),
        ("For a fault, press 1. For all else press 0.", "0", "For all else press 0."),
        ("Shall we call you back? Press 1.", "1", "Shall we call you back?"),
        ("Line 12: press 3.", "1", ""),
        ("Awaria: naciśnij 1.", "*", ""),
    ],
)
def test_a_key_means_what_the_menu_says_of_it(words: str, key: str, meant: str) -> None:
    """The words before the key, when the menu is read."""
    flow = SMALL.replace("on.1", f'on."{key}"').replace('on."*" = "hello"', 'on.9 = "hello"')
    picture = draw(dialplans(flow), ["main"], {"pl": {"main_menu": words}})
    text = arrow(picture, "main.menu", "main.staff", "").lines[0]

    assert (key, meant) == (text.mark, " ".join(said(arrow(picture, "main.menu", "main.staff", ""))))


def test_what_the_file_does_not_say_ends_the_call_on_the_card_or_goes_to_the_rescue() -> None:
    """A queue's own ends are marks on its card; `too_many` is a dashed arrow to the rescue."""
    picture = small()
    ends = [text.mark for text in card(picture, "main.staff").lines if text.mark]

    assert ["end", "more"] == ends
    assert ["too_many", "tries are used up"] == said(arrow(picture, "main.menu", "main.staff", "rescue"))
    assert not [a for a in picture.arrows if a.tail == "main.staff" and a.style == "rescue"]


def test_a_tooltip_holds_every_value() -> None:
    """Also those that are defaults and therefore not on the card."""
    about = card(small(), "main.menu").about

    assert "timeout_s = 5" in about
    assert "wrong_key_prompt = invalid_key" in about
    assert "on.* = hello" in about


def with_step(plans: Dialplans, step: Step, flow: str = "main") -> Dialplans:
    changed = replace(plans.flows[flow], steps=MappingProxyType({**plans.flows[flow].steps, step.name: step}))
    return replace(plans, flows={**plans.flows, flow: changed})


@pytest.mark.parametrize("kind", [*KINDS, "yodel"])
def test_every_kind_draws_itself(kind: str) -> None:
    """Also with values nobody expects, and a kind nobody declared."""
    for value in ("hello", ("a", "b"), {"vip": "class = vip"}, None, 7, True, ()):
        keys = KINDS[kind].keys if kind in KINDS else ()
        step = Step(
            "odd", kind, {key.name: value for key in keys} | {"more": value}, {"1": "bye", "zap": "bye"}, "menu"
        )
        picture = draw(with_step(dialplans(SMALL), step), ["main"], TEXTS, Ways("now"))

        assert kind in dot(picture)
        assert "zap" in arrow(picture, "main.odd", "main.bye").about


def test_every_kind_has_a_sign_of_its_own() -> None:
    """A new kind of steps.py gets a look in icons.py, not the question mark."""
    assert [] == [kind for kind in KINDS if look(kind) not in LOOK.values() or kind not in LOOK]


BRANCH = """
title = "t"
start = "who"
rescue = "bye"

[steps.who]
kind = "branch"
when.vip = "class = vip"
when.again = "repeat >= 2"
on.vip = "other"
on.again = "other"
next = "bye"

[steps.other]
kind = "goto"
next = "bye"

[steps.bye]
kind = "hangup"
"""


def test_a_branch_tells_its_conditions() -> None:
    """Each on the arrow it decides."""
    picture = draw(dialplans(BRANCH), ["main"])

    assert ["vip", "class = vip", "again", "repeat >= 2"] == said(arrow(picture, "main.who", "main.other"))
    assert ["otherwise", "no condition holds"] == said(arrow(picture, "main.who", "main.bye"))


def two_flows() -> Dialplans:
    plans = dialplans(SMALL)
    invoke = Step("ask", "invoke", {"flow": "other", "with": {}}, {}, "menu")
    back = Step("back", "return", {"outcome": "right"}, {})
    away = Step("away", "pass", {"flow": "main"}, {})
    other = Flow("other", "Other", "back", "away", MappingProxyType({"back": back, "away": away}))
    return with_step(replace(plans, flows={**plans.flows, "other": other}), invoke)


def test_a_flow_brings_those_it_leads_to() -> None:
    """Invoked and passed to, in frames of their own, with arrows between them."""
    plans = two_flows()
    picture = draw(plans, reached(plans, ["main"]))

    assert ("main", "other") == tuple(name for name, _ in picture.flows)
    assert "invoke" == arrow(picture, "main.ask", "other.back").style
    assert "pass" == arrow(picture, "other.away", "main.hello").style
    assert 'subgraph "cluster_other"' in dot(picture)
    assert ["back with right"] == said(card(picture, "other.back"))


def test_counts_are_on_arrows_cards_and_ends() -> None:
    """Times and share of those who entered; the width is the share of all calls; who hung up, in red."""
    place = ("main", "menu")
    ways = Ways(
        "yesterday", {"v1": 1000}, {("main", "hello"): 1000, place: 800, ("main", "staff"): 400},
        {(*place, "1"): 400, (*place, "too_many"): 1, ("main", "staff", "answered"): 300}, {place: 80},
    )  # fmt: skip
    picture = draw(dialplans(SMALL), ["main"], TEXTS, ways)
    pressed = arrow(picture, "main.menu", "main.staff", "")
    unused = arrow(picture, "main.staff", "main.bye")

    assert "400 · 50 %" == pressed.lines[-1].text
    assert 3.8 == pressed.line
    assert "1 · <1 %" == arrow(picture, "main.menu", "main.staff", "rescue").lines[-1].text
    assert (True, 1.0) == (unused.faint, unused.line)
    assert " · 1\u00a0000 ×" == card(picture, "main.hello").right
    assert ("80 · 10 % hung up", "drop") == (
        said(card(picture, "main.menu"))[-1],
        card(picture, "main.menu").lines[-1].mark,
    )
    assert "answered  300 · 75 %" in said(card(picture, "main.staff"))
    assert "yesterday: 1\u00a0000 calls; of version v1 (1\u00a0000)" == picture.legend[0].text


def test_too_many_steps_for_one_picture_are_refused() -> None:
    """With what to do about it."""
    plans = dialplans(SMALL)
    for number in range(STEPS):
        plans = with_step(plans, Step(f"s{number}", "goto", {}, {}, "menu")) if number < 3 else plans
    many = {f"s{n}": Step(f"s{n}", "goto", {}, {}, "bye") for n in range(STEPS + 1)}
    plans = replace(plans, flows={"main": replace(plans.flows["main"], steps=many)})

    with pytest.raises(InputError, match="501 steps in one picture, expected at most 500"):
        draw(plans, ["main"])


@given(st.text(), st.floats(20, 300), st.integers(1, 5), st.booleans())
def test_wrapped_text_fits(text: str, most: float, lines: int, bold: bool) -> None:
    """No line is wider than it may be, none is lost without a sign, and all of it can stand in XML."""
    found = wrap(text, 10, most, lines, bold=bold)

    assert len(found) <= lines
    assert all(width(line, 10, bold=bold) <= most for line in found)
    assert plain(" ".join(found)) == " ".join(found)
    if not found or not found[-1].endswith("…"):
        assert plain(text).replace(" ", "") == "".join(found).replace(" ", "")


def test_long_words_of_a_menu_are_cut_at_a_word() -> None:
    """What does not fit ends in dots, not in the middle of a word."""
    assert ("jeden dwa trzy", "cztery…") == wrap("jeden dwa trzy cztery pięćdziesiątpięć", 10, 90, 2)


def test_in_a_large_picture_ways_back_are_words() -> None:
    """A hundred arrows to one menu would hide everything else; forward arrows stay."""
    plans = dialplans(SMALL)
    steps = {
        f"s{n}": Step(f"s{n}", "menu", {"prompt": ("main_menu",)}, {"1": f"s{n + 1}", "*": "s0"}) for n in range(LARGE)
    }
    flow = replace(plans.flows["main"], steps=steps, start="s0", rescue="s5")
    picture = draw(replace(plans, flows={"main": flow}), ["main"])

    assert {"", "start"} == {arrow.style for arrow in picture.arrows}
    assert ["* → s0", "too_many → s5"] == said(card(picture, "main.s50"))[-2:]
