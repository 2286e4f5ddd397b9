"""What a user sets for himself: his password and his language."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from ivr.access import Who
from ivr.desk import passwords
from ivr.errors import InputError
from ivr.web.guard import allow_known
from ivr.web.page import render
from ivr.web.parts import Parts, parts_of

router = APIRouter(include_in_schema=False)

Known = Annotated[Who, Depends(allow_known())]
New = Annotated[Who, Depends(allow_known(unchanged=True))]
Used = Annotated[Parts, Depends(parts_of)]
Secret = Annotated[str, Form()]


@router.get("/account", response_class=HTMLResponse)
async def page(request: Request, who: Known, parts: Used) -> HTMLResponse:
    """Show who he is here, and what he may do."""
    return render(request, "account/page.html", who, {"user": await parts.users.get(who.name)})


@router.get("/account/password", response_class=HTMLResponse)
async def ask(request: Request, who: New, parts: Used) -> HTMLResponse:
    """Ask for a new password."""
    return _form(request, who)


@router.post("/account/password", response_class=HTMLResponse)
async def change(
    request: Request, who: New, parts: Used, old: Secret = "", new: Secret = "", again: Secret = ""
) -> Response:
    """Replace his password; his other sessions end."""
    try:
        if new != again:
            raise InputError("the two new passwords differ")
        await parts.users.change_password(who.name, old, new, keep=request.state.session.token_hash)
    except InputError as error:
        return _form(request, who, wrong=str(error), status=422)
    await parts.audit.note(who, "user.password", who.name)
    return RedirectResponse("/", 303)


def _form(request: Request, who: Who, *, wrong: str = "", status: int = 200) -> HTMLResponse:
    must = request.state.session.must_change
    values = {"must": must, "wrong": wrong, "least": passwords.LEAST, "most": passwords.MOST}
    return render(request, "account/password.html", who, values, status=status)
