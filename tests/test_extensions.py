"""ivr/flow/extensions/ and `ivr dialplan import`: an Asterisk dialplan becomes a folder that passes the check."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import settings as bounds
from hypothesis import strategies as st

from ivr import settings as settings_module
from ivr.cli.dialplan_import import command
from ivr.errors import InputError
from ivr.extensions_folder import import_folder
from ivr.flow.commands import Queued
from ivr.flow.extensions.convert import Imported, Options, convert
from ivr.flow.extensions.file import read_extensions
from ivr.flow.extensions.words import ADVICE
from ivr.flow.load import Dialplans, build, load, prompt_keys
from ivr.flow.steps import KINDS
from ivr.flow.trial import Situation, Transcript, try_flow
from ivr.settings import PROJECT

FIXTURES = PROJECT / "tests" / "data" / "extensions"
CONTEXTS = {"office": (), "freepbx": (), "hours": ("incoming",), "nasty": ("public",)}
SHARED = frozenset(prompt_keys(PROJECT / "prompts"))
OPTIONS = Options("pl", "Europe/Warsaw")
NOON = datetime(2026, 11, 23, 10, tzinfo=UTC)  # a Monday, 11:00 in Warsaw


def imported(name: str, folder: Path, queues: Path | None = None) -> tuple[Dialplans, Imported]:
    found = import_folder(
        FIXTURES / f"{name}.conf", folder, Options("pl", "Europe/Warsaw", CONTEXTS[name]), SHARED, queues
    )
    return load(folder, SHARED | set(found_prompts(folder))), found


def found_prompts(folder: Path) -> set[str]:
    return prompt_keys(folder / "prompts") if (folder / "prompts").is_dir() else set()


def converted(text: str, queues: str = "") -> Imported:
    return convert(read_extensions("x.conf", text), OPTIONS, SHARED, read_extensions("queues.conf", queues))


def checked(found: Imported) -> Dialplans:
    """Return what the folder's files hold, as the check reads them."""
    folder = Path("imported")
    keys = SHARED | {line.split(" = ")[0] for name, text in found.files.items() if name.startswith("prompts/")
                     for line in text.split("[prompts]")[1].splitlines() if line}  # fmt: skip
    files = {folder / name: text.encode() for name, text in found.files.items()
             if name.endswith(".toml") and not name.startswith("prompts/")}  # fmt: skip
    dialplans, wrong = build(files, folder, keys)
    assert [str(each) for each in wrong] == []
    assert dialplans is not None
    return dialplans


def call(dialplans: Dialplans, number: str, keys: str, at: datetime = NOON, **how: object) -> Transcript:
    dialled = dialplans.numbers[number]
    situation = Situation(at, **how)  # type: ignore[arg-type]
    return try_flow(dialplans.flows[dialled.flow], dialplans, keys, situation, dialled.language, {})


@pytest.mark.parametrize("name", CONTEXTS)
def test_every_import_passes_the_check(name: str, tmp_path: Path) -> None:
    """load() of the folder finds no mistake."""
    dialplans, found = imported(name, tmp_path / "made")

    assert found.flows == len(dialplans.flows)


@pytest.mark.parametrize("name", CONTEXTS)
def test_the_report_names_every_line(name: str, tmp_path: Path) -> None:
    """Each priority of each context is told of: what it became, or why not."""
    _, found = imported(name, tmp_path / "made")
    page = found.files["IMPORT.md"].split("## Every line")[1]
    file = read_extensions(name, (FIXTURES / f"{name}.conf").read_text("utf-8"))
    missing = [
        str(entry.at)
        for context in file.contexts.values() if not context.template
        for entries in context.extens.values()
        for entry in entries.values()
        if f"\n| {entry.at.line} | " not in page and not _in_a_range(entry.at.line, page)
    ]  # fmt: skip

    assert missing == []


def _in_a_range(line: int, page: str) -> bool:
    ranges = [
        each.split(" lines, ")[1].rstrip(".").split(" to ") for each in page.splitlines() if "Not reached from" in each
    ]
    return any(int(first) <= line <= int(last) for first, last in ranges)


def test_an_office_menu_answers_as_it_did_in_asterisk(tmp_path: Path) -> None:
    """Keys, wrong keys, silence and opening hours lead where the contexts led."""
    dialplans, _ = imported("office", tmp_path / "made")
    number = "48221234567"

    assert "queue" in call(dialplans, number, "1").lines[-2].what or call(dialplans, number, "1").disposition == "agent"
    assert call(dialplans, number, "0", transfers={"reception": "busy"}).disposition == "agent"
    assert call(dialplans, number, "8,8,8").disposition == "transferred"
    assert call(dialplans, number, "", datetime(2026, 11, 22, 11, tzinfo=UTC)).disposition == "closed"
    assert call(dialplans, number, "", datetime(2026, 12, 25, 11, tzinfo=UTC)).lines[-2].text == "[holiday_recording]"
    assert dialplans.numbers["48221234568"].language == "en"


def test_tries_are_counted_by_playing_i_and_t_through() -> None:
    """A counter in `i` becomes `tries`, what it plays becomes the prompt, where it ends becomes too_many."""
    flow = checked(converted(
        "[in]\nexten => s,1,Set(C=0)\n same => n(m),Background(main)\n same => n,WaitExten(4)\nexten => 1,1,Queue(q)\n"
        "exten => i,1,Set(C=$[${C}+1])\n same => n,GotoIf($[${C} > 4]?end)\n same => n,Playback(wrong)\n"
        " same => n,Goto(s,m)\n same => n(end),Queue(other)\n"
    )).flows["in"]  # fmt: skip
    menu = flow.steps[flow.start]

    assert (5, "wrong", 4, "other") == (
        menu.values["tries"], menu.values["wrong_key_prompt"], menu.values["timeout_s"],
        flow.steps[menu.on["too_many"]].values["queue"],
    )  # fmt: skip


def test_a_counter_before_the_question_counts_the_same() -> None:
    """Set and GotoIf may stand in `s` as well: three times is three times."""
    flow = checked(converted(
        "[in]\nexten => s,1,Set(C=0)\n same => n(m),Set(C=$[${C}+1])\n same => n,GotoIf($[${C}>3]?end)\n"
        " same => n,Background(main)\n same => n,WaitExten(4)\n same => n(end),Queue(other)\n"
        "exten => 1,1,Queue(q)\nexten => i,1,Goto(s,m)\nexten => t,1,Goto(s,m)\n"
    )).flows["in"]  # fmt: skip
    menu = flow.steps[flow.start]

    assert (3, "other") == (menu.values["tries"], flow.steps[menu.on["too_many"]].values["queue"])


def test_numbers_are_found_through_includes() -> None:
    """A trunk's context may hold nothing but includes; a pattern says which number to write."""
    found = converted(
        "[dcs-incoming]\ninclude => menu\ninclude => dids\n[menu]\nexten => 48220001100,1,Background(hello)\n"
        " same => n,WaitExten(5)\nexten => 1,1,Queue(q)\n[dids]\nexten => _482200022XX,1,Dial(PJSIP/${EXTEN:7})\n"
    )

    assert ["48220001100"] == list(checked(found).numbers)
    assert ["x.conf:9: exten => _482200022XX: stands for many numbers: write each into numbers.toml"] == list(
        found.refused
    )


def test_freepbx_menus_lose_their_machinery(tmp_path: Path) -> None:
    """ivr-1 is one menu with four tries; IVR_MSG, ExecIf and loop counters leave nothing behind."""
    dialplans, _ = imported("freepbx", tmp_path / "made")
    menu = dialplans.flows["ivr_1"].steps["menu"]

    assert ("menu", ("mainmenu",), 4, 10) == (
        menu.kind,
        menu.values["prompt"],
        menu.values["tries"],
        menu.values["timeout_s"],
    )
    assert "no_input" == menu.values["wrong_key_prompt"]
    assert call(dialplans, "48587001000", "1,1").disposition == "agent"
    assert call(dialplans, "48587001000", "1,*,3").disposition == "transferred"


def test_dial_status_and_queue_status_choose_the_step(tmp_path: Path) -> None:
    """What a GotoIf asked of DIALSTATUS is now the outcome of the transfer."""
    dialplans, _ = imported("hours", tmp_path / "made")
    transfer = dialplans.flows["day"].steps["call_reception"]

    assert {"busy": "say_busy", "no_answer": "voicemail", "failed": "voicemail"} == transfer.on


def test_a_condition_on_entered_digits_becomes_a_branch() -> None:
    """Read, then GotoIf: collect, then branch; an empty entry goes where the file sent it."""
    dialplans = checked(converted((FIXTURES / "hours.conf").read_text("utf-8")))
    account = dialplans.flows["account"]

    assert ["var.acc = 12345678", "var.acc >= 90000000"] == [
        str(condition) for name in ("by_acc", "by_acc_2") for condition in account.steps[name].values["when"].values()
    ]
    assert "none" == account.steps["acc"].on["too_many"]
    assert call(dialplans, "225551002", "12345678").disposition == "agent"
    assert call(dialplans, "225551002", "1#,1").disposition == "completed"


def test_keys_change_with_a_timed_include() -> None:
    """The same key is a queue in the morning and a recording at night."""
    dialplans = checked(converted((FIXTURES / "hours.conf").read_text("utf-8")))
    night = datetime(2026, 11, 23, 20, tzinfo=UTC)

    assert call(dialplans, "225551001", "1").disposition == "agent"
    assert call(dialplans, "225551001", "1", night).disposition == "closed"


def test_what_cannot_be_converted_is_named_with_its_line(tmp_path: Path) -> None:
    """Programs, dial-out, databases, conferences: line, why, what instead; nothing of it is in the folder."""
    _, found = imported("nasty", tmp_path / "made")
    text = "\n".join(found.refused)

    for app in (
        "AGI",
        "DISA",
        "TrySystem",
        "ExecIf",
        "Authenticate",
        "ConfBridge",
        "MixMonitor",
        "DAHDI",
        "DB(",
        "#exec",
    ):
        assert app in text, app
    assert all(line.startswith("nasty.conf:") for line in found.refused)
    flows = "".join(text for name, text in found.files.items() if name.startswith("flows/"))
    assert "System" not in "".join(line for line in flows.splitlines() if not line.startswith("#"))


def test_queues_conf_gives_the_queues_their_limits(tmp_path: Path) -> None:
    """Ring time, length, service level, order; the application's time-out is the longest wait."""
    queues = "[sales]\nstrategy=fewestcalls\ntimeout=12\nmaxlen=7\nservicelevel=25\nwrapuptime=9\nmember => PJSIP/1\n"
    found = converted("[in]\nexten => s,1,Queue(sales,t,,,240)\n", queues)
    queue = checked(found).queues["sales"]

    assert (12, 7, 9, "fewest_calls", 240) == (
        queue.ring_s,
        queue.max_len,
        queue.wrap_up_s,
        queue.order,
        queue.max_wait_s,
    )
    assert queue.service_level is not None
    assert "PJSIP/1" in found.files["IMPORT.md"]


def test_a_queue_has_one_longest_wait_and_the_others_are_named() -> None:
    """Wherever the line with a time-out stands; one without waits as long as any queue, which is told as well."""
    lines = ["Queue(sales,,,,300)", "Queue(sales)", "Queue(sales,,,,60)", "Queue(sales,,,,300)", "Queue(other)"]
    menu = "[in]\nexten => s,1,Background(main)\n same => n,WaitExten(5)\n"
    found = converted(menu + "".join(f"exten => {key},1,{line}\n" for key, line in enumerate(lines, 1)))

    assert [300, 900] == [checked(found).queues[name].max_wait_s for name in ("sales", "other")]
    assert [each for each in found.differs if "Queue" in each] == [
        "x.conf:5: Queue(sales): waits without end in Asterisk; here at most 300 s, as x.conf:4: "
        "a queue has one max_wait_s",
        "x.conf:6: Queue(sales,,,,60): waits 60 s in Asterisk; here at most 300 s, as x.conf:4: "
        "a queue has one max_wait_s",
        "x.conf:8: Queue(other): waits without end in Asterisk; here at most 900 s (max_wait_s)",
    ]


@pytest.mark.parametrize(
    ("written", "ring_s", "told"),
    [
        (",25", 25, ""),
        (",30", 30, ""),
        (",20.4,tT", 20, ""),
        (",", 30, "rings without end in Asterisk; here 30 s (ring_s)"),
        ("", 30, "rings without end in Asterisk; here 30 s (ring_s)"),
        (",600", 120, "rings 600 s in Asterisk; here 120 s (ring_s)"),
        (",2", 5, "rings 2 s in Asterisk; here 5 s (ring_s)"),
        (",25^300", 25, "the talk is not cut after 300 s"),
    ],
)
def test_how_long_dial_rings_is_kept(written: str, ring_s: int, told: str) -> None:
    """As ring_s of the transfer; what cannot be kept is named with its line."""
    found = converted(f"[in]\nexten => s,1,Dial(PJSIP/desk{written})\n")
    (flow,) = checked(found).flows.values()

    assert ring_s == flow.steps["call_desk"].values["ring_s"]
    assert ([f"x.conf:2: Dial(PJSIP/desk{written}): {told}"] if told else []) == list(found.differs)


def test_a_loop_without_a_key_ends_in_a_goodbye() -> None:
    """Asterisk goes round for ever; the check would refuse that."""
    found = converted("[in]\nexten => s,1,Playback(a)\n same => n,Queue(q)\n same => n,Goto(s,1)\n")
    dialplans = checked(found)

    assert call(dialplans, "100", "", queues={"q": Queued("nobody")}).disposition == "completed"
    assert "for ever" in "\n".join(found.differs)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[x]\nhint => 1\n", "no context answers a call"),
        ("", "no context answers a call"),
        ("[x]\nexten => h,1,Hangup()\n", "no context answers a call"),
    ],
)
def test_a_file_without_calls_is_refused(text: str, expected: str) -> None:
    """Said in one line, nothing made."""
    with pytest.raises(InputError, match=expected):
        converted(text)


@pytest.fixture
def quiet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("HOTLINE_VAR", str(tmp_path))
    settings_module.settings.cache_clear()
    yield tmp_path
    settings_module.settings.cache_clear()


def test_the_command_writes_the_folder_and_names_what_is_left(quiet: Path) -> None:
    """Findings first, a summary last; IMPORT.md lies in the folder."""
    result = CliRunner().invoke(
        command, [str(FIXTURES / "nasty.conf"), "--context", "public", "--to", str(quiet / "made")]
    )

    assert result.exit_code == 0, result.output
    assert "not converted: nasty.conf:" in result.output
    assert (quiet / "made" / "IMPORT.md").is_file()


def test_a_folder_that_holds_something_is_left_alone(quiet: Path) -> None:
    """Nothing half done: neither the folder nor a temporary one is touched."""
    (quiet / "made").mkdir()
    (quiet / "made" / "mine.toml").write_text("x")
    result = CliRunner().invoke(command, [str(FIXTURES / "office.conf"), "--to", str(quiet / "made")])

    assert isinstance(result.exception, InputError)
    assert ["mine.toml"] == [each.name for each in (quiet / "made").iterdir()]
    assert ["made"] == [each.name for each in quiet.iterdir()]


def test_an_unknown_context_is_named_with_the_nearest(quiet: Path) -> None:
    """`did you mean`, as everywhere."""
    result = CliRunner().invoke(
        command, [str(FIXTURES / "office.conf"), "--context", "offce", "--to", str(quiet / "made")]
    )

    assert "did you mean 'office'?" in str(result.exception)
    assert not (quiet / "made").exists()


def test_included_files_stay_in_the_folder_of_the_file(tmp_path: Path) -> None:
    """`#include ../../etc/passwd` reads nothing, and says so."""
    (tmp_path / "secret.conf").write_text("[stolen]\nexten => s,1,Answer()\n")
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "x.conf").write_text("#include ../secret.conf\n[in]\nexten => s,1,Queue(q)\n")
    found = import_folder(tmp_path / "etc" / "x.conf", tmp_path / "made", OPTIONS, SHARED)

    assert ["x.conf:1: #include ../secret.conf: the file is not there, or may not be read"] == list(found.refused)


SIGNS = '[]()=>,;"\\&|?:${}#!<+-\n\t sintexNXZ0159_*/.aqQueueGotoIfĄ\x00'
LINES = st.sampled_from(
    r"""
[a]
[b]
[a](!)
[c](a)
[globals]
X=1
include => b
include => a,9:00-17:00,mon-fri,*,*
include => c
exten => s,1,Answer()
exten => s,1,Background(x&y)
 same => n,WaitExten(5)
 same => n(l),Playback(z)
exten => 1,1,Goto(s,1)
exten => 2,1,Queue(q,c,,,30)
exten => _[3-5],1,Dial(PJSIP/${EXTEN},5,g)
exten => 7,1,Goto(b,s,1)
exten => i,1,Set(N=$[${N}+1])
 same => n,GotoIf($[${N} > 2]?l:s,1)
 same => n,Goto(s,l)
exten => t,1,Goto(s,1)
 same => n,Gosub(b,s,1(${X}))
 same => n,Return()
 same => n,Read(D,ask,1)
 same => n,Read(D,ask,5,,3,4)
 same => n,GotoIf($["${D}" = "1"]?b,s,1)
 same => n,GotoIfTime(*,sun,*,*?c,s,1:l)
 same => n,Set(X=${D}${X}a)
 same => n,GotoIf($["${DIALSTATUS}" = "BUSY"]?l)
 same => n,VoiceMail(1@x)
 same => n,Set(LANGUAGE()=ru)
 same => n,Set(V=1)
 same => n,Hangup()
 same => n,Macro(b)
[macro-b]
 same => n,ExecIf($[1]?Playback(k))
exten => 100200300,1,Goto(a,s,1)
 same => n,Goto(${D},1)
exten => _X.,1,Goto(a,s,1)
 same => n+2,System(x)
exten => *,1,Dial(Local/2@a)
exten => #,1,Goto(c,s,l)
 same => n,GotoIf($["${CALLERID(num)}"=""]?b,s,1)
 same => n,Goto(b,s,l)
 same => n,Background(m)
 same => n,Playback(w)
""".strip().splitlines()
)


@bounds(max_examples=150, deadline=None)
@given(st.lists(LINES, max_size=40), st.lists(st.sampled_from("0123456789*#w"), max_size=6))
def test_any_dialplan_becomes_one_that_passes_the_check_and_ends(lines: list[str], keys: list[str]) -> None:
    """Or is refused in one line: never a crash, never a folder with a mistake, never a call without an end."""
    try:
        found = converted("\n".join(["[a]", *lines]))
    except InputError:
        return
    dialplans = checked(found)
    for number in dialplans.numbers:
        call(dialplans, number, ",".join(keys))
        call(dialplans, number, "", queues={name: Queued("nobody") for name in dialplans.queues},
             transfers=dict.fromkeys(dialplans.targets, "busy"))  # fmt: skip


@bounds(max_examples=150, deadline=None)
@given(st.text(alphabet=list(SIGNS), max_size=400))
def test_any_text_never_crashes_the_import(text: str) -> None:
    """Whatever stands in the file: a folder that passes the check, or one line that refuses it."""
    for written in (text, f"[a]\nexten => s,1,Queue(q)\n{text}\n same => n,Set(X={text})\n same => n,Goto({text})\n"):
        try:
            checked(converted(written))
        except InputError:
            continue


def test_a_temporary_folder_is_gone_when_the_check_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder appears whole or not at all."""
    with tempfile.TemporaryDirectory() as parent:
        monkeypatch.setattr("ivr.extensions_folder.load", _refuse)
        with pytest.raises(InputError, match="no"):
            import_folder(FIXTURES / "office.conf", Path(parent) / "made", OPTIONS, SHARED)

        assert [] == list(Path(parent).iterdir())


def _refuse(*_: object) -> None:
    raise InputError("no")


def test_the_page_tells_what_the_import_does() -> None:
    """Every application docs/import-asterisk.md calls not converted has its advice; each kind it promises is there."""
    page = (PROJECT / "docs" / "import-asterisk.md").read_text("utf-8")
    becomes, _, left = page.partition("## What is not converted")
    named = {
        word.lower()
        for line in left.partition("## What works")[0].splitlines() if line.startswith("| `")
        for word in re.findall(r"`([A-Za-z]+)`", line.split("|")[1])
    }  # fmt: skip
    kinds = {word for line in becomes.splitlines() if line.startswith("| ") for word in re.findall(r"`([a-z]+)`", line)}

    assert named - set(ADVICE) <= {"gotoif", "h", "switch", "ignorepat"}
    assert kinds & set(KINDS) >= {"say", "menu", "collect", "hours", "queue", "transfer", "branch", "message", "pass"}


def test_a_large_file_takes_no_time() -> None:
    """A FreePBX with 150 menus: seconds, not minutes."""
    menu = (FIXTURES / "freepbx.conf").read_text("utf-8").split("[ivr-2]")[1].split("[ext-queues]")[0]
    many = "".join(f"[ivr-{n}]{menu.replace('ext-queues,602', f'ivr-{n + 1},s')}" for n in range(10, 160))
    found = converted(f"[from-pstn]\nexten => 48587001000,1,Goto(ivr-10,s,1)\n{many}")

    assert 100 == found.flows
    assert checked(found).flows
