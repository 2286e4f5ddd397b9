"""Render one page in the language of who looks at it. Called by every module of `pages/`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from fastapi.templating import Jinja2Templates
from starlette.requests import Request
from starlette.responses import HTMLResponse

from ivr.access import Who
from ivr.web.parts import parts_of
from ivr.web.words import LANGUAGES, best_language, speak

FOLDER = Path(__file__).parent
LANGUAGE_COOKIE = "hotline_language"
_templates = Jinja2Templates(directory=FOLDER / "templates")


def language_of(request: Request, who: Who | None) -> str:
    """Return the language a page is shown in: chosen on it, else the user's own, else the browser's."""
    chosen = request.cookies.get(LANGUAGE_COOKIE, "")
    own = who.language if who else ""
    known = [each for each in (chosen, own) if each in LANGUAGES]
    return known[0] if known else best_language(request.headers.get("accept-language", ""))


def render(
    request: Request, template: str, who: Who | None, values: dict[str, object] | None = None, *, status: int = 200
) -> HTMLResponse:
    """Return `template` of the folder templates, whole or a part of a page.

    It knows: `_` (words), `who`, `language`, `zone` and `local(moment, format)`, and `values`.
    """
    language = language_of(request, who)
    zone = ZoneInfo(parts_of(request).settings.timezone)

    def local(moment: datetime | None, shape: str = "%Y-%m-%d %H:%M") -> str:
        return f"{moment.astimezone(zone):{shape}}" if moment else ""

    known = {"_": speak(language), "who": who, "language": language, "languages": LANGUAGES, "local": local}
    return _templates.TemplateResponse(request, template, {**known, **(values or {})}, status_code=status)
