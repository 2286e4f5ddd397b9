"""ivr/flow/load.py: dialplans from files, every mistake at once."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.errors import ConfigError
from ivr.flow.load import build, load, prompt_keys, prompt_texts
from ivr.flow.steps import KINDS
from ivr.settings import PROJECT
from tests.support.flows import FOLDER, HOURS, NUMBERS, PROMPTS, QUEUES, dialplans, files, findings, text

OPEN = 'open = "Mo-Fr 08:00-16:00"'
GOOD = text('[steps.first]\nkind = "say"\nprompt = "welcome"\nnext = "end"\n')


def write(folder: Path, contents: dict[Path, bytes]) -> Path:
    for file, content in contents.items():
        target = folder / file
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return folder / FOLDER


def test_the_dialplans_of_this_project_have_no_mistake() -> None:
    """What is shipped is checked with the prompts that are shipped."""
    found = load(PROJECT / "dialplans", prompt_keys(PROJECT / "prompts"))
    languages = {number: found.numbers[number].language for number in ("100", "101", "102")}

    assert languages == {"100": "pl", "101": "en", "102": "ru"}
    assert {"support", "billing", "sales"} == set(found.queues)


def test_a_loaded_set_cannot_be_changed() -> None:
    """Calls lean on their version: nobody can change it under them."""
    found = dialplans(GOOD)

    with pytest.raises(TypeError):
        found.flows["main"].steps["x"] = None  # type: ignore[index]
    with pytest.raises(TypeError):
        found.flows["main"].steps["first"].values["prompt"] = ()  # type: ignore[index]
    with pytest.raises(FrozenInstanceError):
        found.version = ""  # type: ignore[misc]


def test_the_version_is_that_of_the_content(tmp_path: Path) -> None:
    """The same files elsewhere have the same version; one more blank gives another."""
    here = load(write(tmp_path / "a", files(GOOD)), PROMPTS).version
    there = load(write(tmp_path / "b", files(GOOD)), PROMPTS).version
    changed = load(write(tmp_path / "c", files(GOOD + " ")), PROMPTS).version

    assert here == there != changed
    assert len(here) == 12


BROKEN = """title = "Test"
start = "welcom"
rescue = "end"

[steps.welcome]
kind = "say"
prompt = "welcom"
promt = "welcome"
next = "menu"

[steps.menu]
kind = "menu"
prompt = "main_menu"
tries = 10
timeout_s = "5"
[steps.menu.on]
1 = "suport"
2 = 7
too_may = "end"

[steps.support]
kind = "queue"
queue = "suport"
on."*" = "end"

[steps.office]
kind = "hour"

[steps.language]
kind = "language"
language = "de"

[steps.end]
kind = "hangup"
disposition = "agnet"
"""


def test_all_mistakes_are_told_at_once_with_line_place_and_nearest_name() -> None:
    """One run of the check is enough to mend a file."""
    assert findings(BROKEN) == [
        "dialplans/flows/main.toml:2: start: there is no step 'welcom'; expected one of end, language, menu, office, "
        "support, welcome; did you mean 'welcome'?",
        "dialplans/flows/main.toml:8: steps.welcome.promt: unknown key; expected one of prompt, digits, "
        "number, interrupt, kind, next, on; "
        "did you mean 'prompt'?",
        "dialplans/flows/main.toml:7: steps.welcome.prompt: there is no prompt 'welcom'; expected a line "
        'welcom = "..." under [prompts] in prompts/<language>.toml; '
        "did you mean 'welcome'?",
        "dialplans/flows/main.toml:14: steps.menu.tries: 10 is out of range; expected a whole number from 1 to 9",
        "dialplans/flows/main.toml:15: steps.menu.timeout_s: '5' is a text; expected a number of seconds from 1 to 30",
        "dialplans/flows/main.toml:18: steps.menu.on.2: 7 is a whole number; expected a step of this flow",
        "dialplans/flows/main.toml:23: steps.support.queue: there is no queue 'suport'; expected one of plain, "
        "support; "
        "did you mean 'support'?",
        "dialplans/flows/main.toml:27: steps.office.kind: there is no kind 'hour'; expected one of say, menu, collect, "
        "language, announce, hours, queue, transfer, branch, set, identify, status, callback, message, survey, "
        "webhook, invoke, return, pass, goto, hangup; did you mean 'hours'?",
        "dialplans/flows/main.toml:31: steps.language.language: 'de' is not a choice; expected one of 'pl', 'ru', 'en'",
        "dialplans/flows/main.toml:35: steps.end.disposition: 'agnet' is not a choice; expected one of "
        "'announced', 'agent', "
        "'abandoned', 'hung_up', 'closed', 'no_agent', 'callback', 'message', "
        "'transferred', 'completed', 'failed'; did you mean 'agent'?",
        "dialplans/flows/main.toml:17: steps.menu.on.1: there is no step 'suport'; expected one of end, "
        "language, menu, "
        "office, support, welcome; did you mean 'support'?",
        "dialplans/flows/main.toml:19: steps.menu.on.too_may: not an outcome of a menu step; expected one of no_input, "
        "wrong_key, too_many, or a telephone key; did you mean 'too_many'?",
        "dialplans/flows/main.toml:29: steps.language.next: missing; expected the step after done",
    ]


def test_mistakes_of_several_files_come_in_the_order_of_files_and_lines(tmp_path: Path) -> None:
    """ConfigError holds them all, sorted as a person works through them."""
    folder = write(tmp_path, files(BROKEN, queues="[queues.support]\nskil = 1\n", numbers="x = 1\n"))
    with pytest.raises(ConfigError) as raised:
        load(folder, PROMPTS)
    places = [(f.file.name, f.line or 0) for f in raised.value.findings if not isinstance(f, str)]

    assert {"main.toml", "queues.toml", "numbers.toml"} == {name for name, _ in places}
    assert sorted(places, key=lambda p: ({"main.toml": 0, "numbers.toml": 1, "queues.toml": 2}[p[0]], p[1])) == places


def test_a_file_that_cannot_be_parsed_does_not_bring_mistakes_about_its_names() -> None:
    """With queues.toml broken, one finding says so, and no flow is blamed for naming its queues."""
    queue = text('[steps.first]\nkind = "queue"\nqueue = "support"\non."*" = "end"\n')

    assert findings(queue, queues="x = \n") == [
        'dialplans/queues.toml:1: nothing stands after =; expected a value: x = "..."'
    ]


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("numbers", NUMBERS.replace('"main"', '"mian"'), "numbers.toml:2: numbers.100.flow: there is no flow 'mian'; "
         "expected one of main; did you mean 'main'?"),
        ("numbers", NUMBERS.replace('"pl"', '"de"'), "numbers.toml:3: numbers.100.language: 'de' is not a choice"),
        ("numbers", NUMBERS.replace("100", "_1XX"), "numbers.toml:1: numbers._1XX: '_1XX' is not a number "
                                                    "callers dial"),
        ("numbers", "[targets]\n", "numbers.toml: numbers: no number is answered"),
        ("numbers", NUMBERS.replace("PJSIP/reception", "PJSIP/reception,30,g"), "numbers.toml:6: targets.reception: "),
        ("numbers", NUMBERS.replace("PJSIP/reception", "Local/100@x&PJSIP/y"), "numbers.toml:6: targets.reception: "),
        ("numbers", NUMBERS.replace("PJSIP/reception", "PJSIP/${CALLERID(num)}"), "numbers.toml:6: "
            "targets.reception: "),
        ("numbers", 'emergency = ["PJSIP/a\\n"]\n' + NUMBERS, "numbers.toml:1: emergency: "),
        ("numbers", 'emergency = "PJSIP/a"\n' + NUMBERS, "numbers.toml:1: emergency: 'PJSIP/a' is a text; "
                                                         "expected a list"),
        ("queues", "queues = 1\n", "queues.toml:1: queues: 1 is a whole number; expected a table [queues]"),
        ("queues", QUEUES + "level = true\n", "queues.toml:7: queues.plain.level: True is true or false; "
                                              "expected a whole"),
        ("queues", QUEUES + 'keys = "1x"\n', "queues.toml:7: queues.plain.keys: '1x' is not a set of telephone keys"),
        ("queues", QUEUES + "ring_s = 600\n", "queues.toml:7: queues.plain.ring_s: 600 is out of range; "
                                              "expected a whole "
         "number from 5 to 120"),
        ("queues", QUEUES + "[queues.Bad-Name]\nskill = 'x'\n", "queues.toml:7: queues.Bad-Name: 'Bad-Name' is "
            "not a name"),
        ("hours", HOURS.replace("Warsaw", "Warszawa"), "hours.toml:1: timezone: there is no time zone "
                                                       "'Europe/Warszawa'; "
         "expected a time zone such as Europe/Warsaw; did you mean 'Europe/Warsaw'?"),
        ("hours", HOURS.replace("Europe/Warsaw", "../../etc/passwd"), "hours.toml:1: timezone: there is no time zone"),
        ("hours", HOURS.replace("Europe/Warsaw", ""), "hours.toml:1: timezone: there is no time zone ''"),
        ("hours", HOURS + "titel = 5\n", "hours.toml:4: hours.office.titel: unknown key; expected one of open, "),
        ("hours", HOURS.replace("Mo-Fr", "Mon-Fri"), "hours.toml:3: hours.office.open: 'Mon-Fri 08:00-16:00' is not "
         "understood from character 1 on, 'Mon-Fri 08:00-16:00'; expected days such as Mo-Fr: opening hours are "
         'written as "Mo-Fr 08:00-20:00; Sa 09:00-14:00; PH off"; did you mean \'Mo-Fr 08:00-16:00\'?'),
        ("hours", HOURS.replace(OPEN, 'open = ["Mo"]'), "hours.toml:3: hours.office.open: ['Mo'] is a list; "
         "expected opening hours"),
        ("hours", HOURS.replace("16:00", "16:00; PH off"), "hours.toml:3: hours.office.open: PH (public holidays) "
         'needs a country; expected country = "PL" in this table'),
        ("hours", HOURS + 'country = "POL"\n', "hours.toml:4: hours.office.country: no public holidays are known "
         "for 'POL'; expected the ISO code of a country, such as PL; did you mean 'PL'?"),
        ("hours", HOURS + 'country = "UK"\n', "hours.toml:4: hours.office.country: no public holidays are known "
         "for 'UK'; expected the ISO code of a country, such as PL; did you mean 'GB'?"),
        ("hours", 'country = "pl"\n' + HOURS.replace("16:00", "16:00; PH off"), "hours.toml:1: country: no public "
         "holidays are known for 'pl'; expected the ISO code of a country, such as PL; did you mean 'PL'?"),
        ("hours", HOURS.replace(OPEN, 'week = { mon-fri = ["08:00-12:00", "13:00-18:00"], sat = ["22:00-02:00"] }'),
         "hours.toml:3: hours.office.week: a table of weekdays is not read any more; expected in its place the line "
         'open = "Mo-Fr 08:00-12:00,13:00-18:00; Sa 22:00-02:00"'),
        ("hours", HOURS.replace(OPEN, 'week = { mon-sun = ["00:00-24:00"] }'), "hours.toml:3: hours.office.week: "
         'a table of weekdays is not read any more; expected in its place the line open = "24/7"'),
        ("hours", HOURS.replace(OPEN, "week = 5"), "hours.toml:3: hours.office.week: a table of weekdays is not "
         'read any more; expected in its place the line open = "off"'),
        ("hours", HOURS + "[hours.office.special]\n2026-02-30 = 'off'\n", "hours.toml:5: "
         "hours.office.special.2026-02-30: no such day"),
        ("hours", HOURS + "[hours.office.special]\n12-24 = ['08:00-14:00']\n", "hours.toml:5: "
         "hours.office.special.12-24: ['08:00-14:00'] is a list; expected a text such as \"08:00-14:00\", or "
         "\"off\"; did you mean '08:00-14:00'?"),
        ("hours", HOURS + "[hours.office.special]\n12-24 = []\n", "hours.toml:5: hours.office.special.12-24: [] is "
         "a list; expected a text such as \"08:00-14:00\", or \"off\"; did you mean 'off'?"),
        ("hours", HOURS + "[hours.office.special]\n12-24 = '8-14'\n", "hours.toml:5: hours.office.special.12-24: "
         "'8-14' is not understood from character 1 on, '8-14'; expected hours such as \"08:00-14:00\", "
         "\"24 hours\", or \"off\"; did you mean '08:00-14:00'?"),
    ],
)  # fmt: skip
def test_each_mistake_names_its_file_line_and_key(name: str, content: str, expected: str) -> None:
    """numbers, queues and hours are checked as closely as flows."""
    found = findings(GOOD, **{name: content})

    assert [expected] == [line.removeprefix("dialplans/")[: len(expected)] for line in found]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", ["title: missing", "start: missing", "rescue: missing", "steps: missing"]),
        ("steps = 1\n", ["steps: 1 is a whole number", "title: missing", "start: missing", "rescue: missing"]),
        (GOOD + "[steps.x]\n", ["steps.x.kind: missing"]),
        (GOOD + "[steps]\ny = 1\n", ["steps.y: 1 is a whole number"]),
        (GOOD.replace('kind = "say"', 'kind = ["say"]'), ["steps.first.kind: there is no kind ['say']"]),
        (GOOD.replace('next = "end"', "next = 5"), ["steps.first.next: 5 is", "steps.first.next: missing"]),
        (GOOD.replace('prompt = "welcome"', "prompt = []"), ["steps.first.prompt: the list is empty"]),
        (GOOD.replace('prompt = "welcome"', 'prompt = ["welcome", 5]'), ["steps.first.prompt: 5 is a whole number"]),
        (GOOD.replace("first", "First"), ["steps.First: 'First' is not a name"]),
        (GOOD.replace("[steps.first]", "[steps.first]\ninterrupt = 1"), ["steps.first.interrupt: 1 is a whole number"]),
        (GOOD.replace('"Test"', '"' + "x" * 300 + '"'), ["title: "]),
        (GOOD.replace('"Test"', "1979-05-27"), ["title: datetime.date(1979, 5, 27) is a date"]),
        (GOOD.replace("[steps.first]", "[steps.first]\non = 5"), ["steps.first.on: 5 is a whole number"]),
    ],
)
def test_a_flow_with_missing_or_wrong_parts_is_refused(content: str, expected: list[str]) -> None:
    """Each wrong part is one finding; nothing crashes on what is left."""
    found = [line.split(": ", 1)[1] for line in findings(content)]

    assert len(expected) == len(found), found
    assert expected == [line[: len(start)] for line, start in zip(found, expected, strict=True)]


def test_files_missing_unknown_or_unreadable_are_told(tmp_path: Path) -> None:
    """A folder in disorder gives findings, also for a file misnamed by a letter."""
    folder = write(tmp_path, files(GOOD))
    (folder / "queues.toml").rename(folder / "queue.toml")
    (folder / "hours.toml").unlink()
    (folder / "hours.toml").mkdir()
    (folder / "flows" / "Bad Name.toml").write_text(GOOD)
    with pytest.raises(ConfigError) as raised:
        load(folder, PROMPTS)
    found = [str(finding).removeprefix(f"{folder}/") for finding in raised.value.findings]

    expected = [
        "flows/Bad Name.toml: a flow cannot be named so",
        "hours.toml: cannot be read: hours.toml is no file; expected a readable file",
        "queue.toml: unknown file; expected numbers.toml, queues.toml, hours.toml, or a flow in flows/; did you mean",
        "queues.toml: is missing; expected this file",
    ]

    assert expected == [line[: len(start)] for line, start in zip(found, expected, strict=True)]


def test_an_empty_folder_is_a_config_error(tmp_path: Path) -> None:
    """Nothing there is told, not guessed around."""
    with pytest.raises(ConfigError, match="holds no flow"):
        load(tmp_path / "nowhere", PROMPTS)


def test_prompts_that_need_a_number_cannot_be_said_by_a_flow(tmp_path: Path) -> None:
    """`queue_position` without a number says nothing; joined prompts are fine."""
    (tmp_path / "en.toml").write_text(
        '[prompts]\na = "A."\nb = "B."\nboth = { parts = ["a", "b"] }\nnumber = { text = "{value:number}", from '
        "= 1, to = 9 }\n"
    )

    assert {"a", "b", "both"} == prompt_keys(tmp_path)
    assert prompt_texts(tmp_path) == {"en": {"a": "A.", "b": "B.", "both": "A. B."}}


@pytest.mark.parametrize("content", ["x = ", "prompts = 1\n", ""])
def test_unreadable_prompts_are_a_config_error(tmp_path: Path, content: str) -> None:
    """The dialplan check says which prompt file stands in its way."""
    (tmp_path / "en.toml").write_text(content)

    with pytest.raises(ConfigError, match=r"en\.toml"):
        prompt_keys(tmp_path)


def test_five_hundred_steps_in_a_ring_are_checked_quickly_and_without_recursion() -> None:
    """500 steps, each leading to the next: deep enough to break a recursive search."""
    ring = (
        "".join(f'[steps.s{i}]\nkind = "goto"\nnext = "s{i + 1}"\n' for i in range(498))
        + '[steps.s498]\nkind = "goto"\n'
    )
    closed = findings(text(ring + 'next = "s0"\n', start="s0"))

    assert findings(text(ring + 'next = "end"\n', start="s0")) == []
    assert len(closed) == 1
    assert "a loop without a key: s0 -> s1" in closed[0]


WORDS = st.sampled_from(
    ["steps", "first", "end", "kind", "on", "next", "start", "title", "rescue", "prompt", *KINDS, "queue", "support",
     "welcome", "1", '"*"', "hours", "open", "country", "special", "targets", "numbers", "100", "emergency", "timezone"]
)  # fmt: skip
ATOMS = st.one_of(
    WORDS.map(lambda word: '"' + word.strip('"') + '"'), st.integers().map(str), st.sampled_from(
        ["true", "[]", "{}", "1.5", "nan", "-inf", "2026-12-24", "07:00:00", '["08:00-16:00"]', '["welcome"]',
         "[[1]]", "{a=1}",
         '"PJSIP/a"', '""', '"Europe"'])
)  # fmt: skip
ROWS = st.one_of(
    st.lists(WORDS, min_size=1, max_size=4).map(lambda path: f"[{'.'.join(path)}]"),
    st.tuples(st.lists(WORDS, min_size=1, max_size=2), ATOMS).map(lambda row: f"{'.'.join(row[0])} = {row[1]}"),
)
TOML = st.lists(ROWS, max_size=12).map("\n".join)


@settings(max_examples=120, deadline=None)
@given(flow=TOML | st.text(max_size=60), name=st.sampled_from(["numbers", "queues", "hours"]), other=TOML)
def test_any_text_becomes_dialplans_or_findings(flow: str, name: str, other: str) -> None:
    """No text makes the check crash."""
    built, wrong = build(files(flow.encode("utf-8", "replace"), **{name: other}), FOLDER, PROMPTS)

    assert (built is None) == bool(wrong)
    assert all(str(finding).startswith("dialplans/") for finding in wrong)
