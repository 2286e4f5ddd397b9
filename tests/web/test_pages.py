"""Every page in a real browser: nothing to complain about, no sideways scrolling, nothing axe finds, by keyboard."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import Page

from tests.support.hotline import Hotline
from tests.support.web import pages_of, scrolls_sideways, settle, too_wide, violations
from tests.web.conftest import PageAs

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]
TABS_MOST = 60
Look = Callable[[Page], Awaitable[list[str]]]


async def fits(page: Page) -> list[str]:
    """Nothing is wider than the window."""
    return await too_wide(page) or ["scrolls sideways"] if await scrolls_sideways(page) else []


async def spoken(page: Page) -> list[str]:
    """No word was left untranslated or unfilled, and the page says its language."""
    text = await page.inner_text("body")
    marks = ("None", "undefined", "base.") if page.url.endswith("/api") else ("{", "}", "None", "undefined", "base.")
    return [f"{mark!r} is on it" for mark in marks if mark in text]


async def each_page(page: Page, paths: list[str], *looks: Look) -> list[str]:
    """Return what `looks` find on every page, with its address."""
    found = []
    for path in paths:
        answer = await page.goto(path)
        assert answer is not None
        await settle(page)
        if answer.status != 200:
            found.append(f"{path}: status {answer.status}")
        for look in looks:
            found += [f"{path}: {line}" for line in await look(page)]
    return found


@pytest.fixture(scope="module")
def paths() -> list[str]:
    """All pages, once they have been looked for."""
    return []


async def found(page: Page, paths: list[str]) -> list[str]:
    """Return all pages, looked for once."""
    if not paths:
        paths += ["/login", *await pages_of(page)]
    return paths


async def test_all_pages_are_found(filled: Hotline, page_as: PageAs, paths: list[str]) -> None:
    """Those of the top bar, and one of each kind below them."""
    all_paths = await found(await page_as("admin"), paths)

    expected = ("/announcements", "/announcements/new", "/live", "/calls", "/agents", "/dialplans", "/admin",
                "/account")  # fmt: skip
    assert [path for path in expected if path not in all_paths] == []
    assert any(path.startswith("/calls/") for path in all_paths)
    assert any(path.startswith("/announcements/") and path != "/announcements/new" for path in all_paths)


@pytest.mark.parametrize("width", ["desktop", "phone"])
@pytest.mark.parametrize("language", ["en", "pl", "ru"])
async def test_every_page_fits(
    filled: Hotline, page_as: PageAs, paths: list[str], width: str, language: str
) -> None:
    """In each language, on a screen and on a phone."""
    page = await page_as("admin", width=width, language=language)

    assert await each_page(page, await found(page, paths), fits, spoken) == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", ["desktop", "phone"])
async def test_axe_finds_nothing(filled: Hotline, page_as: PageAs, paths: list[str], width: str, dark: bool) -> None:
    """Names, contrast, order of headings, landmarks: on every page."""
    page = await page_as("admin", width=width, dark=dark)

    assert await each_page(page, await found(page, paths), violations) == []


async def test_the_keyboard_reaches_what_a_page_is_about(filled: Hotline, page_as: PageAs, paths: list[str]) -> None:
    """Tab begins at the link that skips the bar, and goes on into the page; what has the focus is marked."""
    page = await page_as("admin")
    wrong = []
    for path in await found(page, paths):
        await page.goto(path)
        await settle(page)
        await page.evaluate("document.activeElement.blur()")
        inside, unmarked = False, ""
        for _ in range(TABS_MOST):
            await page.keyboard.press("Tab")
            inside, marked, what = await page.evaluate(
                """() => {
                    const at = document.activeElement, style = getComputedStyle(at);
                    const marked = style.outlineStyle !== 'none' || style.boxShadow !== 'none';
                    return [!!at.closest('main'), marked, at.outerHTML.slice(0, 80)];
                }"""
            )
            unmarked = unmarked or ("" if marked else what)
            if inside:
                break
        wrong += [f"{path}: Tab does not reach main"] if not inside else []
        wrong += [f"{path}: no focus seen on {unmarked}"] if unmarked else []

    assert wrong == []


async def test_pages_can_be_read_without_script(filled: Hotline, page_as: PageAs, paths: list[str]) -> None:
    """JavaScript off: every page still has its heading and its words."""
    page = await page_as("admin")
    addresses = await found(page, paths)
    plain = await page_as("admin", script=False)
    bare = []
    for path in addresses:
        await plain.goto(path)
        bare += [path] if not await plain.locator("main h1").count() else []

    assert bare == []
