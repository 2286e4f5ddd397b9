"""Log in and out, choose a language, and the way to the first page somebody may see."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Form, HTTPException, Query
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from ivr.access import Who
from ivr.web.api.types import Text
from ivr.web.guard import COOKIE, address_of, allow_known, check_origin, open_to_all
from ivr.web.page import LANGUAGE_COOKIE, first_page, language_of, render
from ivr.web.parts import Parts, parts_of
from ivr.web.words import LANGUAGES, speak

router = APIRouter(include_in_schema=False)

Anybody = Annotated[Who | None, Depends(open_to_all())]
Known = Annotated[Who, Depends(allow_known(unchanged=True))]
Used = Annotated[Parts, Depends(parts_of)]
YEAR_S = 366 * 24 * 3600


@router.get("/")
async def home(request: Request, who: Annotated[Who, Depends(allow_known())]) -> RedirectResponse:
    """Go to the first page his roles have."""
    return RedirectResponse(first_page(request, who), 303)


@router.get("/login", response_class=HTMLResponse)
async def form(request: Request, who: Anybody, next: Annotated[Text, Query()] = "/") -> Response:
    """Ask for name and password."""
    if who is not None:
        return RedirectResponse(inside(next), 303)
    return render(request, "login.html", None, {"next": inside(next)})


@router.post("/login", response_class=HTMLResponse)
async def log_in(
    request: Request, _: Anybody, parts: Used, name: Annotated[Text, Form()] = "",
    password: Annotated[str, Form()] = "", next: Annotated[Text, Form()] = "/",
) -> Response:  # fmt: skip
    """Begin a session: always a new one, whatever the browser had before."""
    check_origin(request)
    name, address = name.strip().lower()[:40], address_of(request)
    wait_s = parts.logins.wait_s(name, address, time.monotonic())
    if wait_s > 0:
        return _again(request, name, next, "base.login_wait", 429, seconds=int(wait_s) + 1)
    user = await parts.users.check(name, password)
    if user is None:
        parts.logins.failed(name, address, time.monotonic())
        await parts.audit.note(Who(name or "?", (), address), "login.refused", name)
        return _again(request, name, next, "base.login_wrong", 403)
    parts.logins.passed(name, address)
    before = request.cookies.get(COOKIE, "")
    if before:
        await parts.sessions.close(before)
    token = await parts.sessions.open(user.name, address, datetime.now(UTC))
    await parts.audit.note(user.who(address), "login", user.name)
    answer = RedirectResponse("/account/password" if user.must_change else inside(next), 303)
    answer.set_cookie(COOKIE, token, path="/", secure=True, httponly=True, samesite="strict")
    return answer


def _again(request: Request, name: str, next: str, key: str, status: int, **values: object) -> HTMLResponse:
    text = speak(language_of(request, None))(key, **values)
    return render(request, "login.html", None, {"next": inside(next), "name": name, "wrong": text}, status=status)


@router.post("/logout")
async def log_out(request: Request, who: Known, parts: Used) -> RedirectResponse:
    """End this session; what the browser keeps of the page is cleared."""
    await parts.sessions.close(request.cookies.get(COOKIE, ""))
    await parts.audit.note(who, "logout", who.name)
    answer = RedirectResponse("/login", 303, {"Clear-Site-Data": '"cache", "storage"'})
    answer.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="strict")
    return answer


@router.post("/language")
async def choose_language(
    request: Request, who: Anybody, parts: Used, language: Annotated[Text, Form()], next: Annotated[Text, Form()] = "/"
) -> RedirectResponse:
    """Show the page in another language from now on, on this browser and, for a user, on his others."""
    check_origin(request)
    if language not in LANGUAGES:
        raise HTTPException(422)
    if who is not None and who.csrf:
        await parts.users.set_own(who.name, language=language)
    answer = RedirectResponse(inside(next), 303)
    answer.set_cookie(LANGUAGE_COOKIE, language, max_age=YEAR_S, path="/", secure=True, httponly=True, samesite="lax")
    return answer


def inside(address: str) -> str:
    """Return `address` when it is a path of this page, else '/': nobody is sent elsewhere after logging in."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return "/"
    odd = "\\" in address or not address.isprintable() or address.startswith("//") or len(address) > 1000
    return address if address.startswith("/") and not odd and not parts.netloc and not parts.scheme else "/"
