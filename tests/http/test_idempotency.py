"""`Idempotency-Key`: a send that is retried is one message, and what can't be a retry is refused."""

import asyncio
from typing import Any

import pymongo
import pytest

from supportd.errors import StorageUnavailable
from tests.harness import MongoDatabase, World, living
from tests.sending import REPLY, conversations, is_conflict, is_replayed, replies, reply, send, start, under_way

COMPLAINT = {"category": "funds", "description": "My money is gone"}


async def complaints(world: World) -> int:
    return int(await world.server.parts.database["complaints"].count_documents({}))


async def test_a_reply_retried_is_one_message_and_one_answer(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        chat = await alice.start(body="Hello")
        first = await reply(alice, chat, "Hi")
        await world.operator.forget_calls()
        world.clock.advance(7)
        again = await reply(alice, chat, "Hi")
        assert (first.status_code, is_replayed(first), first.headers["Age"]) == (201, False, "0")
        assert (again.status_code, is_replayed(again)) == (201, True)
        assert again.content == first.content
        assert again.headers["Content-Type"] == first.headers["Content-Type"]
        assert int(again.headers["Age"]) >= 7
        assert await replies(world, chat) == ["Hi"]
        assert await world.operator.calls() == {}
        assert world.metric("keyed_sends_total", outcome="sent") == 1
        assert world.metric("keyed_sends_total", outcome="replayed") == 1


async def test_a_start_retried_is_one_conversation_and_one_answer(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        first = await start(world.sdk(), body="Hello", meta={"a": 1, "b": 2})
        again = await start(world.sdk(), meta={"b": 2, "a": 1}, body="Hello")
        assert (first.status_code, is_replayed(first)) == (201, False)
        assert (again.status_code, is_replayed(again), again.content) == (201, True, first.content)
        assert await conversations(world) == 1


async def test_a_complaint_retried_is_one_complaint(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        first = await send(world.sdk(), "/api/complaints", COMPLAINT)
        again = await send(world.sdk(), "/api/complaints", COMPLAINT)
        assert (again.status_code, is_replayed(again), again.content) == (201, True, first.content)
        assert "Age" not in again.headers
        assert await complaints(world) == 1


async def test_without_a_key_each_send_is_one(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        chat = await world.sdk().start(body="Hello")
        for _ in range(2):
            await world.sdk().reply(chat["id"], "Hi")
        assert await replies(world, chat) == ["Hi", "Hi"]


async def test_the_same_words_under_two_keys_are_two_messages(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        chat = await world.sdk().start(body="Hello")
        first, second = [await reply(world.sdk(), chat, "Hi", key) for key in ("k1", "k2")]
        assert first.json()["message"]["id"] != second.json()["message"]["id"]
        assert await replies(world, chat) == ["Hi", "Hi"]


async def test_the_same_key_of_two_users_is_two_keys(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        answers = [await start(world.sdk(user), body="Hello") for user in ("alice", "bob")]
        assert [(answer.status_code, is_replayed(answer)) for answer in answers] == [(201, False)] * 2
        assert await conversations(world) == 2


@pytest.mark.parametrize(
    ("path", "body"),
    [
        pytest.param("/api/conversations/{id}/reply", {"body": "Hi!"}, id="other words"),
        pytest.param("/api/conversations/{id}/reply", {"body": "hi"}, id="other case"),
        pytest.param("/api/conversations/{other}/reply", {"body": "Hi"}, id="another conversation"),
        pytest.param("/api/conversations", {"body": "Hi"}, id="another route"),
        pytest.param("/api/complaints", COMPLAINT, id="a complaint"),
    ],
)
async def test_a_key_is_for_one_request_only(mongo: MongoDatabase, path: str, body: Any) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        chat, other = await alice.start(body="Hello"), await alice.start(body="Hello")
        first = await reply(alice, chat, "Hi")
        refused = await send(alice, path.format(id=chat["id"], other=other["id"]), body)
        assert (refused.status_code, refused.json()["error"]) == (400, "validation_error")
        assert refused.json()["message"].startswith("Idempotency-Key: ")
        assert (await reply(alice, chat, "Hi")).content == first.content
        assert await replies(world, chat) == ["Hi"]
        assert await replies(world, other) == []
        assert (await conversations(world), await complaints(world)) == (2, 0)


@pytest.mark.parametrize(
    ("first", "again"),
    [
        pytest.param(b'{"body": "Hi"}', b' {"body":"  Hi\\n", "more": 1}', id="what doesn't count"),
        pytest.param(
            '{"body": "caf\u00e9 \U0001f600"}'.encode(), b'{"body": "caf\\u00e9 \\ud83d\\ude00"}', id="escapes"
        ),
    ],
)
async def test_bodies_that_mean_the_same_are_the_same(mongo: MongoDatabase, first: bytes, again: bytes) -> None:
    async with living(mongo) as world:
        chat = await world.sdk().start(body="Hello")
        path = f"/api/conversations/{chat['id']}/reply"
        headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}
        answers = [await world.sdk().call("POST", path, content=body, headers=headers) for body in (first, again)]
        assert [(answer.status_code, is_replayed(answer)) for answer in answers] == [(201, False), (201, True)]
        assert len(await replies(world, chat)) == 1


@pytest.mark.parametrize(
    ("first", "again"),
    [
        pytest.param("key", '"key"', id="quoted"),
        pytest.param(r"a\b", r'"a\\b"', id="a backslash"),
        pytest.param('a"b', r'"a\"b"', id="a quote"),
        pytest.param("two  words", '"two  words"', id="spaces"),
        pytest.param("!" * 255, f'"{"!" * 255}"', id="255 characters"),
    ],
)
async def test_two_forms_of_one_key(mongo: MongoDatabase, first: str, again: str) -> None:
    async with living(mongo) as world:
        await start(world.sdk(), first, body="Hello")
        replayed = await start(world.sdk(), again, body="Hello")
        assert (replayed.status_code, is_replayed(replayed)) == (201, True)
        assert await conversations(world) == 1


@pytest.mark.parametrize(
    "key", ["", '""', "x" * 256, "caf\u00e9", "a\tb", '"', '"a', '"a"b', r'"a\b"', r'"a\"', '"k";a=1']
)
async def test_a_bad_key_is_named(mongo: MongoDatabase, key: str) -> None:
    async with living(mongo) as world:
        headers = [(b"Idempotency-Key", key.encode("latin-1"))]
        refused = await call_with(world, headers)
        assert (refused.status_code, refused.json()["error"]) == (400, "validation_error")
        assert "Idempotency-Key" in refused.json()["message"]
        assert await conversations(world) == 0


async def test_two_keys_at_once_are_none(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        refused = await call_with(world, [(b"Idempotency-Key", b"a"), (b"Idempotency-Key", b"a")])
        assert (refused.status_code, refused.json()["error"]) == (400, "validation_error")


async def call_with(world: World, headers: list[tuple[bytes, bytes]]) -> Any:
    bearer = (b"Authorization", f"Bearer {world.sdk().token}".encode())
    return await world.http.post("/api/conversations", json={"body": "Hello"}, headers=[bearer, *headers])


async def test_while_the_first_runs_a_retry_is_409_and_afterwards_its_answer(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        chat = await alice.start(body="Hello")
        await world.operator.trouble(latency_s=1.5)
        running = asyncio.create_task(reply(alice, chat, "Hi"))
        await under_way(world, REPLY, running)
        assert is_conflict(await reply(alice, chat, "Hi"))
        assert (await running).status_code == 201
        assert is_replayed(await reply(alice, chat, "Hi"))
        assert await replies(world, chat) == ["Hi"]


async def test_many_at_once_are_one_message(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        chat = await alice.start(body="Hello")
        answers = await asyncio.gather(*(reply(alice, chat, "Hi") for _ in range(10)))
        assert sorted({answer.status_code for answer in answers}) in ([201], [201, 409])
        assert await replies(world, chat) == ["Hi"]


async def test_a_client_that_hangs_up_finds_its_answer(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        chat = await alice.start(body="Hello")
        await world.operator.trouble(latency_s=0.3)
        hasty = asyncio.create_task(reply(alice, chat, "Hi"))
        await under_way(world, REPLY, hasty)
        hasty.cancel()
        answer = await reply(alice, chat, "Hi")
        while is_conflict(answer):
            answer = await reply(alice, chat, "Hi")
        assert (answer.status_code, is_replayed(answer)) == (201, True)
        assert await replies(world, chat) == ["Hi"]


@pytest.mark.logs("intercom refused a call")
@pytest.mark.parametrize(
    ("fault", "status"),
    [
        pytest.param({"force_429": True}, 502, id="rate limit of Intercom's"),
        pytest.param({"error_rate": 1, "error_status": 422}, 502, id="refused"),
    ],
)
async def test_what_was_not_sent_leaves_the_key_free(mongo: MongoDatabase, fault: Any, status: int) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        chat = await alice.start(body="Hello")
        await world.operator.trouble(**fault)
        assert (await reply(alice, chat, "Hi")).status_code == status
        await world.operator.no_trouble()
        world.clock.advance(11)
        other = await reply(alice, chat, "Something else")
        assert (other.status_code, is_replayed(other)) == (201, False)
        assert await replies(world, chat) == ["Something else"]


async def test_an_open_circuit_leaves_the_key_free(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        chat = await alice.start(body="Hello")
        await world.operator.trouble(outage="error")
        for number in range(3):
            await alice.call("GET", f"/api/conversations/{number}")
        assert (await reply(alice, chat, "Hi")).status_code == 502
        await world.operator.no_trouble()
        world.clock.advance(31)
        assert (await reply(alice, chat, "Something else")).status_code == 201
        assert await replies(world, chat) == ["Something else"]


async def test_a_bad_body_and_a_limit_leave_the_key_free(mongo: MongoDatabase) -> None:
    async with living(mongo, write_rate_limit_per_minute=2) as world:
        assert (await start(world.sdk())).status_code == 400
        assert (await start(world.sdk(), body=" ")).status_code == 400
        assert (await start(world.sdk(), body="Hello")).status_code == 429
        world.clock.advance(60)
        assert (await start(world.sdk(), body="Hello")).status_code == 201


async def test_what_is_not_there_leaves_the_key_free(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        chat = await alice.start(body="Hello")
        assert (await send(alice, "/api/conversations/404404/reply", {"body": "Hi"})).status_code == 404
        assert (await reply(alice, chat, "Hi")).status_code == 201


@pytest.mark.parametrize("step", ["claim", "intend"])
async def test_without_the_record_of_keys_nothing_is_sent(
    mongo: MongoDatabase, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        chat = await alice.start(body="Hello")

        async def away(*_: Any, **__: Any) -> Any:
            raise StorageUnavailable

        with monkeypatch.context() as context:
            context.setattr(world.server.parts.sends._store, step, away)
            for refused in (
                await reply(alice, chat, "Hi"),
                await start(alice, "k2", body="Hi"),
                await start(alice, "k3", reason={"main": "Cards"}),
                await send(alice, "/api/complaints", COMPLAINT, "k4"),
            ):
                assert (refused.status_code, refused.json()["error"]) == (502, "service_unavailable")
        assert (await replies(world, chat), await conversations(world), await complaints(world)) == ([], 1, 0)
        assert await world.server.parts.database["topics"].count_documents({}) == 0
        assert (await reply(alice, chat, "Hi")).status_code == 201
        assert await replies(world, chat) == ["Hi"]


async def test_the_record_tells_nothing_of_a_request_that_has_no_answer(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        await world.sdk().start(body="Hello")
        await world.operator.trouble(outage="refuse")
        assert (await start(world.sdk(), body="canary-0451")).status_code == 502
        with pymongo.MongoClient[dict[str, Any]](mongo.uri) as client:
            records = list(client[mongo.name]["idempotency"].find())
        assert "key-1" in repr(records)
        assert "canary" not in repr(records)
