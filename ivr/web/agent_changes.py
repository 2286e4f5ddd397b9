"""What supervisors do to agents, and who did it. Called by the page Agents and the API."""

from __future__ import annotations

from collections.abc import Callable

from ivr.access import Who
from ivr.agent_desk import Edited
from ivr.desk import agent_values as read
from ivr.desk.agents import Agent, Change
from ivr.errors import InputError
from ivr.web.parts import Parts

__all__ = ["Edited", "edit", "pause", "set_level", "sign_in", "sign_out", "unpause"]
NOTED = ("name", "skills", "languages", "projects", "roster", "ring_s", "wrap_up_s")


async def edit(
    parts: Parts, who: Who, agent_id: str, changed: Callable[[Agent], Change], *, anyway: bool = False
) -> Edited:
    """Change an agent. Raises InputError, and Uncovered unless `anyway` when callers would find nobody."""
    edited = await parts.agent_desk.edit(agent_id, changed, anyway=anyway)
    if edited.after != edited.before:
        names = [name for name in NOTED if getattr(edited.before, name) != getattr(edited.after, name)]
        was, now = _values(edited.before, names), _values(edited.after, names)
        await parts.audit.note(who, "agent.edit", agent_id, was, {**now, "anyway": True} if anyway else now)
        parts.watching.looked()
    return edited


async def set_level(
    parts: Parts, who: Who, agent_id: str, skill: str, level: int, *, anyway: bool = False
) -> Edited:  # fmt: skip
    """Give an agent one skill at `level`, 0 takes it away. Raises as `edit`."""

    def changed(was: Agent) -> Change:
        if level == 0:
            return Change(skills=read.altered(was.skills, {}, [skill], "skill"))
        return Change(skills=read.altered(was.skills, read.skills([f"{skill}:{level}"]), [], "skill"))

    return await edit(parts, who, agent_id, changed, anyway=anyway)


async def sign_in(parts: Parts, who: Who, agent_id: str) -> None:
    """Sign an agent in. Raises InputError for an unknown one."""
    await parts.agent_desk.sign_in(agent_id)
    await _noted(parts, who, "agent.sign_in", agent_id)


async def sign_out(parts: Parts, who: Who, agent_id: str) -> None:
    """Sign an agent out, also one who was removed meanwhile. Raises InputError for one nobody knows."""
    floor = await parts.watching.now()
    if not any(view.agent_id == agent_id for view in floor.agents):
        await parts.agents.get(agent_id)
    await parts.agent_desk.sign_out(agent_id)
    await _noted(parts, who, "agent.sign_out", agent_id)


async def pause(parts: Parts, who: Who, agent_id: str, reason: str) -> None:
    """Pause an agent. Raises InputError for one who is not signed in, or a reason too long."""
    await parts.agent_desk.pause(agent_id, reason)
    await _noted(parts, who, "agent.pause", agent_id, {"reason": reason})


async def unpause(parts: Parts, who: Who, agent_id: str) -> None:
    """End his pause. Raises InputError for one who is not signed in."""
    await parts.agent_desk.unpause(agent_id)
    await _noted(parts, who, "agent.unpause", agent_id)


async def _noted(parts: Parts, who: Who, what: str, agent_id: str, after: dict[str, object] | None = None) -> None:
    parts.watching.looked()
    if len(agent_id) > 100:
        raise InputError("an agent's id has at most 40 characters")
    await parts.audit.note(who, what, agent_id, None, after)


def _values(agent: Agent, names: list[str]) -> dict[str, object]:
    """Return some of what an agent has, as JSON takes it."""
    found: dict[str, object] = {}
    for name in names:
        value = getattr(agent, name)
        found[name] = dict(value) if name == "skills" else list(value) if isinstance(value, tuple) else value
    return found
