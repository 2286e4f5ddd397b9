"""ivr/flow/check_set.py, check_words.py, check_variables.py, check_use.py: what is wrong between flows and files."""

from __future__ import annotations

from pathlib import Path

import pytest

from ivr.flow.draft import Draft, draft
from tests.support.flows import FOLDER, HOURS, NUMBERS, PROMPTS, QUEUES, WEBHOOKS

HEAD = 'title = "T"\nstart = "first"\nrescue = "end"\n'
END = '[steps.end]\nkind = "hangup"\n'
TEXTS = {language: dict.fromkeys(PROMPTS, "Some words.") for language in ("pl", "en")}


def flow(steps: str) -> str:
    return HEAD + steps + END


def drafted(
    flows: dict[str, str], numbers: str = NUMBERS + WEBHOOKS, texts: dict[str, dict[str, str]] = TEXTS
) -> Draft:
    files = {"numbers.toml": numbers, "queues.toml": QUEUES, "hours.toml": HOURS}
    files |= {f"flows/{name}.toml": text for name, text in flows.items()}
    contents = {FOLDER / name: text.encode() for name, text in files.items()}
    return draft(contents, FOLDER, {key for said in texts.values() for key in said}, texts)


def wrong(found: Draft) -> list[tuple[str, str, str]]:
    """Return kind, place and words of each finding."""
    return [(f.kind, f"{Path(f.file).stem}:{f.where}", f.wrong) for f in found.findings]


INVOKE = flow('[steps.first]\nkind = "invoke"\nflow = "sub"\nnext = "end"\n')
RETURN = (
    flow('[steps.first]\nkind = "return"\noutcome = "paid"\n')
    .replace('rescue = "end"', 'rescue = "first"')
    .replace(END, "")
)


def test_every_outcome_another_flow_returns_must_lead_somewhere() -> None:
    """Also through a flow it passes to; an outcome it never returns is misspelt."""
    passing = flow('[steps.first]\nkind = "pass"\nflow = "last"\n').replace('"end"', '"first"').replace(END, "")
    misspelt = INVOKE.replace('next = "end"', 'next = "end"\non.payed = "end"')
    missing = ("no_way", "main:steps.first.on.paid", "missing")

    assert [missing] == wrong(drafted({"main": INVOKE, "sub": RETURN}))
    assert [missing] == wrong(drafted({"main": INVOKE, "sub": passing.replace('"end"', '"first"'), "last": RETURN}))
    assert [("outcome", "main:steps.first.on.payed", "flow 'sub' never returns it"), missing] == wrong(
        drafted({"main": misspelt, "sub": RETURN})
    )


def test_flows_that_invoke_or_pass_to_each_other_without_a_key_are_told() -> None:
    """The first would never end, the second would only end at the bound of steps."""
    back = flow('[steps.first]\nkind = "invoke"\nflow = "main"\nnext = "end"\n')
    ping, pong = (flow(f'[steps.first]\nkind = "pass"\nflow = "{to}"\n').replace(END, "").replace('"end"', '"first"')
                  for to in ("pong", "main"))  # fmt: skip

    assert "circle" in [kind for kind, _, _ in wrong(drafted({"main": INVOKE, "sub": back}))]
    assert ["loop"] == [kind for kind, _, _ in wrong(drafted({"main": ping, "pong": pong}))]


def test_a_flow_nobody_comes_to_is_told_unless_its_name_was_misspelt() -> None:
    """One slip, one finding."""
    main, alone = flow('[steps.first]\nkind = "goto"\nnext = "end"\n'), INVOKE.replace('"sub"', '"main"')

    assert [("unused_flow", "alone:title", "no number is answered by this flow")] == wrong(
        drafted({"main": main, "alone": alone})
    )
    assert [("unknown_flow", "main:steps.first.flow", "there is no flow 'sbu'")] == wrong(
        drafted({"main": INVOKE.replace("sub", "sbu"), "sub": main})
    )


@pytest.mark.parametrize(
    ("steps", "lacking"),
    [
        ('[steps.first]\nkind = "say"\nprompt = "only_pl"\nnext = "end"\n', None),
        ('[steps.first]\nkind = "say"\nprompt = "only_en"\nnext = "end"\n', "pl"),
        ('[steps.first]\nkind = "language"\nlanguage = "en"\nnext = "b"\n'
         '[steps.b]\nkind = "say"\nprompt = "only_pl"\nnext = "end"\n', "en"),
        ('[steps.first]\nkind = "menu"\nprompt = "only_pl"\non.1 = "b"\non.2 = "end"\n'
         '[steps.b]\nkind = "language"\nlanguage = "en"\nnext = "first"\n', "en"),
    ],
)  # fmt: skip
def test_a_prompt_needs_a_text_in_every_language_it_is_said_in(steps: str, lacking: str | None) -> None:
    """That of the number, and those that `language` steps before it speak."""
    texts = {"pl": TEXTS["pl"] | {"only_pl": "Tak."}, "en": TEXTS["en"] | {"only_en": "Yes."}}
    found = drafted({"main": flow(steps)}, texts=texts).findings

    assert [f.kind for f in found] == (["missing_language"] if lacking else [])
    assert all(f"has no text in {lacking}," in f.wrong for f in found)


def test_a_language_chosen_in_an_invoked_flow_is_spoken_after_it() -> None:
    """It comes back with the call."""
    sub = (
        flow('[steps.first]\nkind = "language"\nlanguage = "en"\nnext = "back"\n[steps.back]\nkind = "return"\n')
        .replace(END, "")
        .replace('rescue = "end"', 'rescue = "back"')
    )
    main = flow(
        '[steps.first]\nkind = "invoke"\nflow = "sub"\nnext = "b"\n'
        '[steps.b]\nkind = "say"\nprompt = "only_pl"\nnext = "end"\n'
    )  # fmt: skip
    found = wrong(
        drafted({"main": main, "sub": sub}, texts={"pl": TEXTS["pl"] | {"only_pl": "Tak."}, "en": TEXTS["en"]})
    )

    assert [("missing_language", "main:steps.b.prompt")] == [(kind, place) for kind, place, _ in found]


def test_what_lasts_longer_than_anybody_listens_is_told() -> None:
    """30 s for a question, 60 s for a message; 14 letters a second."""
    steps = (
        '[steps.first]\nkind = "say"\nprompt = ["welcome", "long"]\nnext = "m"\n'
        '[steps.m]\nkind = "menu"\nprompt = ["half", "half"]\non.1 = "end"\n'
    )
    texts = {language: TEXTS[language] | {"long": "x" * 850, "half": "x" * 220} for language in TEXTS}

    assert [
        ("too_long", "main:steps.first.prompt", "prompt 'long' lasts about 61 s in pl"),
        ("too_long", "main:steps.m.prompt", "a question of about 31 s in pl"),
    ] == wrong(drafted({"main": flow(steps)}, texts=texts))


SAY = '[steps.first]\nkind = "say"\nprompt = "welcome"\ndigits = "var.acount"\nnext = "{next}"\n'
COLLECT = '[steps.b]\nkind = "collect"\nprompt = "enter_account"\nname = "account"\nnext = "end"\n'
ASK = '[steps.b]\nkind = "webhook"\nwebhook = "crm"\nnext = "end"\n'


def test_a_variable_that_nothing_sets_is_told_and_with_a_webhook_only_noted() -> None:
    """A webhook may set any, so that nobody can be sure."""
    sure = drafted({"main": flow(SAY.format(next="b") + COLLECT)})
    unsure = drafted(
        {
            "main": flow(
                SAY.format(next="c") + COLLECT.replace('next = "end"', 'next = "b"').replace("steps.b", "steps.c") + ASK
            )
        }
    )

    assert [("unset_variable", "account")] == [(f.kind, f.nearest) for f in sure.findings]
    assert unsure.findings == []
    assert "did you mean 'account'?" in "".join(note.wrong for note in unsure.notes)


def test_an_invoking_step_sets_variables_too() -> None:
    """`with` is one more way to set one."""
    sub = flow(SAY.format(next="end"))
    main = INVOKE.replace('next = "end"', 'next = "end"\nwith = { acount = "{dialled}" }')

    assert wrong(drafted({"main": main, "sub": sub})) == []
    assert [kind for kind, _, _ in wrong(drafted({"main": INVOKE, "sub": sub}))] == ["unset_variable"]


def test_what_nothing_uses_is_noted_and_no_mistake() -> None:
    """A queue, a calendar, a target, a webhook; a missing emergency phone."""
    found = drafted({"main": flow('[steps.first]\nkind = "queue"\nqueue = "plain"\n')})

    assert found.findings == []
    assert {"queues.support", "hours.office", "targets.reception", "webhooks.crm", "emergency"} == {
        note.where for note in found.notes
    }


def test_a_webhook_that_no_step_asks_may_be_for_text_messages() -> None:
    """`sms_restored` is asked by the campaign of restorations; a misspelt one is noted."""
    hooks = '\n[webhooks]\nsms_restored = "https://sms.example/send"\nsms_restore = "https://sms.example/send"\n'
    found = drafted({"main": flow('[steps.first]\nkind = "queue"\nqueue = "plain"\n')}, numbers=NUMBERS + hooks)

    assert {note.where for note in found.notes if note.where.startswith("webhooks")} == {"webhooks.sms_restore"}


def test_a_number_whose_callers_only_go_round_is_told() -> None:
    """A menu that leads to itself is no service."""
    ring = 'title = "T"\nstart = "m"\nrescue = "m"\n[steps.m]\nkind = "menu"\nprompt = "main_menu"\non.1 = "m"\n'

    assert [("no_end", "numbers:numbers.100.flow")] == [each[:2] for each in wrong(drafted({"main": ring}))]


def test_one_wrong_condition_does_not_bring_others() -> None:
    """The names of the ways stay known."""
    steps = (
        '[steps.first]\nkind = "branch"\nnext = "end"\nwhen = { a = "clas = vip", b = "time > 18:00" }\n'
        'on.a = "end"\non.b = "end"\n'
    )

    assert [("unknown_fact", "main:steps.first.when.a")] == [each[:2] for each in wrong(drafted({"main": flow(steps)}))]


def test_a_way_cannot_be_called_like_an_outcome_there_is_already() -> None:
    """`timeout` of a webhook is what happens when the server is silent, not what it answers."""
    steps = '[steps.first]\nkind = "webhook"\nwebhook = "crm"\nresults = ["timeout"]\nnext = "end"\n'

    assert [("wrong_name", "main:steps.first.results.timeout")] == [
        each[:2] for each in wrong(drafted({"main": flow(steps)}))
    ]
