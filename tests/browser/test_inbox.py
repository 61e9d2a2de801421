"""The inbox as an operator uses it, with the user's chat page beside it."""

import re
from typing import Any

import pytest
from playwright.async_api import FilePayload, Page, expect

from tests.browser.browsing import DESKTOP, PHONE, Browsing, accessible, browsing, fits, needs_chromium, start, write
from tests.browser.test_hostile_html import ATTEMPTS
from tests.files import makers
from tests.harness import MongoDatabase

pytestmark = [needs_chromium, pytest.mark.timeout(120)]

LANGUAGES = {"light": ("en", "Send", "Troubles"), "dark": ("ru", "Отправить", "Сбои")}
PNG = makers.png()


async def opened(shown: Browsing, words: str, **query: Any) -> Page:
    """The inbox, with the conversation or ticket open that the words are of."""
    page = await shown.open("/inbox", **query)
    await page.get_by_role("link").filter(has_text=words).first.click()
    await expect(page.get_by_role("log")).to_be_visible()
    return page


async def say(page: Page, words: str, *, as_: str = "Reply") -> None:
    await page.get_by_role("radio", name=as_, exact=True).check()
    await page.get_by_role("textbox", name="Message").fill(words)
    await page.get_by_role("button", name="Send", exact=True).click()
    await expect(page.get_by_role("textbox", name="Message")).to_have_value("")


async def test_an_answer_with_its_formatting_and_a_file_reaches_the_user_and_a_note_does_not(
    mongo: MongoDatabase,
) -> None:
    async with browsing(mongo) as shown:
        user = await shown.open()
        await start(user, "My card was declined")
        inbox = await opened(shown, "My card was declined")
        await say(inbox, "Looks like fraud", as_="Internal note")
        image = FilePayload(name="how.png", mimeType="image/png", buffer=PNG)
        await inbox.get_by_label("Attach files").first.set_input_files([image])
        await expect(inbox.get_by_text("how.png")).to_be_visible()
        await say(
            inbox, "Dear **Alice**, <i>please</i>\n\n- wait\n- see [our status](https://status.example/a?b=1&c=2)"
        )

        await expect(user.locator(".rich b")).to_have_text("Alice")
        await expect(user.locator(".rich p")).to_contain_text("<i>please</i>")
        await expect(user.locator(".rich li")).to_have_count(2)
        await expect(user.locator(".rich a")).to_have_attribute("href", "https://status.example/a?b=1&c=2")
        await expect(user.get_by_role("img", name="how.png")).to_be_visible()
        assert await user.get_by_role("img", name="how.png").evaluate("image => image.decode().then(() => image.width)")
        await expect(user.locator("[data-delivery=seen]")).to_be_visible()
        await expect(user.get_by_text("fraud")).to_have_count(0)
        await expect(inbox.locator(".message--note")).to_contain_text("internal note")
        await expect(inbox.locator(".rich li")).to_have_count(2)


async def test_the_toolbar_and_the_keyboard_make_the_marks(mongo: MongoDatabase) -> None:
    async with browsing(mongo) as shown:
        await shown.world.sdk().start(body="Hello")
        inbox = await opened(shown, "Hello")
        field = inbox.get_by_role("textbox", name="Message")
        await field.fill("now")
        await field.select_text()
        await inbox.get_by_role("button", name="Bold").click()
        await expect(field).to_have_value("**now**")
        await inbox.get_by_role("button", name="List").click()
        await expect(field).to_have_value("- **now**")
        await field.press("Control+Enter")
        await expect(inbox.locator(".rich li b")).to_have_text("now")


async def test_states_tags_and_deleted_words_show_on_both_sides(mongo: MongoDatabase) -> None:
    async with browsing(mongo) as shown:
        user = await shown.open()
        await start(user, "My password is 1234")
        inbox = await opened(shown, "My password is 1234")
        await inbox.get_by_role("button", name="Delete text").click()
        await expect(inbox.get_by_text("The text was deleted.")).to_be_visible()
        await expect(user.get_by_role("log").get_by_text("This message was removed")).to_be_visible()

        await inbox.get_by_role("textbox", name="New tag").fill("secrets")
        await inbox.get_by_role("button", name="Add the tag").click()
        await inbox.get_by_role("button", name="Take off the tag secrets").click()
        await expect(inbox.get_by_role("button", name="Take off the tag secrets")).to_have_count(0)

        for action, state in (
            ("Snooze for an hour", "On hold"),
            ("Wake up", "Open"),
            ("Close", "Closed"),
            ("Reopen", "Open"),
        ):
            await inbox.get_by_role("button", name=action, exact=True).click()
            await expect(user.locator(".head .badge")).to_have_text(state)
        await say(inbox, "I am the assistant", as_="Assistant")
        await expect(user.get_by_role("log").get_by_text("I am the assistant")).to_be_visible()


async def test_what_an_operator_types_and_is_told_stays(mongo: MongoDatabase) -> None:
    async with browsing(mongo, quiet=False) as shown:
        chat = await shown.world.sdk().start(body="Hello")
        inbox = await opened(shown, "Hello")
        field = inbox.get_by_role("textbox", name="New tag")
        await field.fill("half a wo")
        await shown.world.sdk().reply(chat["id"], "One more thing")
        await expect(inbox.get_by_role("log").get_by_text("One more thing")).to_be_visible()
        await expect(field).to_have_value("half a wo")

        refusal = {"status": 400, "content_type": "application/json", "body": '{"error": "no such tag"}'}
        await inbox.route("**/tags", lambda route: route.fulfill(**refusal))
        await inbox.get_by_role("button", name="Add the tag").click()
        for _ in range(2):
            async with inbox.expect_response("**/_sim/inbox"):
                pass
        await expect(inbox.get_by_text("That didn't work: no such tag")).to_be_visible()
        await inbox.unroute("**/tags")
        await inbox.get_by_role("button", name="Add the tag").click()
        await expect(inbox.get_by_role("button", name="Take off the tag half a wo")).to_be_visible()
        await expect(inbox.get_by_text("That didn't work")).to_be_hidden()
        await expect(field).to_have_value("")


async def test_a_ticket_is_answered_and_moved_through_its_states(mongo: MongoDatabase) -> None:
    async with browsing(mongo) as shown:
        await shown.world.operator.make_ticket("alice", "Refund")
        user = await shown.open()
        await user.get_by_role("link", name="Refund").click()
        inbox = await opened(shown, "Refund")
        await inbox.get_by_role("combobox", name="State").select_option("In progress")
        await inbox.get_by_role("button", name="Move").click()
        await say(inbox, "It is on its **way**")
        await expect(user.locator(".rich b")).to_have_text("way")
        await expect(user.locator(".timeline li")).to_have_count(2)
        await inbox.get_by_role("button", name="Hide from the user").click()
        await expect(inbox.get_by_role("button", name="Share with the user")).to_be_visible()


async def test_without_webhooks_the_reconciler_brings_the_message(mongo: MongoDatabase) -> None:
    async with browsing(mongo) as shown:
        user = await shown.open()
        await start(user, "Hello")
        inbox = await opened(shown, "Hello")
        await inbox.get_by_role("switch", name="Webhooks are lost").check()
        await say(inbox, "Nobody tells you of this")
        await expect(inbox.get_by_text(re.compile("[1-9][0-9]* dropped"))).to_be_visible()
        await expect(user.get_by_role("log").get_by_text("Nobody tells you")).to_have_count(0)
        await shown.world.reconcile()
        await expect(user.get_by_role("log").get_by_text("Nobody tells you")).to_be_visible()
        await inbox.get_by_role("button", name="End all troubles").click()
        await expect(inbox.get_by_role("switch", checked=True)).to_have_count(0)
        assert (await shown.world.operator.control("GET", "/faults"))["webhook_drop"] == 0


@pytest.mark.logs("Intercom call failed", "circuit opened", "request failed")
async def test_an_outage_fails_what_the_user_sends_and_it_is_sent_once_after_it(mongo: MongoDatabase) -> None:
    async with browsing(mongo, quiet=False) as shown:
        user = await shown.open()
        await start(user, "Hello")
        inbox = await opened(shown, "Hello")
        await inbox.get_by_role("switch", name="Intercom is down").check()
        await expect(inbox.get_by_role("switch", name="Intercom is down")).to_be_checked()
        await write(user, "Is anybody there?")
        retry = user.get_by_role("button", name="Not sent. Tap to retry")
        await expect(retry).to_be_visible()
        await inbox.get_by_role("switch", name="Intercom is down").uncheck()
        await expect(inbox.get_by_role("switch", checked=True)).to_have_count(0)
        shown.world.clock.advance(31)  # the circuit lets the next call through
        await retry.click()
        await expect(user.locator("[data-delivery=sent]")).to_have_count(2)
        await expect(inbox.get_by_role("log").get_by_text("Is anybody there?")).to_have_count(1)


@pytest.mark.parametrize("scheme", LANGUAGES)
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
async def test_it_is_accessible_in_both_languages_and_sizes(mongo: MongoDatabase, size: Any, scheme: str) -> None:
    language, send, troubles = LANGUAGES[scheme]
    async with browsing(mongo) as shown:
        chat = await shown.world.sdk().start(body="Hello")
        await shown.world.operator.act(chat["id"], "note", body="<p>A note</p>")
        await shown.world.operator.act(chat["id"], "tags", name="vip")
        ticket = await shown.world.operator.make_ticket("alice", "Refund of the second charge")
        page = await shown.open("/inbox", size=size, scheme=scheme, lang=language)
        await expect(page.get_by_role("link").filter(has_text="Hello")).to_be_visible()
        await accessible(page)
        await page.get_by_role("link").filter(has_text="Hello").click()
        await expect(page.get_by_role("button", name=send, exact=True)).to_be_visible()
        await accessible(page)
        assert await fits(page)
        await page.evaluate("hash => { location.hash = hash; }", f"tickets/{ticket['id']}")
        await expect(page.get_by_role("combobox")).to_be_visible()
        await accessible(page)
        assert await fits(page)
        await page.goto(page.url.partition("#")[0] + "#troubles")
        await expect(page.get_by_role("heading", name=troubles)).to_be_visible()
        await accessible(page)


async def test_nothing_that_anybody_wrote_runs_in_it(mongo: MongoDatabase) -> None:
    async with browsing(mongo, quiet=False) as shown:
        chat = await shown.world.sdk("<img src=x onerror=alert(1)>").start(body="<script>alert(1)</script> words")
        for attempt in ATTEMPTS:
            await shown.world.operator.reply(chat["id"], f"<p>before</p>{attempt}")
        await shown.world.operator.reply(chat["id"], "<p>the end</p>")
        page = await opened(shown, "the end")
        await expect(page.get_by_role("log").get_by_text("the end")).to_be_visible()
        attributes = "node => [...node.querySelectorAll('*')].flatMap(each => each.getAttributeNames())"
        names = {name for each in await page.locator(".rich").all() for name in await each.evaluate(attributes)}
        assert names <= {"href", "rel", "target"}
        links = await page.locator(".rich a").evaluate_all("all => all.map(each => each.protocol)")
        assert set(links) <= {"http:", "https:", "mailto:"}
        await expect(page.get_by_role("log").get_by_text("<script>alert(1)</script> words")).to_be_visible()
        # The policy holds in the document that is only parsed, too.
        assert all("Content Security Policy" in line for line in shown.complaints), shown.complaints
