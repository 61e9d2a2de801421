"""Chromium on the demo's pages: one browser a session, a fresh profile a test, and everything that it complains of."""

import contextlib
import os
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Locator, Page, Request, async_playwright, expect

from supportd.dev.ports import free_port
from tests.harness import JWT_SECRET, MongoDatabase, World, serving, settings, simulating

CHROMIUM = shutil.which("chromium")
POLL_MS = 150
DESKTOP = {"width": 1080, "height": 760}
PHONE = {"width": 390, "height": 780}
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

# On a newcomer's machine there may be none. CI installs it: there, the tests fail without it.
needs_chromium = pytest.mark.skipif(
    CHROMIUM is None and "CI" not in os.environ, reason="there is no Chromium here; Debian's package is chromium"
)


@dataclass
class Browsing:
    """Pages open on a world of their own, and what the browser said of them."""

    world: World
    origin: str
    browser: Any
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    async def open(self, path: str = "/demo", *, size: Any = None, scheme: Any = "light", **query: Any) -> Page:
        """A page in a profile of its own, asking for news as often as tests can use."""
        context = await self.browser.new_context(
            viewport=size or DESKTOP, locale="en-GB", color_scheme=scheme, reduced_motion="reduce"
        )
        page: Page = await context.new_page()
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda line: self.complaints.append(line.text) if line.type == "error" else None)
        page.on("dialog", lambda dialog: self.complaints.append(f"dialog: {dialog.message}"))
        page.on("request", self._note)
        await page.goto(f"{self.origin}{path}?{urlencode({'poll': POLL_MS, **query})}")
        return page

    def elsewhere(self) -> list[str]:
        """Requests to other places than the simulator and supportd."""
        ours = (self.origin, f"http://127.0.0.1:{self.world.server.port}", "blob:", "data:")
        return [url for url in self.requests if not url.startswith(ours)]

    def _note(self, request: Request) -> None:
        self.requests.append(request.url)


@contextlib.asynccontextmanager
async def browsing(mongo: MongoDatabase, *, quiet: bool = True, **changes: Any) -> AsyncIterator[Browsing]:
    """A world with its pages. At the end nothing was asked of other places, and the console is clean where `quiet`."""
    port = free_port()
    async with contextlib.AsyncExitStack() as stack:
        simulator = await stack.enter_async_context(
            simulating(api_url=f"http://127.0.0.1:{port}", jwt_secret=JWT_SECRET)
        )
        changed = {"port": port, "cors_origins": (simulator.base_url,), **changes}
        configuration = settings(mongo, simulator.base_url, **changed)
        world = await stack.enter_async_context(serving(configuration, simulator))
        driver = await stack.enter_async_context(async_playwright())
        browser = await driver.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        try:
            shown = Browsing(world, simulator.base_url, browser)
            yield shown
        finally:
            await browser.close()
        assert not shown.elsewhere(), shown.elsewhere()
        assert not (quiet and shown.complaints), shown.complaints


async def accessible(page: Page) -> None:
    """Raises `AssertionError` with the rules of axe-core that the page breaks. Its script is added past the policy."""
    found = await Axe().run(page)
    violations = found.response["violations"]
    broken = [(each["id"], node["html"], node["failureSummary"]) for each in violations for node in each["nodes"]]
    assert not broken, broken


async def fits(page: Page) -> bool:
    """Whether nothing sticks out, of the page or of one of its parts."""
    wide = "each => each.checkVisibility() && each.scrollWidth > each.clientWidth"
    parts = "document.documentElement, ...document.querySelectorAll('.hub, .pane, .troubles, .head, .strip, .below')"
    return bool(await page.evaluate(f"() => ![{parts}].some({wide})"))


async def tab_to(page: Page, goal: Locator) -> None:
    """Moves the focus there by the keyboard alone."""
    for _ in range(40):
        if await goal.evaluate("node => node === document.activeElement"):
            return
        await page.keyboard.press("Tab")
    raise AssertionError(f"not reached by Tab: {goal}")


async def start(page: Page, words: str) -> None:
    """Starts a request with these words, and waits until it is sent."""
    await page.get_by_role("link", name="New request").click()
    await page.get_by_label("Message", exact=True).fill(words)
    await page.get_by_role("button", name="Start").click()
    await expect(page.locator("[data-delivery=sent]")).to_be_visible()


async def write(page: Page, words: str) -> None:
    """Writes into the conversation that is shown."""
    await page.get_by_role("textbox", name="Message").fill(words)
    await page.get_by_role("button", name="Send").click()
