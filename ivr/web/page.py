"""Render one page in the language of who looks at it. Called by every module of `pages/`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from fastapi.templating import Jinja2Templates
from starlette.requests import Request
from starlette.responses import HTMLResponse

from ivr.access import AGENT, Who
from ivr.web.parts import parts_of
from ivr.web.static_files import static
from ivr.web.words import LANGUAGES, best_language, speak

FOLDER = Path(__file__).parent
LANGUAGE_COOKIE = "hotline_language"
NAV = (
    ("announcements", "/announcements", "announcements.see"),
    ("live", "/live", "live.see"),
    ("calls", "/calls", "calls.see"),
    ("dialplans", "/dialplans", "dialplans.see"),
    ("agents", "/agents", "agents.see"),
    ("my-calls", "/my-calls", "own.see"),
    ("admin", "/admin", "users.change"),
)
"""Name, address and right of every page of the top bar, in its order."""
_templates = Jinja2Templates(directory=FOLDER / "templates")
_templates.env.globals["static"] = static


def nav_of(request: Request, who: Who | None) -> list[tuple[str, str]]:
    """Return name and address of the pages he may see; his own calls only when he is an agent."""
    if who is None:
        return []
    known = {getattr(each, "path", "") for each in request.app.routes}
    return [
        (name, path) for name, path, right in NAV
        if path in known and who.may(right) and (name != "my-calls" or who.agent_id or who.roles == (AGENT,))
    ]  # fmt: skip


def first_page(request: Request, who: Who) -> str:
    """Return the page he begins with: an agent his own calls, others the first of the top bar."""
    found = dict(nav_of(request, who))
    if not who.may("live.see") and "my-calls" in found:
        return found["my-calls"]
    return next(iter(found.values()), "/account")


def language_of(request: Request, who: Who | None) -> str:
    """Return the language a page is shown in: chosen on it, else the user's own, else the browser's."""
    chosen = request.cookies.get(LANGUAGE_COOKIE, "")
    own = who.language if who else ""
    known = [each for each in (chosen, own) if each in LANGUAGES]
    return known[0] if known else best_language(request.headers.get("accept-language", ""))


def render(
    request: Request, template: str, who: Who | None, values: Mapping[str, object] | None = None, *, status: int = 200
) -> HTMLResponse:
    """Return `template` of the folder templates, whole or a part of a page.

    It knows: `_` (words), `who`, `language`, `zone` and `local(moment, format)`, and `values`.
    """
    language = language_of(request, who)
    zone = ZoneInfo(parts_of(request).settings.timezone)

    def local(moment: datetime | None, shape: str = "%Y-%m-%d %H:%M") -> str:
        return f"{moment.astimezone(zone):{shape}}" if moment else ""

    known: dict[str, object] = {
        "_": speak(language), "who": who, "language": language, "languages": LANGUAGES, "local": local,
        "nav": nav_of(request, who), "asked_path": request.url.path,
    }  # fmt: skip
    return _templates.TemplateResponse(request, template, {**known, **(values or {})}, status_code=status)


@cache
def macros(template: str, language: str) -> Any:
    """Return the macros of `template` in one language, for parts of a page that are sent by themselves.

    They know `_` and `language`, and no request: the same text goes to everybody.
    """
    return _templates.get_template(template).make_module({"_": speak(language), "language": language})
