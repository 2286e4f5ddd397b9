"""The pages Live and Agents in a browser: how soon a change is seen, how they look, what a keyboard can do."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator

import pytest
from playwright.async_api import Page, expect

from ivr.db import Database
from routing.model import AgentProfile
from routing.router import Router
from tests.support.floor import INTERNET, add_agents, add_records, controller, make_busy
from tests.support.hotline import Hotline
from tests.support.web import Windows, scrolls_sideways, violations
from tests.web.conftest import PageAs, Shoot, web_of_its_own

pytestmark = pytest.mark.real
WAITING, AGENTS = 300, 50
_filled: list[AgentProfile] = []


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hotline]:
    """Nobody else's customers, agents and calls."""
    with web_of_its_own(tmp_path_factory.mktemp("web")) as running:
        yield running


@pytest.fixture(scope="module")
def login_states() -> dict[str, object]:
    """Cookies by role."""
    return {}


@pytest.fixture
async def floor(web: Hotline) -> AsyncIterator[Router]:
    """A controller's router with AGENTS agents and WAITING calls, and two days of records."""
    async with controller(web.settings) as router:
        if not _filled:
            database = Database(web.settings)
            _filled.extend(await add_agents(database, AGENTS))
            await add_records(database, web.settings, [f"1768.{n}" for n in range(40)])
            await database.close()
        await make_busy(router, _filled, WAITING)
        yield router
        for call in (await router.snapshot()).calls:
            await router.abandon(call.call_id)


async def test_a_change_is_seen_within_a_second_while_three_hundred_wait(page_as: PageAs, floor: Router) -> None:
    """From the moment Redis has it to the moment the page shows it."""
    page = await page_as("supervisor")
    await page.goto("/live")
    took_s = []
    for n in range(6):
        began = time.monotonic()
        await floor.enqueue(f"seen.{n}", "internet", INTERNET, emergency=True)
        await page.wait_for_selector(f'tr[data-piece="call/seen.{n}"]', state="attached", timeout=5000)
        took_s.append(time.monotonic() - began)
        await page.wait_for_timeout(130 * n)

    assert sorted(took_s)[len(took_s) // 2] < 1.0, took_s


@pytest.mark.parametrize(("width", "language", "dark"), [("desktop", "en", False), ("phone", "pl", True)])
@pytest.mark.parametrize("path", ["/live", "/live?wall=1", "/agents"])
async def test_it_is_usable_by_everybody(
    page_as: PageAs, floor: Router, picture: Shoot, path: str, width: str, language: str, dark: bool
) -> None:
    """axe finds nothing, and the page is not wider than the window."""
    page = await page_as("supervisor", width=width, language=language, dark=dark)
    await page.goto(path)
    await page.wait_for_selector("#watched")
    name = path.strip("/").replace("?", "-").replace("=", "")
    await picture(page, f"{name}-{width}-{language}{'-dark' if dark else ''}")

    assert [] == await violations(page)
    assert not await scrolls_sideways(page)


async def test_a_call_is_moved_by_its_panel(page_as: PageAs, floor: Router, picture: Shoot) -> None:
    page = await page_as("supervisor")
    await page.goto("/live")
    await page.click('tr[data-piece="call/1768.1"] a')
    await page.wait_for_selector("[data-panel]")
    await page.wait_for_selector("[data-panel] .why")
    await picture(page, "live-panel")
    found = await violations(page)
    wanted = await page.eval_on_selector("#move-queue", "s => [...s.options].find(o => !o.selected).value")
    await page.select_option("#move-queue", wanted)
    await page.click("form[action$='/move'] button")
    await page.wait_for_selector("[data-panel] [role=status]")

    assert [] == found
    assert wanted == next(call.queue for call in (await floor.snapshot()).calls if call.call_id == "1768.1")


async def test_a_level_is_changed_where_it_stands(page_as: PageAs, floor: Router, picture: Shoot) -> None:
    """Click the level, choose another: it acts at once, and the keyboard goes on from the same place."""
    page = await page_as("supervisor")
    await page.goto("/agents")
    level = page.locator('[data-keep="a03/internet"]')
    was = await level.inner_text()
    wanted = "9" if was != "9" else "8"
    await level.click()
    choice = page.locator("#agent-a03 select")
    await choice.wait_for()
    found = await violations(page)
    await choice.select_option(wanted)
    await _level_is(page, wanted)
    await expect(level).to_be_focused()
    await picture(page, "agents-changed")
    known = next(view for view in (await floor.snapshot()).agents if view.agent_id == "a03")

    assert [] == found
    assert int(wanted) == known.skills["internet"]


@pytest.mark.usefixtures("floor")
async def test_a_page_that_lost_its_server_says_so(page_as: PageAs, windows: Windows) -> None:
    """No stale numbers: they go, and the banner tells since when."""
    page = await page_as("supervisor")
    await page.goto("/live")
    await page.route("**/live/events*", lambda route: route.abort())
    await page.reload()
    await page.wait_for_selector("#connection:not([hidden])")
    hidden = await page.eval_on_selector('[data-piece="n/waiting"]', "e => getComputedStyle(e).visibility")

    assert "hidden" == hidden
    windows.expect(page, "net::ERR_FAILED")


async def _level_is(page: Page, wanted: str) -> None:
    await page.wait_for_function(
        "wanted => document.querySelector('[data-keep=\"a03/internet\"]')?.textContent === wanted", arg=wanted
    )
