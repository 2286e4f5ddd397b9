"""The page Agents: who has which skill, what everybody does; change it, and it acts at once."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from ivr.access import Who
from ivr.desk import agent_values as read
from ivr.desk.agents import Agent, Change
from ivr.desk.staffing import Uncovered
from ivr.errors import InputError
from ivr.web import agent_changes
from ivr.web.api.types import Id, Line, Text
from ivr.web.guard import allow
from ivr.web.page import language_of, macros, render
from ivr.web.pages.live import stream
from ivr.web.parts import Parts, parts_of
from ivr.web.watched_pages import pieces_of
from ivr.web.words import speak
from routing.model import AgentView

router = APIRouter(include_in_schema=False)
See = Annotated[Who, Depends(allow("agents.see"))]
Supervise = Annotated[Who, Depends(allow("agents.change"))]
P = Annotated[Parts, Depends(parts_of)]
FEW_SKILLS = 12  # columns of the matrix; more scroll sideways


@router.get("/agents", response_class=HTMLResponse)
async def page(request: Request, who: See, parts: P) -> HTMLResponse:
    """Show all agents."""
    return await _page(request, who, parts, {})


@router.get("/agents/events")
async def events(
    request: Request, who: See, parts: P, at: Annotated[str, Query(alias="from", max_length=30)] = ""
) -> Response:
    """Send what agents do, as it changes."""
    return stream(request, who, parts, "agents", at)


@router.get("/agents/{agent_id}", response_class=HTMLResponse)
async def one(request: Request, agent_id: Id, who: Supervise, parts: P) -> HTMLResponse:
    """Show everything of one agent, to be changed."""
    agent = await parts.agents.get(agent_id)
    return render(request, "agents/edit.html", who, {"agent": agent, "asked": _asked(agent)})


@router.post("/agents/{agent_id}", response_class=HTMLResponse)
async def edit(
    request: Request, agent_id: Id, who: Supervise, parts: P, name: Annotated[Line, Form()],
    skills: Annotated[Text, Form()], languages: Annotated[Text, Form()] = "", projects: Annotated[Text, Form()] = "",
    roster: Annotated[Text, Form()] = "", ring_s: Annotated[int, Form(ge=5, le=120)] = 20,
    wrap_up_s: Annotated[int, Form(ge=0, le=3600)] = 10, anyway: Annotated[bool, Form()] = False,
) -> Response:  # fmt: skip
    """Save everything of one agent."""
    asked = {"name": name, "skills": skills, "languages": languages, "projects": projects, "roster": roster,
             "ring_s": ring_s, "wrap_up_s": wrap_up_s}  # fmt: skip
    agent = await parts.agents.get(agent_id)
    values: dict[str, object] = {"agent": agent, "asked": asked, "agent_id": agent_id}
    try:
        change = Change(
            name=name.strip() or None, skills=read.skills(skills.split()), projects=read.projects(projects.split()),
            languages=read.languages(languages.split()), roster=roster.strip(), ring_s=ring_s, wrap_up_s=wrap_up_s,
        )  # fmt: skip
        edited = await agent_changes.edit(parts, who, agent_id, lambda _: change, anyway=anyway)
    except Uncovered as error:
        values |= {"lost": error.lost, "action": f"/agents/{agent_id}", "again": asked}
        return render(request, "agents/edit.html", who, values, status=422)
    except InputError as error:
        return render(request, "agents/edit.html", who, {**values, "mistake": str(error)}, status=422)
    return await _page(request, who, parts, {"done": _told(request, who, edited), "notes": edited.notes})


@router.get("/agents/{agent_id}/row", response_class=HTMLResponse)
async def row(request: Request, agent_id: Id, who: See, parts: P) -> HTMLResponse:
    """Show one row of the matrix."""
    agent = await parts.agents.get(agent_id)
    views = {view.agent_id: view for view in (await parts.watching.now()).agents}
    view = views.get(agent_id)
    return render(request, "agents/row.html", who, {
        "agent": agent, "view": view, "skills": _skills(await parts.agents.list()),
        "may_change": who.may("agents.change"), "doing": await _doing(request, who, agent, view),
    })  # fmt: skip


@router.get("/agents/{agent_id}/level", response_class=HTMLResponse)
async def choose(
    request: Request, agent_id: Id, who: Supervise, parts: P, skill: Annotated[Line, Query()]
) -> HTMLResponse:
    """Offer the levels of one skill."""
    agent = await parts.agents.get(agent_id)
    return render(
        request, "agents/level.html", who, {"agent": agent, "skill": skill, "level": agent.skills.get(skill)}
    )  # fmt: skip


@router.post("/agents/{agent_id}/level", response_class=HTMLResponse)
async def level(
    request: Request, agent_id: Id, who: Supervise, parts: P, skill: Annotated[Line, Form()],
    level: Annotated[int, Form(ge=0, le=10)], anyway: Annotated[bool, Form()] = False,
) -> Response:  # fmt: skip
    """Give an agent a skill at a level; 0 takes it away."""

    async def do() -> dict[str, object]:
        edited = await agent_changes.set_level(parts, who, agent_id, skill, level, anyway=anyway)
        return {"done": _told(request, who, edited), "notes": edited.notes}

    again = {"skill": skill, "level": level}
    return await _answered(request, who, parts, agent_id, do, f"/agents/{agent_id}/level", again)


@router.post("/agents/{agent_id}/pause", response_class=HTMLResponse)
async def pause(
    request: Request, agent_id: Id, who: Supervise, parts: P, reason: Annotated[Line, Form()] = ""
) -> Response:
    """Pause an agent."""
    say = speak(language_of(request, who))
    shown = reason.strip() or say("agents.pause").lower()

    async def do() -> dict[str, object]:
        await agent_changes.pause(parts, who, agent_id, shown)
        return {"done": say("agents.paused", agent=agent_id, reason=shown)}

    return await _answered(request, who, parts, agent_id, do)


@router.post("/agents/{agent_id}/unpause", response_class=HTMLResponse)
async def unpause(request: Request, agent_id: Id, who: Supervise, parts: P) -> Response:
    """End an agent's pause."""
    say = speak(language_of(request, who))

    async def do() -> dict[str, object]:
        await agent_changes.unpause(parts, who, agent_id)
        return {"done": say("agents.unpaused", agent=agent_id)}

    return await _answered(request, who, parts, agent_id, do)


@router.post("/agents/{agent_id}/sign-out", response_class=HTMLResponse)
async def sign_out(request: Request, agent_id: Id, who: Supervise, parts: P) -> Response:
    """Sign an agent out."""
    say = speak(language_of(request, who))

    async def do() -> dict[str, object]:
        await agent_changes.sign_out(parts, who, agent_id)
        return {"done": say("agents.signed_out", agent=agent_id)}

    return await _answered(request, who, parts, agent_id, do)


async def _answered(
    request: Request, who: Who, parts: Parts, agent_id: str, do: Callable[[], Awaitable[dict[str, object]]],
    action: str = "", again: dict[str, object] | None = None,
) -> Response:  # fmt: skip
    """Do it and say so: in one place of the page for htmx, else on the whole page."""
    values: dict[str, object] = {"agent_id": agent_id}
    status = 200
    try:
        values |= await do()
        await parts.watching.wait_newer(parts.watching.number, 1.0)
    except Uncovered as error:
        status, values = 422, {**values, "lost": error.lost, "action": action, "again": again or {}}
    except InputError as error:
        status, values = 422, {**values, "mistake": str(error)}
    if request.headers.get("hx-request") == "true":
        return render(request, "agents/answer.html", who, values, status=status)
    if status == 200:
        return RedirectResponse("/agents", 303)
    return await _page(request, who, parts, values, status=status)


async def _page(
    request: Request, who: Who, parts: Parts, values: dict[str, object], *, status: int = 200
) -> HTMLResponse:
    pieces = pieces_of(request, "agents", language_of(request, who))
    shown = await pieces.now()
    found = await parts.agents.list()
    views = {view.agent_id: view for view in (await parts.watching.now()).agents}
    rows = [
        (agent, views.get(agent.agent_id), await _doing(request, who, agent, views.get(agent.agent_id)))
        for agent in found
    ]  # fmt: skip
    return render(request, "agents/page.html", who, {
        "agents": rows, "skills": _skills(found), "at": pieces.name_of(shown), "now_ms": int(time.time() * 1000),
        "trouble": shown.pieces["trouble"], "may_change": who.may("agents.change"), **values,
    }, status=status)  # fmt: skip


async def _doing(request: Request, who: Who, agent: Agent, view: AgentView | None) -> str:
    """Return what an agent does, as the events bring it."""
    language = language_of(request, who)
    shown = await pieces_of(request, "agents", language).now()
    out = str(macros("agents/pieces.html", language).out(agent.agent_id))
    return shown.pieces.get(f"doing/{agent.agent_id}", out) if view else out


def _skills(agents: tuple[Agent, ...]) -> list[str]:
    """Return the skills any agent has, those most have first."""
    counted: dict[str, int] = {}
    for agent in agents:
        for skill in agent.skills:
            counted[skill] = counted.get(skill, 0) + 1
    return sorted(counted, key=lambda skill: (-counted[skill], skill))


def _asked(agent: Agent) -> dict[str, object]:
    """Return what the form holds before anything is changed."""
    return {
        "name": agent.name, "skills": " ".join(f"{name}:{level}" for name, level in sorted(agent.skills.items())),
        "languages": " ".join(agent.languages), "projects": " ".join(agent.projects), "roster": agent.roster,
        "ring_s": agent.ring_s, "wrap_up_s": agent.wrap_up_s,
    }  # fmt: skip


def _told(request: Request, who: Who, edited: agent_changes.Edited) -> str:
    say = speak(language_of(request, who))
    key = "same" if edited.after == edited.before else "saved_at_once" if edited.signed_in else "saved"
    return say(f"agents.{key}", agent=edited.after.name)
