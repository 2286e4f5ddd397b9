"""ivr/flow/check.py: every outcome leads somewhere, every step is used, no loop runs by itself."""

from __future__ import annotations

import pytest

from ivr.flow.check import edges
from ivr.flow.declare import KEYS, TYPES
from ivr.flow.load import build
from ivr.flow.steps import KINDS
from ivr.flow.values import READERS
from tests.support.flows import FOLDER, PROMPTS, files, findings, flow, text

MENU = '[steps.first]\nkind = "menu"\nprompt = "main_menu"\non.1 = "{0}"\n'


def wrong(steps: str, **values: str) -> list[str]:
    """Return what is wrong with a flow of these steps, without file and line."""
    return [line.split(": ", 1)[1] for line in findings(text(steps, **values))]


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ('[steps.first]\nkind = "goto"\nnext = "first"\n', "steps.first.next: a loop without a key: first -> first"),
        (
            '[steps.first]\nkind = "say"\nprompt = "welcome"\nnext = "b"\n[steps.b]\nkind = "hours"\ncalendar = '
            '"office"\n'
            'on.open = "first"\non.closed = "end"\n',
            "steps.b.on.open: a loop without a key: first -> b -> first",
        ),
        (
            MENU.format("end") + 'on.no_input = "first"\n',
            "steps.first.on.no_input: a loop without a key: first -> first",
        ),
        (
            MENU.format("end") + 'on.too_many = "first"\n',
            "steps.first.on.too_many: a loop without a key: first -> first",
        ),
        (
            '[steps.first]\nkind = "queue"\nqueue = "plain"\non.nobody = "first"\n',
            "steps.first.on.nobody: a loop without a key: first -> first",
        ),
        (
            '[steps.first]\nkind = "announce"\nnext = "b"\n[steps.b]\nkind = "goto"\nnext = "first"\n',
            "steps.b.next: a loop without a key: first -> b -> first",
        ),
    ],
)
def test_a_loop_the_caller_cannot_leave_by_himself_is_told(steps: str, expected: str) -> None:
    """Such a call would spin until the step bound, at the speed of the machine."""
    assert [f"{expected}; expected a menu, or another step, in between"] == wrong(steps)


@pytest.mark.parametrize(
    "steps",
    [
        MENU.format("first"),
        MENU.format("end") + 'on.wrong_key = "first"\n',
        '[steps.first]\nkind = "queue"\nqueue = "plain"\non.timeout = "first"\n',
        '[steps.first]\nkind = "queue"\nqueue = "support"\non."*" = "first"\n',
        '[steps.first]\nkind = "announce"\nnext = "end"\non.other = "first"\n',
        '[steps.first]\nkind = "transfer"\ntarget = "reception"\non.answered = "first"\n',
    ],
)
def test_a_loop_over_a_key_or_a_wait_is_fine(steps: str) -> None:
    """Menus may lead back to themselves; somebody does something in between."""
    assert wrong(steps) == []


def test_a_step_nothing_leads_to_is_told() -> None:
    """Also a ring of steps that only lead to each other."""
    ring = '[steps.a]\nkind = "menu"\nprompt = "main_menu"\non.1 = "b"\n[steps.b]\nkind = "goto"\nnext = "a"\n'

    assert wrong('[steps.first]\nkind = "goto"\nnext = "end"\n' + ring) == [
        "steps.a: never reached; expected an outcome, a `next`, `start` or `rescue` that leads to 'a'",
        "steps.b: never reached; expected an outcome, a `next`, `start` or `rescue` that leads to 'b'",
    ]


def test_a_misspelt_target_does_not_make_the_right_one_unreachable() -> None:
    """One slip, one finding."""
    found = wrong(MENU.format("thre") + '[steps.three]\nkind = "say"\nprompt = "welcome"\nnext = "end"\n')

    assert len(found) == 1
    assert found[0].endswith("did you mean 'three'?")


def test_rescue_and_start_must_exist() -> None:
    """A flow without a way out of trouble is refused."""
    assert wrong(MENU.format("end"), rescue="nobody") == [
        "rescue: there is no step 'nobody'; expected one of end, first"
    ]


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (
            '[steps.first]\nkind = "hours"\ncalendar = "office"\non.closed = "end"\n',
            "steps.first.next: missing; expected the step after open",
        ),
        (
            '[steps.first]\nkind = "hours"\ncalendar = "office"\nnext = "end"\non.open = "end"\n',
            "steps.first.next: of no use: nothing leads here; expected no `next`",
        ),
        (MENU.format("end") + 'next = "end"\n', "steps.first.next: of no use: nothing leads here; expected no `next`"),
        (
            '[steps.first]\nkind = "hangup"\nnext = "end"\n',
            "steps.first.next: of no use: a hangup step ends the call; expected no `next`",
        ),
        (
            '[steps.first]\nkind = "hangup"\non.done = "end"\n',
            "steps.first.on.done: not an outcome of a hangup step; expected no `on` table",
        ),
        (
            '[steps.first]\nkind = "menu"\nprompt = "main_menu"\n',
            "steps.first.on: no key leads anywhere; expected at least one of the keys 0 1 2 3 4 5 6 7 8 9 * #",
        ),
        (
            MENU.format("end") + 'on.11 = "end"\n',
            "steps.first.on.11: not an outcome of a menu step; expected one key at a time, such as on.1; "
            "a collect step asks for several digits",
        ),
        (
            MENU.format("end") + 'on.hash = "end"\n',
            "steps.first.on.hash: not an outcome of a menu step; expected one of no_input, "
            "wrong_key, too_many, or a telephone key; did you mean 'on.\"#\"'?",
        ),
        (
            '[steps.first]\nkind = "queue"\nqueue = "support"\non."*" = "end"\non.star = "end"\n',
            "steps.first.on.star: not an outcome of a queue step; expected one of {QUEUE}; did you mean 'on.\"*\"'?",
        ),
        (
            MENU.format("end") + '2 = "end"\n',
            "steps.first.2: unknown key; expected one of {MENU}; did you mean 'on.2'?",
        ),
        (
            MENU.format("end") + '"#" = "end"\n',
            "steps.first.#: unknown key; expected one of {MENU}; did you mean 'on.\"#\"'?",
        ),
        (
            '[steps.first]\nkind = "say"\nprompt = "Welcome to our shop"\nnext = "end"\n',
            "steps.first.prompt: 'Welcome to our shop' is a text and not the name of a prompt; expected the name "
            '"welcome_to_our" here, and a line welcome_to_our = "Welcome to our shop" under [prompts] in '
            "prompts/<language>.toml",
        ),
        (
            '[steps.first]\nkind = "say"\nprompt = "Dzień dobry"\nnext = "end"\n',
            "steps.first.prompt: 'Dzień dobry' is a text and not the name of a prompt; expected the name "
            '"my_prompt" here, and a line my_prompt = "Dzień dobry" under [prompts] in prompts/<language>.toml',
        ),
        (
            '[steps.first]\nkind = "queue"\nqueue = "support"\n',
            "steps.first.on.*: missing; expected a step: the queue lets callers leave with *",
        ),
        (
            '[steps.first]\nkind = "queue"\nqueue = "plain"\non.1 = "end"\n',
            "steps.first.on.1: queue 'plain' does not let callers "
            "leave with 1; expected keys of queues.plain to hold it",
        ),
        (
            '[steps.first]\nkind = "collect"\nprompt = "enter_account"\nname = "a"\nnext = "end"\nleast = 9\n'
            "most = 3\n",
            "steps.first.least: 9 is more than most, 3; expected least up to most",
        ),
        (
            '[steps.first]\nkind = "transfer"\ntarget = "recption"\n',
            "steps.first.target: there is no target 'recption'; expected one of reception; did you mean 'reception'?",
        ),
    ],
)
def test_an_outcome_must_lead_somewhere_and_exist(steps: str, expected: str) -> None:
    """What is left open, and what can never happen, are both mistakes."""
    known = {
        "{QUEUE}": ", ".join(outcome.name for outcome in KINDS["queue"].outcomes),
        "{MENU}": ", ".join([*(key.name for key in KINDS["menu"].keys), "kind", "next", "on"]),
    }
    for what, names in known.items():
        expected = expected.replace(what, names)

    assert [expected] == wrong(steps)


def test_the_prompts_of_defaults_must_exist_too() -> None:
    """A flow that leans on a default prompt nobody recorded would be silent at the worst moment."""
    menu = MENU.format("end").replace("first", "b")
    steps = '[steps.first]\nkind = "queue"\nqueue = "plain"\non.timeout = "b"\n' + menu
    _, found = build(files(text(steps)), FOLDER, PROMPTS - {"no_agents", "too_many_tries", "no_input"})
    said = "outcome {0} says prompt '{1}', which does not exist; expected that prompt, or `on.{0}`"

    assert {
        "steps.first: " + said.format("nobody", "no_agents") + "; did you mean 'offer_agent'?",
        "steps.b: " + said.format("too_many", "too_many_tries"),
        "steps.b.no_input_prompt: there is no prompt 'no_input', the default of no_input_prompt; "
        "expected another prompt",
    } == {str(finding).split(": ", 1)[1] for finding in found}


def test_edges_follow_names_and_defaults() -> None:
    """An outcome not named goes to `next` only where its kind says so."""
    found = flow(
        '[steps.first]\nkind = "announce"\nnext = "a"\non.agent = "end"\n[steps.a]\nkind = "goto"\nnext = "end"\n'
    )
    ways = {edge.outcome: edge.target for edge in edges(found.steps["first"])}

    assert ways == {"nothing": "a", "continue": "a", "other": "a", "agent": "end", "no_input": "a"}


def test_declarations_are_sound() -> None:
    """Every declared type has a reader and a name, every default prompt and outcome is well formed."""
    keys = [key for kind in KINDS.values() for key in kind.keys]

    assert set(TYPES) == set(READERS)
    assert all(key.type in TYPES for key in keys)
    assert all(o.otherwise.to in ("next", "again", "rescue", "end") for k in KINDS.values() for o in k.outcomes)
    assert len(set(KEYS)) == 12
