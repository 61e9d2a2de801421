"""Replies to tickets and questions about them, sent again under their keys: each is in Intercom once."""

from typing import Any

import httpx
import pytest

from supportd.conversations.richtext import as_text
from tests.harness import MongoDatabase, Sdk, World, living
from tests.sending import conversations, is_replayed, replies, send


async def reply(sdk: Sdk, ticket_id: str, words: str, key: str = "key-1") -> httpx.Response:
    return await send(sdk, f"/api/tickets/{ticket_id}/reply", {"body": words}, key)


async def clarify(sdk: Sdk, ticket_id: str, words: str, key: str = "key-1") -> httpx.Response:
    return await send(sdk, f"/api/tickets/{ticket_id}/clarify", {"body": words}, key)


async def said(world: World, ticket_id: str) -> list[str]:
    """What the user said in the ticket, in Intercom."""
    parts = (await world.operator.true_ticket(ticket_id))["ticket_parts"]["ticket_parts"]
    return [as_text(part["body"]) for part in parts if part["author"]["type"] == "user"]


async def state(world: World, ticket_id: str) -> Any:
    return (await world.operator.true_ticket(ticket_id))["ticket_state"]["category"]


async def test_a_reply_retried_is_one_message_and_one_answer(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        made = await world.operator.make_ticket()
        first = await reply(world.sdk(), made["id"], "Hello")
        again = await reply(world.sdk(), made["id"], "Hello")
        assert (first.status_code, first.content) == (again.status_code, again.content) == (201, first.content)
        assert (is_replayed(first), is_replayed(again)) == (False, True)
        assert await said(world, made["id"]) == ["Hello"]


async def test_a_reply_of_unknown_fate_is_found(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        made = await world.operator.make_ticket()
        await world.sdk().get(f"/api/tickets/{made['id']}")
        await world.operator.trouble(cut_after_write=1)
        assert (await reply(world.sdk(), made["id"], "Hello")).status_code == 502
        again = await reply(world.sdk(), made["id"], "Hello")
        assert (again.status_code, is_replayed(again)) == (201, True)
        assert again.json()["message"]["body"] == "Hello"
        assert await said(world, made["id"]) == ["Hello"]
        await world.settle()
        assert len((await world.sdk().get(f"/api/tickets/{made['id']}"))["messages"]) == 1


async def test_a_message_that_an_operator_deleted_before_its_retry_is_not_sent_again(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        made = await world.operator.make_ticket()
        await world.sdk().get(f"/api/tickets/{made['id']}")
        await world.operator.trouble(cut_after_write=1)
        assert (await reply(world.sdk(), made["id"], "My password is 1234")).status_code == 502
        parts = (await world.operator.true_ticket(made["id"]))["ticket_parts"]["ticket_parts"]
        await world.operator.act_on_ticket(made["id"], "redact", part_id=parts[-1]["id"])
        await world.settle()
        again = await reply(world.sdk(), made["id"], "My password is 1234")
        assert (again.status_code, is_replayed(again)) == (201, True)
        assert again.json()["message"]["redacted"]
        assert len(await said(world, made["id"])) == 1


async def test_what_was_said_before_is_not_taken_for_it(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        made = await world.operator.make_ticket()
        await reply(world.sdk(), made["id"], "Hello", key="another")
        await world.operator.trouble(cut_after_write=1)
        assert (await reply(world.sdk(), made["id"], "Hello")).status_code == 502
        assert (await reply(world.sdk(), made["id"], "Hello")).status_code == 201
        assert await said(world, made["id"]) == ["Hello", "Hello"]


async def test_a_reopening_of_unknown_fate_sent_nothing(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        made = await world.operator.make_ticket()
        await world.operator.act_on_ticket(made["id"], "state", state="resolved")
        await world.sdk().get(f"/api/tickets/{made['id']}")
        await world.operator.trouble(cut_after_write=1)
        assert (await reply(world.sdk(), made["id"], "Hello")).status_code == 502
        assert await said(world, made["id"]) == []
        again = await reply(world.sdk(), made["id"], "Hello")
        assert (again.status_code, again.json()["state"]) == (201, "in_progress")
        assert await said(world, made["id"]) == ["Hello"]


async def test_a_reply_that_was_sent_does_not_reopen_what_was_resolved_since(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        made = await world.operator.make_ticket()
        await world.sdk().get(f"/api/tickets/{made['id']}")
        await world.operator.trouble(cut_after_write=1)
        assert (await reply(world.sdk(), made["id"], "Hello")).status_code == 502
        await world.operator.act_on_ticket(made["id"], "state", state="resolved")
        again = await reply(world.sdk(), made["id"], "Hello")
        assert (again.status_code, again.json()["state"]) == (201, "resolved")
        assert await state(world, made["id"]) == "resolved"


@pytest.mark.parametrize("closed", [False, True])
async def test_a_question_of_unknown_fate_is_found_where_it_was_asked(mongo: MongoDatabase, closed: bool) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        chat = await alice.start(body="Hello")
        made = await world.operator.make_ticket()
        await alice.get(f"/api/tickets/{made['id']}")
        await world.operator.trouble(cut_after_write=1)
        assert (await clarify(alice, made["id"], "Any news?")).status_code == 502
        if closed:
            await world.operator.act(chat["id"], "close")
            await world.settle()
        again = await clarify(alice, made["id"], "Any news?")
        assert (again.status_code, is_replayed(again)) == (201, True)
        assert again.json()["conversationId"] == chat["id"]
        assert await replies(world, chat) == [f"AW-{made['ticket_id']}: Any news?"]
        assert await conversations(world) == 1


async def test_a_question_that_starts_a_conversation_starts_one(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        made = await world.operator.make_ticket()
        first = await clarify(alice, made["id"], "Any news?")
        again = await clarify(alice, made["id"], "Any news?")
        assert first.content == again.content
        assert is_replayed(again)
        assert await conversations(world) == 1
