"""The browser tests look with, and that it complains."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser

from tests.support.web import Windows, log_in, scrolls_sideways, violations
from tests.web.conftest import PageAs, Shoot


async def test_it_draws_polish_and_russian_with_a_font_of_its_own(browser: Browser) -> None:
    """Letters that no font has all look alike; these do not."""
    page = await browser.new_page()
    await page.set_content("<p></p>")
    drawn = await page.evaluate(
        """() => [...'łąŻщЯ\\u{10FFFD}'].map(letter => {
            const canvas = document.createElement('canvas'), pen = canvas.getContext('2d');
            pen.font = '40px system-ui'; pen.fillText(letter, 5, 50);
            return canvas.toDataURL();
        })"""
    )

    assert len(set(drawn)) == 6


async def test_a_login_is_kept_for_the_next_page(page_as: PageAs, picture: Shoot) -> None:
    """Each role logs in once; further pages of it are logged in already, in sessions of their own."""
    first, second = await page_as("admin"), await page_as("admin", width="phone")
    await second.goto("/account")

    assert "/login" not in first.url
    assert second.url.endswith("/account")
    assert (await picture(second, "account-phone")).stat().st_size > 1000


async def test_a_wrong_password_is_refused_in_the_form(page_as: PageAs, windows: Windows) -> None:
    """And the browser's complaint about the status is expected here, nowhere else."""
    page = await page_as(None)
    await page.goto("/login")
    await page.fill("#name", "ops")
    await page.fill("#password", "wrong horse")
    await page.press("#password", "Enter")
    await page.wait_for_selector("[role=alert]:has-text('wrong')")

    windows.expect(page, "403")


async def test_what_a_page_does_wrong_is_found(browser: Browser) -> None:
    """An inline script against the policy, a picture without words, a box wider than the window."""
    opened = Windows(browser, "http://127.0.0.1", {})
    page = await opened.open(None, width="phone")
    await page.route("**/bad", lambda route: route.fulfill(
        content_type="text/html", headers={"content-security-policy": "script-src 'none'"},
        body="<!doctype html><html lang=en><title>bad</title><meta name=viewport content='width=device-width'>"
             "<main><h1>bad</h1><img src=data:, width=900 height=9>"
             "<script>1</script></main>",
    ))  # fmt: skip
    await page.goto("/bad")
    found = await violations(page)

    assert any(line.startswith("image-alt") for line in found)
    assert await scrolls_sideways(page)
    with pytest.raises(AssertionError, match="Content Security Policy"):
        await opened.close()


async def test_who_does_not_log_in_stays_outside(page_as: PageAs) -> None:
    """A page asked for without a session leads to the form and, after it, to that page."""
    page = await page_as(None)
    await page.goto("/account")

    assert "/login" in page.url
    await log_in(page, "supervisor", "correct horse battery staple")
    assert "/login" not in page.url
