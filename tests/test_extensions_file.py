"""ivr/flow/extensions/file.py, _values.py, _times.py and _paths.py: Asterisk's own rules of reading a dialplan."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.flow.extensions.branch import condition_of
from ivr.flow.extensions.file import INCLUDE_DEPTH, LINE_CHARS, ExtensionsFile, read_extensions
from ivr.flow.extensions.paths import matching
from ivr.flow.extensions.times import read_times
from ivr.flow.extensions.values import Unknown, evaluate, split, substitute
from ivr.opening import read_opening


def priorities(text: str, exten: str = "s") -> list[tuple[int, str, str]]:
    found = read_extensions("x.conf", f"[in]\n{text}")
    return [(each.priority, each.label, str(each)) for each in found.contexts["in"].extens[exten].values()]


def odd(found: ExtensionsFile) -> list[str]:
    return [f"{each.at}: {each.why}" for each in found.odd]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("exten => s,1,Answer", [(1, "", "Answer()")]),
        ("exten = s,1,Answer()", [(1, "", "Answer()")]),
        ("exten => s,1,Goto,other|s|1", [(1, "", "Goto(other|s|1)")]),
        ("exten => s,1(go),Wait(1)\nsame => n(on),Wait(2)", [(1, "go", "Wait(1)"), (2, "on", "Wait(2)")]),
        ("exten => s,5,Wait(1)\nexten => s,n+2,Wait(2)", [(5, "", "Wait(1)"), (8, "", "Wait(2)")]),
        ("exten => s,1(go),Wait(1)\nexten => s,go+101,Busy()", [(1, "go", "Wait(1)"), (102, "", "Busy()")]),
        ('exten => s,1,Playback("a, b")', [(1, "", 'Playback("a, b")')]),
        ("exten => s,1,Playback(a\\;b) ; said", [(1, "", "Playback(a;b)")]),
        ("exten => s,1,Busy();--no--;\n;-- same => 2,Busy()\n--;same => 3,X()", [(1, "", "Busy()"), (3, "", "X()")]),
        ("exten => s,1,Set(A=1\\\n,B=2)", [(1, "", "Set(A=1,B=2)")]),
        ("exten => s,hint,PJSIP/1\nexten => s,1,Wait(1)", [(1, "", "Wait(1)")]),
    ],
)  # fmt: skip
def test_priorities_are_read_as_asterisk_reads_them(text: str, expected: list[tuple[int, str, str]]) -> None:
    """n, n+2, labels, labels with an offset, both ways to write arguments, comments, a line carried on."""
    assert expected == priorities(text)


def test_each_line_keeps_its_file_and_number() -> None:
    """An included file counts its own lines."""
    files = {"b.conf": ("b.conf", "\nexten => 2,1,Hangup()")}
    found = read_extensions(
        "a.conf", '[in]\nexten => 1,1,Hangup()\n#include "b.conf"\nexten => 3,1,Hangup()', files.get
    )

    assert ["a.conf:2", "b.conf:2", "a.conf:4"] == [
        str(entries[1].at) for entries in found.contexts["in"].extens.values()
    ]


def test_files_that_include_each_other_end() -> None:
    """At INCLUDE_DEPTH, and it is said."""
    found = read_extensions("a.conf", "[in]\n#include a.conf", lambda _: ("a.conf", "#include a.conf"))

    assert ["a.conf:1: more than 60 files, or 10 inside each other"] == odd(found)
    assert INCLUDE_DEPTH == 10


def test_templates_and_variables() -> None:
    """A context takes over what its template holds."""
    found = read_extensions(
        "x.conf",
        "[globals]\nA=1\n[base](!)\nexten => h,1,Hangup()\n[in](base)\nexten => s,1,Wait(1)\n"
        "[in](+)\nexten => s,n,Wait(2)",
    )  # fmt: skip

    assert {"A": "1"} == found.variables
    assert ["h", "s"] == list(found.contexts["in"].extens)
    assert [1, 2] == list(found.contexts["in"].extens["s"])
    assert found.contexts["base"].template


def test_what_cannot_be_read_is_named_with_its_line() -> None:
    """Nothing stops the reading."""
    text = f"early => 1\n[in]\nnonsense\nexten => s\nexten => s,x y,Wait(1)\nexten => s,1,Wait(1)\nexten => s,1,Wait(2)\n#exec rm\n[]\n{'x' * (LINE_CHARS + 1)}"  # noqa: E501

    assert [
        "x.conf:1: before the first context",
        "x.conf:3: neither a context, an extension nor a setting",
        "x.conf:4: expected exten => name,priority,application",
        "x.conf:5: 'x y' is no priority",
        "x.conf:7: priority 1 of s cannot be used, or is there already",
        "x.conf:8: a program is not run to read a file",
        "x.conf:9: no context can be named so",
        f"x.conf:10: longer than {LINE_CHARS} characters",
    ] == odd(read_extensions("x.conf", text))


@given(st.text(max_size=300))
def test_any_text_is_read(text: str) -> None:
    """Never a crash."""
    read_extensions("x.conf", text)
    read_extensions("x.conf", f"[in]\nexten => {text}\nsame => {text}\ninclude => {text}")


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("09:00-17:00,mon-fri,*,*", "Mo-Fr 09:00-17:00"),
        ("9:00-16:59|sat-mon|*|*", "Mo,Sa-Su 09:00-17:00"),
        ("*,*,*,*", "24/7"),
        ("*,*,25-26,dec", "Dec 25-26"),
        ("22:00-06:00,fri&sat,*,*", "Fr-Sa 22:00-06:00"),
        ("08:00-12:00&13:00-17:00,*,*,jun-aug", "Jun-Aug 08:00-12:00,13:00-17:00"),
        ("*,sun,1-7,jan", "Jan 01-07 Su"),
        ("*,*,30,feb", None),
        ("25:00-26:00,*,*,*", None),
        ("*,someday,*,*", None),
        ("", "24/7"),
    ],
)
def test_times_become_opening_hours(spec: str, expected: str | None) -> None:
    """What is written is what the hours' own reader takes."""
    found = read_times(spec)

    assert expected == (found.open if found else None)
    if found:
        read_opening(found.open, "")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${A} + 1", "4"),
        ("${A} > 2", "1"),
        ('"${B}" = ""', "1"),
        ("${B} = ", "1"),
        ('"x" != "y" & ${A} >= 3', "1"),
        ("(${A} + 1) * 2 - 10 / 5", "6"),
        ('"abc" < "abd"', "1"),
        ("!${A}", "0"),
        ("0 | 7", "7"),
    ],
)
def test_expressions(text: str, expected: str) -> None:
    """As $[...] works them out."""
    assert expected == evaluate(text, {"A": "3", "B": ""})


@pytest.mark.parametrize("text", ["${X}", "$[${X} > 1]", "${CALLERID(num)}", "$[1 / 0]", "${" * 20, "$[((((1]"])
def test_what_only_a_call_knows_is_unknown(text: str) -> None:
    """Never a guess."""
    with pytest.raises(Unknown):
        substitute(text, {})


def test_values_are_cut_and_nested() -> None:
    """${NUMBER:3}, ${NUMBER:-2}, names made of values."""
    known = {"N": "48221234567", "D_1": "one", "K": "1"}

    assert ("221234567", "67", "48", "one") == tuple(
        substitute(text, known) for text in ("${N:2}", "${N:-2}", "${N:0:2}", "${D_${K}}")
    )


def test_arguments_are_split_outside_quotes_and_brackets() -> None:
    """A comma in a function or in quotes belongs to the argument."""
    assert ["a", "${F(b,c)}", '"d,e"', "f\\,g"] == split('a,${F(b,c)},"d,e",f\\,g')


@pytest.mark.parametrize(
    ("exten", "expected"),
    [("12", "_1X"), ("123", "_1[2-4]N"), ("199", "_1."), ("5", "5"), ("0", "_[0-4]"), ("s-BUSY", "_s-."), ("i", "")],
)
def test_the_closest_pattern_wins(exten: str, expected: str) -> None:
    """Asterisk takes the pattern that leaves least open; the letters i, t and s meet no _. pattern here."""
    text = "".join(f"exten => {each},1,Hangup()\n" for each in ("_1X", "_1[2-4]N", "_1.", "5", "_[0-4]", "_s-.", "_Z!"))

    assert expected == matching(read_extensions("x.conf", f"[in]\n{text}").contexts["in"], exten)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('$["${CALLERID(num)}" = ""]', "caller = withheld"),
        ('$["${CALLERID(num)}" = "48600"]', None),
        ('$["${CODE}" = "12"]', "var.code = 12"),
        ('$["${CODE}" = ""]', False),
        ('$["${CODE}" != "" & ${CODE} > 5]', "var.code > 5"),
        ("$[${STRFTIME(${EPOCH},,%H)} >= 18]", "time >= 18:00"),
        ("$[${STRFTIME(${EPOCH},,%H%M)} < 0830]", "time < 08:30"),
        ('$["${CHANNEL(language)}" = "pl"]', "language = pl"),
        ('$["${OTHER}" = "1"]', None),
        ("${CODE}", None),
    ],
)
def test_conditions_of_a_call_become_those_of_a_branch(text: str, expected: str | bool | None) -> None:
    """None where no fact tells it: the import names the line."""
    assert expected == condition_of(text, {}, {"CODE"})
