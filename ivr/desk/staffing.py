"""Do the agents of the database answer every queue at every hour? `flow/reach.py` on real data.

Called by `ivr dialplan check`, and by `ivr agent` before agents are saved.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from ivr.db import Database
from ivr.desk.agent_values import week
from ivr.desk.agents import Agent, Agents
from ivr.errors import DatabaseError, Finding, InputError
from ivr.flow.load import load, prompt_keys
from ivr.flow.model import Dialplans
from ivr.flow.reach import ALWAYS, Hole, Staff, find_holes, grown, together
from ivr.flow.source import find_lines
from ivr.settings import Settings


@dataclass(frozen=True)
class Staffing:
    """findings  hours at which a caller would find nobody and no way out.  notes  what else is good to know."""

    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()


async def check_staffing(settings: Settings, dialplans: Dialplans) -> Staffing:
    """Hold the queues against the agents of the database; a note says when that cannot be done."""
    database = Database(settings)
    try:
        agents = await Agents(database).list()
    except DatabaseError as error:
        return Staffing(notes=(f"whether somebody can answer was not checked: {error}",))
    finally:
        await database.close()
    if not agents:
        return Staffing(notes=("whether somebody can answer was not checked: no agent has been added",))
    holes = together(_holes(settings, dialplans, agents))
    file = settings.dialplans_dir / "queues.toml"
    lines = find_lines(file.read_text("utf-8"))
    findings = tuple(_finding(file, lines.get(("queues", hole.queue)), hole) for hole in holes if not hole.then)
    return Staffing(findings, tuple(_note(hole) for hole in holes if hole.then))


class Uncovered(InputError):
    """A change was refused because it would leave callers with nobody. lost  at which hours, in words."""

    def __init__(self, text: str, lost: Sequence[Hole]) -> None:
        super().__init__(text)
        self.lost = tuple(f"{hole.queue}: {hole}" for hole in lost)


@dataclass
class Watch:
    """A guard for `Agents`: refuses a change after which callers find nobody and no way out, notes lesser harm.

    refuse  False: notes all of it.
    """

    settings: Settings
    dialplans: Dialplans
    refuse: bool = True
    notes: list[str] = field(default_factory=list)

    def __call__(self, before: Sequence[Agent], after: Sequence[Agent]) -> None:
        """Raise Uncovered naming the hours that would be left without anybody."""
        worse = together(grown(*(_holes(self.settings, self.dialplans, agents) for agents in (before, after))))
        lost = [hole for hole in worse if not hole.then]
        if lost and self.refuse:
            told = "; ".join(f"queue {hole.queue}: {hole}" for hole in lost)
            raise Uncovered(f"nothing was saved: {told}; --anyway saves it all the same", lost)
        self.notes += [_note(hole) for hole in worse]


def watch(settings: Settings, *, refuse: bool = True) -> Watch:
    """Return a guard for the dialplans of `settings`. Raises ConfigError when they have mistakes."""
    return Watch(settings, load(settings.dialplans_dir, prompt_keys(*settings.prompt_dirs)), refuse)


def _holes(settings: Settings, dialplans: Dialplans, agents: Sequence[Agent]) -> tuple[Hole, ...]:
    zone = ZoneInfo(settings.timezone)
    return find_holes(dialplans, [_staff(agent) for agent in agents], zone, _today(zone))


def _staff(agent: Agent) -> Staff:
    return Staff(agent.agent_id, Agents.profile(agent).all_skills, week(agent.roster) or ALWAYS)


def _today(zone: ZoneInfo) -> date:
    return datetime.now(zone).date()


def _finding(file: Path, line: int | None, hole: Hole) -> Finding:
    expected = "an agent at work then (`ivr agent edit`), a wider relax step, an overflow, or `on.nobody` in every step"
    return Finding(file, line, f"queues.{hole.queue}", str(hole), expected, hole.near)


def _note(hole: Hole) -> str:
    near = f"; did you mean {hole.near!r}?" if hole.near else ""
    return f"queue {hole.queue}: {hole}; {hole.then or 'nothing'} takes those callers{near}"
