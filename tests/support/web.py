"""The web page in a real browser: a web process of its own, a user for every role, pages that note every complaint."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, BrowserContext, Page, Playwright, expect

from ivr.access import ADMIN
from ivr.db import Database
from ivr.desk.users import Users
from ivr.settings import Settings
from tests.support.chromium import ARGUMENTS, chromium

DESKTOP, PHONE = {"width": 1280, "height": 800}, {"width": 360, "height": 740}
WIDTHS = {"desktop": DESKTOP, "phone": PHONE}
AXE = Path(__file__).parents[1] / "web/vendor/axe.min.js"
PATIENCE_MS = 15_000
PASSWORD = "correct horse battery staple"


async def add_users(settings: Settings, roles: Collection[str]) -> None:
    """Add a user for each role, named as the role, whose password is PASSWORD."""
    database = Database(settings)
    users = Users(database)
    for role in sorted(roles, key=lambda each: each != ADMIN):  # there must be one before anything is changed
        issued = await users.add(role, [role])
        await users.change_password(role, issued.password, PASSWORD)
    await database.close()


async def launch(playwright: Playwright) -> Browser:
    """Start the browser; it is ready within a second."""
    found = chromium()
    return await playwright.chromium.launch(
        executable_path=found.path, args=list(ARGUMENTS), env={**os.environ, **found.environment}
    )


@dataclass
class Windows:
    """Pages of one browser, each in a session of its own, and what they complained about.

    states  role -> cookies, kept between tests so that each role logs in once.
    """

    browser: Browser
    url: str
    states: dict[str, Any]
    complaints: dict[Page, list[str]] = field(default_factory=dict)
    contexts: list[BrowserContext] = field(default_factory=list)

    async def open(
        self, role: str | None, *, width: str = "desktop", language: str = "en", dark: bool = False, script: bool = True
    ) -> Page:
        """Return a page of somebody with `role`, logged in; nobody when None.

        width  desktop or phone.  language  the browser's.  script  False: JavaScript is off.
        """
        context = await self.browser.new_context(
            base_url=self.url, viewport=WIDTHS[width], is_mobile=width == "phone", has_touch=width == "phone",
            locale=language, color_scheme="dark" if dark else "light", java_script_enabled=script,
            storage_state=self.states.get(role) if role else None, reduced_motion="reduce",
        )  # fmt: skip
        context.set_default_timeout(PATIENCE_MS)
        self.contexts.append(context)
        page = await context.new_page()
        self._listen(page)
        if role and role not in self.states:
            await log_in(page, role, PASSWORD)
            self.states[role] = await context.storage_state()
        return page

    def _listen(self, page: Page) -> None:
        said = self.complaints.setdefault(page, [])
        page.on("console", lambda line: said.append(line.text) if line.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: said.append(str(error)))

    def expect(self, page: Page, pattern: str) -> None:
        """Take complaints that match `pattern` for what the test provoked; at least one must be there."""
        said = self.complaints[page]
        kept = [line for line in said if not re.search(pattern, line)]
        assert len(kept) < len(said), f"nothing matched {pattern!r} in {said}"
        self.complaints[page] = kept

    async def close(self) -> None:
        """Close all pages; raises AssertionError with what any of them complained about."""
        for context in self.contexts:
            await context.close()
        assert not (told := [line for said in self.complaints.values() for line in said]), "\n".join(told)


async def log_in(page: Page, name: str, password: str) -> None:
    """Log in by the form, as a person does; returns when the first page after it is there."""
    await page.goto("/login")
    await page.locator("form input[autocomplete=username]").fill(name)
    await page.locator("form input[type=password]").fill(password)
    await page.locator("form input[type=password]").press("Enter")
    await page.wait_for_url(lambda url: "/login" not in url)


async def pages_of(page: Page) -> list[str]:
    """Return the addresses of all pages `page` leads to: the top bar, the account, and what these link to.

    Of links that differ only in what they name (a call, an agent) one is taken.
    """
    await page.goto("/")
    bar: list[str] = await page.eval_on_selector_all("nav a[href]", "all => all.map(a => a.getAttribute('href'))")
    found = {shape(path): path for path in [*bar, "/account", "/account/password", "/api"]}
    for path in list(found.values()):
        await page.goto(path)
        links: list[str] = await page.eval_on_selector_all(
            "main a[href^='/']:not([download])", "all => all.map(a => a.getAttribute('href'))"
        )
        for link in links:
            if not re.search(r"\.(wav|json|svg|csv)\b|^/static/", link):
                found.setdefault(shape(link), link.partition("#")[0])
    return sorted(found.values())


def shape(path: str) -> str:
    """Return an address without what it names and asks for: links to two calls have one shape."""
    parts = path.partition("?")[0].partition("#")[0].strip("/").split("/")
    at = 1 if parts[0] in ("calls", "agents", "announcements") else 2
    if len(parts) > at and parts[at] != "new":
        parts[at] = "*"
    return "/".join(parts)


async def settle(page: Page) -> None:
    """Wait until the page has loaded and htmx asks for nothing any more; a stream may be open."""
    await page.wait_for_load_state("load")
    await expect(page.locator(".htmx-request")).to_have_count(0, timeout=PATIENCE_MS)


async def violations(page: Page, *, without: Mapping[str, object] | None = None) -> list[str]:
    """Return what axe finds wrong with the page as it is now, a line each: rule, place, why. Empty is good.

    without  rules as axe takes them, e.g. {"region": {"enabled": False}}.
    """
    if not await page.evaluate("typeof axe === 'object'"):
        await page.evaluate(AXE.read_text("utf-8") + "\n;null")  # by the debugger: the page's CSP would refuse a script
    found = await page.evaluate(
        "rules => axe.run(document, {resultTypes: ['violations'], rules})", dict(without or {})
    )
    return [
        f"{rule['id']}: {' '.join(map(str, node['target']))}: {' '.join(node['failureSummary'].split())}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]


async def scrolls_sideways(page: Page) -> bool:
    """Is the page wider than the window?"""
    wide: bool = await page.evaluate("document.scrollingElement.scrollWidth > document.scrollingElement.clientWidth")
    return wide


async def too_wide(page: Page) -> list[str]:
    """Return the elements that reach beyond the window's right edge, for messages."""
    found: list[str] = await page.evaluate(
        """() => [...document.querySelectorAll('body *')].filter(e => !e.closest('.table-wrap *')
            && e.getBoundingClientRect().right > document.scrollingElement.clientWidth + 1)
            .slice(0, 5).map(e => e.outerHTML.slice(0, 120))"""
    )
    return found


async def shoot(page: Page, name: str, folder: Path) -> Path:
    """Save a picture of the whole page as `folder`/name.png, or in $HOTLINE_SHOTS where that is set."""
    target = Path(os.environ.get("HOTLINE_SHOTS", folder)) / f"{name}.png"
    target.parent.mkdir(parents=True, exist_ok=True)
    await page.screenshot(path=target, full_page=True)
    return target
