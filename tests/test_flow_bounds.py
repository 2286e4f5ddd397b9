"""ivr/flow/run.py: every call ends within its bounds, whatever the flows and whatever happens."""

from __future__ import annotations

import itertools
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.flow import commands as c
from ivr.flow.declare import KEYS
from ivr.flow.facts import FACTS, VALUE_CHARS, Value
from ivr.flow.heard import BRIEF, as_heard
from ivr.flow.load import build
from ivr.flow.model import Dialplans
from ivr.flow.place import VARIABLES_CHARS, read_place, read_reached, read_variables, write_place, write_variables
from ivr.flow.run import STEPS, run
from ivr.flow.state import VARIABLES_MOST
from ivr.flow.steps import KINDS
from ivr.sound import Prompt
from tests.support.flows import (
    FOLDER,
    HOURS,
    NUMBERS,
    PROMPTS,
    QUEUES,
    WEBHOOKS,
    announce,
    commands,
    flow,
    known,
    raw_findings,
    say,
)

NAMED = ("one", "two")
"""Outcomes that steps and flows name themselves."""
CONDITIONS = (
    "time < 12:00", "weekday = mon|tue & date > 2026-01-01", "caller = known", "var.account = 5", "waiting.support > 3",
    "area = pl/mazowieckie", "class != vip", "repeat >= 2", "agents.plain = 0", "ewt_s.support <= 60.5",
)  # fmt: skip


def test_a_call_has_a_bound_of_steps_and_ends_with_a_goodbye() -> None:
    """A caller who goes round a menu for ever hears a goodbye, never silence."""
    ring = flow('[steps.first]\nkind = "menu"\nprompt = "main_menu"\non.1 = "first"\n')
    found = commands(ring, [c.Digits("1")] * STEPS + [c.Heard()])

    assert [c.Play(say("goodbye")), c.HangUp("failed")] == found[-2:]
    assert len(found) == STEPS + 2


def test_an_event_that_does_not_answer_the_command_is_a_bug() -> None:
    """The driver of the flow is wrong: better one call lost than a wrong turn taken."""
    generator = run(flow(announce()))
    next(generator)

    with pytest.raises(AssertionError, match="Heard"):
        generator.send(c.Heard())


def test_a_caller_who_leaves_at_any_point_closes_the_flow_quietly() -> None:
    """close() at each command raises nothing and yields nothing more."""
    events = [c.Found((known(),)), c.Heard(), c.Digits("3"), c.Digits("1"), c.Queued("answered")]
    whole = commands(flow(announce(after="offer")), events, traced=True)
    for end in range(1, len(whole) + 1):
        generator, waiting = run(flow(announce(after="offer"))), iter(events)
        command = next(generator)
        for _ in range(end - 1):
            own = isinstance(command, c.Enter | c.Leave)
            command = generator.send(c.Done() if own else next(waiting))
        generator.close()

        assert whole[end - 1] == command


# -- valid flows by construction


def toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{ " + ", ".join(f'"{key}" = {toml(each)}' for key, each in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(toml(each) for each in value) + "]"
    return f'"{value}"' if isinstance(value, str) else str(value)


@st.composite
def flow_sets(draw: st.DrawFn) -> Dialplans:
    """Draw valid dialplans of one to three flows: without a key every way leads forward; a key may lead anywhere.

    A flow invokes and passes only to later ones.
    """
    count = draw(st.integers(1, 3))
    files = {
        FOLDER / "numbers.toml": "".join(
            f'[numbers.20{i}]\nflow = "f{i}"\nlanguage = "pl"\n' for i in range(count)
        ) + NUMBERS.partition("\n\n")[2] + WEBHOOKS,
        FOLDER / "queues.toml": QUEUES,
        FOLDER / "hours.toml": HOURS,
    }  # fmt: skip
    returning: dict[str, list[str]] = {}
    for i in reversed(range(count)):
        files[FOLDER / "flows" / f"f{i}.toml"] = _drawn_flow(draw, f"f{i}", returning)
    built, wrong = build({file: text.encode() for file, text in files.items()}, FOLDER, PROMPTS)
    assert built is not None, "\n".join([*map(str, wrong), *files.values()])
    return built


def _drawn_flow(draw: st.DrawFn, name: str, returning: dict[str, list[str]]) -> str:
    """Return a flow that may go on in those of `returning`, and add what it returns there."""
    count = draw(st.integers(1, 5))
    names = [f"s{i}" for i in range(count)] + ["end"]
    returned: list[str] = []
    rows = ['[steps.account]\nkind = "set"\nname = "account"\nvalue = "{dialled}{var.account}"\nnext = "s0"\n']
    for i, step in enumerate(names[:-1]):
        rows += _drawn_step(draw, step, names[i + 1 :], names, returning, returned)
    rows.append("[steps.end]\n" + _drawn_end(draw, returning, returned))
    returning[name] = list(dict.fromkeys(returned))
    rescue = draw(st.sampled_from(["account", *names]))
    return f'title = "Test"\nstart = "account"\nrescue = "{rescue}"\n' + "".join(rows)


def _drawn_step(
    draw: st.DrawFn, name: str, ahead: list[str], names: list[str], returning: dict[str, list[str]], returned: list[str]
) -> list[str]:
    left_out = {"hangup", "return", "pass"} | (set() if returning else {"invoke"})
    kind = KINDS[draw(st.sampled_from(sorted(set(KINDS) - left_out)))]
    later, anywhere = st.sampled_from(ahead), st.sampled_from(names)
    values: dict[str, object] = {"kind": kind.name}
    for key in kind.keys:
        values |= _drawn_value(draw, kind.name, key.name)
    named: list[str] = []
    rows: list[str] = []
    if kind.named == "when":
        conditions = draw(st.lists(st.sampled_from(CONDITIONS), min_size=1, max_size=2, unique=True))
        values["when"] = dict(zip(NAMED, conditions, strict=False))
        named = list(NAMED[: len(conditions)])
    elif kind.named == "results":
        named = values["results"] = draw(st.sampled_from([[], ["one"], list(NAMED)]))
    elif kind.named == "flow":
        values["flow"] = draw(st.sampled_from(sorted(returning)))
        values["with"] = draw(st.sampled_from([{}, {"account": "{language}{var.account}", "x": "1"}]))
        named = [outcome for outcome in _comes_back(str(values["flow"]), returning) if outcome != "done"]
    on = {outcome: draw(later) for outcome in named}
    on |= {o.name: draw(anywhere if o.free else later) for o in kind.outcomes if draw(st.booleans())}
    if kind.pressed:
        keys = draw(st.sets(st.sampled_from(KEYS), min_size=1, max_size=3)) if kind.pressed == "menu" else {"*"}
        on |= {key: draw(anywhere) for key in sorted(keys)}
        if kind.pressed == "menu" and draw(st.booleans()):
            on[min(keys)] = f"{name}_out"
            rows.append(f"[steps.{name}_out]\n" + _drawn_end(draw, returning, returned))
    if any(o.otherwise.to == "next" and o.name not in on for o in kind.outcomes):
        values["next"] = ahead[0]
    else:
        on[next(iter(kind.outcomes)).name] = ahead[0]
    lines = "".join(f"{key} = {toml(value)}\n" for key, value in values.items())
    return [f"[steps.{name}]\n{lines}" + "".join(f'on."{k}" = "{v}"\n' for k, v in on.items()), *rows]


PASSES = "pass:"


def _comes_back(name: str, returning: dict[str, list[str]]) -> list[str]:
    """Return the outcomes of `name`, those of flows it passes to among them."""
    found: list[str] = []
    for outcome in returning[name]:
        passed = outcome.startswith(PASSES)
        found += _comes_back(outcome.removeprefix(PASSES), returning) if passed else [outcome]
    return list(dict.fromkeys(found))


def _drawn_end(draw: st.DrawFn, returning: dict[str, list[str]], returned: list[str]) -> str:
    kind = draw(st.sampled_from(["hangup", "return", *(["pass"] if returning else [])]))
    if kind == "pass":
        target = draw(st.sampled_from(sorted(returning)))
        returned.append(PASSES + target)
        return f'kind = "pass"\nflow = "{target}"\n'
    if kind == "hangup":
        return 'kind = "hangup"\n' + draw(st.sampled_from(["", "prompt = []\n"]))
    outcome = draw(st.sampled_from(["done", *NAMED]))
    returned.append(outcome)
    return f'kind = "return"\noutcome = "{outcome}"\n'


def _drawn_value(draw: st.DrawFn, kind: str, name: str) -> dict[str, object]:
    always: dict[str, object] = {
        "prompt": "welcome", "name": "account", "language": "en", "calendar": "office", "queue": "support",
        "target": "reception", "webhook": "crm", "questions": ["survey_polite", "survey_solved", "welcome"],
        "value": "{var.account} {time} {waiting.support}",
    }  # fmt: skip
    if name in always:
        return {name: always[name]}
    sometimes: dict[str, object] = {
        "after": draw(st.sampled_from(["end", "offer", "continue"])), "tries": draw(st.integers(1, 9)),
        "interrupt": False, "only_certain": True, "secret": True, "finish": "*", "least": 2, "most": 3,
        "ask": "postcode", "use_number": False, "read_back": False, "intro": [], "thanks": [],
        "digits": "var.account", "number": "waiting.support", "send": ["var.account", "time", "area"],
        "timeout_s": 1, "service": "internet",
    }  # fmt: skip
    drawn = {name: sometimes[name]} if name in sometimes and draw(st.booleans()) else {}
    return (
        {}
        if name == "least" and kind == "identify"
        else {"most": 5}
        if drawn and kind == "identify" and name == "most"
        else drawn
    )


# -- callers and worlds of any kind


def event_of(command: c.Command, number: int) -> c.Event:
    """Return some event that answers `command`, odd ones too."""
    key = ("", "", *KEYS, "x", "11", "٣", "01")[number % 18]
    found = [known(f"n{number % 7 + i}", certain=number % 2 == 0, may_end=number % 3 == 0) for i in range(number % 9)]
    found = [
        replace(as_heard(each, number % 4), opt_in=number % 5 > 1, after=("end", "offer", "continue")[number % 11 % 3])
        for each in found
    ]
    match command:
        case c.Play():
            return c.Heard(key)
        case c.Ask():
            return c.Digits(key * (1 + number % 4))
        case c.FindAnnouncements():
            return c.Found(tuple(found))
        case c.FindState():
            return c.State(tuple(found[: number % 3]), number % 2 == 0)
        case c.FindCustomer():
            return c.Customers(number % 3 == 0)
        case c.CheckHours():
            return c.Hours(number % 2 == 0)
        case c.Queue():
            outcomes = (*KINDS["queue"].outcome, "key", "odd")
            return c.Queued(outcomes[number % len(outcomes)], key)
        case c.Transfer():
            return c.Transferred(("answered", "busy", "no_answer", "failed", "odd", "")[number % 6])
        case c.OfferCallback() | c.TakeMessage() | c.OptIn():
            return c.Arranged(("booked", "declined", "kept", "none", "odd", "")[number % 6])
        case c.Fetch():
            reply = {"account": "9" * (number % 400), "Bad Name": "x", "": "y"} | {
                f"v{i}": "z" for i in range(number % 80)
            }
            return c.Fetched(
                ("answered", "timeout", "failed", "odd")[number % 4], ("one", "two", "odd", "")[number % 5 % 4], reply
            )
        case c.Look():
            return c.Seen({fact: value_of(fact, number) for fact in command.facts if number % 7})
    return c.Done()


def value_of(fact: str, number: int) -> Value:
    values: tuple[Value, ...] = (
        None,
        number,
        number / 7,
        "pl/mazowieckie/warszawa",
        "mon",
        "09:00",
        "2026-11-23",
        "",
        "vip",
    )
    return values[(number + len(fact)) % len(values)]


def led(found: Dialplans, name: str, numbers: list[int]) -> list[c.Command]:
    """Return all commands of a call through `name`, answered by what `numbers` tell, to its HangUp."""
    generator, again = run(found.flows[name], found.flows), itertools.cycle(numbers)
    seen = [next(generator)]
    while not isinstance(seen[-1], c.HangUp):
        seen.append(generator.send(event_of(seen[-1], next(again))))
        assert len(seen) < STEPS * 120
    with pytest.raises(StopIteration):
        generator.send(c.Done())
    return seen


@settings(max_examples=150, deadline=None)
@given(flow_sets(), st.lists(st.integers(0, 100_000), min_size=1, max_size=40))
def test_any_valid_flow_ends_within_its_bounds_whatever_happens(found: Dialplans, numbers: list[int]) -> None:
    """Every call ends with HangUp, says only prompts there are, and never runs away."""
    for name in found.flows:
        seen = led(found, name, numbers)
        kept = [command for command in seen if isinstance(command, c.Keep)]

        assert sum(isinstance(command, c.Enter) for command in seen) <= STEPS
        said = {p.key for s in seen if isinstance(s, c.Play | c.Ask) for p in s.phrases if isinstance(p, Prompt)}
        assert said <= PROMPTS | set(BRIEF)  # those a driver gives with an announcement heard before
        assert all(len(keep.value) <= VALUE_CHARS for keep in kept)
        assert len({keep.name for keep in kept}) <= VARIABLES_MOST
        assert all(not fact.startswith("var.") for s in seen if isinstance(s, c.Look) for fact in s.facts)


@settings(max_examples=80, deadline=None)
@given(flow_sets(), st.lists(st.integers(0, 50), min_size=1, max_size=30), st.integers(0, 60))
def test_a_second_controller_goes_on_as_the_first_would_have(found: Dialplans, numbers: list[int], at: int) -> None:
    """From any Enter, its place and the variables kept till then lead to the same commands.

    Keys pressed ahead, announcements heard and the rescue used up are forgotten: the caller here does none of that.
    """

    def calm(command: c.Command, number: int) -> c.Event:
        event = event_of(command, number)
        return c.Heard("") if isinstance(command, c.Play) else c.Found(()) if isinstance(event, c.Found) else event

    first = found.flows["f0"]
    generator, variables, seen, events = run(first, found.flows), {}, [], []
    seen.append(next(generator))
    place, entered = "", 0
    again = itertools.cycle(numbers)
    while not isinstance(seen[-1], c.HangUp):
        command = seen[-1]
        if isinstance(command, c.Keep):
            variables[command.name] = command.value
        if isinstance(command, c.Enter):
            if entered == at:
                place, begun, kept = command.place, len(seen) - 1, dict(variables)
            entered += 1
        if not place and ((isinstance(command, c.Ask) and command.secret) or _rescued(command, found)):
            return
        events.append(calm(command, next(again)))
        seen.append(generator.send(events[-1]))
    if not place or entered >= STEPS:
        return
    resumed = run(first, found.flows, place=place, variables=read_variables(write_variables(kept)))
    same = [next(resumed)]
    for event in events[begun:]:
        same.append(resumed.send(event))

    assert seen[begun:] == same


def _rescued(command: c.Command, found: Dialplans) -> bool:
    """Did this step end in the rescue?"""
    if not isinstance(command, c.Leave):
        return False
    step = found.flows[command.flow].steps[command.step]
    return command.outcome not in step.on and KINDS[step.kind].outcome[command.outcome].otherwise.to == "rescue"


@settings(max_examples=60, deadline=None)
@given(flow_sets(), st.lists(st.integers(0, 100_000), min_size=1, max_size=20))
def test_every_place_is_read_as_it_was_written(found: Dialplans, numbers: list[int]) -> None:
    """And any other text is the start, never a crash."""
    for command in led(found, "f0", numbers):
        if isinstance(command, c.Enter):
            frames = read_place(command.place, found.flows)

            assert frames[-1] == (command.flow, command.step)
            assert write_place(frames, read_reached(command.place)) == command.place
            assert read_place(command.place[1:] + ">", found.flows) == []


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.text(max_size=40), st.text(max_size=200), max_size=VARIABLES_MOST), st.text(max_size=200))
def test_variables_survive_a_channel_whole_or_not_at_all(variables: dict[str, str], odd: str) -> None:
    """No half value ever comes back, and no text makes reading fail."""
    plain = {k.encode("utf-8", "replace").decode(): v.encode("utf-8", "replace").decode() for k, v in variables.items()}
    written = write_variables(plain)

    assert len(written) <= VARIABLES_CHARS
    assert written.isascii()
    assert read_variables(written).items() <= plain.items()
    assert isinstance(read_variables(odd), dict)


# -- any bytes


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_mutated_real_file_is_read_or_refused_quickly(data: st.DataObject) -> None:
    """Real files with bytes cut out, put in and exchanged: dialplans or findings with a line, in less than a second."""
    files = dict(REAL)
    for _ in range(data.draw(st.integers(1, 4))):
        file = data.draw(st.sampled_from(sorted(files)))
        content = files[file]
        start = data.draw(st.integers(0, len(content)))
        cut = data.draw(st.integers(0, 40))
        put = data.draw(st.sampled_from(PIECES) | st.binary(max_size=6))
        files[file] = content[:start] + put + content[start + cut :]
    began = time.process_time()
    built, wrong = build(files, REAL_FOLDER, REAL_PROMPTS, {"en": dict.fromkeys(REAL_PROMPTS, "Hello.")})

    assert (built is None) == bool(wrong)
    assert all(finding.kind for finding in wrong)
    assert time.process_time() - began < 1


REAL_FOLDER = Path(__file__).parent.parent / "dialplans"
REAL = {
    file: file.read_bytes()
    for file in [REAL_FOLDER / f"{name}.toml" for name in ("numbers", "queues", "hours")]
    + sorted((REAL_FOLDER / "flows").glob("*.toml"))
}
REAL_PROMPTS = sorted(PROMPTS)
PIECES = [
    b"\n[steps.menu]\n", b'kind = "branch"\n', b'next = "menu"\n', b'on.1 = "welcome"\n', b'"', b"[", b"]", b"{", b"}",
    b"=", b"#", b"\n", b"'''", b'"""', b"when = { a = \"class = vip\" }\n", b"steps = 1\n", b"\xff",
    *(f'kind = "{kind}"\n'.encode() for kind in KINDS), *(f"{name} = 1\n".encode() for name in FACTS),
]  # fmt: skip


@pytest.mark.parametrize(
    "steps",
    [
        "".join(f'[steps.a_long_name_of_step_{i}]\nkind="goto"\nnext="a_long_name_of_stepp_{i}"\n' for i in range(500)),
        "".join(f'[steps.s{i}]\nkind="menu"\nprompt="main_mnu"\non.1="stepp_{i}"\n' for i in range(500)),
        '[steps.s0]\nkind="branch"\nwhen = {' + ",\n".join(f'c{i}="clas = vip"' for i in range(3000)) + "\n}\n",
        "".join(f'[steps.s{i}]\nkind="say"\nprompt="welcome"\ndigits="var.a{i}"\nnext="s0"\n' for i in range(490)),
    ],
    ids=["steps", "prompts", "conditions", "variables"],
)  # fmt: skip
def test_a_file_full_of_mistakes_is_checked_within_a_second(steps: str) -> None:
    """Looking for the nearest names must not take for ever."""
    began = time.process_time()
    found = raw_findings('title = "T"\nstart = "s0"\nrescue = "s0"\n' + steps)

    assert found
    assert time.process_time() - began < 1.5
