"""The announcements' pages in a browser: written, seen and heard before it is published, changed, stopped."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from ivr.announce.draft import Draft
from ivr.announce.model import RADAR, Target
from ivr.announce.publish import Publisher
from ivr.call import Customer
from ivr.db import Database
from ivr.desk.customers import Customers
from tests.support.announced import Beeper, fill, hearing_row, tone
from tests.support.hotline import Hotline
from tests.support.web import Windows, scrolls_sideways, too_wide, violations
from tests.web.conftest import PageAs, Shoot, web_of_its_own

WOLA = "pl/mazowieckie/warszawa/wola"
LOOKS = [("desktop", False), ("desktop", True), ("phone", False), ("phone", True)]


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hotline]:
    """Nobody else's customers, agents and calls."""
    with web_of_its_own(tmp_path_factory.mktemp("web")) as running:
        yield running


@pytest.fixture(scope="module")
def login_states() -> dict[str, object]:
    """Cookies by role."""
    return {}


@pytest.fixture(scope="module")
def stocked(web: Hotline) -> Hotline:
    """The page of a company with customers, something live, something proposed by the radar."""

    async def stock() -> None:
        database = Database(web.settings)
        places = [f"{WOLA}/node-{n % 30}" for n in range(300)]
        places += [f"pl/pomorskie/gdansk/node-{n % 9}" for n in range(3700)]
        rows = [Customer(f"+48221{n:06}", f"A{n}", "", area) for n, area in enumerate(places)]
        await Customers(database, web.settings)._write(rows, None)
        publisher, now = Publisher(database, web.settings, maker=Beeper()), datetime.now(UTC)
        live = (await publisher.post(
            Draft(Target(areas=(f"{WOLA}/node-7",)),
                  {"pl": "Awaria internetu na Woli.", "en": "Internet outage in Wola."}, "internet",
                  now + timedelta(hours=3), note="Ticket 4711"), "anna", now,
        )).version  # fmt: skip
        await publisher.draft(
            Draft(Target(node="node-3"), {"pl": "Mamy wiele zgłoszeń z tej okolicy."}, "internet", source=RADAR,
                  note="14 calls from node-3 in 3 minutes, usually 0.4"), "radar", now,
        )  # fmt: skip
        await fill(database, hearing=[
            hearing_row(f"s{n}", f"+4822100{n}", announcement_id=live.announcement_id, at=now, outcome="ended")
            for n in range(12)
        ])  # fmt: skip
        await database.close()

    asyncio.run(stock())
    return web


async def compose(page: Page, text: str) -> None:
    """Fill in the form: Wola, found by name; texts in two languages."""
    await page.goto("/announcements/new")
    await page.get_by_label("Find an area").press_sequentially("wol")
    await page.locator("#area_found button").first.wait_for()
    await page.get_by_label("Find an area").press("Enter")
    await page.get_by_label("Text: Polish").fill(f"{text} na Woli.")
    await page.get_by_label("Text: English").fill(f"{text} in Wola.")


@pytest.mark.usefixtures("stocked")
async def test_the_preview_follows_what_is_typed(page_as: PageAs) -> None:
    """Customers, sounds that can be played, quick times, the tree by keyboard: without a button being pressed."""
    page = await page_as("ops")
    await compose(page, "Outage")
    await expect(page.locator("#audience")).to_contain_text("300 of 4000 customers")
    await expect(page.locator("#sounds audio")).to_have_count(2, timeout=30_000)
    await expect(page.locator("#sounds")).to_contain_text("No Russian text")
    seconds = await page.locator("#sounds audio").first.evaluate(
        "sound => new Promise(done => { sound.onloadedmetadata = () => done(sound.duration); sound.load(); })"
    )
    assert 2 < seconds < 30
    await page.get_by_label("a time", exact=True).check()
    await page.get_by_role("button", name="+2 h").click()
    await expect(page.locator("#sounds")).to_contain_text("We expect the service to be back", timeout=30_000)

    await page.get_by_text("Choose from the tree").focus()
    await page.keyboard.press("Enter")
    for name in ("pl", "pomorskie"):
        summary = page.locator(".areas summary", has_text=re.compile(rf"^\s*{name}"))
        await summary.press("Enter")
        await summary.locator("xpath=../ul/li").first.wait_for()
    box = page.get_by_role("checkbox", name=re.compile("^Choose gdansk"))
    await box.press("Space")
    await expect(page.locator("#chosen li")).to_have_count(2)
    await expect(page.locator("#audience")).to_contain_text("4000 of 4000 customers")
    await expect(page.locator("#audience")).to_contain_text("asks once more")


async def test_published_counted_changed_and_stopped(stocked: Hotline, page_as: PageAs) -> None:
    """The counter moves by itself; another's change appears by itself; stopped by one press, put back by another."""
    page = await page_as("ops")
    await compose(page, "Fault")
    await page.get_by_role("button", name="Publish", exact=True).click()
    await expect(page.locator("#done")).to_contain_text("Published.")
    card = page.locator("li.announcement", has_text="Fault in Wola.")
    await expect(card.locator('[data-count="heard"]')).to_have_text("0")
    found = (await card.get_attribute("id") or "").removeprefix("card-")
    database = Database(stocked.settings)
    rows = [hearing_row(f"{found}{n}", "+4822", announcement_id=found, at=datetime.now(UTC)) for n in range(3)]
    await fill(database, hearing=rows)
    await expect(card.locator('[data-count="heard"]')).to_have_text("3", timeout=3000)

    await Publisher(database, stocked.settings, maker=Beeper()).update(found, "anna", datetime.now(UTC), eta=None,
                                                                        note="crew is there")  # fmt: skip
    await database.close()
    await expect(card).to_contain_text("crew is there", timeout=4000)
    await card.get_by_role("button", name="+1 h").click()
    await expect(page.locator("#done")).to_contain_text("Changed.")
    await card.get_by_role("button", name="Stop").click()
    await expect(page.locator("#done")).to_contain_text("Stopped.")
    await expect(card).to_have_count(0)
    await page.get_by_role("button", name="Put it back").click()
    await expect(page.locator("li.announcement", has_text="Fault in Wola.")).to_have_count(1)
    await page.locator("li.announcement", has_text="Fault in Wola.").get_by_role("button", name="Stop").click()


@pytest.mark.usefixtures("stocked")
async def test_mistakes_and_large_ones_lose_nothing(page_as: PageAs, windows: Windows) -> None:
    """The field is marked and has the focus; a large one asks, and back in the form all is there."""
    page = await page_as("ops")
    await compose(page, "Storm")
    await page.get_by_label("a time", exact=True).check()
    await page.get_by_label("At the latest").fill("soon")
    await page.get_by_role("button", name="Publish", exact=True).click()
    await expect(page.locator("#error-eta")).to_contain_text("Not a time")
    await expect(page.get_by_label("At the latest")).to_be_focused()
    await expect(page.get_by_label("Text: English")).to_have_value("Storm in Wola.")
    await page.get_by_label("unknown").check()
    await page.locator("#chosen input").click()
    await page.get_by_role("button", name="Publish", exact=True).click()
    await expect(page.locator("h1")).to_have_text("Are you sure?")
    await expect(page.locator("main")).to_contain_text("4000 of 4000 customers (100 %)")
    assert [] == await violations(page)
    await page.get_by_role("button", name="Back to the form").click()
    await expect(page.get_by_label("Text: English")).to_have_value("Storm in Wola.")
    await expect(page.locator("#chosen li")).to_have_count(0)
    windows.expect(page, "status of (422|409)")


@pytest.mark.usefixtures("stocked")
async def test_an_own_recording_and_a_list_of_numbers(page_as: PageAs, windows: Windows, tmp_path: Path) -> None:
    """Chosen, heard, taken away; a bad file is told at once. A file of numbers lands in the field."""
    (tmp_path / "own.wav").write_bytes(tone(2))
    (tmp_path / "bad.wav").write_bytes(b"<html>" * 100)
    (tmp_path / "numbers.csv").write_text("account\nA1\nA2\n")
    page = await page_as("ops")
    await compose(page, "Own")
    await page.get_by_text("Use a recording of your own").first.click()
    chooser = page.locator("#file_pl")
    await chooser.set_input_files(tmp_path / "bad.wav")
    await expect(page.locator("#recording-pl")).to_contain_text("is not audio")
    await chooser.set_input_files(tmp_path / "own.wav")
    await expect(page.locator("#recording-pl")).to_contain_text("Recording, 2.")
    await expect(page.locator("#sounds")).to_contain_text("recording", timeout=30_000)
    await page.get_by_role("button", name="Do not use it").click()
    await expect(page.locator("#sounds")).not_to_contain_text("recording", timeout=30_000)
    await page.get_by_text("Node, numbers, customer classes").click()
    await page.locator("#numbers_file").set_input_files(tmp_path / "numbers.csv")
    await expect(page.locator("#numbers")).to_have_value("account\nA1\nA2")
    windows.expect(page, "status of 422")


@pytest.mark.usefixtures("stocked")
async def test_it_works_without_scripts(page_as: PageAs) -> None:
    """Typed areas, a preview by its button, published, stopped."""
    page = await page_as("ops", script=False)
    await page.goto("/announcements/new")
    await page.get_by_label("Areas, one a line").fill(WOLA)
    await page.get_by_label("Text: English").fill("Plain outage.")
    await page.get_by_role("button", name="Preview").click()
    await expect(page.locator("#audience")).to_contain_text("300 of 4000 customers")
    await expect(page.locator("#sounds audio")).to_have_count(1)
    await page.get_by_role("button", name="Publish", exact=True).click()
    await expect(page.locator("#done")).to_contain_text("Published.")
    await page.locator("li.announcement", has_text="Plain outage.").get_by_role("button", name="Stop").click()
    await expect(page.locator("#done")).to_contain_text("Stopped.")


@pytest.mark.usefixtures("stocked")
@pytest.mark.parametrize(("width", "dark"), LOOKS)
async def test_looks(page_as: PageAs, picture: Shoot, width: str, dark: bool) -> None:
    """The list, the form with a preview, one announcement: nothing for axe to complain, nothing beyond the edge."""
    name = f"{width}-{'dark' if dark else 'light'}"
    page = await page_as("ops", width=width, dark=dark)
    await page.goto("/announcements")
    await expect(page.locator(".announcement.proposed")).to_have_count(1)
    await _look(page, picture, f"announcements-{name}")
    await page.locator(".announcement.live h3 a").first.click()
    await expect(page.locator("h1")).to_contain_text("node-7")
    await _look(page, picture, f"announcement-{name}")
    await compose(page, "Looks")
    await page.get_by_text("Choose from the tree").click()
    await page.locator(".areas summary").first.click()
    await page.locator(".areas details[open] > ul > li").first.wait_for()
    await expect(page.locator("#audience")).to_contain_text("300 of 4000 customers")
    await expect(page.locator("#sounds audio")).to_have_count(2, timeout=30_000)
    await _look(page, picture, f"announcement-form-{name}")


async def _look(page: Page, picture: Shoot, name: str) -> None:
    await picture(page, name)

    assert [] == await violations(page)
    assert not await scrolls_sideways(page), await too_wide(page)
