"""The watched pages of one web process: for each page and language its pieces, shared by everybody. Called by pages."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from starlette.requests import Request

from ivr.web.live_pieces import AgentPieces, LivePieces
from ivr.web.parts import parts_of
from ivr.web.pieces import Pieces

MAKERS = {"live": LivePieces, "agents": AgentPieces}


def pieces_of(request: Request, page: str, language: str) -> Pieces:
    """Return the pieces of a page in a language."""
    parts, state = parts_of(request), request.app.state
    if not hasattr(state, "watched"):
        state.watched = {}
    known: dict[tuple[str, str], Pieces] = state.watched
    if (page, language) not in known:
        maker = MAKERS[page](language, ZoneInfo(parts.settings.timezone))
        known[page, language] = Pieces(parts.watching, maker.make)
    return known[page, language]
