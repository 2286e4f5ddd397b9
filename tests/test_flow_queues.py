"""ivr/flow/queues.py and QueueConfig.plan: what queues.toml says, and what the router is asked."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ivr.flow.commands import Queued
from ivr.flow.model import Action, QueueConfig, Relax, ServiceLevel, plain
from ivr.flow.queue_keys import ACTIONS, QUEUE, RELAX
from ivr.flow.reference import markdown
from ivr.flow.trial import Situation, try_flow
from ivr.hours import Calendar
from ivr.settings import PROJECT
from routing.model import Need, Plan, Step
from tests.support.flows import dialplans, findings, text

FLOW = text('[steps.first]\nkind = "queue"\nqueue = "q"\non."*" = "end"\non.1 = "end"\n')
HEAD = '[queues.q]\nneed = "internet>=3"\n'
LEAVES = 'keys = "*1"\n'
OTHER = '\n[queues.other]\nneed = "b"\n'
ALL = """[queues.q]
title = "Faults"
project = "acme"
need = "router & internet>=3"
by_language = true
prefer = "vip"
order = "weighted"
weight_s = 90
ageing = 2
priority = 7
emergency = true
moh = "jazz"
ring_s = 15
wrap_up_s = 0
max_len = 5
max_wait_s = 600
max_ewt_s = 400
position_every_s = 20
ewt = false
messages = ["closed"]
message_every_s = 45
affinity = "last_agent"
affinity_wait_s = 12
resume_min = 4
budget_min = 100
hours = "office"
overflow = "queue:other"
service_level = { target_s = 20, percent = 80 }
relax = [
  { after_s = 30, need = "internet", prefer = "polite", skip_if_nobody = false },
  { after_s = 60, any_language = true, priority = 5 },
  { after_s = 90.5, lend = "second" },
  { after_s = 120, priority = 10 },
]
keys = { 1 = "leave", 2 = "callback", 3 = "message", 4 = "queue:other", 9 = "hear_again", "*" = "leave" }

[queues.other]
skill = "b"
level = 4
project = "second"
service_level = { target_s = 60, percent = 50 }
"""


def queue(body: str) -> QueueConfig:
    return dialplans(FLOW, queues=body).queues["q"]


def wrong(body: str) -> list[str]:
    """Return the mistakes in queues.toml, without file name."""
    return [line.removeprefix("dialplans/queues.toml:") for line in findings(FLOW, queues=body)]


def test_every_key_reaches_the_queue() -> None:
    """Nothing of what is written is lost."""
    leave = Action("leave")

    assert queue(ALL) == QueueConfig(
        name="q", title="Faults", project="acme", need=Need("router&internet>=3"), by_language=True,
        prefer=Need("vip"), order="weighted", weight_s=90, ageing=2, priority=7, emergency=True, moh="jazz", ring_s=15,
        wrap_up_s=0, max_len=5, max_wait_s=600, max_ewt_s=400, position_every_s=20, ewt=False, messages=("closed",),
        message_every_s=45, affinity="last_agent", affinity_wait_s=12, resume_min=4, budget_min=100, hours="office",
        overflow=Action("queue", "other"), service_level=ServiceLevel(20, 80),
        relax=(
            Relax(30, Need("internet"), Need("polite"), skip_if_nobody=False),
            Relax(60, priority=5, any_language=True), Relax(90.5, lend="second"), Relax(120, priority=10),
        ),
        keys={"1": leave, "2": Action("callback"), "3": Action("message"), "4": Action("queue", "other"),
              "9": Action("hear_again"), "*": leave},
    )  # fmt: skip


def test_a_short_queue_has_defaults() -> None:
    """A skill and its level are a need; keys of one text leave; wrap-up is the agent's own."""
    found = queue('[queues.q]\nskill = "tv"\nlevel = 3\nkeys = "*1"\n')

    assert found == QueueConfig("q", Need("tv>=3"), keys={"*": Action("leave"), "1": Action("leave")})
    assert (None, Action("leave"), 900) == (found.wrap_up_s, found.overflow, found.max_wait_s)


def test_the_plan_of_a_queue() -> None:
    """Project and language are asked for in every need, except where a step says otherwise."""
    asked = "internet>=3&lang/ru&project/acme&router"

    assert queue(ALL).plan("ru") == Plan(
        Need(asked),
        (
            Step(30, Need("internet&lang/ru&project/acme"), Need("polite"), skip_if_nobody=False),
            Step(60, Need("internet>=3&project/acme&router"), priority=5),
            Step(90.5, Need("internet>=3&lang/ru&project/second&router"), lend="second"),
            Step(120, priority=10),
        ),
        Need("vip"), "weighted", 90, 2,
    )  # fmt: skip


def test_a_caller_whose_language_is_not_known_needs_none() -> None:
    """And a queue without by_language asks for none."""
    assert Need("internet>=3&project/acme&router") == queue(ALL).plan("").need
    assert Need("internet>=3") == queue(HEAD + LEAVES).plan("pl").need


def test_a_queue_as_json_is_what_was_written() -> None:
    """Needs and actions are texts again."""
    found = plain(queue(ALL))

    assert "internet>=3&router>=1" == found["need"]
    assert ("queue:other", "hear_again") == (found["overflow"], found["keys"]["9"])
    assert {"target_s": 20, "percent": 80} == found["service_level"]
    assert "internet>=1" == found["relax"][0]["need"]


def test_a_key_may_name_its_queue_with_a_blank() -> None:
    """`queue other` is `queue:other`."""
    found = queue(HEAD + 'keys = { 4 = "queue other", 1 = "leave", "*" = "leave" }' + OTHER)

    assert Action("queue", "other") == found.keys["4"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("[queues.q]\n" + LEAVES, "1: queues.q.need: missing; expected what an agent must have, such as need ="),
        (HEAD + 'skill = "x"\n' + LEAVES, "2: queues.q.need: given twice: need, and skill or level; expected one"),
        ('[queues.q]\nneed = "internet>3"\n' + LEAVES, "2: queues.q.need: 'internet>3' is no need; expected SKILL, "
                                                      "SKILL>=LEVEL or SKILL<=LEVEL, several joined by &"),
        ('[queues.q]\nneed = "internet>=11"\n' + LEAVES, "2: queues.q.need: 'internet>=11' is no need; expected 1 to"),
        ('[queues.q]\nneed = 3\n' + LEAVES, "2: queues.q.need: 3 is a whole number; expected what an agent must have"),
        (HEAD + LEAVES + 'order = "longest_idel"\n', "4: queues.q.order: 'longest_idel' is not a choice; expected one"),
        (HEAD + LEAVES + "weight_s = 5\n", '4: queues.q.weight_s: of no use without it; expected order = "weighted"'),
        (HEAD + LEAVES + 'hours = "ofice"\n', "4: queues.q.hours: there is no calendar 'ofice'; expected one of "
                                              "office; did you mean 'office'?"),
        (HEAD + LEAVES + 'overflow = "calback"\n', "4: queues.q.overflow: 'calback' is nothing a queue can do here; "
         "expected one of callback, message, leave, queue:<name of a queue>; did you mean 'callback'?"),
        (HEAD + LEAVES + 'overflow = "hear_again"\n', "4: queues.q.overflow: 'hear_again' is nothing a queue can do"),
        (HEAD + LEAVES + 'overflow = "queue:othr"\n' + OTHER, "4: queues.q.overflow: there is no queue 'othr'; "
         "expected one of other, q; did you mean 'other'?"),
        (HEAD + LEAVES + 'overflow = "queue:q"\n', "4: queues.q.overflow: goes in a circle: q -> q; expected a way"),
        (HEAD + LEAVES + 'overflow = "queue:other"\n' + OTHER + 'overflow = "queue:q"\n',
         "8: queues.other.overflow: goes in a circle: other -> q -> other; expected a way out"),
        (HEAD + LEAVES + "max_ewt_s = -1\n", "4: queues.q.max_ewt_s: -1 is out of range"),
        (HEAD + LEAVES + 'messages = ["clsed"]\n', "4: queues.q.messages: there is no prompt 'clsed'"),
        (HEAD + LEAVES + 'by_langauge = true\n', "4: queues.q.by_langauge: unknown key"),
        (HEAD + LEAVES + 'project = "Acme"\n', "4: queues.q.project: 'Acme' is not a name of small letters"),
        (HEAD + LEAVES + "service_level = 80\n", "4: queues.q.service_level: 80 is a whole number; expected a table"),
        (HEAD + LEAVES + "service_level = { target_s = 20 }\n", "4: queues.q.service_level.percent: missing"),
        (HEAD + LEAVES + "service_level = { target_s = 0, percent = 80 }\n", "4: queues.q.service_level.target_s: 0 is "
                                                                             "out of range"),
    ],
)  # fmt: skip
def test_a_mistake_names_its_line_and_key(body: str, expected: str) -> None:
    """And what would have been right."""
    found = wrong(body)

    assert [expected] == [line[: len(expected)] for line in found]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ('{ 12 = "leave" }', "3: queues.q.keys.12: '12' is not a telephone key; expected one of 0123456789*#"),
        ('{ a = "leave" }', "3: queues.q.keys.a: 'a' is not a telephone key"),
        ('{ 1 = "hear_agian" }', "3: queues.q.keys.1: 'hear_agian' is nothing a queue can do here; expected one of "
         "callback, message, hear_again, leave, queue:<name of a queue>; did you mean 'hear_again'?"),
        ('{ 1 = 7 }', "3: queues.q.keys.1: 7 is a whole number; expected one of"),
        ('{ 1 = "queue:q" }', "3: queues.q.keys.1: leads to the same queue; expected another queue"),
        ('{ 1 = "queue:x" }', "3: queues.q.keys.1: there is no queue 'x'"),
        ('7', "3: queues.q.keys: 7 is a whole number; expected a table [queues.q.keys]"),
        ('"11"', "3: queues.q.keys: '11' is not a set of telephone keys"),
    ],
)  # fmt: skip
def test_mistakes_in_keys(keys: str, expected: str) -> None:
    """Each key is one of a telephone and does something a queue can do."""
    found = [line for line in wrong(f"{HEAD}keys = {keys}\n") if line.startswith("3: queues.q.keys")]

    assert [expected] == [line[: len(expected)] for line in found]


@pytest.mark.parametrize(
    ("relax", "expected"),
    [
        ("5", "relax: 5 is a whole number; expected a list of steps such as [{ after_s = 60, need ="),
        ("[5]", "relax.1: 5 is a whole number; expected a list of steps"),
        ('[{ need = "a" }]', "relax.1.after_s: missing; expected a number of seconds"),
        ("[{ after_s = 0, priority = 1 }]", "relax.1.after_s: 0 is out of range"),
        ("[{ after_s = 60 }]", "relax.1: changes nothing; expected need, any_language, lend or priority"),
        ('[{ after_s = 60, neeed = "a" }]', "relax.1.neeed: unknown key"),
        ('[{ after_s = 60, need = "a>=0" }]', "relax.1.need: 'a>=0' is no need"),
        ('[{ after_s = 60, need = "a" }, { after_s = 60, need = "b" }]', "relax.2.after_s: 60 is not after the step"),
        ('[{ after_s = 900, need = "a" }]', "relax.1.after_s: 900 is never reached: max_wait_s is 900; expected less"),
        ("[{ after_s = 60, any_language = true }]", "relax.1.any_language: of no use: the queue asks for no language"),
        ('[{ after_s = 60, priority = 1, prefer = "a" }]', "relax.1.prefer: the step lets nobody new in"),
        ('[{ after_s = 60, lend = "acme" }]', "relax.1.lend: no queue belongs to project 'acme'"),
        ('[{ after_s = 60, lend = "secnd" }]', "relax.1.lend: no queue belongs to project 'secnd'"),
        ("[" + ", ".join(f"{{ after_s = {n}, priority = 1 }}" for n in range(1, 10)) + "]",
         "relax: 9 steps; expected at most 8"),
    ],
)  # fmt: skip
def test_mistakes_in_relax_steps(relax: str, expected: str) -> None:
    """Each step comes after the one before, and does something."""
    found = wrong(f"{HEAD}{LEAVES}relax = {relax}\n")
    expected = f"4: queues.q.{expected}"

    assert expected == next(line[: len(expected)] for line in found)


def test_a_step_in_a_list_of_several_lines_has_its_own_line() -> None:
    """Both ways to write the list."""
    steps = "relax = [\n  { after_s = 30, priority = 1 },\n  { after_s = 20, priority = 1 } ]\n"
    tables = "[[queues.q.relax]]\nafter_s = 30\npriority = 1\n[[queues.q.relax]]\nafter_s = 20\npriority = 1\n"

    assert ["6: queues.q.relax.2.after_s: 20 is not after"] == [line[:44] for line in wrong(HEAD + LEAVES + steps)]
    assert ["8: queues.q.relax.2.after_s: 20 is not after"] == [line[:44] for line in wrong(HEAD + LEAVES + tables)]


def test_a_project_lends_only_under_a_guard() -> None:
    """Without a service level nothing tells when it may lend; its own agents cannot be lent to it."""
    body = HEAD + LEAVES + 'project = "acme"\nrelax = [{ after_s = 60, lend = "second" }]\n' + OTHER
    lends = body + 'project = "second"\n'

    assert ["5: queues.q.relax.1.lend: no queue belongs to project 'second'; expected one of acme"] == wrong(body)
    assert ["5: queues.q.relax.1.lend: no queue of project 'second' has a service level, so nothing tells when it may "
            "lend; expected service_level in one of its queues"] == wrong(lends)  # fmt: skip
    assert [] == wrong(lends + "service_level = { target_s = 20, percent = 80 }\n")
    assert ["5: queues.q.relax.1.lend: 'acme' is the queue's own project; expected another project"] == wrong(
        body.replace('lend = "second"', 'lend = "acme"')
    )


def test_a_need_too_long_with_project_and_language_is_refused() -> None:
    """What the router would refuse when the call comes is refused when the file is read."""
    need = "&".join("abcdefgh")

    assert [] == wrong(f'[queues.q]\nneed = "{need}"\n{LEAVES}')
    assert ["2: queues.q.need: with project and language"] == [
        line[:43] for line in wrong(f'[queues.q]\nneed = "{need}"\nby_language = true\n{LEAVES}')
    ]


def test_a_step_names_the_leaving_keys_of_every_queue_its_callers_can_come_to() -> None:
    """Key 5 leaves the other queue, which callers of this step reach by key 4."""
    body = HEAD + 'keys = { 4 = "queue:other", 1 = "leave", "*" = "leave" }\n' + OTHER + 'keys = "5"\n'

    assert [
        "dialplans/flows/main.toml:7: steps.first.on.5: missing; expected a step: the queue lets callers leave with 5"
    ] == findings(FLOW, queues=body)


def test_the_reference_tells_every_key_of_a_queue() -> None:
    """Nothing that may be written is left undocumented."""
    section = markdown().split("## queues.toml\n")[1].split("\n## ")[0]
    names = [key.name for key in (*QUEUE, *RELAX)] + list(ACTIONS)

    assert [] == [name for name in names if f"| `{name}` |" not in section]


def test_the_queues_of_this_project_show_what_can_be_done() -> None:
    """The sample has every kind of action, a relax step of each kind and a service level."""
    sample = (PROJECT / "dialplans" / "queues.toml").read_text("utf-8")
    shown = ["relax", "by_language", "any_language", "prefer", "order", "service_level", "affinity", "resume_min",
             "max_ewt_s", "lend", "budget_min", "project", "hours", "overflow"]  # fmt: skip
    shown += [action.split(":")[0] for action in ACTIONS]

    assert [] == [name for name in shown if name not in sample]


def test_a_caller_who_goes_round_in_a_trial_is_answered() -> None:
    """Keys may lead back; a trial presses each once."""
    body = HEAD + 'keys = { 4 = "queue:other", 1 = "leave", "*" = "leave" }' + OTHER + 'keys = { 5 = "queue:q" }\n'
    found = dialplans(FLOW, queues=body)
    ends = {"q": Queued("key", "4"), "other": Queued("key", "5")}
    told = try_flow(found.flows["main"], found, "", Situation(datetime.now(UTC), queues=ends), "pl", {})

    assert ["q", "other", "q"] == [line.text.split()[0] for line in told.lines if line.what == "waits"]
    assert "agent" == told.disposition


def test_calendars_are_those_of_hours() -> None:
    """`hours` names a calendar the check can ask."""
    found = dialplans(FLOW, queues=HEAD + LEAVES + 'hours = "office"\n')

    assert isinstance(found.hours[found.queues["q"].hours], Calendar)
