"""Turn conditions that only a call can answer into those of a `branch` step. Pure.

Used by `flow/extensions/paths.py` for the GotoIf whose condition the file alone does not decide.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from ivr.call import LANGUAGES
from ivr.flow.extensions.values import Unknown, split, substitute
from ivr.flow.extensions.words import name_of

TERMS = 10
_TERM = re.compile(r'\s*"?\s*\$\{(.+)\}\s*"?\s*(==|!=|>=|<=|=|>|<)\s*"?([^"]*?)"?\s*', re.DOTALL)
_TURNED = {">": ">=", "<=": "<"}
_NOT_SAYING = ("", "anonymous", "unknown", "restricted", "unavailable", "private")


def condition_of(text: str, env: Mapping[str, str], collected: Collection[str]) -> str | bool | None:
    """Return `text` as a branch's condition, True or False where it is decided, None where no fact tells.

    collected  variables that hold digits the caller entered.
    """
    text = text.strip()
    if not (text.startswith("$[") and text.endswith("]")):
        return None
    terms = split(text[2:-1], "&")
    if len(terms) > TERMS:
        return None
    found = [_term(term, env, collected) for term in terms]
    if any(term is False for term in found):
        return False
    if any(term is None for term in found):
        return None
    return " & ".join(str(term) for term in found if term is not True) or True


def _term(text: str, env: Mapping[str, str], collected: Collection[str]) -> str | bool | None:
    found = _TERM.fullmatch(text)
    if not found:
        return None
    name, op = found[1], found[2].replace("==", "=")
    try:
        value = substitute(found[3], env).strip()
    except Unknown:
        return None
    if len(value) > 100 or not value.isprintable() or set(value) & set("&|"):
        return None
    if name in collected:
        if not value:
            return op != "="
        return f"var.{name_of(name, 'var')} {op} {value}"
    return _of_function(name, op, value)


def _of_function(name: str, op: str, value: str) -> str | None:
    equal = op in ("=", "!=")
    if name in ("CALLERID(num)", "CALLERID(number)", "CALLERIDNUM", "CALLERID(name)"):
        return f"caller {op} withheld" if equal and value.lower() in _NOT_SAYING else None
    if name in ("LANGUAGE", "LANGUAGE()", "CHANNEL(language)"):
        return f"language {op} {value[:2]}" if equal and value[:2] in LANGUAGES else None
    if name in ("CALLERID(dnid)", "CALLERID(DNID)", "DNID", "FROM_DID"):
        return f"dialled {op} {value}" if equal and re.fullmatch(r"\+?[0-9]+", value) else None
    if name.startswith("STRFTIME("):
        return _of_time(name, op, value)
    return None


def _of_time(name: str, op: str, value: str) -> str | None:
    if "%H%M" in name and re.fullmatch(r"([01][0-9]|2[0-3])[0-5][0-9]", value):
        return f"time {op} {value[:2]}:{value[2:]}"
    if "%H:%M" in name and re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", value):
        return f"time {op} {value}"
    if re.search(r"%H\W*$", name) and re.fullmatch(r"[0-9]{1,2}", value) and op not in ("=", "!="):
        hour = int(value) + (op in _TURNED)
        return f"time {_TURNED.get(op, op)} {hour:02}:00" if hour < 24 else None
    return None
