"""What an agent may have: the words a person types, read and checked. Pure.

Called by `agents.py` before a row is written, by the command line and `agent_file.py` (import).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

from ivr.call import LANGUAGES
from ivr.errors import InputError, nearest
from ivr.hours import Span, read_week

if TYPE_CHECKING:
    from ivr.desk.agents import Agent

PIN_LEAST, PIN_MOST = 4, 8
LEVELS = (1, 10)
LEVEL = 5  # of a skill without one
SKILLS_MOST = 32
ROSTER_MOST = 400
PROJECTS_MOST = 20
NAME_MOST = 200


def check(agent: Agent, pin: str) -> None:
    """Raise InputError for what an agent cannot have. pin  '' when none is set."""
    who = f"agent {agent.agent_id}"
    if not re.fullmatch(r"[a-z0-9][a-z0-9_.-]{0,39}", agent.agent_id):
        raise InputError(
            f"agent id {agent.agent_id!r}: expected up to 40 of a-z, 0-9, _ . -, beginning with a letter or digit"
        )
    if not agent.skills:
        raise InputError(f"{who} has no skill; expected --skill NAME:LEVEL, for example --skill internet:5")
    if len(agent.skills) > SKILLS_MOST or len(agent.projects) > PROJECTS_MOST:
        raise InputError(f"{who}: at most {SKILLS_MOST} skills and {PROJECTS_MOST} projects")
    if not agent.name.strip() or len(agent.name) > NAME_MOST or not agent.name.isprintable():
        raise InputError(f"{who}: a name of at most {NAME_MOST} printable characters expected")
    if pin and not (pin.isascii() and pin.isdigit() and PIN_LEAST <= len(pin) <= PIN_MOST):
        raise InputError(f"a PIN is entered on a phone: expected {PIN_LEAST} to {PIN_MOST} digits")
    if not 5 <= agent.ring_s <= 120:
        raise InputError(f"ring time {agent.ring_s} s; expected 5 to 120")
    if not 0 <= agent.wrap_up_s <= 3600:
        raise InputError(f"wrap-up time {agent.wrap_up_s} s; expected 0 to 3600")
    week(agent.roster)


def skill(text: str) -> tuple[str, int]:
    """Read `internet:5`, or `internet` for level 5. Raises InputError."""
    name, _, level = text.strip().lower().partition(":")
    if name.startswith("project/"):
        raise InputError(f"skill {text!r}: a project is given as such: --project {name.partition('/')[2]}")
    if not re.fullmatch(r"[a-z0-9][a-z0-9_./-]{0,63}", name):
        raise InputError(f"skill {text!r}: expected NAME:LEVEL, the name of a-z, 0-9, _ . / -")
    if level and not (level.isascii() and level.isdigit() and LEVELS[0] <= int(level) <= LEVELS[1]):
        raise InputError(f"skill {text!r}: level {level!r}; expected a number from {LEVELS[0]} to {LEVELS[1]}")
    return name, int(level or LEVEL)


def skills(texts: Iterable[str]) -> dict[str, int]:
    """Read several skills, each once. Raises InputError."""
    found: dict[str, int] = {}
    for text in texts:
        name, level = skill(text)
        if name in found:
            raise InputError(f"skill {name!r} is given twice; expected each once")
        found[name] = level
    return found


def projects(texts: Iterable[str]) -> tuple[str, ...]:
    """Read the client companies an agent works for. Raises InputError."""
    found = tuple(dict.fromkeys(text.strip().lower() for text in texts))
    for name in found:
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name):
            raise InputError(f"project {name!r}: expected small letters, digits and _, beginning with a letter")
    return found


def languages(texts: Iterable[str]) -> tuple[str, ...]:
    """Read the languages an agent speaks, his own first. Raises InputError."""
    found = tuple(dict.fromkeys(text.strip().lower() for text in texts))
    for name in found:
        if name not in LANGUAGES:
            near = nearest(name, LANGUAGES)
            hint = f"; did you mean {near!r}?" if near else ""
            raise InputError(f"language {name!r}: expected one of {', '.join(LANGUAGES)}{hint}")
    return found


@overload
def altered(had: Mapping[str, int], given: Mapping[str, int], gone: Iterable[str], what: str) -> dict[str, int]: ...
@overload
def altered(had: Sequence[str], given: Sequence[str], gone: Iterable[str], what: str) -> tuple[str, ...]: ...
def altered(had: Any, given: Any, gone: Iterable[str], what: str) -> Any:
    """Return what an agent `had` with what is `given` added and what is `gone` taken away.

    Raises InputError naming the nearest when he has nothing of that name.
    """
    names = [name.strip().lower() for name in gone]
    for name in names:
        if name not in had:
            near = nearest(name, had)
            hint = f"; did you mean {near!r}?" if near else f"; he has {', '.join(sorted(had)) or 'none'}"
            raise InputError(f"he has no {what} {name!r}{hint}")
    if isinstance(had, Mapping):
        return {name: level for name, level in {**had, **given}.items() if name not in names}
    return tuple(dict.fromkeys(name for name in (*had, *given) if name not in names))


def week(roster: str) -> Mapping[int, tuple[Span, ...]] | None:
    """Return when an agent works, None for any hour. Raises InputError."""
    if len(roster) > ROSTER_MOST:
        raise InputError(f"working hours of {len(roster)} characters; expected at most {ROSTER_MOST}")
    try:
        return read_week(roster) if roster.strip() else None
    except ValueError as error:
        raise InputError(f"working hours {error}; expected such as 'mon-fri 08:00-16:00, sat 09:00-13:00'") from None
