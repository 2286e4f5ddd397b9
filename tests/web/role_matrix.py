"""Who may use which route, asked of the running application: `python -m tests.web.role_matrix` prints the table.

Every route is asked for by nobody, by a session and by a token of every role. What counts is whether the door lets
them through, not what the route answers then.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
from fastapi import FastAPI
from fastapi.routing import APIRoute

from ivr import settings as settings_module
from ivr.access import ROLES, Who
from ivr.db import upgrade
from ivr.settings import Settings
from ivr.web.guard import access_of
from ivr.web.parts import Parts
from tests.support.page_client import application, client_of

NOBODY, TOKEN = "nobody", "token"
PEOPLE = (NOBODY, *ROLES)
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True)
class Line:
    """One method of one route: its right (None: open to all), and who was let in."""

    method: str
    path: str
    right: str | None
    let_in: Mapping[str, bool]


async def role_matrix(settings: Settings) -> list[Line]:
    """Ask for every route as everybody; return who was let in. Columns: PEOPLE, and `token ROLE`."""
    async with application(settings) as app:
        close_behind_doors(app)
        routes = [each for each in app.routes if isinstance(each, APIRoute)]
        answers: dict[tuple[str, str], dict[str, bool]] = {}
        for role in PEOPLE:
            async with client_of(app, () if role == NOBODY else (role,)) as client:
                for route, method in _each(routes):
                    answers.setdefault((method, route.path), {})[role] = await _let_in(client, method, route.path)
        for role in ROLES:
            async with client_of(app) as client:
                client.headers["Authorization"] = f"Bearer {await token_of(app, role)}"
                for route, method in _each(routes):
                    let_in = await _let_in(client, method, route.path)
                    answers[method, route.path][f"{TOKEN} {role}"] = let_in
        return [Line(m, r.path, access_of(r).right, answers[m, r.path]) for r, m in _each(routes)]


async def token_of(app: FastAPI, role: str) -> str:
    """Return a token with one role, made by an admin."""
    parts: Parts = app.state.parts
    async with client_of(app, ("admin",)):
        made = await parts.sessions.add_token(f"a {role}'s", (role,), Who("admin", ("admin",)), datetime.now(UTC))
    return made[1]


def close_behind_doors(app: FastAPI) -> None:
    """Put an answer of 299 behind every door, so that nothing is done and being let in can be seen."""

    async def inside(scope: object, receive: object, send: object) -> None:
        await send({"type": "http.response.start", "status": 299, "headers": []})  # type: ignore[operator]
        await send({"type": "http.response.body", "body": b""})  # type: ignore[operator]

    for route in app.routes:
        if isinstance(route, APIRoute):
            route.app.inner = inside  # type: ignore[attr-defined]


def _each(routes: list[APIRoute]) -> list[tuple[APIRoute, str]]:
    return [(route, method) for route in routes for method in METHODS if method in (route.methods or ())]


async def _let_in(client: httpx.AsyncClient, method: str, path: str) -> bool:
    answer = await client.request(method, re.sub(r"\{[^}]*\}", "1", path), follow_redirects=False)
    assert answer.status_code in (299, 303, 401, 403), f"{method} {path}: {answer.status_code}"
    return answer.status_code == 299


def markdown(lines: list[Line]) -> str:
    """Return the table: one line a route, an x for who is let in; the token column names the roles."""
    head = "| method | route | right | " + " | ".join(PEOPLE) + " | token of |"
    rows = [head, "|---|---|---|" + ":-:|" * len(PEOPLE) + "---|"]
    for line in lines:
        marks = " | ".join("x" if line.let_in[role] else "" for role in PEOPLE)
        tokens = [role for role in ROLES if line.let_in[f"{TOKEN} {role}"]]
        told = "all" if len(tokens) == len(ROLES) else ", ".join(tokens)
        rows.append(f"| {line.method} | `{line.path}` | {line.right or 'open'} | {marks} | {told} |")
    return "\n".join(rows)


def main() -> None:
    """Print the table, from a database of its own."""
    with tempfile.TemporaryDirectory() as folder:
        settings = settings_module.load(var=Path(folder) / "var")
        upgrade(settings)
        print(markdown(asyncio.run(role_matrix(settings))))  # noqa: T201


if __name__ == "__main__":
    main()
