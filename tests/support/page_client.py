"""The page without a browser or a port: its application asked directly, by somebody with a session or a token."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import httpx
from fastapi import FastAPI

from ivr import db
from ivr.desk.web_sessions import WebSessions
from ivr.settings import Settings
from ivr.web.app import create_app
from ivr.web.guard import COOKIE
from ivr.web.parts import Parts

ORIGIN = "http://127.0.0.1"


@asynccontextmanager
async def application(settings: Settings) -> AsyncIterator[FastAPI]:
    """Give the page's application on the settings' database; its connections are closed afterwards."""
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        yield app


@asynccontextmanager
async def client_of(
    app: FastAPI, roles: Collection[str] = (), *, agent_id: str = ""
) -> AsyncIterator[httpx.AsyncClient]:
    """Give a client with a session of somebody with `roles`; nobody's when there are none.

    A request that changes something carries what his browser would send: Origin and the session's token.
    """
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ORIGIN) as client:
        if roles:
            name = "-".join(roles)
            parts: Parts = app.state.parts
            async with parts.database.write() as connection:
                await connection.execute(db.upsert(connection, db.user, keep=True), [_row(name, roles, agent_id)])
            sessions = WebSessions(parts.database)
            token = await sessions.open(name, "127.0.0.1", datetime.now(UTC))
            client.cookies.set(COOKIE, token)
            session = await sessions.find(token, "127.0.0.1", datetime.now(UTC))
            assert session is not None
            client.headers.update({"Origin": ORIGIN, "X-CSRF-Token": session.who.csrf})
        yield client


def _row(name: str, roles: Collection[str], agent_id: str) -> dict[str, object]:
    return {
        "name": name, "password_hash": "nobody logs in by it", "roles": list(roles), "language": "en",
        "agent_id": agent_id, "must_change": False, "phone_id": "", "phone_pin_hash": "", "pin_failures": 0,
        "pin_locked_until": None, "created_at": datetime.now(UTC), "disabled_at": None,
    }  # fmt: skip
