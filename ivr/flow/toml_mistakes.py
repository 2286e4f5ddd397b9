"""Say in plain words what keeps a file from being TOML, with the line as it could be written. Pure.

tomllib's own words are for programmers; the line it marks tells what its writer meant. Called by `flow/source.py`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from ivr.flow.places import find_places

SHOWN_CHARS = 90  # of a corrected line; a longer one is not shown
DEPTH = 8

_PLACE = re.compile(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)$")
_CURLY = "„“”«»‹›‘’‚‛‟″′`´"
_STRAIGHT = str.maketrans(dict.fromkeys(_CURLY, '"'))
_NAME = r"""(?:[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*')"""
_SIGN = re.compile(rf"^({_NAME}(?:\.{_NAME})*?)\s*(:=|->|=\s?>|==|:)\s*(.*)$")
_PAIR = re.compile(rf"{_NAME}(?:\.{_NAME})*\s*=")
_COMMENT = re.compile(r"(?://+|;+|--+|/\*|!)\s*")
_YES_NO = {"true": "true", "yes": "true", "on": "true", "false": "false", "no": "false", "off": "false"}
_LETTERS = "small letters a-z, digits and _"
ONCE = "each table and key once"
USUAL = 'a line such as next = "menu", [steps.menu], or # and a comment'


class Mistake(NamedTuple):
    """Where a file stops to be TOML (line and columns from 1, None: unknown), what is wrong, what was expected."""

    line: int | None
    column: int | None
    end_column: int | None
    wrong: str
    expected: str


@dataclass(frozen=True)
class _Spot:
    """The marked place. at  offset in `line`, the text of line `number`.  said  tomllib's words."""

    text: str
    number: int
    line: str
    at: int
    said: str

    @property
    def rest(self) -> str:
        return self.line[self.at :]

    @property
    def before(self) -> str:
        return self.line[: self.at]

    def mistake(self, wrong: str, expected: str, at: int | None = None, length: int = 1) -> Mistake:
        column = (self.at if at is None else at) + 1
        return Mistake(self.number, column, column + max(1, length), wrong, expected)


def explain(text: str, message: str) -> Mistake:
    """Return what tomllib's `message` about `text` means."""
    found = _PLACE.search(message)
    said = _PLACE.sub("", message)
    if not found:
        return Mistake(None, None, None, f"not readable as TOML: {said}", USUAL)
    spot = _spot(text, int(found[1]), int(found[2]) - 1, said) if found[1] else _end(text, said)
    for rule in _RULES:
        if mistake := rule(spot):
            return mistake
    return spot.mistake(f"not readable as TOML: {said}", USUAL)


def _spot(text: str, number: int, at: int, said: str) -> _Spot:
    return _Spot(text, number, text.split("\n")[number - 1].rstrip("\r"), at, said)


def _end(text: str, said: str) -> _Spot:
    """Return where what is open at the end of `text` begins, else its last character."""
    last = len(text.rstrip()) - 1
    if said.startswith(("Unterminated", "Expected \"'")):
        marks = ('"""', '"') if said.startswith("Unterminated") else ("'''", "'")
        last = max(text.rfind(marks[0]), text.rfind(marks[1], text.rstrip("\n").rfind("\n") + 1))
        if last < 0:
            last = text.rfind(marks[1])
    elif opened := [*re.finditer(r"=[ \t]*([\[{])", text)]:
        last = opened[-1].start(1)
    last = max(0, last)
    begin = text.rfind("\n", 0, last) + 1
    return _spot(text, text.count("\n", 0, last) + 1, last - begin, said + " at the end")


def _unusual(spot: _Spot) -> Mistake | None:
    letter = spot.rest[:1]
    if not letter or letter.isprintable() or letter in "\t\r":
        return None
    what = f"a blank no keyboard shows (U+{ord(letter):04X})" if letter.isspace() else f"the character {letter!r}"
    return spot.mistake(what, "ordinary letters and blanks; type this place anew")


def _imported(spot: _Spot) -> Mistake | None:
    found = re.match(r"\s*(exten|same)\s*=>", spot.line)
    if not found:
        return None
    expected = "steps as TOML; `ivr dialplan import` makes them of it"
    return spot.mistake("a line of extensions.conf", expected, found.start(1), len(found[1]))


def _comment(spot: _Spot) -> Mistake | None:
    found = _COMMENT.match(spot.rest)
    before, mark = spot.before, found[0].strip() if found else ""
    if re.fullmatch(r"\s*-+\s*", before):  # tomllib takes -- for a name
        before, mark, found = "", "--", _COMMENT.match(spot.line.strip())
    statement = spot.said.startswith(("Invalid statement", "Expected newline")) or not before
    if not found or not statement or (mark.startswith(";") and before and not _valid(before)):
        return None
    words = (spot.line.strip() if not before else spot.rest)[len(found[0]) :].removesuffix("*/").strip()
    at = spot.at if before or spot.at == 0 else len(spot.line) - len(spot.line.lstrip())
    if not words and before.strip():
        return spot.mistake(f"{mark} after the value", _shown(f"no {mark}", before.strip()), at, len(mark))
    shown = f"{before.strip()}  # {words}" if before.strip() else f"# {words}"
    return spot.mistake(f"{mark} begins no comment", _shown("a # before it", shown), at, len(mark))


def _curly(spot: _Spot) -> Mistake | None:
    letters = [at for at, letter in enumerate(spot.line) if letter in _CURLY]
    unclosed = _unclosed(spot)
    if not letters or not ((spot.rest and spot.rest[0] in _CURLY) or unclosed):
        return None
    at = letters[-1] if unclosed else spot.at
    written = spot.line.strip().translate(_STRAIGHT).replace('""', '"')
    return spot.mistake(f"{spot.line[at]} is no straight quote", _shown("straight quotes", written), at)


def _sign(spot: _Spot) -> Mistake | None:
    found = _SIGN.match(spot.line.strip())
    if not found or not spot.said.startswith(("Invalid value", "Expected '='")):
        return None
    indent = len(spot.line) - len(spot.line.lstrip())
    value = found[3].strip()
    written = f"{found[1]} = {value if _valid(f'x = {value}') else _quoted(value)}" if value else f"[{found[1]}]"
    if found[2] == ":" and spot.at - indent > found.end(2):
        return None
    at = indent + found.start(2)
    return spot.mistake(
        f"{found[2]} instead of =", _shown("name = value" if value else "a table", written), at, len(found[2])
    )


def _unclosed_list(spot: _Spot) -> Mistake | None:
    above = spot.text.split("\n")[: spot.number - 1]
    if spot.said.endswith(" at the end") and spot.rest[:1] in ("[", "{"):
        mark = "]" if spot.rest[0] == "[" else "}"
        return spot.mistake(f"this {spot.rest[0]} is not closed", f"a {mark} after its last item")
    begins = not spot.before.strip() and (_PAIR.match(spot.rest) or spot.rest.startswith("["))
    if begins and spot.said.startswith(("Unclosed array", "Invalid value")):
        opened = next((n for n in range(len(above), 0, -1) if re.search(r"=\s*\[", above[n - 1])), 0)
        wrong = f"the list of line {opened} is not closed"
        return spot.mistake(wrong, "a ] after its last item") if opened else None
    if spot.said.startswith("Unclosed array"):
        return spot.mistake("no comma before this item", 'items in quotes, commas between: ["welcome", "menu"]')
    if spot.said.startswith("Unclosed inline table"):
        wrong = "no comma before this" if spot.rest.strip() else "a table in { } ends with its line"
        return spot.mistake(wrong, 'all on one line, commas between: { a = "x", b = "y" }')
    if spot.rest.startswith("}") and spot.before.rstrip().endswith(","):
        at = spot.before.rindex(",")
        return spot.mistake("a comma after the last item of { }", "a comma only between items", at)
    return None


def _unquoted(spot: _Spot) -> Mistake | None:
    if spot.said != "Invalid value":
        return None
    value, _, comment = re.sub(r"\s(//|;)\s", " # ", spot.rest).partition("#")
    value, before = value.strip(), spot.before.lstrip()
    if not value:
        name = before.rpartition("=")[0].strip() or "name"
        return spot.mistake("nothing stands after =", f'a value: {name} = "..."', max(0, spot.before.rfind("=")))
    if not re.match(r"[\w/@+*#.(<$-]", value):
        return None
    in_list = not before.endswith("=") and not before.rstrip().endswith("=")
    if in_list:
        word = re.match(r"[^,\]}]*", value)
        item = word[0].strip() if word else value
        items = re.sub(r"""(?<=[\[,])\s*([^\s"'\[\],][^"'\[\],]*?)\s*(?=[,\]])""", r' "\1"', "," + before + value + ",")
        written = items[1:-1].replace("[ ", "[").strip()
        return spot.mistake(f"{_cut(item)} is not in quotes", _shown("quotes around a text", written), length=len(item))
    if "{" in before and (word := re.match(r"[^,}]*[^,}\s]", value)):
        written = f"{before}{_quoted(word[0])}{value[word.end() :]}"
        return spot.mistake(
            f"{_cut(word[0])} is not in quotes", _shown("quotes around a text", written), length=len(word[0])
        )
    if value.lower() in _YES_NO:
        expected = f'{before}{_YES_NO[value.lower()]}, or for a text {before}"{value}"'
        return spot.mistake(f"{_cut(value)} is not in quotes", expected, length=len(value))
    if "," in value and not re.search(r"[.!?()]", value):
        quoted = ", ".join(_quoted(part.strip().strip("\"'")) for part in value.split(",") if part.strip())
        return spot.mistake(
            f"{_cut(value)} is not in quotes", _shown("a list", f"{before}[{quoted}]"), length=len(value)
        )
    bare = value.rstrip("; ")
    written = before + _quoted(bare) + (f"  # {comment.strip()}" if comment.strip() else "")
    return spot.mistake(f"{_cut(bare)} is not in quotes", _shown("quotes around a text", written), length=len(value))


def _name(spot: _Spot) -> Mistake | None:
    """Names: a mark or letter that needs quotes, and no name at all."""
    if not spot.said.startswith(("Invalid initial", "Invalid statement", "Expected '='", "Expected ']'")):
        return None
    part = re.match(r"""[^\s.=\]"'\[]+""", spot.rest)
    if spot.said.startswith("Invalid") and part and (foreign := re.search(r"[^\W\d_a-zA-Z]", part[0])):
        return spot.mistake(f"{foreign[0]} in a name", _LETTERS, spot.at + foreign.start())
    if spot.said.startswith("Invalid") and part:
        written = spot.line.strip()
        at = spot.at - (len(spot.line) - len(spot.line.lstrip()))
        written = f'{written[:at]}"{part[0]}"{written[at + len(part[0]) :]}'
        if _valid(written) and ("=" in written or written.startswith("[")):
            return spot.mistake(
                f"{part[0]} in a name needs quotes", _shown("quotes around it", written), length=len(part[0])
            )
    if spot.said.startswith("Invalid initial") or spot.rest.startswith("="):
        return spot.mistake("a name is missing here", 'a name, such as on.1 = "menu" or [steps.menu]')
    return None


def _header(spot: _Spot) -> Mistake | None:
    line = _code(spot.line)
    if not spot.said.startswith(("Expected ']'", "Expected '='")) or line.startswith("[") == line.endswith("]"):
        if not line.startswith("[") or not spot.said.startswith("Expected ']'"):
            return None
        inside = line.strip("[] ")
        joined = re.sub(r"\s+", "_" if "." in inside else ".", inside)
        return spot.mistake("a name of a table ends here", _shown("a name without blanks", f"[{joined}]"))
    if "=" in line:
        return None
    written = f"[{line.strip('[]{}() ')}]"
    mark = "]" if line.startswith("[") else "["
    at = spot.at if mark == "]" else len(spot.line) - len(spot.line.lstrip())
    return spot.mistake(f"no {mark} around the name of a table", _shown("a name in [ ]", written), at)


def _no_sign(spot: _Spot) -> Mistake | None:
    if not spot.said.startswith("Expected '='"):
        return None
    line, rest = _code(spot.line), spot.rest
    name = spot.before.strip()
    if rest[:1].isalpha() and not rest[0].isascii():
        return spot.mistake(f"{rest[0]} in a name", _LETTERS)
    if not rest.strip() or rest.startswith("#"):
        return spot.mistake(f"{name} has no value", f'name = value: {name} = "..."')
    written = f"{name} = {rest.strip()}"
    if rest[0] in "\"'[{" and _valid(written):
        return spot.mistake("no = between name and value", _shown("name = value", written))
    left, sign, right = line.partition("=")
    if sign and re.fullmatch(r"[\w -]+", left.strip()):
        written = f"{re.sub(r' +', '_', left.strip())} = {right.strip()}"
        return spot.mistake("a blank in a name", _shown("a name without blanks", written))
    if '"' in rest:
        return spot.mistake("the quotes do not fit together", "one before and one after each text")
    if re.match(r"[\w(<$]", rest):
        return spot.mistake("no = between name and value", _shown("name = value", f"{name} = {_quoted(_code(rest))}"))
    return None


def _more(spot: _Spot) -> Mistake | None:
    """Something follows a value that is complete."""
    if not spot.said.startswith("Expected newline"):
        return None
    rest, name, value = spot.rest, *map(str.strip, _code(spot.line).partition("=")[::2])
    if _PAIR.match(rest):
        return spot.mistake("a second name = value in this line", "each in a line of its own", length=len(rest))
    if rest.startswith(","):
        if not _code(rest)[1:].strip():
            return spot.mistake("a comma after the value", _shown("no comma", spot.before.strip()))
        return spot.mistake("a comma after the value", _shown("a list", f"{name} = [{value}]"))
    if value[:1] not in ("", '"', "'", "[", "{"):
        at = spot.line.index(value) if value in spot.line else spot.at
        written = _shown("a number alone, or a text in quotes", f"{name} = {_quoted(value)}")
        return spot.mistake(f"{_cut(value)} is no number", written, at, len(value))
    if value[:1] in ('"', "'"):
        written = f"{name} = '{value[1:-1]}'" if value[0] == value[-1] == '"' and "'" not in value else ""
        if not written or not _valid(written):
            return spot.mistake("more after the closing quote", 'one value; a quote inside a text is written \\"')
        return spot.mistake("more after the closing quote", _shown("one text; around one with quotes '", written))
    return spot.mistake("more than one thing in this line", "each in a line of its own", length=len(rest))


def _open_quote(spot: _Spot) -> Mistake | None:
    if not _unclosed(spot):
        return None
    line, quote = spot.line.strip(), "'" if "'" in spot.said else '"'
    opening = re.search(r"""=\s*\[?\s*(["'])""", line)
    quote = opening[1] if opening else '"'
    code, hash_mark, comment = line.partition(" #")
    options = [line[:-1] + quote] if line[-1:] in "\"'" and line[-1:] != quote else []
    options += [code.rstrip() + quote + "  #" + comment] if hash_mark else []
    options += [line + quote, line.rstrip("],; ") + quote + "]"]
    written = next((option for option in options if _valid(option)), "")
    if line.count(quote * 3) % 2:
        return spot.mistake(f"{quote * 3} is not closed", f"{quote * 3} after the text as well")
    return spot.mistake("the quote is not closed", _shown("a closing quote", written))


def _backslash(spot: _Spot) -> Mistake | None:
    if not spot.said.startswith("Unescaped '\\'"):
        return None
    return spot.mistake("a \\ inside a text", "\\\\ for one \\, or the text in ' '", max(0, spot.before.rfind("\\")))


def _unclosed(spot: _Spot) -> bool:
    ended = spot.said.endswith("character '\\n'") and not spot.rest
    return ended or spot.said.startswith(("Unterminated", "Expected \"'"))


def _twice(spot: _Spot) -> Mistake | None:
    if key := re.match(r"Duplicate inline table key (.*)", spot.said):
        return spot.mistake(f"{key[1]} is twice in this {{ }}", ONCE)
    if not re.match(r"Cannot (declare|overwrite|mutate|redefine)", spot.said):
        return None
    line, above = spot.line.strip(), spot.text.split("\n")[: spot.number - 1]
    own = _parts(line)
    if not own:  # the end of a list of several lines
        return spot.mistake("what ends here has a name that is set already", ONCE)
    at = len(spot.line) - len(spot.line.lstrip())
    if line.startswith("["):
        name = shown = re.sub(r"\].*", "", line.lstrip("[ ")).rstrip()
        shown, at = f"[{name}]", spot.line.index(name)
        headers = (number for number, each in enumerate(above, 1) if _is_header(each) and _parts(each) == own)
        first = next(headers, 0)
    else:
        name = shown = line.partition("=")[0].strip()
        own, first = (*next((_parts(each) for each in reversed(above) if _is_header(each)), ()), *own), 0
    if not first:
        places = find_places("\n".join(above), DEPTH)
        first = places[own].line if own in places else 0
    if not first:
        return spot.mistake(f"{shown} adds to a table that is complete", "all of a table in one place", at, len(name))
    return spot.mistake(f"{shown} is on line {first} already", ONCE, at, len(name))


def _is_header(line: str) -> bool:
    return line.lstrip().startswith("[")


_RULES: tuple[Callable[[_Spot], Mistake | None], ...] = (
    _unusual, _twice, _imported, _comment, _curly, _sign, _unclosed_list, _unquoted, _name, _header, _no_sign, _more,
    _open_quote, _backslash,
)  # fmt: skip


def _parts(line: str) -> tuple[str, ...]:
    """Return the name of the table or key written in `line`, in its parts."""
    line = line.strip()
    found = find_places(line if line.startswith("[") else line.partition("=")[0] + "= 0", DEPTH)
    return max(found, key=len, default=())


def _code(line: str) -> str:
    """Return `line` without its comment, roughly: a # in a text may be taken for one."""
    return re.sub(r"\s#.*", "", line).strip()


def _cut(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."


def _quoted(text: str) -> str:
    text = text.replace('"', "'")
    return f'"{text}"'


def _shown(what: str, written: str) -> str:
    """Return `what` with the line as it could be written, if that can be said."""
    return f"{what}: {written}" if written and len(written) <= SHOWN_CHARS and _valid(written) else what


def _valid(line: str) -> bool:
    """Tell whether `line` is TOML: a table, a pair, or items of a list."""
    for text in (line,) if "=" in line else (line, f"x = [{line}\n]"):
        try:
            tomllib.loads(text)
        except (ValueError, RecursionError):
            continue
        return True
    return False
