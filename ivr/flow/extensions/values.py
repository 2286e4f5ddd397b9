"""What Asterisk's arguments and `$[...]` expressions mean where everything in them is known. Pure.

`substitute` puts known variables in and raises Unknown for the first that is not; `evaluate` works an expression
out. Used by `flow/extensions/paths.py` to follow a dialplan without a call.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

VALUE_CHARS = 500
DEPTH = 8

_SPLIT_AT = re.compile(r"\$\{|\$\[|[(){}\[\]\"\\,|]")
_TOKEN = re.compile(r'\s*("(?:[^"\\]|\\.)*"?|<=|>=|!=|==|=~|[=<>|&+*/%()!:?-]|[^\s"=<>|&+*/%()!:?]+)')
_SLICE = re.compile(r"(.*?):(-?[0-9]{1,4})(?::(-?[0-9]{1,4}))?", re.DOTALL)
_BINDING = ({"|": 1, "&": 2} | dict.fromkeys(("=", "==", "!=", "<", ">", "<=", ">="), 3)
            | {"+": 4, "-": 4, "*": 5, "/": 5, "%": 5})  # fmt: skip
ANSWERED = {"CHANNEL(state)": "Up", "CDR(disposition)": "ANSWERED", "CHANNELSTATE": "6", "DIALPLAN_EXISTS": "1"}
"""True of every call that Hotline leads."""


class Unknown(Exception):
    """Something only a real call tells: `name` is the variable or function, or the text not understood."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(name)


def split(text: str, separator: str = ",") -> list[str]:
    """Return the arguments in `text`: brackets, quotes and backslashes protect the separator."""
    parts, depth, quoted, start, i = [], 0, False, 0, 0
    while i < len(text):
        sign = text[i]
        if sign == "\\":
            i += 2
            continue
        if sign == '"':
            quoted = not quoted
        elif not quoted and sign in "([{":
            depth += 1
        elif not quoted and sign in ")]}":
            depth = max(0, depth - 1)
        elif sign == separator and not quoted and not depth:
            parts.append(text[start:i])
            start = i + 1
        i += 1
    return [*parts, text[start:]]


def arguments(text: str) -> list[str]:
    """Return the arguments of an application; the old `|` separates them where no comma does."""
    found = split(text)
    if len(found) == 1:
        found = split(text, "|")
    return [part.strip() for part in found]


def plain(text: str) -> str:
    """Return `text` without the quotes around it and the backslashes in it."""
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1]
    return re.sub(r"\\(.)", r"\1", text)


def variables(text: str) -> set[str]:
    """Return the variables named in `text`, functions left out."""
    return set(re.findall(r"\$\{([A-Za-z0-9_]+)(?=[}:])", text))


def substitute(text: str, known: Mapping[str, str], depth: int = 0) -> str:
    """Return `text` with each ${...} and $[...] replaced by its value. Raises Unknown."""
    if depth > DEPTH:
        raise Unknown("nested too deeply")
    parts: list[str] = []
    i = 0
    while i < len(text):
        if text.startswith(("${", "$["), i):
            end = _closing(text, i + 1)
            inner = text[i + 2 : end]
            parts.append(_variable(inner, known, depth) if text[i + 1] == "{" else evaluate(inner, known, depth + 1))
            i = end + 1
        else:
            parts.append(text[i])
            i += 1
        if sum(map(len, parts[-1:])) > VALUE_CHARS:
            raise Unknown("a long value")
    found = "".join(parts)
    if len(found) > VALUE_CHARS:
        raise Unknown("a long value")
    return found


def evaluate(text: str, known: Mapping[str, str], depth: int = 0) -> str:
    """Return the value of the expression `text`: "1" and "0" for true and false. Raises Unknown."""
    tokens: list[str] = []
    position, whole = 0, _protected(text, known, depth)
    while found := _TOKEN.match(whole, position):
        tokens.append(found[1])
        position = found.end()
    if whole[position:].strip():
        raise Unknown(text.strip())
    value, rest = _expression(tokens, 0, 0)
    if rest:
        raise Unknown(text.strip())
    return value


def holds(text: str, known: Mapping[str, str]) -> bool:
    """Is the condition `text` true? Raises Unknown."""
    return substitute(text, known).strip().strip('"') not in ("", "0")


def _protected(text: str, known: Mapping[str, str], depth: int) -> str:
    return substitute(text, known, depth + 1)


def _closing(text: str, opening: int) -> int:
    """Return where the bracket at `opening` is closed; the end of `text` when it never is."""
    depth = 0
    for i in range(opening, len(text)):
        if text[i] in "{[(":
            depth += 1
        elif text[i] in "}])":
            depth -= 1
            if depth == 0:
                return i
    return len(text)


def _variable(inner: str, known: Mapping[str, str], depth: int) -> str:
    name = substitute(inner, known, depth + 1)
    if name in ANSWERED:
        return ANSWERED[name]
    if name.startswith("GLOBAL(") and name.endswith(")"):
        name = name[7:-1]
    if name in known:
        return known[name]
    if found := _SLICE.fullmatch(name):
        base, offset = _variable(found[1], known, depth + 1), int(found[2])
        value = base[offset:] if offset >= 0 or -offset <= len(base) else base
        return value[: int(found[3])] if found[3] else value
    if name.startswith("LEN(") and name.endswith(")"):
        return str(len(name[4:-1]))
    if name.startswith(("ISNULL(", "EXISTS(")) and name.endswith(")"):
        return str(int((name[7:-1] == "") == name.startswith("ISNULL")))
    raise Unknown(name[:60])


def _expression(tokens: list[str], binding: int, depth: int) -> tuple[str, list[str]]:
    if not tokens or depth > 40:
        raise Unknown("an expression that is not complete")
    first, rest = tokens[0], tokens[1:]
    if first == "(":
        value, rest = _expression(rest, 0, depth + 1)
        if rest[:1] != [")"]:
            raise Unknown("an expression that is not complete")
        rest = rest[1:]
    elif first == "!":
        value, rest = _expression(rest, 6, depth + 1)
        value = str(int(_false(value)))
    elif first == "-":
        value, rest = _expression(rest, 6, depth + 1)
        value = f"-{value}"
    elif first in _BINDING or first == ")":
        value, rest = "", tokens  # nothing at its left: an empty variable without quotes
    else:
        value = plain(first)
    while rest and _BINDING.get(rest[0], 0) > binding:
        sign = rest[0]
        if len(rest) == 1 or rest[1] == ")":
            right, rest = "", rest[1:]
        else:
            right, rest = _expression(rest[1:], _BINDING[sign], depth + 1)
        value = _apply(sign, value, right)
    return value, rest


def _false(value: str) -> bool:
    return value in ("", "0")


def _apply(sign: str, left: str, right: str) -> str:
    if sign == "|":
        return right if _false(left) else left
    if sign == "&":
        return left if not _false(left) and not _false(right) else "0"
    if sign in ("+", "-", "*", "/", "%"):
        return _reckon(sign, _whole(left), _whole(right))
    try:
        order = _order(_whole(left), _whole(right))
    except Unknown:
        order = (left > right) - (left < right)
    true = {"=": order == 0, "==": order == 0, "!=": order != 0, "<": order < 0, ">": order > 0, "<=": order <= 0}
    return str(int(true.get(sign, order >= 0)))


def _order(left: int, right: int) -> int:
    return (left > right) - (left < right)


def _whole(text: str) -> int:
    if re.fullmatch(r"\s*-?[0-9]{1,15}\s*", text):
        return int(text)
    if not text.strip():
        return 0
    raise Unknown(text[:60])


def _reckon(sign: str, left: int, right: int) -> str:
    if sign in "/%":
        if right == 0:
            raise Unknown("a division by 0")
        return str(int(left / right) if sign == "/" else left - right * int(left / right))
    found = left + right if sign == "+" else left - right if sign == "-" else left * right
    if abs(found) > 10**15:
        raise Unknown("a large number")
    return str(found)
