"""Draws docs/pages.png: the chat page and the operator's inbox side by side, from a running demo (`make demo`).

    python scripts/picture.py

It plays a small conversation first, so the picture shows one. Needs Chromium and the extra `test`.
"""

import argparse
import base64
import shutil
import sys
from pathlib import Path

import httpx
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

ROOT = Path(__file__).parents[1]
SIZE: ViewportSize = {"width": 960, "height": 760}
INBOX_SIZE: ViewportSize = {"width": 1240, "height": 760}
THANKS = "Thank you! It was on 3 November."
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")
QUESTION = "My card was charged twice for the same order."
ANSWER = """<p>Hello <b>Alice</b>, I see both charges. Please check:</p>
<ul><li>the <i>date</i> of the order</li><li>your <a href="https://example.com/">statement</a></li></ul>"""


def main() -> int:
    """0 when the picture is made, 1 where Chromium or the demo is missing."""
    options = _parser().parse_args()
    chromium = shutil.which("chromium")
    if chromium is None:
        print("picture: there is no Chromium here; Debian's package is chromium", file=sys.stderr)
        return 1
    try:
        with sync_playwright() as driver, httpx.Client(base_url=options.demo, trust_env=False) as demo:
            browser = driver.chromium.launch(executable_path=chromium, args=list(FLAGS))
            options.to.write_bytes(_side_by_side(browser, _pages(browser, demo)))
            browser.close()
    except httpx.HTTPError as error:
        print(f"picture: no demo at {options.demo}: {error}. Start one with `make demo`.", file=sys.stderr)
        return 1
    print(f"Wrote {options.to}.")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Draws the demo's pages side by side, from a running demo.")
    parser.add_argument("--demo", default="http://127.0.0.1:41180", help="where the demo's pages are")
    parser.add_argument("--to", type=Path, default=ROOT / "docs" / "pages.png", help="the picture to write")
    return parser


def _pages(browser: Browser, demo: httpx.Client) -> list[bytes]:
    """The chat page, and the inbox with the same conversation."""
    demo.get("/demo").raise_for_status()
    return [_chat(browser, demo), _inbox(browser, demo)]


def _chat(browser: Browser, demo: httpx.Client) -> bytes:
    page = _open(browser, f"{_origin(demo)}/demo?user=alice&poll=300&lang=en", SIZE)
    page.get_by_role("link", name="New request").click()
    page.get_by_role("radio", name="Cards").check()
    page.get_by_label("Message", exact=True).fill(QUESTION)
    page.get_by_role("button", name="Start").click()
    page.locator("[data-delivery=sent]").wait_for()
    demo.post("/_sim/conversations/last/reply", json={"body": ANSWER}).raise_for_status()
    demo.post("/_sim/tickets", json={"external_id": "alice", "title": "Refund of the second charge"}).raise_for_status()
    page.locator("[data-delivery=seen]").wait_for()
    page.get_by_role("link", name="Refund of the second charge").first.wait_for()
    page.get_by_role("textbox", name="Message").fill(THANKS)
    page.get_by_role("button", name="Send").click()
    page.get_by_role("link").filter(has_text=THANKS).wait_for()  # the hub has it, too
    return page.screenshot()


def _inbox(browser: Browser, demo: httpx.Client) -> bytes:
    page = _open(browser, f"{_origin(demo)}/inbox?lang=en", INBOX_SIZE)
    page.get_by_role("link").filter(has_text=THANKS).first.click()
    page.get_by_role("log").get_by_text(THANKS).wait_for()
    page.get_by_role("radio", name="Internal note").check()
    page.get_by_role("textbox", name="Message").fill("Both charges are of 3 November; **refund** the second.")
    page.get_by_role("button", name="Send", exact=True).click()
    page.locator(".message--note").get_by_text("refund").wait_for()
    page.get_by_role("radio", name="Reply", exact=True).check()
    page.get_by_role("textbox", name="New tag").fill("refund")
    page.get_by_role("button", name="Add the tag").click()
    page.get_by_role("button", name="Take off the tag refund").wait_for()
    return page.screenshot()


def _origin(demo: httpx.Client) -> str:
    return str(demo.base_url).rstrip("/")


def _open(browser: Browser, url: str, size: ViewportSize) -> Page:
    page = browser.new_page(viewport=size, color_scheme="light", reduced_motion="reduce")
    page.goto(url)
    return page


def _side_by_side(browser: Browser, pictures: list[bytes]) -> bytes:
    """One picture of several, with room around them."""
    shown = "".join(f'<img src="data:image/png;base64,{base64.b64encode(each).decode()}">' for each in pictures)
    style = "body{margin:0;padding:24px;display:inline-flex;gap:24px;background:#cdd5e1}img{border-radius:12px}"
    page = browser.new_page()
    page.set_content(f"<style>{style}</style><body>{shown}</body>")
    return page.locator("body").screenshot()


if __name__ == "__main__":
    sys.exit(main())
