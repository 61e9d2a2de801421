"""The chat page as a user sees it: from the first words to the stars, through failures, on both screens."""

import asyncio
import re
from typing import Any

import pytest
from playwright.async_api import FilePayload, Route, expect

from tests.browser.browsing import (
    DESKTOP,
    PHONE,
    accessible,
    browsing,
    fits,
    needs_chromium,
    start,
    tab_to,
    write,
)
from tests.harness import MongoDatabase

pytestmark = [needs_chromium, pytest.mark.timeout(120)]

# Each scheme of colours in another language.
LANGUAGES = {"light": ("en", "New request", "Settings"), "dark": ("ru", "Новое обращение", "Настройки")}


async def test_from_the_first_words_to_the_stars(mongo: MongoDatabase) -> None:
    async with browsing(mongo) as shown:
        page = await shown.open()
        await start(page, "My card was declined")
        await shown.world.operator.reply("last", "<p>Hello <b>Alice</b></p>")
        await expect(page.locator(".rich b")).to_have_text("Alice")
        await expect(page.locator("[data-delivery=seen]")).to_be_visible()

        note = FilePayload(name="statement.txt", mimeType="text/plain", buffer=b"two charges")
        await page.get_by_label("Attach files").first.set_input_files([note])
        await expect(page.locator("[data-stored]")).to_be_visible()
        await write(page, "Here it is")
        file = page.locator(".message--own a.file")
        await expect(file).to_contain_text("statement.txt")
        opened = await page.request.get(str(await file.get_attribute("href")))
        assert await opened.body() == b"two charges"

        await page.get_by_role("button", name="Close", exact=True).click()
        await page.get_by_role("radio", name="4 stars").check()
        await page.get_by_label("Comment").fill("Quick")
        await page.get_by_role("button", name="Rate").click()
        await expect(page.get_by_text("Thank you for your rating!")).to_be_visible()
        (summary,) = await shown.world.sdk().list()
        assert (summary["state"], summary["rated"]) == ("closed", True)


async def test_a_ticket_is_followed_answered_and_asked_about(mongo: MongoDatabase) -> None:
    async with browsing(mongo) as shown:
        made = await shown.world.operator.make_ticket("alice", "Refund")
        page = await shown.open()
        await page.get_by_role("link", name="Refund").click()
        await expect(page.locator(".timeline li")).to_have_count(1)
        await write(page, "Any news?")
        await expect(page.locator("[data-delivery=sent]")).to_be_visible()
        await shown.world.operator.act_on_ticket(made["id"], "reply", body="<p>Tomorrow</p>")
        await expect(page.get_by_text("Tomorrow")).to_be_visible()
        await page.get_by_role("button", name="Ask about the status").click()
        await expect(page).to_have_url(re.compile("#chat/"))
        await expect(page.locator(".message--own")).to_have_count(1)


@pytest.mark.logs("Intercom call failed", "circuit opened", "request failed")
async def test_a_message_that_failed_is_sent_once_by_its_retry(mongo: MongoDatabase) -> None:
    async with browsing(mongo, quiet=False) as shown:
        page = await shown.open()
        await start(page, "Hello")
        await shown.world.operator.trouble(cut_after_write=1)
        await write(page, "Did you get this?")
        retry = page.get_by_role("button", name="Not sent. Tap to retry")
        await expect(retry).to_be_visible()
        await retry.click()
        await expect(retry).to_have_count(0)
        await expect(page.get_by_text("Did you get this?")).to_have_count(2)  # in the thread, and in the hub
        truth = await shown.world.operator.truth("last")
        parts = truth["conversation_parts"]["conversation_parts"]
        assert len([part for part in parts if "Did you get this?" in (part["body"] or "")]) == 1


async def test_an_expired_session_is_renewed_by_hand(mongo: MongoDatabase) -> None:
    async with browsing(mongo, quiet=False) as shown:
        page = await shown.open()
        await start(page, "Hello")
        on_its_way: asyncio.Queue[Route] = asyncio.Queue()
        await page.route("**/reply", on_its_way.put, times=1)
        await write(page, "Wait, I have one more question")
        late = await on_its_way.get()
        shown.world.clock.jump(1000)
        await write(page, "Still there?")
        await expect(page.get_by_text("Your session has expired.")).to_be_visible()
        shown.world.clock.jump(-1000)
        await late.continue_()
        await expect(page.locator("[data-delivery=sent]")).to_have_count(2)
        # What was asked before is answered, which doesn't make the session good again.
        await accessible(page)
        async with page.expect_request("**/demo/session"):
            await page.get_by_role("button", name="Sign in again").click()
        await expect(page.get_by_text("Your session has expired.")).to_be_hidden()
        await page.get_by_role("button", name="Not sent. Tap to retry").click()
        await expect(page.locator("[data-delivery=sent]")).to_have_count(3)


async def test_offline_is_said_and_passes(mongo: MongoDatabase) -> None:
    async with browsing(mongo, quiet=False) as shown:
        page = await shown.open()
        await start(page, "Hello")
        await page.context.set_offline(True)
        await expect(page.get_by_text("You are offline.")).to_be_visible()
        await shown.world.operator.reply("last", "<p>While you were away</p>")
        await page.context.set_offline(False)
        await expect(page.get_by_role("log").get_by_text("While you were away")).to_be_visible()
        await expect(page.get_by_text("You are offline.")).to_be_hidden()


async def test_an_outage_is_said_and_heals(mongo: MongoDatabase) -> None:
    async with browsing(mongo, quiet=False) as shown:
        page = await shown.open(scheme="dark")
        await start(page, "Hello")
        refusal = {"status": 502, "headers": {"Access-Control-Allow-Origin": "*"}, "body": "<html>Bad gateway</html>"}
        await page.route("**/api/**", lambda route: route.fulfill(**refusal))
        await expect(page.get_by_text("Support is unavailable right now.")).to_be_visible()
        await accessible(page)
        await page.unroute("**/api/**")
        await expect(page.get_by_text("Support is unavailable right now.")).to_be_hidden()
        await shown.world.operator.reply("last", "<p>Back again</p>")
        await expect(page.get_by_role("log").get_by_text("Back again")).to_be_visible()


async def test_preferences_and_a_complaint_are_kept(mongo: MongoDatabase) -> None:
    async with browsing(mongo) as shown:
        page = await shown.open()
        await page.get_by_role("link", name="Settings").click()
        async with page.expect_response(lambda answer: answer.request.method == "PUT"):
            await page.get_by_role("switch", name="News of tickets").uncheck()
        kept = await shown.world.sdk().get("/api/settings/notifications")
        assert kept == {"chatMessages": True, "ticketUpdates": False, "systemNotices": True}
        await page.get_by_role("link", name="File a complaint").click()
        await page.get_by_label("What happened?").fill("Nobody answers me")
        await page.get_by_role("button", name="Send").click()
        await expect(page.get_by_text("Your complaint has been received.")).to_be_visible()


async def test_a_topic_alone_starts_a_request_that_is_closed_and_rated_all_by_keyboard(mongo: MongoDatabase) -> None:
    async with browsing(mongo) as shown:
        page = await shown.open()
        for goal, key in (
            (page.get_by_role("link", name="New request"), "Enter"),
            (page.get_by_role("radio", name="Cards"), "ArrowRight"),
            (page.get_by_role("button", name="Start"), "Enter"),
            (page.get_by_role("button", name="Close", exact=True), "Enter"),
            (page.get_by_role("radio", name="1 star"), "ArrowLeft"),  # round to five
            (page.get_by_role("button", name="Rate"), "Enter"),
        ):
            await expect(goal).to_be_visible()
            await tab_to(page, goal)
            await page.keyboard.press(key)
        await expect(page.get_by_text("Thank you for your rating!")).to_be_visible()
        (summary,) = await shown.world.sdk().list()
        assert (summary["reason"]["main"], summary["lastMessage"], summary["rated"]) == ("Payments", None, True)


async def test_words_outlive_what_operators_do_and_the_view(mongo: MongoDatabase) -> None:
    async with browsing(mongo, quiet=False) as shown:
        page = await shown.open()
        await start(page, "Hello")
        field = page.get_by_role("textbox", name="Message")
        await field.fill("Please don't close")
        await shown.world.operator.act("last", "close")
        await expect(page.locator(".head .badge")).to_have_text("Closed")
        await page.get_by_role("switch", name="Held polls").check()
        await expect(field).to_have_value("Please don't close")

        await page.route("**/reply", lambda route: route.abort())
        await field.press("Enter")
        retry = page.get_by_role("button", name="Not sent. Tap to retry")
        await expect(retry).to_be_visible()
        await page.unroute("**/reply")
        await page.get_by_role("link", name="Settings").click()
        await page.locator(".item").click()
        await retry.click()
        await expect(page.locator("[data-delivery=sent]")).to_have_count(2)
        await page.close()


async def test_a_view_that_was_left_asks_no_more(mongo: MongoDatabase) -> None:
    async with browsing(mongo) as shown:
        page = await shown.open()
        await start(page, "Hello")
        on_its_way: asyncio.Queue[Route] = asyncio.Queue()
        await page.route("**/reply", on_its_way.put)
        await write(page, "I go on meanwhile")
        late = await on_its_way.get()
        await page.get_by_role("link", name="Settings").click()
        await expect(page.get_by_role("switch", name="News of tickets")).to_be_visible()
        shown.requests.clear()
        await late.continue_()
        await expect(page.locator(".item")).to_contain_text("I go on meanwhile")
        for _ in range(2):
            async with page.expect_response("**/api/conversations"):
                pass
        assert not [url for url in shown.requests if "/poll" in url]


async def test_who_reads_above_is_not_disturbed(mongo: MongoDatabase) -> None:
    async with browsing(mongo) as shown:
        chat = await shown.world.sdk().start(body="Hello")
        await shown.world.operator.reply(chat["id"], "<p>line</p>" * 60)
        page = await shown.open()
        await page.locator(".item").click()
        await expect(page.locator("[data-delivery=seen]")).to_have_count(1)
        log = page.get_by_role("log")
        assert await log.evaluate("log => log.scrollTop > 0")
        first = log.locator(".message").first
        await first.evaluate("node => { node.same = true; node.parentNode.scrollTop = 0; }")
        await shown.world.operator.reply(chat["id"], "<p>More below</p>")
        await expect(log.get_by_text("More below")).to_be_attached()
        assert await first.evaluate("node => node.same && node.parentNode.scrollTop === 0")


async def test_no_session_and_no_such_conversation_are_told(mongo: MongoDatabase) -> None:
    async with browsing(mongo, quiet=False) as shown:
        page = await shown.open(user="a" * 65)  # nobody mints a session for that one
        await expect(page.get_by_text("You couldn't be signed in.")).to_be_visible()
        async with page.expect_response("**/demo/session"):
            await page.get_by_role("button", name="Sign in again").click()
        page = await shown.open()
        await page.evaluate("location.hash = 'chat/1'")
        await expect(page.get_by_role("alert")).to_have_text("There is no such conversation or ticket.")


async def test_a_resolved_ticket_is_rated(mongo: MongoDatabase) -> None:
    async with browsing(mongo) as shown:
        made = await shown.world.operator.make_ticket("alice", "Refund")
        await shown.world.operator.act_on_ticket(made["id"], "state", state="resolved")
        page = await shown.open()
        await page.get_by_role("link", name="Refund").click()
        await page.get_by_role("radio", name="5 stars").check()
        await page.get_by_role("button", name="Rate").click()
        await expect(page.get_by_role("button", name="Rate")).to_have_count(0)
        (ticket,) = (await shown.world.sdk().get("/api/tickets"))["tickets"]
        assert ticket["rated"]


async def test_an_upload_shows_how_far_it_is_and_what_is_refused_is_told(mongo: MongoDatabase) -> None:
    async with browsing(mongo, quiet=False) as shown:
        page = await shown.open()
        await start(page, "Hello")
        on_its_way: asyncio.Queue[Route] = asyncio.Queue()
        await page.route("**/api/files/upload", on_its_way.put)  # it doesn't end yet
        text = FilePayload(name="a.txt", mimeType="text/plain", buffer=b"words")
        await page.get_by_label("Attach files").first.set_input_files([text])
        await expect(page.get_by_role("progressbar", name="Uploading a.txt")).to_be_visible()
        await page.get_by_role("button", name="Remove a.txt").click()
        await expect(page.get_by_role("progressbar")).to_have_count(0)
        await (await on_its_way.get()).abort()
        await page.unroute("**/api/files/upload")
        script = FilePayload(name="a.png", mimeType="image/png", buffer=b"<svg><script>alert(1)</script></svg>")
        await page.get_by_label("Attach files").first.set_input_files([script])
        await expect(page.get_by_role("alert")).to_contain_text("a.png can't be sent")
        await expect(page.locator(".upload")).to_have_count(0)


async def test_held_polls_bring_an_answer_too(mongo: MongoDatabase) -> None:
    async with browsing(mongo) as shown:
        page = await shown.open()
        await start(page, "Hello")
        async with page.expect_request(lambda request: "wait=25" in request.url):
            await page.get_by_role("switch", name="Held polls").check()
        await shown.world.operator.reply("last", "<p>At once</p>")
        await expect(page.get_by_role("log").get_by_text("At once")).to_be_visible()
        await expect(page.locator("#latency")).to_have_text(re.compile(r"^held for \d+\.\d s$"))
        await page.close()


async def test_two_users_see_their_own(mongo: MongoDatabase) -> None:
    async with browsing(mongo) as shown:
        alice, bob = await shown.open(user="alice"), await shown.open(user="bob")
        await start(alice, "I am Alice")
        await start(bob, "I am Bob")
        await expect(alice.locator(".item")).to_have_count(1)
        await expect(bob.locator(".item")).to_contain_text("I am Bob")


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_each_view_is_accessible_and_fits(mongo: MongoDatabase, size: Any, scheme: str) -> None:
    locale, new, settings = LANGUAGES[scheme]
    async with browsing(mongo) as shown:
        sdk = shown.world.sdk()
        conversation = await sdk.start(body="A word that is" + " long" * 40)
        await shown.world.operator.reply(conversation["id"], "<p>See <a href='https://example.com'>this</a></p>")
        ticket = await shown.world.operator.make_ticket("alice", "Refund")
        await shown.world.settle()
        page = await shown.open(size=size, scheme=scheme, lang=locale)
        await expect(page.get_by_role("link", name=new)).to_be_visible()
        for view in ("", "new", "settings", "complaint", f"chat/{conversation['id']}", f"ticket/{ticket['id']}"):
            await page.evaluate("hash => { location.hash = hash; }", view)
            await expect(page.locator("h1:visible").first).to_be_visible()
            await accessible(page)
            assert await fits(page)
        await page.evaluate("location.hash = 'settings'")
        await expect(page.get_by_role("heading", name=settings)).to_be_visible()


async def test_both_languages_say_the_same_things(mongo: MongoDatabase) -> None:
    async with browsing(mongo) as shown:
        page = await shown.open()
        for texts in ("/pages/demo/texts.js", "/pages/inbox/texts.js"):
            keys = await page.evaluate(
                "async path => Object.values((await import(path)).TEXTS).map(each => Object.keys(each).sort())", texts
            )
            assert len(keys) == 2
            assert keys[0] == keys[1]
