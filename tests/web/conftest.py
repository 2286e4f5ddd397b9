"""A running web process and a browser for all tests of this folder that ask for them: `web`, `page_as`."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, async_playwright

from ivr.access import ROLES
from tests.support.believable import fill
from tests.support.hotline import Hotline
from tests.support.web import Windows, add_users, launch, shoot

PageAs = Callable[..., Awaitable[Page]]
Shoot = Callable[[Page, str], Awaitable[Path]]


@contextlib.contextmanager
def web_of_its_own(folder: Path) -> Iterator[Hotline]:
    """A web process with its own folders, database and Redis; a user for each role; no Asterisk, no controller."""
    running = Hotline(folder)
    try:
        running.cli("setup", timeout_s=300)
        asyncio.run(add_users(running.settings, ROLES))
        running.spawn("redis", "native", "redis")
        running.start_web()
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="session")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hotline]:
    """One for all modules: what they write is seen by the others. A module that counts has one of its own."""
    with web_of_its_own(tmp_path_factory.mktemp("web")) as running:
        yield running


@pytest.fixture(scope="session")
def login_states() -> dict[str, object]:
    """Cookies by role."""
    return {}


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """A Chromium without a window."""
    async with async_playwright() as playwright:
        running = await launch(playwright)
        yield running
        await running.close()


@pytest.fixture
async def windows(browser: Browser, web: Hotline, login_states: dict[str, object]) -> AsyncIterator[Windows]:
    """Pages of `web`; errors in a console and violations of the content security policy fail the test."""
    opened = Windows(browser, web.page, login_states)
    yield opened
    await opened.close()


@pytest.fixture
def page_as(windows: Windows) -> PageAs:
    """`await page_as("ops", width="phone", language="pl", dark=True)`: a page of somebody who is logged in."""
    return windows.open


@pytest.fixture
def picture(tmp_path: Path) -> Shoot:
    """`await picture(page, "live")`: save a picture of the whole page, in $HOTLINE_SHOTS when that is set."""

    async def take(page: Page, name: str) -> Path:
        return await shoot(page, name, tmp_path)

    return take


@pytest.fixture(scope="session")
def filled(web: Hotline) -> Hotline:
    """The same with two days of believable calls in it, agents signed in, callers in line."""
    fill(web)
    return web
