"""The whole way: somebody logs in, writes, sees, publishes; callers hear it, the counter moves; stopped, it is gone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import async_playwright, expect

from ivr.phone.phone import Phones
from tests.calls.conftest import INSIDE, heard_names, wait_until
from tests.support.hotline import Hotline
from tests.support.outage import newest
from tests.support.web import Windows, add_users, launch

pytestmark = pytest.mark.timeout(300)
COUNTED_MS = 10_000  # a call's record is stored within seconds of its end, the page looks every second


@pytest.fixture
async def windows(hotline: Hotline) -> AsyncIterator[Windows]:
    """Pages of the hotline the calls go to."""
    await add_users(hotline.settings, ["ops"])
    await asyncio.to_thread(hotline.start_web)
    async with async_playwright() as playwright:
        browser = await launch(playwright)
        opened = Windows(browser, hotline.page, {})
        yield opened
        await opened.close()
        await browser.close()


async def test_from_the_click_to_the_callers_ear_and_back(hotline: Hotline, phones: Phones, windows: Windows) -> None:
    """A customer of the district hears it to its end and is counted within seconds; stopped, he hears the menu only."""
    page = await windows.open("ops")
    await page.goto("/announcements/new")
    await page.get_by_label("Find an area").press_sequentially("wola")
    await page.locator("#area_found button").first.wait_for()
    await page.get_by_label("Find an area").press("Enter")
    await page.get_by_label("Service").fill("internet")
    await page.get_by_label("Text: Polish").fill("Na Woli nie działa internet. Pękł kabel.")
    await page.get_by_label("Text: English").fill("The internet is down in Wola.")
    await expect(page.locator("#audience")).to_contain_text("2 of 4 customers")
    await expect(page.locator("#sounds audio")).to_have_count(2, timeout=30_000)
    await page.get_by_role("button", name="Publish", exact=True).click()
    await expect(page.locator("h1")).to_have_text("Are you sure?")
    await page.get_by_role("button", name="Yes, publish to 2").click()
    await expect(page.locator("#done")).to_contain_text("On the phones after")
    outage = await newest(hotline)
    card = page.locator(f"#card-{outage.id}")
    count = card.locator('[data-count="heard"]')
    await expect(count).to_have_text("0")

    told = await phones.call("100", from_number=INSIDE)
    await told.wait_ended(120)
    await expect(count).to_have_text("1", timeout=COUNTED_MS)
    await expect(card.locator('[data-count="matched"]')).to_have_text("1")

    await card.get_by_role("button", name="Stop").click()
    await expect(page.locator("#done")).to_contain_text("Off the phones after")
    again = await phones.call("100", from_number=INSIDE)

    async def in_menu() -> bool:
        return "pl/main_menu" in heard_names(hotline, again.heard)

    await wait_until(in_menu, "the menu", 90)
    await again.hang_up()
    windows.expect(page, "status of 409")  # the question whether it is sure

    assert ["pl/welcome", "outage"] == heard_names(hotline, told.heard, outage)[:2]
    assert "outage" not in heard_names(hotline, again.heard, outage)
    await expect(card).to_have_count(0)
