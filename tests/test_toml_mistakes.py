"""ivr/flow/toml_mistakes.py: what newcomers write wrong in TOML is said in plain words, at its place."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ivr import settings as settings_module
from ivr.cli.dialplan import command
from ivr.errors import Finding
from ivr.flow.source import parse
from ivr.flow.toml_mistakes import explain
from tests.support.flows import FOLDER, files, text

FILE = Path("flows/main.toml")

MISTAKES = [  # written, what is marked, what is wrong, what is expected
    ("kind = say", "say", "say is not in quotes", 'quotes around a text: kind = "say"'),
    ("next = menu # back", "menu", "menu is not in quotes", 'quotes around a text: next = "menu"  # back'),
    ("on = { 1 = menu }", "menu", "menu is not in quotes", 'quotes around a text: on = { 1 = "menu" }'),
    ("prompt = welcome, menu", "welcome, menu", "not in quotes", 'a list: prompt = ["welcome", "menu"]'),
    ("prompt = [welcome, menu]", "welcome", "not in quotes", 'quotes around a text: prompt = ["welcome", "menu"]'),
    ("interrupt = False", "False", "not in quotes", 'interrupt = false, or for a text interrupt = "False"'),
    ("next =", "=", "nothing stands after =", 'a value: next = "..."'),
    ("prompt = „welcome”", "„", "„ is no straight quote", 'straight quotes: prompt = "welcome"'),
    ("prompt = “welcome”", "“", "“ is no straight quote", 'straight quotes: prompt = "welcome"'),
    ('prompt = "welcome”', "”", "” is no straight quote", 'straight quotes: prompt = "welcome"'),
    ("prompt = «welcome»", "«", "« is no straight quote", 'straight quotes: prompt = "welcome"'),
    ('next => "menu"', "=>", "=> instead of =", 'name = value: next = "menu"'),
    ('next: "menu"', ":", ": instead of =", 'name = value: next = "menu"'),
    ("next -> menu", "->", "-> instead of =", 'name = value: next = "menu"'),
    ("steps.menu:", ":", ": instead of =", "a table: [steps.menu]"),
    ("exten => 100,1,Answer()", "exten", "a line of extensions.conf", "steps as TOML; `ivr dialplan import`"),
    ('on.* = "x"', "*", "* in a name needs quotes", 'quotes around it: on."*" = "x"'),
    ('on.# = "x"', "#", "# in a name needs quotes", 'quotes around it: on."#" = "x"'),
    ("[numbers.+48105]", "+48105", "+48105 in a name needs quotes", 'quotes around it: [numbers."+48105"]'),
    ('+48105 = "x"', "+48105", "+48105 in a name needs quotes", 'quotes around it: "+48105" = "x"'),
    ("[steps.żuraw]", "ż", "ż in a name", "small letters a-z, digits and _"),
    ("zażółć = 1", "ż", "ż in a name", "small letters a-z, digits and _"),
    ('my step = "x"', "s", "a blank in a name", 'a name without blanks: my_step = "x"'),
    ("[steps welcome]", "w", "a name of a table ends here", "a name without blanks: [steps.welcome]"),
    ("[steps.welcome", "", "no ] around the name of a table", "a name in [ ]: [steps.welcome]"),
    ("steps.welcome]", "s", "no [ around the name of a table", "a name in [ ]: [steps.welcome]"),
    ('rescue = "welcome', "", "the quote is not closed", 'a closing quote: rescue = "welcome"'),
    ('rescue = "welcome # x', "", "the quote is not closed", 'a closing quote: rescue = "welcome"  # x'),
    ("rescue = 'welcome", "'", "the quote is not closed", "a closing quote: rescue = 'welcome'"),
    ("; comment", ";", "; begins no comment", "a # before it: # comment"),
    ("-- comment", "--", "-- begins no comment", "a # before it: # comment"),
    ('next = "menu" // x', "//", "// begins no comment", 'a # before it: next = "menu"  # x'),
    ('next = "menu";', ";", "; after the value", 'no ;: next = "menu"'),
    ('next = "menu",', ",", "a comma after the value", 'no comma: next = "menu"'),
    ('next "menu"', '"', "no = between name and value", 'name = value: next = "menu"'),
    ("welcome", "", "welcome has no value", 'name = value: welcome = "..."'),
    ('kind = "say" next = "menu"', 'next = "menu"', "a second name = value in this line", "each in a line of its own"),
    ('text = "say "yes" now"', "y", "more after the closing quote", "one text; around one with quotes ': text = '"),
    ("open = 08:00", "08:00", "08:00 is no number", 'a number alone, or a text in quotes: open = "08:00"'),
    ('path = "C:\\dir"', "\\", "a \\ inside a text", "\\\\ for one \\, or the text in ' '"),
    ('prompt = ["a" "b"]', '"', "no comma before this item", "items in quotes, commas between"),
    ('prompt = ["a", "b"\nnext = "c"', "n", "the list of line 2 is not closed", "a ] after its last item"),
    ('prompt = ["a", "b"', "[", "this [ is not closed", "a ] after its last item"),
    ('on = { 1 = "a", }', ",", "a comma after the last item of { }", "a comma only between items"),
    ("x\u00a0= 1", "\u00a0", "a blank no keyboard shows (U+00A0)", "type this place anew"),
    ("[steps.a]\nk = 1\n\n[steps.a]", "steps.a", "[steps.a] is on line 2 already", "each table and key once"),
    ("[steps.a]\nnext = 1\n  next = 2", "next", "next is on line 3 already", "each table and key once"),
    ("[a]\non.1 = 1\n[a.on]", "a.on", "[a.on] is on line 3 already", "each table and key once"),
    ("on = { 1 = 1 }\non.2 = 2", "on.2", "on.2 adds to a table that is complete", "all of a table in one place"),
    ("on = { 1 = 1, 1 = 2 }", " ", "'1' is twice in this { }", "each table and key once"),
    ("{", "{", "not readable as TOML: Invalid statement", "a line such as"),
]  # fmt: skip


def mistake(written: str) -> tuple[Finding, str]:
    """Return the mistake in a file with `written` below its first line, and what is marked."""
    content = f"title = 1\n{written}\n"
    finding = parse(FILE, content.encode())[1]
    assert finding is not None
    assert finding.line
    assert finding.column
    line = content.split("\n")[finding.line - 1]
    return finding, line[finding.column - 1 : (finding.end_column or 0) - 1]


@pytest.mark.parametrize(("written", "marked", "wrong", "expected"), MISTAKES, ids=lambda each: str(each)[:30])
def test_what_newcomers_write_is_said_in_plain_words(written: str, marked: str, wrong: str, expected: str) -> None:
    """The mark stands under it, and what to write instead is the line itself."""
    found, under = mistake(written)

    assert (marked, True, True) == (under.strip("\n"), wrong in found.wrong, expected in found.expected), found


@pytest.mark.parametrize("written", [row[0] for row in MISTAKES])
def test_a_line_that_is_shown_is_right(written: str) -> None:
    """What is told to be written can be written."""
    _, colon, line = mistake(written)[0].expected.partition(": ")

    if colon and "..." not in line and "or for" not in line and not line.startswith("["):
        tomllib.loads(line)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="[]{}\"'#=.\n\\ a1,:;/->„”ż+*\r\u00a0", max_size=60))
@example("#”\r")
def test_any_text_that_is_no_toml_is_explained_at_a_place_within_it(content: str) -> None:
    """Never a crash, never a line outside, always something that was expected."""
    try:
        tomllib.loads(content)
    except tomllib.TOMLDecodeError as error:
        found = explain(content, str(error))

        assert found.line is None or 1 <= found.line <= content.count("\n") + 1
        assert found.column is None or 1 <= found.column < (found.end_column or 0)
        assert found.wrong
        assert found.expected
        assert "('" not in found.wrong


def test_files_nobody_reads_are_noted_and_scenarios_that_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name in capitals, and scenarios while a flow has a mistake, are told and not passed over."""
    contents = files(text('[steps.first]\nkind = "say"\nprompt = "welcom"\nnext = "end"\n'))
    for file, content in {**contents, FOLDER / "scenarios" / "a.toml": b"", FOLDER / "flows/shop.TOML": b""}.items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_bytes(content)
    monkeypatch.setenv("HOTLINE_VAR", str(tmp_path))
    settings_module.settings.cache_clear()
    said = CliRunner().invoke(command, ["check", str(tmp_path / FOLDER)])
    settings_module.settings.cache_clear()

    assert "shop.TOML: is not read: its name does not end in .toml; expected flows/shop.toml" in said.stderr
    assert said.stdout.endswith("\n1 mistake in 1 file; scenarios not checked yet\n")
