"""Pictures of every page: `python -m tests.web.shots FOLDER`, each 1280 and 360 pixels wide, in English and Polish.

Shows a hotline of its own with two days of believable calls (tests/support/believable.py); no call is placed.
ARGS: --language en --width phone --dark --role admin PATH... narrow it down.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from pathlib import Path

from playwright.async_api import async_playwright

from ivr.access import ROLES
from tests.support.believable import fill
from tests.support.chromium import fetch
from tests.support.hotline import Hotline
from tests.support.web import WIDTHS, Windows, add_users, launch, pages_of, scrolls_sideways, settle, shoot


async def take(hotline: Hotline, folder: Path, chosen: argparse.Namespace) -> int:
    """Take all pictures; return how many pages complained about something."""
    troubles = 0
    async with async_playwright() as playwright:
        browser = await launch(playwright)
        windows = Windows(browser, hotline.page, {})
        paths = chosen.paths or ["/login", *await pages_of(await windows.open(chosen.role))]
        for language in chosen.language:
            for width in chosen.width:
                page = await windows.open(chosen.role, width=width, language=language, dark=chosen.dark)
                for path in paths:
                    if path == "/login":
                        page, inside = await windows.open(None, width=width, language=language, dark=chosen.dark), page
                    await page.goto(path)
                    await settle(page)
                    if await scrolls_sideways(page):
                        print(f"{path} {width} {language}: scrolls sideways")  # noqa: T201
                        troubles += 1
                    name = path.strip("/").split("?")[0].replace("/", "-") or "home"
                    saved = await shoot(page, f"{name}-{width}-{language}{'-dark' if chosen.dark else ''}", folder)
                    print(saved)  # noqa: T201
                    if path == "/login":
                        page = inside
        try:
            await windows.close()
        except AssertionError as error:
            print(error)  # noqa: T201
            troubles += 1
        await browser.close()
    return troubles


def main() -> int:
    """Start a hotline's page, fill it, take pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("paths", nargs="*", help="pages, such as /live; default: all")
    parser.add_argument("--language", action="append", choices=("en", "pl", "ru"))
    parser.add_argument("--width", action="append", choices=tuple(WIDTHS))
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--role", default="admin", choices=ROLES)
    chosen = parser.parse_args()
    chosen.language, chosen.width = chosen.language or ["en", "pl"], chosen.width or list(WIDTHS)
    fetch(print)
    with tempfile.TemporaryDirectory(prefix="hotline-shots-") as name:
        hotline = Hotline(Path(name), log_level="warning")
        try:
            hotline.cli("setup", timeout_s=300)
            asyncio.run(add_users(hotline.settings, ROLES))
            hotline.spawn("redis", "native", "redis")
            fill(hotline)
            hotline.start_web()
            return min(1, asyncio.run(take(hotline, chosen.folder, chosen)))
        finally:
            print(hotline.tail("web", 500))  # noqa: T201
            hotline.stop()


if __name__ == "__main__":
    raise SystemExit(main())
