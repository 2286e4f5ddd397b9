"""The page's application: every route of `pages/` and `api/` behind its door, words, static files, errors."""

from __future__ import annotations

import copy
import importlib
import pkgutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from types import ModuleType

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute

from ivr.settings import Settings
from ivr.web import api, pages
from ivr.web.frame import Frame
from ivr.web.guard import Guarded, access_of
from ivr.web.parts import Parts, build
from ivr.web.rates import Rates
from ivr.web.refusals import add_refusals

ABOUT = "Everything the pages of Hotline do, for programs. Log in with a token: `Authorization: Bearer TOKEN`."


def create_app(settings: Settings, parts: Parts | None = None) -> FastAPI:
    """Return the application. parts  to use instead of building them; who gives them closes them.

    Raises AssertionError for a route that does not say who may use it: nothing is open by mistake.
    """

    @asynccontextmanager
    async def alive(app: FastAPI) -> AsyncIterator[None]:
        yield
        if parts is None:
            await app.state.parts.close()

    app = FastAPI(
        title="Hotline", version="1", description=ABOUT, lifespan=alive, redirect_slashes=False,
        docs_url=None, redoc_url=None, openapi_url=None,
    )  # fmt: skip
    app.state.parts = parts or build(settings)
    rates = Rates()
    for route in routes():
        guarded = copy.copy(route)
        guarded.app = Guarded(route.app, access_of(route), rates)
        app.router.routes.append(guarded)
    add_refusals(app)
    app.add_middleware(Frame, hosts=hosts(settings), secure=bool(settings.web_cert))
    return app


def routes() -> Iterator[APIRoute]:
    """Give the routes of every module of `pages/` and `api/` that has a router."""
    for package in (pages, api):
        for module in _modules(package):
            router = getattr(module, "router", None)
            if isinstance(router, APIRouter):
                for route in router.routes:
                    assert isinstance(route, APIRoute), f"{module.__name__}: {route} is no plain route"
                    yield route


def hosts(settings: Settings) -> set[str]:
    """Return the names the page answers to: any other in `Host` is somebody's trick, or not set up."""
    host = settings.web_host.lower()
    more = {name.strip().lower() for name in settings.web_names.split(",") if name.strip()}
    return {"localhost", "127.0.0.1", "[::1]", f"[{host}]" if ":" in host else host, *more}


def _modules(package: ModuleType) -> Iterator[ModuleType]:
    for each in sorted(pkgutil.iter_modules(package.__path__), key=lambda each: each.name):
        yield importlib.import_module(f"{package.__name__}.{each.name}")
