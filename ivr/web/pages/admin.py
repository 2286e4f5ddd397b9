"""Users and their roles, tokens of programs, and the audit log."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from ivr.access import ROLES, Who
from ivr.errors import InputError
from ivr.web.api.types import Text
from ivr.web.guard import allow
from ivr.web.page import render
from ivr.web.parts import Parts, parts_of

router = APIRouter(prefix="/admin", include_in_schema=False)

Admin = Annotated[Who, Depends(allow("users.change"))]
Auditor = Annotated[Who, Depends(allow("audit.see"))]
Used = Annotated[Parts, Depends(parts_of)]
Typed = Annotated[Text, Form()]
Ticked = Annotated[list[Text], Form(max_length=len(ROLES))]
Number = Annotated[int | None, Query(ge=1, le=2**31 - 1)]
ROWS = 50


@router.get("", response_class=HTMLResponse)
async def users(request: Request, who: Admin, parts: Used) -> HTMLResponse:
    """List users."""
    return await _users(request, who, parts)


@router.post("/users", response_class=HTMLResponse)
async def add(
    request: Request, who: Admin, parts: Used, name: Typed = "", roles: Ticked = [], agent_id: Typed = "",  # noqa: B006
) -> HTMLResponse:  # fmt: skip
    """Add a user and show his one-time password, this once."""
    name = name.strip().lower()
    try:
        issued = await parts.users.add(name, roles, agent_id=await _agent(parts, agent_id))
    except InputError as error:
        typed = {"name": name, "roles": roles, "agent_id": agent_id}
        return await _users(request, who, parts, wrong=str(error), typed=typed)
    after = {"roles": issued.user.roles, "agent": issued.user.agent_id}
    await parts.audit.note(who, "user.add", name, after=after)
    return await _users(request, who, parts, secret=issued.password, whose=name)


@router.get("/users/{name}", response_class=HTMLResponse)
async def user(request: Request, name: Text, who: Admin, parts: Used) -> HTMLResponse:
    """Show one user and what can be changed."""
    return await _user(request, who, parts, name)


@router.post("/users/{name}", response_class=HTMLResponse)
async def change(
    request: Request, name: Text, who: Admin, parts: Used, roles: Ticked = [], agent_id: Typed = "",  # noqa: B006
) -> Response:  # fmt: skip
    """Give him other roles, or another agent; acts at once."""
    before = await parts.users.get(name)
    try:
        agent = await _agent(parts, agent_id)
        after = await parts.users.set_roles(name, roles)
        after = await parts.users.set_own(name, agent_id=agent)
    except InputError as error:
        return await _user(request, who, parts, name, wrong=str(error))
    told = [{"roles": each.roles, "agent": each.agent_id} for each in (before, after)]
    await parts.audit.note(who, "user.roles", name, *told)
    return RedirectResponse("/admin", 303)


@router.post("/users/{name}/reset", response_class=HTMLResponse)
async def reset(request: Request, name: Text, who: Admin, parts: Used) -> HTMLResponse:
    """Log him out everywhere and show a one-time password, this once."""
    password = await parts.users.reset(name)
    await parts.audit.note(who, "user.reset", name)
    if name == who.name:  # his own session ended with it: the page is the last he sees of it
        return render(request, "admin/own_reset.html", None, {"secret": password})
    return await _user(request, who, parts, name, secret=password)


@router.post("/users/{name}/disable", response_class=HTMLResponse)
async def disable(request: Request, name: Text, who: Admin, parts: Used) -> Response:
    """Let him in no more."""
    try:
        await parts.users.disable(name, datetime.now(UTC))
    except InputError as error:
        return await _user(request, who, parts, name, wrong=str(error))
    await parts.audit.note(who, "user.disable", name)
    return RedirectResponse("/admin", 303)


@router.post("/users/{name}/enable")
async def enable(name: Text, who: Admin, parts: Used) -> RedirectResponse:
    """Let him in again."""
    await parts.users.enable(name)
    await parts.audit.note(who, "user.enable", name)
    return RedirectResponse("/admin", 303)


@router.post("/users/{name}/phone", response_class=HTMLResponse)
async def phone(request: Request, name: Text, who: Admin, parts: Used, phone_id: Typed = "") -> HTMLResponse:
    """Let him publish by phone, and show his PIN this once; without digits, no more."""
    try:
        pin = await parts.users.set_phone(name, phone_id.strip())
    except InputError as error:
        return await _user(request, who, parts, name, wrong=str(error))
    await parts.audit.note(who, "user.phone", name, after={"phone": bool(pin)})
    return await _user(request, who, parts, name, pin=pin)


@router.get("/tokens", response_class=HTMLResponse)
async def tokens(request: Request, who: Admin, parts: Used) -> HTMLResponse:
    """List tokens of programs."""
    return await _tokens(request, who, parts)


@router.post("/tokens", response_class=HTMLResponse)
async def add_token(
    request: Request, who: Admin, parts: Used, name: Typed = "", roles: Ticked = [],  # noqa: B006
    days: Annotated[int, Form(ge=1, le=366)] = 90,
) -> HTMLResponse:  # fmt: skip
    """Make a token and show it, this once."""
    try:
        token, secret = await parts.sessions.add_token(name, roles, who, datetime.now(UTC), days=days)
    except InputError as error:
        return await _tokens(request, who, parts, wrong=str(error), typed={"name": name, "roles": roles})
    await parts.audit.note(who, "token.add", token.name, after={"id": token.token_id, "roles": token.roles})
    return await _tokens(request, who, parts, secret=secret, whose=token.name)


@router.post("/tokens/{token_id}/revoke")
async def revoke(token_id: Text, who: Admin, parts: Used) -> RedirectResponse:
    """End a token at once."""
    token = await parts.sessions.revoke(token_id, datetime.now(UTC))
    await parts.audit.note(who, "token.revoke", token.name, after={"id": token.token_id})
    return RedirectResponse("/admin/tokens", 303)


@router.get("/audit", response_class=HTMLResponse)
async def audit(
    request: Request, who: Auditor, parts: Used, by: Annotated[Text, Query()] = "", what: Annotated[Text, Query()] = "",
    subject: Annotated[Text, Query()] = "", before: Number = None, check: Annotated[bool, Query()] = False,
) -> HTMLResponse:  # fmt: skip
    """Search what was done, newest first; `check` goes through the whole chain of hashes."""
    rows = await parts.audit.list(who=by, what=what, subject=subject, before_n=before, most=ROWS + 1)
    values = {
        "tab": "audit", "rows": rows[:ROWS], "asked": {"by": by, "what": what, "subject": subject},
        "older": rows[ROWS - 1].n if len(rows) > ROWS else None, "head": await parts.audit.head(), "checked": check,
        "broken": await parts.audit.verify() if check else None,
    }  # fmt: skip
    return render(request, "admin/audit.html", who, values)


async def _users(request: Request, who: Who, parts: Parts, **values: object) -> HTMLResponse:
    known = {"tab": "users", "users": await parts.users.list(), "roles": ROLES, **values}
    return render(request, "admin/users.html", who, known, status=422 if values.get("wrong") else 200)


async def _user(request: Request, who: Who, parts: Parts, name: str, **values: object) -> HTMLResponse:
    known = {"tab": "users", "user": await parts.users.get(name), "roles": ROLES, **values}
    return render(request, "admin/user.html", who, known, status=422 if values.get("wrong") else 200)


async def _tokens(request: Request, who: Who, parts: Parts, **values: object) -> HTMLResponse:
    now = datetime.now(UTC)
    known = {"tab": "tokens", "tokens": await parts.sessions.tokens(), "roles": ROLES, "now": now, **values}
    return render(request, "admin/tokens.html", who, known, status=422 if values.get("wrong") else 200)


async def _agent(parts: Parts, agent_id: str) -> str:
    """Return the id of an agent there is, or ''. Raises InputError naming the nearest."""
    wanted: Sequence[str] = agent_id.split()
    return (await parts.agents.get(wanted[0])).agent_id if wanted else ""
