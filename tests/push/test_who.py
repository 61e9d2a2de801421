"""Who is told: from the operator's answer in the simulator to what the stand-ins received."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from tests.harness import MongoDatabase
from tests.push.pushing import PRESENCE_S, Pushing, house, pushing
from tests.waiting import eventually


async def test_an_operators_answer_is_told_to_each_of_the_users_devices_once(mongo: MongoDatabase) -> None:
    async with pushing(mongo) as run:
        await run.register("phone")
        await run.register("tablet")
        await run.register("bobs", user="bob")
        chat_id = await run.chat()
        await run.answer(chat_id, "Your card is on its way")
        await run.push()
        assert sorted(run.fcm.tokens) == ["phone", "tablet"]
        message = run.fcm.messages[0]
        assert message["notification"] == {"title": "New message from support", "body": "Your card is on its way"}
        assert message["data"] == {"type": "chat", "id": chat_id}
        assert message["android"]["collapse_key"] == message["apns"]["headers"]["apns-collapse-id"] == f"chat-{chat_id}"
        assert 3500 < int(message["android"]["ttl"].removesuffix("s")) <= 3600
        await run.push(60)
        assert (len(run.fcm.messages), run.count("sent")) == (2, 2)


async def test_it_is_told_without_a_test_driving_it(mongo: MongoDatabase) -> None:
    async with pushing(mongo) as run:
        await run.register()
        await run.answer(await run.chat())
        run.world.clock.advance(6)
        await eventually(lambda: run.fcm.tokens == ["phone"])


async def test_bots_are_told_of_as_operators_are(mongo: MongoDatabase) -> None:
    async with pushing(mongo) as run:
        await run.register()
        await run.world.operator.act(await run.chat(), "bot_reply", body="<p>I am a bot</p>")
        await run.world.settle()
        await run.push()
        assert run.fcm.tokens == ["phone"]


async def test_the_users_own_messages_and_notes_are_not_told(mongo: MongoDatabase) -> None:
    async with pushing(mongo) as run:
        await run.register()
        chat_id = await run.chat()
        await run.world.sdk().reply(chat_id, "It is me again")
        await run.world.operator.act(chat_id, "contact_reply", body="and from the web")
        await run.world.operator.act(chat_id, "note", body="<p>A secret</p>")
        await run.world.operator.act(chat_id, "close")
        await run.world.settle()
        await run.push()
        assert (run.fcm.asked, run.count("sent")) == (0, 0)


async def test_a_user_whose_client_polled_just_now_is_not_told_nor_later(mongo: MongoDatabase) -> None:
    async with pushing(mongo) as run:
        await run.register()
        chat_id = await run.chat()
        await run.answer(chat_id)
        await run.world.sdk().poll(chat_id)
        await run.push()
        assert (run.fcm.asked, run.withheld("present")) == (0, 1)
        await run.push(60)
        assert run.fcm.asked == 0
        await run.answer(chat_id, "Still there?")
        await run.push()
        assert [message["notification"]["body"] for message in run.fcm.messages] == ["Still there?"]


async def test_presence_is_that_of_when_it_is_told(mongo: MongoDatabase) -> None:
    async with pushing(mongo) as run:
        await run.register()
        chat_id = await run.chat()
        await run.world.sdk().poll(chat_id)
        run.world.clock.advance(PRESENCE_S - 1)
        await run.answer(chat_id)
        await run.push()
        assert run.fcm.tokens == ["phone"]


NO_QUERY: dict[str, int] = {}
NOT_PLAIN = {"since": 0, "other": 1}  # so that a handler answers it


async def test_presence_is_the_users_own_however_the_poll_is_served(mongo: MongoDatabase) -> None:
    async with pushing(mongo) as run:
        await run.register()
        await run.register("bobs", user="bob")
        chat_id, bobs_id = await run.chat(), await run.chat("bob")
        for query in NO_QUERY, {"wait": 0}, NOT_PLAIN:
            run.world.clock.advance(PRESENCE_S)
            await run.answer(chat_id)
            await run.answer(bobs_id)
            await run.world.sdk().get(f"/api/conversations/{chat_id}/poll", params=query)
            await run.push()
        assert (run.fcm.tokens, run.withheld("present")) == (["bobs"] * 3, 3)


async def test_who_holds_a_poll_is_present_however_long(mongo: MongoDatabase) -> None:
    async with pushing(mongo) as run:
        await run.register()
        chat_id, other_id = await run.chat(), await run.chat()
        latest = (await run.world.sdk().show(other_id))["latestTimestamp"]
        held = asyncio.create_task(run.world.sdk().poll(other_id, latest, wait=25))
        await eventually(lambda: len(run.world.server.parts.waiters) == 1)
        run.world.clock.advance(PRESENCE_S + 1)
        await run.answer(chat_id)
        await run.push()
        assert (run.fcm.asked, run.withheld("present")) == (0, 1)
        await run.answer(other_id)
        await held


async def looks(run: Pushing, chat_id: str) -> None:
    await run.world.sdk().poll(chat_id)


async def turns_it_off(run: Pushing, _: str) -> None:
    await prefer(run, chatMessages=False)


@pytest.mark.parametrize("meanwhile", [looks, turns_it_off])
async def test_who_looks_or_turns_it_off_while_a_turn_is_awaited_is_not_told(
    mongo: MongoDatabase, meanwhile: Callable[[Pushing, str], Awaitable[None]]
) -> None:
    async with pushing(mongo) as run:
        await run.register()
        chat_id = await run.chat()
        await run.answer(chat_id)
        run.fcm.grants_passable.clear()
        pushed = asyncio.create_task(run.push())
        await eventually(lambda: run.fcm.grants == 1)
        await meanwhile(run, chat_id)
        run.fcm.grants_passable.set()
        await pushed
        await run.push(60)
        assert (run.fcm.messages, run.count("withheld")) == ([], 1)


PREFERENCES: list[tuple[str, set[str]]] = [
    ("chatMessages", {"ticket"}),
    ("ticketUpdates", {"chat"}),
    ("systemNotices", {"chat", "ticket"}),
]


async def test_each_preference_is_read_when_it_is_told(mongo: MongoDatabase) -> None:
    async with pushing(mongo) as run:
        await run.register()
        chat_id, ticket_id = await run.chat(), await run.ticket()
        for off, told in PREFERENCES:
            run.fcm.messages.clear()
            await run.answer(chat_id)
            await run.world.operator.act_on_ticket(ticket_id, "reply", body="<p>Done</p>")
            await run.world.settle()
            await prefer(run, **{off: False})
            await run.push()
            assert {message["data"]["type"] for message in run.fcm.messages} == told
            await prefer(run, **{off: True})
        assert run.withheld("preference") == 2
        await run.push(60)
        assert len(run.fcm.messages) == 2


async def prefer(run: Pushing, **changes: bool) -> None:
    answer = await run.world.sdk().call("PUT", "/api/settings/notifications", json=changes)
    assert answer.status_code == 200


async def test_a_tickets_reply_and_change_of_state_are_told(mongo: MongoDatabase) -> None:
    async with pushing(mongo) as run:
        await run.register()
        ticket_id = await run.ticket()
        await run.world.operator.act_on_ticket(ticket_id, "reply", body="<p>We found it</p>")
        await run.world.settle()
        await run.push()
        shown = await run.world.sdk().get(f"/api/tickets/{ticket_id}")
        (message,) = run.fcm.messages
        assert message["data"] == {"type": "ticket", "id": ticket_id}
        assert message["notification"] == {"title": f"{shown['reference']}: new reply", "body": "We found it"}

        run.world.clock.advance(PRESENCE_S)
        await run.world.operator.act_on_ticket(ticket_id, "state", state="resolved")
        await run.world.settle()
        await run.push()
        assert run.fcm.messages[1]["notification"] == {
            "title": f"{shown['reference']}: status changed",
            "body": "Resolved",
        }
        assert len(run.fcm.messages) == 2


async def test_notes_and_the_users_own_acts_on_a_ticket_are_not_told(mongo: MongoDatabase) -> None:
    async with pushing(mongo) as run:
        await run.register()
        ticket_id = await run.ticket()
        await run.world.operator.act_on_ticket(ticket_id, "state", state="resolved")
        await run.world.settle()
        await run.push()
        run.fcm.messages.clear()
        await run.world.operator.act_on_ticket(ticket_id, "note", body="<p>A secret</p>")
        await run.world.sdk().post(f"/api/tickets/{ticket_id}/reply", {"body": "It is back"}, status=201)
        await run.world.settle()
        await run.push()
        assert (await run.world.sdk().get(f"/api/tickets/{ticket_id}"))["state"] == "in_progress"
        assert run.fcm.messages == []


async def test_what_was_told_of_a_conversation_is_no_news_of_the_ticket_that_it_becomes(mongo: MongoDatabase) -> None:
    async with pushing(mongo) as run:
        await run.register()
        chat_id = await run.chat()
        await run.answer(chat_id, "Hello")
        await run.push()
        await run.world.operator.act(chat_id, "convert", title="Lost card")
        await run.world.settle()
        await run.push()
        assert [message["data"]["type"] for message in run.fcm.messages] == ["chat"]
        await run.world.operator.act_on_ticket(chat_id, "reply", body="<p>Found it</p>")
        await run.world.settle()
        await run.push()
        assert [message["notification"]["body"] for message in run.fcm.messages] == ["Hello", "Found it"]


async def test_who_looks_at_a_ticket_is_present(mongo: MongoDatabase) -> None:
    async with pushing(mongo) as run:
        await run.register()
        ticket_id = await run.ticket()
        await run.world.operator.act_on_ticket(ticket_id, "reply", body="<p>Hello</p>")
        await run.world.settle()
        await run.world.sdk().get(f"/api/tickets/{ticket_id}")
        await run.push()
        assert (run.fcm.messages, run.withheld("present")) == ([], 1)


async def test_a_ticket_that_is_not_shared_any_more_is_not_told(mongo: MongoDatabase) -> None:
    async with pushing(mongo) as run:
        await run.register()
        ticket_id = await run.ticket()
        await run.world.operator.act_on_ticket(ticket_id, "reply", body="<p>Hello</p>")
        await run.world.operator.act_on_ticket(ticket_id, "unshare")
        await run.world.settle()
        await run.world.reconcile()
        await run.push()
        assert run.fcm.messages == []


async def read_on_the_web(run: Pushing, chat_id: str) -> None:
    await run.world.sdk().post(f"/api/conversations/{chat_id}/read", status=200)


async def redacted(run: Pushing, chat_id: str) -> None:
    part = (await run.world.operator.truth(chat_id))["conversation_parts"]["conversation_parts"][-1]
    await run.world.operator.act(chat_id, "redact", part_id=part["id"])
    await run.world.settle()


async def deleted(run: Pushing, chat_id: str) -> None:
    await run.world.operator.control("DELETE", f"/conversations/{chat_id}")
    await run.world.settle()


async def test_what_there_is_nothing_to_tell_of_any_more_is_not_told(mongo: MongoDatabase) -> None:
    async with pushing(mongo) as run:
        await run.register()
        for meanwhile in (read_on_the_web, redacted, deleted):
            chat_id = await run.chat()
            await run.answer(chat_id)
            await meanwhile(run, chat_id)
        await run.push()
        assert run.fcm.asked == 0


async def test_history_is_not_told(mongo: MongoDatabase) -> None:
    async with house(mongo) as parts:
        async with parts.running() as run:
            chat_id, ticket_id = await run.chat(), await run.ticket()
            await run.answer(chat_id)
            await run.world.operator.act_on_ticket(ticket_id, "reply", body="<p>Hello</p>")
            await run.world.settle()
            database = run.world.server.parts.database
            for name in ("snapshots", "tickets", "contacts", "pushes"):
                await database[name].delete_many({})
        async with parts.running() as run:
            await run.register()
            await run.world.sdk().get("/api/conversations")
            await run.world.sdk().show(chat_id)
            await run.world.sdk().get("/api/tickets")
            await run.world.reconcile()
            run.world.clock.advance(PRESENCE_S)
            await run.push()
            assert run.fcm.asked == 0
            await run.answer(chat_id, "And this is new")
            await run.push()
            assert [message["notification"]["body"] for message in run.fcm.messages] == ["And this is new"]


@pytest.mark.logs("periodic task failed")
async def test_what_the_user_looked_up_is_no_news(mongo: MongoDatabase) -> None:
    async with house(mongo) as parts:
        async with parts.running() as run:
            await run.register()
            chat_id, ticket_id = await run.chat(), await run.ticket()
            await run.world.operator.trouble(webhook_drop=1.0)
            await run.answer(chat_id)
            await run.world.operator.act_on_ticket(ticket_id, "reply", body="<p>Hello</p>")
            database = run.world.server.parts.database
            await database["contacts"].update_many({}, {"$set": {"tickets_listed": False}})
            for name in ("snapshots", "tickets", "pushes"):
                await database[name].delete_many({})
            await run.world.operator.trouble(outage="error")  # so that the reconciler doesn't find it first
        async with parts.running() as run:
            await run.world.operator.no_trouble()
            run.world.clock.advance(2 * PRESENCE_S)
            assert len((await run.world.sdk().show(chat_id))["messages"]) == 2
            assert len((await run.world.sdk().get("/api/tickets"))["tickets"]) == 1
            await run.push()
            assert (run.fcm.messages, run.withheld("present")) == ([], 0)


async def test_a_conversation_that_an_operator_begins_is_news(mongo: MongoDatabase) -> None:
    async with pushing(mongo) as run:
        await run.register()
        await run.chat()
        await run.world.operator.control(
            "POST", "/conversations", {"external_id": "alice", "body": "<p>Hi</p>", "admin_initiated": True}
        )
        await run.world.settle()
        await run.push()
        assert [message["notification"]["body"] for message in run.fcm.messages] == ["Hi"]


async def test_what_only_the_reconciler_finds_is_told(mongo: MongoDatabase) -> None:
    async with pushing(mongo) as run:
        await run.register()
        chat_id = await run.chat()
        await run.world.operator.trouble(webhook_drop=1.0)
        await run.answer(chat_id)
        await run.push()
        assert run.fcm.asked == 0
        await run.world.operator.no_trouble()
        await run.world.reconcile()
        await run.push()
        assert run.fcm.tokens == ["phone"]


async def test_what_is_older_than_an_hour_when_it_is_found_is_not_told(mongo: MongoDatabase) -> None:
    async with pushing(mongo) as run:
        await run.register()
        chat_id = await run.chat()
        await run.world.operator.trouble(webhook_drop=1.0)
        await run.answer(chat_id)
        await run.world.operator.control("POST", "/clock", {"advance": 3700})
        run.world.clock.advance(3700)
        await run.world.reconcile()
        await run.push()
        assert len((await run.world.sdk().show(chat_id))["messages"]) == 2
        assert (run.fcm.asked, run.count("expired")) == (0, 0)
