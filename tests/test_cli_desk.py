"""The commands announce, customers, agent and call: what they print, and what they refuse."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import ANY

import pytest
from click.testing import CliRunner, Result

from ivr import asterisk, errors
from ivr.announce import preview as previewing
from ivr.announce import publish as publishing
from ivr.call import Call
from ivr.cli import agent, announce, announce_desk, call, customers
from ivr.record import trace as t
from ivr.record.store import Records
from ivr.settings import Settings
from tests.support.desk import FakeMaker, desk_settings, opened

MODULES = {"announce": announce, "customers": customers, "agent": agent, "call": call}
AREA = "pl/mazowieckie/warszawa/wola"
Run = Callable[..., Result]


@pytest.fixture
def conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings with a database of their own, no Redis and no Asterisk."""
    conf = desk_settings(tmp_path)
    for module in (announce_desk, customers, agent, call):
        monkeypatch.setattr(module, "settings", lambda: conf)
    monkeypatch.setattr(publishing, "spoken_maker", FakeMaker)
    monkeypatch.setattr(previewing, "spoken_maker", FakeMaker)
    return conf


@pytest.fixture
def run(conf: Settings) -> Run:
    def invoke(*words: str) -> Result:
        return CliRunner().invoke(MODULES[words[0]].command, list(words[1:]))

    return invoke


def test_an_announcement_from_post_to_end(run: Run) -> None:
    """Each command says what holds now; what is doubtful is a warning on standard error."""
    posted = run("announce", "post", "--area", AREA, "--service", "internet", "--text-pl", "Awaria.", "--eta", "23:59",
                 "--until", "2099-01-01T06:00", "--author", "ops")  # fmt: skip
    name = posted.stdout[:4]
    updated = run("announce", "update", "last", "--eta", "unknown")
    listed = run("announce", "list")
    shown = run("announce", "show", name[:3])
    ended = run("announce", "end", name)

    assert re.match(rf"{name} version 1: live, for area {AREA}, service internet\n", posted.stdout)
    assert "not played after 2099-01-01 06:00\n" in posted.stdout
    assert "concerns 0 of 0 customers" in posted.stdout
    assert "warning: Redis cannot be reached" in posted.stderr
    assert "warning: no en text: callers of that language hear it in pl" in posted.stderr
    assert "version 2: live" in updated.stdout
    assert "expected end unknown" in updated.stdout
    row = listed.stdout.splitlines()[1].split("\t")
    assert [name, "2", "live", "outage", f"area {AREA}", "internet", "unknown"] == row[:7]
    assert "pl: Awaria. Nie wiemy jeszcze" in shown.stdout
    assert "version 1: live by ops at" in shown.stdout
    assert f"{name} version 3: ended\n" == ended.stdout
    assert 1 == len(run("announce", "list").stdout.splitlines())


def test_planned_work_is_posted_and_shown_as_such(run: Run) -> None:
    """The kind stands in what is printed, listed and shown; a misspelt one is answered with the likely one."""
    posted = run("announce", "post", "--kind", "planned", "--text-pl", "Prace.", "--draft")
    run("announce", "update", "last", "--eta", "unknown")
    listed = run("announce", "list").stdout.splitlines()[1].split("\t")
    shown = run("announce", "show", "last")

    assert "kept as a draft, planned, for everyone" in posted.stdout
    assert "planned" == listed[3]
    assert "version 2: draft, planned, for everyone" in shown.stdout
    assert 2 == run("announce", "post", "--kind", "planed", "--text-pl", "x").exit_code


def test_a_chosen_end_is_said(run: Run) -> None:
    """Without --until the output tells what was chosen, and how to choose otherwise."""
    posted = run("announce", "post", "--text-pl", "Awaria.", "--draft")

    assert re.search(
        r"expected end unknown; not played after 20\S+ \S+ \(chosen: give --until for another\)", posted.stdout
    )
    assert "kept as a draft, for everyone" in posted.stdout


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        (("announce", "post"), "needs a text"),
        (("announce", "post", "--text-pl", "x", "--area", "warszawa wola"), "'warszawa wola' is not an area"),
        (("announce", "post", "--text-pl", "x", "--eta", "soon"), "'soon' is not a time"),
        (("announce", "post", "--text-pl", "x", "--until", "2020-01-01T10:00"), "its end 2020-01-01 10:00 is past"),
        (("announce", "post", "--text-pl", "x", "--prefix", "22"), r"did you mean '\+4822'"),
        (("announce", "post", "--text-pl", "x", "--prefix", "0048 22"), r"did you mean '\+4822'"),
        (("announce", "post", "--text-pl", "x", "--prefix", "+48x"), "is not the beginning of a number"),
        (("announce", "post", "--text-pl", "x", "--dnis", "1oo"), "'1oo' is not a number that can be dialled"),
        (("announce", "post", "--text-pl", "x", "--service", "the net"), "'the net' is not a service"),
        (("announce", "update", "last"), "nothing to change"),
        (("announce", "show", "zzzz"), "there is no announcement 'zzzz'"),
        (("customers", "import", "/nowhere.csv"), "No such file"),
        (("customers", "show", "112"), "no customer has the number or account '112'"),
        (("customers", "list", "--area", "a b"), "'a b' is not an area"),
        (("agent", "add", "anna", "--skill", "internet:99"), "level '99'; expected a number from 1 to 10"),
        (("agent", "in", "anna"), "there is no agent 'anna'"),
        (("call", "show", "last"), "no call has been recorded yet"),
    ],
)
def test_what_is_refused(run: Run, words: tuple[str, ...], wrong: str) -> None:
    """One error of Hotline's own, which the root prints in one line."""
    result = run(*words)

    assert isinstance(result.exception, errors.HotlineError)
    assert re.search(wrong, str(result.exception))


def test_numbers_and_services_no_flow_knows(run: Run) -> None:
    """Such an announcement would never be heard; the nearest name is given."""
    posted = run("announce", "post", "--text-pl", "Awaria.", "--dnis", "999777", "--service", "interent", "--draft")

    assert "warning: no call flow knows the number 999777; " in posted.stderr
    assert "warning: no call flow knows the service interent; did you mean internet?" in posted.stderr


def test_customers_from_import_to_show(run: Run, tmp_path: Path) -> None:
    """Skipped rows are told on standard error."""
    file = tmp_path / "c.csv"
    file.write_text("number,area,name\n221234567,pl/wola,Jan [b]\nx,pl,Ola\n")
    refused = run("customers", "import", str(file))
    done = run("customers", "import", str(file), "--skip-bad")

    assert isinstance(refused.exception, errors.ConfigError)
    assert "1 new, 0 changed, 0 as before, 1 mistakes in rows left out\n" == done.stdout
    assert "skipped: " in done.stderr
    assert (
        "+48221234567\t\tJan [b]\tpl/wola\t\tnormal\t" == run("customers", "show", "221234567").stdout.splitlines()[1]
    )
    assert 2 == len(run("customers", "list", "--area", "pl").stdout.splitlines())


def test_agents_from_add_to_remove(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The secrets are printed once; the phone is written for Asterisk, which need not be running."""
    phones: list[list[str]] = []

    def render_phones(_settings: Settings, agents: list[asterisk.AgentPhone]) -> None:
        phones.append([phone.agent_id for phone in agents])

    def reload_phones(_settings: Settings) -> None:
        raise errors.AsteriskError("Asterisk is not running")

    monkeypatch.setattr(asterisk, "render_phones", render_phones)
    monkeypatch.setattr(asterisk, "reload_phones", reload_phones)
    added = run(
        "agent", "add", "anna", "--name", "Anna", "--skill", "internet:5", "--skill", "billing:2", "--pin", "4711"
    )
    listed = run("agent", "list")
    removed = run("agent", "remove", "anna")

    assert re.search(r"SIP user      a[0-9a-f]{12}\n  SIP password  \S{32}\n  PIN           4711\n", added.stdout)
    assert "note: Asterisk will know the phone when it starts next (Asterisk is not running)" in added.stderr
    cells = listed.stdout.splitlines()[1].split("\t")
    assert ["anna", "Anna", "billing:2 internet:5", ANY, "not known", "", "", ""] == cells
    assert "4711" not in listed.output
    assert "agent anna removed" in removed.stdout
    assert [["anna"], []] == phones


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """No phone is written for Asterisk."""
    monkeypatch.setattr(asterisk, "render_phones", lambda *_: None)
    monkeypatch.setattr(asterisk, "reload_phones", lambda *_: None)


def agent_row(run: Run) -> list[str]:
    """Return name, skills, projects, languages and hours of the first agent, as the list shows them."""
    cells = run("agent", "list").stdout.splitlines()[1].split("\t")
    return [cells[1], cells[2], *cells[5:]]


@pytest.mark.usefixtures("quiet")
def test_an_agent_is_edited(run: Run) -> None:
    """What is given is added or replaced, what is named with no- goes, the rest stays."""
    run("agent", "add", "anna", "--skill", "internet:5", "--skill", "tv:2", "--project", "acme", "--language", "pl",
        "--roster", "mon-fri 08:00-16:00")  # fmt: skip
    before = agent_row(run)
    done = run("agent", "edit", "anna", "--name", "Anna", "--skill", "internet:7", "--no-skill", "tv", "--project",
               "provider", "--language", "ru", "--no-language", "pl")  # fmt: skip
    after = agent_row(run)
    again = run("agent", "edit", "anna", "--name", "Anna", "--roster", "")

    assert ["anna", "internet:5 tv:2", "acme", "pl", "mon-fri 08:00-16:00"] == before
    assert ["Anna", "internet:7", "acme provider", "ru", "mon-fri 08:00-16:00"] == after
    assert "agent anna changed\n" == done.stdout
    assert "note: who is signed in keeps what he had until he signs in again (" in done.stderr
    assert ["", "agent anna changed\n"] == [agent_row(run)[-1], again.stdout]
    assert "agent anna is so already\n" == run("agent", "edit", "anna", "--skill", "internet:7").stdout


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        (("hanna",), "there is no agent 'hanna'; did you mean 'anna'"),
        (("anna", "--no-skill", "internt"), "he has no skill 'internt'; did you mean 'internet'"),
        (("anna", "--no-project", "acme"), "he has no project 'acme'; he has none"),
        (("anna", "--no-skill", "internet"), "agent anna has no skill"),
        (("anna", "--language", "pol"), "language 'pol': expected one of pl, ru, en; did you mean 'pl'"),
        (("anna", "--roster", "mo 8-16"), "working hours 'mo': no such weekday; expected such as 'mon-fri 08:00-16:00"),
        (("anna", "--skill", "project/acme"), "a project is given as such: --project acme"),
        (("anna", "--name", " "), "a name of at most 200 printable characters expected"),
    ],
)
def test_what_an_edit_refuses(run: Run, words: tuple[str, ...], wrong: str) -> None:
    """One line with the nearest name; nothing is changed."""
    run("agent", "add", "anna", "--skill", "internet:5")
    before = agent_row(run)
    result = run("agent", "edit", *words)

    assert isinstance(result.exception, errors.InputError)
    assert wrong in str(result.exception)
    assert before == agent_row(run)


@pytest.mark.usefixtures("quiet")
def test_agents_from_a_file(run: Run, tmp_path: Path) -> None:
    """Phones and PINs of new agents go to standard output, once; bad rows stop it or are told."""
    file = tmp_path / "agents.csv"
    file.write_text("id,name,skills,languages,pin\nanna,Anna,internet:5,pl ru,4711\nola,Ola,tv:x,,\n")
    refused = run("agent", "import", str(file))
    done = run("agent", "import", str(file), "--skip-bad")
    again = run("agent", "import", str(file), "--skip-bad")

    assert isinstance(refused.exception, errors.ConfigError)
    assert ":3: skills: skill 'tv:x'" in str(refused.exception)
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert [["id", "SIP user", "SIP password", "PIN"], ["anna", ANY, ANY, "4711"]] == rows
    assert "1 new, 0 changed, 0 as before, 1 mistakes in rows left out" in done.stderr
    assert "skipped: " in done.stderr
    assert "0 new, 0 changed, 1 as before, 1 mistakes in rows left out\n" == again.stdout


@pytest.mark.usefixtures("quiet")
def test_the_last_who_can_answer_is_kept(run: Run, conf: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A change that leaves callers without anybody is refused; --anyway saves it and says what is lost."""
    folder = conf.var_dir / "dialplans"
    shutil.copytree(conf.dialplans_dir, folder)
    for file in (folder / "flows").glob("*.toml"):
        file.write_text(re.sub(r"on\.nobody.*\n", "", file.read_text()))
    strict = conf.model_copy(update={"dialplans": folder})
    monkeypatch.setattr(agent, "settings", lambda: strict)
    run("agent", "add", "anna", "--skill", "internet:5")
    refused = run("agent", "edit", "anna", "--roster", "mon 08:00-16:00")
    kept = run("agent", "remove", "anna")
    saved = run("agent", "edit", "anna", "--roster", "mon 08:00-16:00", "--anyway")

    assert "nothing was saved: queue support: nobody can answer" in str(refused.exception)
    assert "nothing was saved: queue support" in str(kept.exception)
    assert "agent anna changed\n" == saved.stdout
    assert "note: queue support: nobody can answer" in saved.stderr


@pytest.mark.usefixtures("quiet")
def test_dialplans_with_mistakes_do_not_stop_a_change(
    run: Run, conf: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is saved, and said that nobody looked."""
    broken = conf.model_copy(update={"dialplans": tmp_path / "nowhere"})
    monkeypatch.setattr(agent, "settings", lambda: broken)
    run("agent", "add", "anna", "--skill", "internet:5")
    result = run("agent", "edit", "anna", "--skill", "tv:1")

    assert "agent anna changed\n" == result.stdout
    assert "note: whether somebody can answer was not checked: " in result.stderr


def test_signing_in_without_a_hotline_is_said(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Redis is not there: one clear line."""
    monkeypatch.setattr(asterisk, "render_phones", lambda *_: None)
    monkeypatch.setattr(asterisk, "reload_phones", lambda *_: None)
    run("agent", "add", "anna", "--skill", "internet")
    result = run("agent", "in", "anna")

    assert isinstance(result.exception, errors.PeerError)
    assert "is the hotline running? `make run`" in str(result.exception)


def test_calls_are_listed_and_told(run: Run, conf: Settings) -> None:
    """Numbers are masked unless asked for."""

    async def one_call() -> None:
        async with opened(conf) as database:
            records = Records(database)
            log = records.begin(Call("17.1", "221234567", "100", "x"), datetime.now(UTC), language="pl")
            log.add(t.PRESSED, "menu", key="1")
            log.finish("hung_up")
            await records.flush()

    asyncio.run(one_call())
    row = run("call", "list", "--from", "22 123 45 67").stdout.splitlines()[1].split("\t")

    assert ["17.1", ANY, "+48*******67", "100", "", "pl", "0 s", "", "", "hung_up"] == row
    assert "+48221234567" in run("call", "list", "--reveal").stdout
    assert 1 == len(run("call", "list", "--from", "221234560").stdout.splitlines())
    told = run("call", "show", "last").stdout.splitlines()
    assert told[0].startswith("call 17.1: +48*******67 called 100 on ")
    assert ["00:00 pressed 1", "00:00 ended: hung up in the menu or while listening"] == told[1:]
