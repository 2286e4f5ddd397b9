"""Agents as JSON: who there is, what everybody does; change skills, pause, sign in and out. It acts at once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field, StringConstraints

from ivr.access import Who
from ivr.desk import agent_values as read
from ivr.desk.agents import Agent, Change
from ivr.web import agent_changes
from ivr.web.api.types import Id, Line, Text
from ivr.web.guard import allow
from ivr.web.parts import Parts, parts_of
from routing.model import AgentView

router = APIRouter(prefix="/api/v1/agents", tags=["agents"])
See = Annotated[Who, Depends(allow("agents.see"))]
Supervise = Annotated[Who, Depends(allow("agents.change"))]
P = Annotated[Parts, Depends(parts_of)]
Level = Annotated[int, Field(ge=0, le=10)]
Skill = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_./-]{0,63}$")]
Word = Annotated[str, StringConstraints(min_length=1, max_length=40)]
OUT = "out"


class AgentOut(BaseModel):
    """An agent. status  in, paused, out; null when Redis does not tell. state  what happens, '' when he is out."""

    agent_id: str
    name: str
    skills: dict[str, int]
    languages: list[str]
    projects: list[str]
    roster: str
    ring_s: int
    wrap_up_s: int
    status: str | None
    state: str
    since: datetime | None
    reason: str


class AgentsOut(BaseModel):
    """All agents by id."""

    agents: list[AgentOut]


class AgentIn(BaseModel):
    """What to change; what is not given stays. skills  name -> level, 0 takes it away; the others stay."""

    name: Line | None = None
    skills: dict[Skill, Level] | None = Field(None, max_length=32)
    languages: list[Word] | None = Field(None, max_length=20)
    projects: list[Word] | None = Field(None, max_length=20)
    roster: Text | None = None
    ring_s: int | None = Field(None, ge=5, le=120)
    wrap_up_s: int | None = Field(None, ge=0, le=3600)
    anyway: bool = Field(False, description="also when callers of a queue would find nobody")


class PauseIn(BaseModel):
    """reason  shown to supervisors."""

    reason: Annotated[Line, StringConstraints(max_length=60)] = "break"


class EditedOut(BaseModel):
    """An agent after a change. notes  what is good to know, in words."""

    agent: AgentOut
    notes: list[str]


@router.get("", response_model=AgentsOut, summary="All agents, and what they do")
async def find(who: See, parts: P) -> AgentsOut:
    """Sorted by id."""
    return AgentsOut(agents=[await _out(parts, each) for each in await parts.agents.list()])


@router.get("/{agent_id}", response_model=AgentOut, summary="One agent")
async def show(agent_id: Id, who: See, parts: P) -> AgentOut:
    """An agent by his id."""
    return await _out(parts, await parts.agents.get(agent_id))


@router.patch("/{agent_id}", response_model=EditedOut, summary="Change an agent's skills, languages, projects, times")
async def edit(agent_id: Id, wanted: AgentIn, who: Supervise, parts: P) -> EditedOut:
    """Acts at once when he is signed in. Refused when a queue's callers would find nobody, unless `anyway`."""

    def changed(was: Agent) -> Change:
        given = wanted.skills or {}
        gone = [name for name, level in given.items() if level == 0 and name in was.skills]
        texts = [f"{name}:{level}" for name, level in given.items() if level]
        return Change(
            name=wanted.name, roster=wanted.roster, ring_s=wanted.ring_s, wrap_up_s=wanted.wrap_up_s,
            skills=read.altered(was.skills, read.skills(texts), gone, "skill") if given else None,
            languages=None if wanted.languages is None else read.languages(wanted.languages),
            projects=None if wanted.projects is None else read.projects(wanted.projects),
        )  # fmt: skip

    edited = await agent_changes.edit(parts, who, agent_id, changed, anyway=wanted.anyway)
    return EditedOut(agent=await _out(parts, edited.after), notes=list(edited.notes))


@router.post("/{agent_id}/sign-in", response_model=AgentOut, summary="Sign an agent in: calls may ring his phone")
async def sign_in(agent_id: Id, who: Supervise, parts: P) -> AgentOut:
    """Ends a pause as well."""
    await agent_changes.sign_in(parts, who, agent_id)
    return await _after(parts, agent_id)


@router.post("/{agent_id}/sign-out", response_model=AgentOut, summary="Sign an agent out; a talk goes on")
async def sign_out(agent_id: Id, who: Supervise, parts: P) -> AgentOut:
    """Who is out stays out."""
    agent = await parts.agents.get(agent_id)
    await agent_changes.sign_out(parts, who, agent.agent_id)
    return await _after(parts, agent_id)


@router.post("/{agent_id}/pause", response_model=AgentOut, summary="Pause an agent: signed in, but no call rings")
async def pause(agent_id: Id, wanted: PauseIn, who: Supervise, parts: P) -> AgentOut:
    """A talk or offer he has goes on."""
    agent = await parts.agents.get(agent_id)
    await agent_changes.pause(parts, who, agent.agent_id, wanted.reason)
    return await _after(parts, agent_id)


@router.post("/{agent_id}/unpause", response_model=AgentOut, summary="End an agent's pause")
async def unpause(agent_id: Id, who: Supervise, parts: P) -> AgentOut:
    """He gets the best waiting call at once."""
    agent = await parts.agents.get(agent_id)
    await agent_changes.unpause(parts, who, agent.agent_id)
    return await _after(parts, agent_id)


async def _after(parts: Parts, agent_id: str) -> AgentOut:
    """Return an agent as he is after a change, seen by a new look."""
    await parts.watching.wait_newer(parts.watching.number + 1, 2.0)
    return await _out(parts, await parts.agents.get(agent_id))


async def _out(parts: Parts, agent: Agent) -> AgentOut:
    floor = await parts.watching.now()
    view = next((each for each in floor.agents if each.agent_id == agent.agent_id), None)
    return AgentOut(
        agent_id=agent.agent_id, name=agent.name, skills=dict(agent.skills), languages=list(agent.languages),
        projects=list(agent.projects), roster=agent.roster, ring_s=agent.ring_s, wrap_up_s=agent.wrap_up_s,
        status=None if floor.redis_lost else view.status if view else OUT, state=view.state if view else "",
        since=_at(view), reason=view.reason if view else "",
    )  # fmt: skip


def _at(view: AgentView | None) -> datetime | None:

    return datetime.fromtimestamp(view.since_ms / 1000, UTC) if view else None
