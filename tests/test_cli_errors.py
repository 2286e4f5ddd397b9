"""Wrong input to every command: one clear line, the right exit status, the nearest valid name, nothing changed.

In this process, through `main`, as `ivr` does it; no Redis and no Asterisk run.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from ivr import cli, settings
from ivr.cli.complaint import complaint
from ivr.db import upgrade
from ivr.errors import InputError
from routing.errors import RouterUnavailable

GOOD = "+48601111111,pl/mazowieckie/warszawa/wola"
FILES: dict[str, bytes] = {
    "binary.csv": bytes(range(128, 256)) * 8,
    "empty.csv": b"",
    "columns.csv": b"numbr,area\n1,x\n",
    "rows.csv": f'number,area,language\n{GOOD},pl\n12,x,de\n"open,\n'.encode(),
    "utf16.csv": "number,area\n".encode("utf-16"),
    "latin.csv": b"number,area,name\n+48601111111,pl/a,\xb1\n",
    "long.csv": b"number,area,name\n+48601111111,pl/a," + b"x" * 200_000 + b"\n",
    "noise.wav": b"RIFF" + bytes(range(256)),
    "not-a-database": b"no database" * 100,
}


class Said(NamedTuple):
    status: int
    out: str
    err: str


Ivr = Callable[..., Said]

WRONG = [  # words, exit status, what the one line says
    ("anounce", 2, "no command 'anounce'; did you mean 'announce'?"),
    ("xyzzy list", 2, "no command 'xyzzy'; expected one of setup, run, "),
    ("--hlep", 2, "no option '--hlep'; did you mean '--help'?"),
    ("announce", 2, "announce: a command is missing; expected one of approve, end"),
    ("announce lst", 2, "announce: no command 'lst'; did you mean 'list'?"),
    ("announce qqqq", 2, "announce: no command 'qqqq'; expected one of approve, end"),
    ("announce post --aera x", 2, "announce post: no option '--aera'; did you mean '--area'?"),
    ("announce post", 2, "an announcement needs a text; expected --text-pl"),
    ("announce post --text-pl", 2, "Option '--text-pl' requires an argument"),
    ("announce post --text-pl ...", 2, "the pl text is empty"),
    ("announce post --text-pl A --area ../etc", 2, "'../etc' is not an area; expected names with /"),
    ("announce post --text-pl A --eta 25:99", 2, "'25:99' is not a time; expected HH:MM"),
    ("announce post --text-pl A --until 2001-01-01T00:00", 2, "is past; expected a later --until"),
    ("announce post --text-pl A --dnis abc", 2, "'abc' is not a number that can be dialled; expected digits"),
    ("announce post --text-pl A --prefix 22", 2, "did you mean '+4822'?"),
    ("announce post --text-pl A --service a;b", 2, "'a;b' is not a service; expected one short name"),
    ("announce post --text-pl " + "a" * 65536, 2, "the pl text has 65536 characters; expected at most 1200"),
    ("announce post --text-pl a\x1b[31mb", 2, "argument 4 holds a control character: 'a\\x1b[31mb'"),
    ("announce post --text-pl a\0b", 2, "argument 4 holds a control character: 'a\\x00b'"),
    ("announce update abcd", 2, "nothing to change; expected a time such as --eta, --after or a --text-"),
    ("announce post --text-pl A --numbers-file {dir}/utf16.csv", 2, "utf16.csv is not UTF-8 text"),
    ("announce post --text-pl A --numbers-file {dir}/absent", 2, "absent cannot be read: No such file"),
    ("announce post --text-pl A --class gold", 2, "'gold' is not a class of customers; expected one of normal"),
    ("announce post --text-pl A --eta-from 18:00", 2, "a range needs its latest end as well; expected --eta"),
    ("announce restore last --minutes 0", 2, "0 minutes; expected 1 to 1440"),
    ("announce update abcd --eta unknown", 2, "there is no announcement 'abcd'; `ivr announce list --all` shows them"),
    ("announce end last", 2, "there is no announcement 'last'"),
    ("announce show", 2, "announce show: ANNOUNCEMENT is missing; see `ivr announce show --help`"),
    ("announce publish a b", 2, "announce publish: Got unexpected extra argument (b)"),
    ("customers import", 2, "customers import: FILE is missing"),
    ("customers import {dir}", 1, "{dir}: Is a directory; expected a CSV file"),
    ("customers import {dir}/absent.csv", 1, "{dir}/absent.csv: No such file or directory; expected a CSV file"),
    ("customers import {dir}/binary.csv", 1, "binary.csv:1: byte 0 is not UTF-8; expected a CSV file saved as UTF-8"),
    ("customers import {dir}/utf16.csv", 1, "utf16.csv:1: byte 0 is not UTF-8"),
    ("customers import {dir}/latin.csv", 1, "latin.csv:2: byte 35 is not UTF-8"),
    ("customers import {dir}/long.csv", 1, "long.csv:2: cannot be read: field larger than field limit"),
    ("customers import {dir}/rows.csv --skip-bda", 2, "no option '--skip-bda'; did you mean '--skip-bad'?"),
    ("customers list --last 0", 2, "customers list: --last: 0 is not in the range x>=1"),
    ("customers list --area ..", 2, "'..' is not an area"),
    ("customers show abc", 2, "no customer has the number or account 'abc'"),
    ("customers show \udcff", 2, "argument 3 is not UTF-8: '\\udcff'"),
    ("agent ad", 2, "agent: no command 'ad'; did you mean 'add'?"),
    ("agent add", 2, "agent add: AGENT is missing"),
    ("agent add ann", 2, "agent ann has no skill; expected --skill NAME:LEVEL"),
    ("agent add A/B --skill x:1", 2, "agent id 'A/B': expected up to 40 of a-z"),
    ("agent add ann --skill x:99", 2, "skill 'x:99': level '99'; expected a number from 1 to 10"),
    ("agent add ann --skill x:1 --pin abc", 2, "a PIN is entered on a phone: expected 4 to 8 digits"),
    ("agent add ann --skill x:1 --ring -3", 2, "ring time -3 s; expected 5 to 120"),
    ("agent add ann --skill x:1 --ring ten", 2, "agent add: --ring: 'ten' is not a valid integer"),
    ("agent add ann --skill x:1 --project Ac-me", 2, "project 'ac-me': expected small letters, digits and _"),
    ("agent add ann --skill x:1 --language polish", 2, "language 'polish': expected one of pl, ru, en"),
    ("agent add ann --skill x:1 --roster sometimes", 2, "working hours 'sometimes': expected days and hours such as"),
    ("agent edit", 2, "agent edit: AGENT is missing"),
    ("agent edit nobody --skill x:1", 2, "there is no agent 'nobody'"),
    ("agent edit nobody --skil x:1", 2, "agent edit: no option '--skil'; did you mean '--skill'?"),
    ("agent import", 2, "agent import: FILE is missing"),
    ("agent import {dir}/nowhere.csv", 1, "No such file or directory; expected a CSV file"),
    ("agent remove nobody", 2, "there is no agent 'nobody'"),
    ("agent in nobody", 2, "there is no agent 'nobody'"),
    ("agent out", 2, "agent out: AGENT... is missing"),
    ("agent pause nobody", 2, "there is no agent 'nobody'"),
    ("queue shw", 2, "queue: no command 'shw'; did you mean 'show'?"),
    ("queue show", 1, "Redis does not answer"),
    ("call lst", 2, "call: no command 'lst'; did you mean 'list'?"),
    ("call list --last x", 2, "call list: --last: 'x' is not a valid integer"),
    ("call list --from word", 2, "'word' is not a telephone number; expected such as +48221234567"),
    ("call show nope", 2, "no call has been recorded yet"),
    ("dialplan chek", 2, "dialplan: no command 'chek'; did you mean 'check'?"),
    ("dialplan check {dir}/noise.wav", 2, "is a file; expected the whole folder: `ivr dialplan check {dir}`"),
    ("dialplan check dialplans/flows/main.toml", 2, "is a file; expected the whole folder: `ivr dialplan check dialp"),
    (
        "dialplan check dialplans/flows",
        2,
        "dialplans/flows is only a part of a folder of dialplans; expected the whole",
    ),
    ("dialplan test nonsense", 2, "there is no scenario 'nonsense'; expected one of "),
    ("dialplan test outage_in_wolla", 2, "there is no scenario 'outage_in_wolla'; did you mean 'outage_in_wola'?"),
    ("dialplan list --josn", 2, "dialplan list: no option '--josn'; did you mean '--json'?"),
    ("dialplan try 999", 2, "no number '999'; expected one of 100"),
    ("dialplan try 100 --at noon", 2, "--at: 'noon' is not a time, expected one such as 2026"),
    ("dialplan try 100 --open ofice", 2, "no calendar 'ofice'; did you mean 'office'?"),
    ("dialplan try 100 --queue suport=nobody", 2, "no queue 'suport'; did you mean 'support'?"),
    ("dialplan try 100 --queue support=y", 2, "no queue outcome 'y'; expected one of answered"),
    ("dialplan try 100 --transfer reception=bussy", 2, "no transfer outcome 'bussy'; did you mean 'busy'?"),
    ("dialplan try 100 --keys xyz", 2, "keys: 'xyz' is neither telephone keys"),
    ("dialplan try 100 --language ppl", 2, "dialplan try: --language: no 'ppl'; did you mean 'pl'?"),
    ("prompts lst", 2, "prompts: no command 'lst'; did you mean 'list'?"),
    ("prompts import {dir}/absent.wav -k welcome -l pl", 2, "{dir}/absent.wav cannot be read: No such file"),
    ("prompts import {dir} -k welcome -l pl", 2, "{dir} is not a file"),
    ("prompts import {dir}/noise.wav -k welcom -l pl", 2, "no prompt 'welcom' in pl.toml; did you mean 'welcome'?"),
    ("prompts import {dir}/noise.wav -k welcome -l de", 2, "no language 'de'; there are en, pl, ru"),
    ("prompts list -l de", 2, "prompts list: --locale: no 'de'; expected one of pl, ru, en"),
    ("prompts say hello -l xx", 2, "prompts say: --locale: no 'xx'"),
    ("prompts say hello -o {dir}", 2, "is a directory"),
    ("phone cal", 2, "phone: no command 'cal'; did you mean 'call'?"),
    ("phone call --to sip:", 2, "--to 'sip:' is no number and no sip: address; expected 100 or sip:100@"),
    ("phone call --from a;b", 2, "--from 'a;b' is not a number; expected such as +48601999888"),
    ("phone call --keys q!", 2, "keys: 'q!' holds 'Q'; expected 0-9"),
    ("phone call --seconds 0", 2, "phone call: --seconds: 0.0 is not in the range"),
    ("phone call --save {dir}/absent/x.wav", 2, "there is no folder {dir}/absent"),
    ("doctor --jsn", 2, "doctor: no option '--jsn'; did you mean '--json'?"),
    ("setup now", 2, "setup: Got unexpected extra argument (now); see `ivr setup --help`"),
    ("run --hepl", 2, "run: no option '--hepl'; did you mean '--help'?"),
    ("demo now", 2, "demo: Got unexpected extra argument (now)"),
    ("serve now", 2, "serve: Got unexpected extra argument (now)"),
    ("native", 2, "native: {redis|asterisk} is missing"),
    ("native asterix", 2, "native: {redis|asterisk}: no 'asterix'; did you mean 'asterisk'?"),
    ("native asterisk", 1, "asterisk.conf is missing: run `ivr setup`"),
]

SETTINGS = [  # variable, value, what the one line says
    ("SIP_PORT", "99999", "got '99999'; expected less than or equal to 65535"),
    ("SIP_PORT", "abc", "got 'abc'; expected integer"),
    ("SIP_PORT", "", "got ''; expected integer"),
    ("SIP_PROT", "5060", "HOTLINE_SIP_PROT: no such setting; did you mean 'HOTLINE_SIP_PORT'?"),
    ("RUNTIME", "autoo", "did you mean 'auto'?"),
    ("LOG_LEVEL", "warn", "did you mean 'warning'?"),
    ("DEFAULT_LANGUAGE", "de", "expected 'pl', 'ru' or 'en'"),
    ("TIMEZONE", "Europe/Warsow", "did you mean 'Europe/Warsaw'?"),
    ("TIMEZONE", "../../etc/passwd", "expected a name such as Europe/Warsaw"),
    ("COUNTRY_CODE", "+48", "got '+48'"),
    ("HOST", "999.1.1.1", "expected an IP address or a host name"),
    ("HOST", "127.0.0.1\n[general]", "got '127.0.0.1\\n[general]'; expected an IP address"),
    ("RTP_END", "1025", "expected a port above HOTLINE_RTP_START, 10000"),
    ("LEASE_S", "0", "expected greater than or equal to 3"),
    ("REDIS_URL", "nonsense", "expected an address such as redis://127.0.0.1:6379/0"),
    ("REDIS_URL", "redis://127.0.0.1:x/0", "expected an address such as redis://127.0.0.1:6379/0"),
    ("DATABASE_URL", "nonsense", "expected an address such as postgresql"),
    ("DATABASE_URL", "oracel://x", "expected an address such as postgresql"),
    ("DATABASE_URL", "sqlite+aiosqlite:///{dir}/not-a-database", "file is not a database"),
    ("DATABASE_URL", "sqlite+aiosqlite:///{dir}", "unable to open database file"),
    ("DATABASE_URL", "sqlite+aiosqlite:///{dir}/absent/a.db", "no such file; run `ivr setup`"),
    ("VAR", "{dir}/absent", "no such file; run `ivr setup`"),
    ("VAR", "{dir}/a\tb", "expected a folder's name without control characters"),
]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A var folder with a database, bad files, no .env and no HOTLINE_ variable of the outside."""
    for name in [key for key in os.environ if key.startswith("HOTLINE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOTLINE_VAR", str(tmp_path / "var"))
    monkeypatch.setenv("HOTLINE_REDIS_URL", "redis://127.0.0.1:1/0")
    monkeypatch.setitem(settings.Settings.model_config, "env_file", None)
    monkeypatch.setattr(settings, "PROJECT_ENV", tmp_path / "no.env")
    upgrade(settings.load())
    (tmp_path / "bad").mkdir()
    for name, content in FILES.items():
        (tmp_path / "bad" / name).write_bytes(content)
    return tmp_path


@pytest.fixture
def ivr(place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ivr:
    """Run `ivr` with words in this process."""

    def run(*words: str) -> Said:
        settings.settings.cache_clear()
        monkeypatch.setattr(sys, "argv", ["ivr", *words])
        try:
            cli.main()
            status = 0
        except SystemExit as done:
            status = int(done.code or 0)
        finally:
            settings.settings.cache_clear()
        said = capsys.readouterr()
        return Said(status, said.out, said.err)

    return run


def state(place: Path) -> dict[str, str]:
    """Return every file with the hash of its content; of the database, what it holds."""
    found = {
        str(file.relative_to(place)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(place.rglob("*")) if file.is_file() and not file.name.startswith("hotline.db")
    }  # fmt: skip
    with sqlite3.connect(place / "var/hotline.db") as database:
        found["database"] = "\n".join(database.iterdump())
    database.close()
    return found


def one_line(said: Said) -> str:
    """Return the only line said, without `ivr: `."""
    assert said.out == ""
    assert said.err.startswith("ivr: ")
    assert said.err.endswith("\n")
    assert said.err[:-1].isprintable()
    return said.err[5:-1]


@pytest.mark.parametrize(("words", "status", "says"), WRONG, ids=lambda value: str(value)[:50])
def test_wrong_words_get_one_clear_line(place: Path, ivr: Ivr, words: str, status: int, says: str) -> None:
    """And change no file and no row."""
    bad = str(place / "bad")
    before = state(place)
    said = ivr(*(word.replace("{dir}", bad) for word in words.split(" ")))

    assert says.replace("{dir}", bad) in one_line(said)
    assert status == said.status
    assert before == state(place)


@pytest.mark.parametrize(("name", "value", "says"), SETTINGS)
def test_wrong_settings_get_one_clear_line(
    place: Path, ivr: Ivr, monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str,
) -> None:
    """Each names the variable or the address; nothing is made."""
    before = state(place)
    monkeypatch.setenv(f"HOTLINE_{name}", value.replace("{dir}", str(place / "bad")))
    said = ivr("customers", "list")

    assert says in one_line(said)
    assert said.status == 1
    assert before == state(place)


def test_every_bad_row_is_one_line_and_nothing_is_imported(place: Path, ivr: Ivr) -> None:
    """File, line, column, what is wrong, what was expected."""
    file = place / "bad/rows.csv"
    before = state(place)
    said = ivr("customers", "import", str(file))

    assert said.err.splitlines() == [
        f"ivr: {file}:3: number: '12' is a short number, which belongs to no customer",
        f"ivr: {file}:3: language: unknown 'de'; expected one of pl, ru, en, or nothing",
        f'ivr: {file}:4: cannot be read: unexpected end of data; expected values, quoted with " if needed',
    ]
    assert said.status == 1
    assert before == state(place)


def test_good_rows_are_imported_when_asked(place: Path, ivr: Ivr) -> None:
    """--skip-bad: the good row is in, each mistake is listed, the status says it worked."""
    said = ivr("customers", "import", str(place / "bad/rows.csv"), "--skip-bad")
    listed = ivr("customers", "list")

    assert said.status == 0
    assert said.out == "1 new, 0 changed, 0 as before, 3 mistakes in rows left out\n"
    assert len(said.err.splitlines()) == 3
    assert all(line.startswith("skipped: ") for line in said.err.splitlines())
    assert [line.split("\t")[0] for line in listed.out.splitlines()] == ["number", "+48601111111"]


def test_every_wrong_column_is_named(place: Path, ivr: Ivr) -> None:
    """The nearest column for a misspelt one; the missing one as well."""
    said = ivr("customers", "import", str(place / "bad/columns.csv"))

    assert "columns.csv:1: unknown column 'numbr'" in said.err
    assert "did you mean 'number'?" in said.err
    assert "columns.csv:1: column 'number' is missing" in said.err


@pytest.mark.parametrize("words", ["prompts list", "prompts audit"])
def test_a_damaged_index_is_named_with_the_remedy(place: Path, ivr: Ivr, words: str) -> None:
    """Nothing is rendered or removed meanwhile."""
    (place / "var/prompts").mkdir()
    (place / "var/prompts/index.json").write_text("{ bad")
    before = state(place)

    assert "index.json is damaged (JSONDecodeError): run `ivr prompts render --force`" in one_line(ivr(*words.split()))
    assert before == state(place)


def test_folders_without_prompts_or_flows_are_named(place: Path, ivr: Ivr, monkeypatch: pytest.MonkeyPatch) -> None:
    """One finding for the folder, not one for every prompt."""
    monkeypatch.setenv("HOTLINE_PROMPTS", str(place / "bad"))
    said = ivr("dialplan", "check")

    assert said.status == 1
    assert "holds no prompts\n          expected at least one <language>.toml" in said.out
    assert said.out.endswith("\n1 mistake in 1 file; scenarios not checked yet\n")


def test_a_line_of_dotenv_is_named(place: Path, ivr: Ivr, monkeypatch: pytest.MonkeyPatch) -> None:
    """File and line of a wrong setting, when the file sets it."""
    file = place / "my.env"
    file.write_text("# ports\nHOTLINE_AMI_PORT=70000\n")
    monkeypatch.setitem(settings.Settings.model_config, "env_file", file)
    monkeypatch.setattr(settings, "PROJECT_ENV", file)

    assert one_line(ivr("customers", "list")).startswith(f"{file}:2: HOTLINE_AMI_PORT: got '70000'")


def test_without_words_there_is_help(ivr: Ivr) -> None:
    """Every command is listed, hidden ones are not."""
    said = ivr()

    assert said.status == 2
    assert "announce" in said.err
    assert "one native part" not in said.err


@pytest.mark.parametrize(
    ("error", "lines", "status"),
    [
        (RouterUnavailable("Redis does not answer"), ["Redis does not answer; is the hotline running? `make run`"], 1),
        (PermissionError(13, "Permission denied", "/a\nb"), ["/a b: Permission denied"], 1),
        (OSError("no number"), ["no number"], 1),
        (InputError("two\nlines \x1b[2J"), ["two lines \\x1b[2J"], 2),
    ],
)
def test_each_family_of_errors_becomes_one_line(error: Exception, lines: list[str], status: int) -> None:
    """Routing's own tree and the operating system's errors, too; no line end or escape of a file name gets out."""
    assert (lines, status) == complaint(error)
