"""What somebody is shown when it did not work: a page, a part of a page (htmx), or a Problem (API)."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, HTTPException
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException as StarletteError
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from ivr import log
from ivr.errors import ConfigError, DatabaseError, InputError, PeerError
from ivr.web.guard import for_programs, login_address
from ivr.web.page import language_of, render
from ivr.web.words import speak, words
from routing.errors import RoutingError

logger = log.logger(__name__)

SHOWN = {400, 401, 403, 404, 405, 408, 413, 415, 422, 429, 500, 503}


def refuse(
    request: Request, status: int, text: str = "", *, expected: str = "", nearest: str = "",
    headers: Mapping[str, str] | None = None,
) -> Response:  # fmt: skip
    """Return an answer that says what went wrong and what to do. text  '' for the usual of that status."""
    known = status if status in SHOWN else 500 if status >= 500 else 400
    say = speak("en" if for_programs(request) else language_of(request, getattr(request.state, "who", None)))
    title, usual = say(f"base.error_{known}"), say(f"base.error_{known}_do")
    told = dict(headers or {})
    if for_programs(request):
        problem = {"error": text or f"{title}: {usual}", "expected": expected, "nearest": nearest}
        return JSONResponse(problem, status, told | ({"WWW-Authenticate": "Bearer"} if status == 401 else {}))
    values: dict[str, object] = {"status": status, "title": title, "text": text or usual, "expected": expected}
    who = getattr(request.state, "who", None)
    if request.headers.get("hx-request") == "true":
        answer: Response = render(request, "error_part.html", who, values, status=status)
        told |= {"HX-Retarget": "#errors", "HX-Reswap": "innerHTML"}
    else:
        answer = render(request, "error.html", who, values, status=status)
    answer.headers.update(told)
    return answer


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, StarletteError)
    if error.status_code == 401 and not for_programs(request):
        return _to(request, login_address(request))
    if error.status_code == 403 and error.detail == "password" and not for_programs(request):
        return _to(request, "/account/password")
    key = f"base.refused_{error.detail}"
    text = speak(language_of(request, None))(key) if key in words() else ""
    if not text and isinstance(error, HTTPException) and error.detail not in _PHRASES:
        text = str(error.detail)
    return refuse(request, error.status_code, text, headers=error.headers)


def _to(request: Request, address: str) -> Response:
    """Send the browser to another page, also when htmx asked."""
    if request.headers.get("hx-request") == "true":
        return Response(status_code=204, headers={"HX-Redirect": address})
    return RedirectResponse(address, 303)


async def _input(request: Request, error: Exception) -> Response:
    return refuse(request, 422, str(error))


async def _validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found: dict[str, Any] = next(iter(error.errors()), {})
    where = ".".join(str(each) for each in found.get("loc", ())[1:])[:100]
    said = str(found.get("msg", ""))[:200].removeprefix("Value error, ")
    return refuse(request, 422, f"{where}: {said}" if where else said)


async def _peer(request: Request, error: Exception) -> Response:
    logger.warning("page could not be shown", path=request.url.path[:100], error=str(error)[:300])
    return refuse(request, 503, headers={"Retry-After": "5"})


async def broken(request: Request, error: Exception) -> Response:
    """Answer after a fault in Hotline; its trace is in the log."""
    logger.error("page broke", path=request.url.path[:100], exc_info=error)
    return refuse(request, 500)


def add_refusals(app: FastAPI) -> None:
    """Make `app` answer errors so."""
    app.add_exception_handler(StarletteError, _http)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(InputError, _input)
    for kind in (DatabaseError, PeerError, RoutingError, ConfigError):
        app.add_exception_handler(kind, _peer)


_PHRASES = frozenset(each.phrase for each in HTTPStatus)
