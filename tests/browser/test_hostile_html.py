"""What an operator's message can't do to the page: run, load from elsewhere, or leave its bubble."""

import pytest
from playwright.async_api import expect

from tests.browser.browsing import browsing, needs_chromium, start
from tests.harness import MongoDatabase

pytestmark = [needs_chromium, pytest.mark.timeout(120)]

ATTEMPTS = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)></svg>",
    "<svg><script>alert(1)</script></svg>",
    "<a href='javascript:alert(1)'>x</a>",
    "<a href='  jAvAsCrIpT&#58;alert(1)'>x</a>",
    "<iframe srcdoc='<script>parent.alert(1)</script>'></iframe>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)></style></mglyph></table></mtext></math>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'></noscript>",
    "<template><img src=x onerror=alert(1)></template>",
    "<style>@import url(https://evil.example/x.css); * { background: url(https://evil.example/y) }</style>",
    "<p style='background:url(https://evil.example/z)'>x</p>",
    "<link rel=stylesheet href=https://evil.example/x.css>",
    "<meta http-equiv=refresh content='0;url=https://evil.example/'>",
    "<base href=https://evil.example/>",
    "<form action=https://evil.example/><button autofocus onfocus=alert(1)>x</button></form>",
    "<object data='data:text/html,<script>alert(1)</script>'></object>",
    "<video src=x onerror=alert(1)></video><audio src=x onerror=alert(1)></audio>",
    "<details open ontoggle=alert(1)>x</details>",
    "<b onmouseover=alert(1) id=pane class=hub>x</b>",
    "&lt;img src=x onerror=alert(1)&gt;",
)


async def test_nothing_of_the_corpus_runs(mongo: MongoDatabase) -> None:
    async with browsing(mongo) as shown:
        page = await shown.open()
        await start(page, "Hello")
        for attempt in ATTEMPTS:
            await shown.world.operator.reply("last", f"<p>before</p>{attempt}")
        await shown.world.operator.reply("last", "<p>the end</p>")
        await expect(page.get_by_role("log").get_by_text("the end")).to_be_visible()
        bubbles = page.locator(".rich")
        allowed = "p,br,a,b,strong,i,em,u,ul,ol,li,code,pre,blockquote,img"
        assert await bubbles.locator(f"*:not({allowed})").count() == 0
        attributes = "node => [...node.querySelectorAll('*')].flatMap(each => each.getAttributeNames())"
        names = {name for each in await bubbles.all() for name in await each.evaluate(attributes)}
        assert names <= {"href", "src", "alt", "title", "rel", "target"}
        links = await bubbles.locator("a[href]").evaluate_all("all => all.map(each => each.protocol)")
        assert set(links) <= {"http:", "https:", "mailto:"}
        assert page.url.startswith(shown.origin)


async def test_the_policy_lets_nothing_inline_run(mongo: MongoDatabase) -> None:
    async with browsing(mongo, quiet=False) as shown:
        page = await shown.open()
        ran = await page.evaluate(
            """() => {
              const script = document.createElement("script");
              script.textContent = "window.ran = true";
              document.body.append(script);
              return window.ran ?? false;
            }"""
        )
        assert ran is False
        await expect(page.get_by_role("link", name="New request")).to_be_visible()
        assert [line for line in shown.complaints if "Content Security Policy" in line]
