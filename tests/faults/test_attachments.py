"""Replies with files that are cut off: the file is sent once, and is free again where it surely wasn't sent."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from supportd.errors import FileStorageUnavailable, StorageUnavailable
from tests.harness import MongoDatabase, World, simulating
from tests.sending import LATE_S, RUN_S, is_replayed, send
from tests.uploading import PDF, PNG, in_intercom, living, opened, reachable, reply_with, upload

TAKEN: dict[str, Any] = {"cut_after_write": 1}
NOT_TAKEN: dict[str, Any] = {"outage": "refuse"}
WORDS = [{}, {"body": "See"}]


def path(chat: dict[str, Any]) -> str:
    return f"/api/conversations/{chat['id']}/reply"


async def cut_off(world: World, to: str, body: dict[str, Any], fault: dict[str, Any], key: str | None = "k") -> None:
    await world.operator.trouble(**fault)
    headers = {} if key is None else {"Idempotency-Key": key}
    assert (await world.sdk().call("POST", to, json=body, headers=headers)).status_code == 502
    await world.operator.no_trouble()
    world.clock.advance(LATE_S)


@pytest.mark.parametrize("words", WORDS, ids=["files", "both"])
@pytest.mark.parametrize("fault", [TAKEN, NOT_TAKEN, {"garbage": "half"}])
async def test_a_reply_of_unknown_fate_is_found_or_sent(
    mongo: MongoDatabase, fault: dict[str, Any], words: dict[str, Any]
) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        chat = await alice.start(body="Hello")
        ids = [(await upload(alice))["id"], (await upload(alice, "a.pdf", PDF))["id"]]
        body = {**words, "attachmentIds": ids}
        await cut_off(world, path(chat), body, fault)
        there = await in_intercom(world, chat)
        answer = await send(alice, path(chat), body, "k")
        assert (answer.status_code, is_replayed(answer)) == (201, len(there) == 1)
        assert [file["name"] for file in answer.json()["message"]["attachments"]] == ["receipt.png", "a.pdf"]
        assert len(await in_intercom(world, chat)) == 1
        again = await send(alice, path(chat), body, "k")
        assert (is_replayed(again), again.content) == (True, answer.content)
        other = await send(alice, path(chat), {**body, "attachmentIds": ids[:1]}, "k")
        assert (other.status_code, other.json()["error"]) == (400, "validation_error")


@pytest.mark.parametrize("words", WORDS, ids=["files", "both"])
async def test_a_ticket_reply_of_unknown_fate_is_found(mongo: MongoDatabase, words: dict[str, Any]) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        ticket = await world.operator.make_ticket()
        await alice.post("/api/conversations", {"body": "Hello"}, status=201)
        await world.reconcile()
        body = {**words, "attachmentIds": [(await upload(alice))["id"]]}
        to = f"/api/tickets/{ticket['id']}/reply"
        await cut_off(world, to, body, TAKEN)
        answer = await send(alice, to, body, "k")
        assert (answer.status_code, is_replayed(answer)) == (201, True)
        [message] = (await alice.get(f"/api/tickets/{ticket['id']}"))["messages"]
        assert [file["name"] for file in message["attachments"]] == ["receipt.png"]


@pytest.mark.parametrize("words", WORDS, ids=["files", "both"])
async def test_what_has_other_files_is_not_taken_for_it(mongo: MongoDatabase, words: dict[str, Any]) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        chat = await alice.start(body="Hello")
        wanted, other = (await upload(alice))["id"], (await upload(alice))["id"]
        body = {**words, "attachmentIds": [wanted]}
        await cut_off(world, path(chat), body, NOT_TAKEN)
        await reply_with(alice, chat, other, **words)
        answer = await send(alice, path(chat), body, "k")
        assert not is_replayed(answer)
        assert len(await in_intercom(world, chat)) == 2


async def test_words_alone_are_not_found_in_what_has_files(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        chat = await alice.start(body="Hello")
        await cut_off(world, path(chat), {"body": "See"}, NOT_TAKEN)
        await reply_with(alice, chat, (await upload(alice))["id"], body="See")
        assert not is_replayed(await send(alice, path(chat), {"body": "See"}, "k"))


@pytest.mark.logs("files not delivered")
async def test_what_intercom_could_not_fetch_is_found_all_the_same(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        chat = await alice.start(body="Hello")
        body = {"attachmentIds": [(await upload(alice))["id"]]}
        await cut_off(world, path(chat), body, {**TAKEN, "attachments": "drop_silently"})
        answer = await send(alice, path(chat), body, "k")
        assert is_replayed(answer)
        message = answer.json()["message"]
        assert (message["body"], message["attachments"]) == ("Not delivered: receipt.png", [])
        assert len(await in_intercom(world, chat)) == 1


@pytest.mark.parametrize("fault", [TAKEN, {"outage": "error"}])
async def test_without_a_key_the_same_reply_may_be_tried_again(mongo: MongoDatabase, fault: dict[str, Any]) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        chat = await alice.start(body="Hello")
        file = await upload(alice)
        body = {"body": "See", "attachmentIds": [file["id"]]}
        await cut_off(world, path(chat), body, fault, key=None)
        await reply_with(alice, chat, file["id"], body="Something else", status=400)
        await alice.post(path(chat), body, status=201)
        await alice.post(path(chat), body, status=400)


@pytest.mark.logs("intercom refused a call")
@pytest.mark.parametrize("key", ["k", None])
@pytest.mark.parametrize("fault", [NOT_TAKEN, {"attachments": "refuse"}])
async def test_what_surely_was_not_sent_may_be_used_elsewhere(
    mongo: MongoDatabase, fault: dict[str, Any], key: str | None
) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        chat, elsewhere = await alice.start(body="Hello"), await alice.start(body="Hello again")
        body = {"attachmentIds": [(await upload(alice))["id"]]}
        headers = {} if key is None else {"Idempotency-Key": key}
        await world.operator.trouble(**fault)
        if fault is NOT_TAKEN:
            await trip_the_breaker(world)
        assert (await alice.call("POST", path(chat), json=body, headers=headers)).status_code in (500, 502)
        await world.operator.no_trouble()
        world.clock.advance(60)
        assert len((await alice.post(path(elsewhere), body, status=201))["message"]["attachments"]) == 1


async def trip_the_breaker(world: World) -> None:
    for _ in range(3):
        await world.sdk().call("POST", "/api/conversations", json={"body": "Hi"})


async def test_a_crash_before_the_answer_leaves_the_file_to_the_key(mongo: MongoDatabase) -> None:
    async with simulating() as simulator:
        async with reachable(mongo, simulator) as world:
            alice = world.sdk()
            chat = await alice.start(body="Hello")
            body = {"attachmentIds": [(await upload(alice))["id"]]}
            await cut_off(world, path(chat), body, TAKEN)
        async with reachable(mongo, simulator) as world:
            world.clock.advance(RUN_S)
            await world.reconcile()
            [_, shown] = (await world.sdk().show(chat["id"]))["messages"]
            assert (shown["body"], shown["attachments"][0]["name"]) == ("", "receipt.png")
            assert (await opened(shown["attachments"][0]["url"])).content == PNG
            answer = await send(world.sdk(), path(chat), body, "k")
            assert is_replayed(answer)
            assert answer.json()["message"]["id"] == shown["id"]


async def test_a_file_in_two_replies_at_once_is_in_one(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        chat, elsewhere = await alice.start(body="Hello"), await alice.start(body="Hello again")
        body = {"attachmentIds": [(await upload(alice))["id"]]}
        answers = await asyncio.gather(*(alice.call("POST", path(each), json=body) for each in (chat, elsewhere, chat)))
        assert sorted(answer.status_code for answer in answers) == [201, 400, 400]


Away = Callable[..., Awaitable[Any]]


def failing(error: type[Exception], *given: Any) -> Away:
    async def away(*_: Any, **__: Any) -> Any:
        raise error(*given)

    return away


@pytest.mark.parametrize("body", [{}, {"body": "See"}])
async def test_without_the_files_records_nothing_is_sent(
    mongo: MongoDatabase, monkeypatch: pytest.MonkeyPatch, body: dict[str, Any]
) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        chat = await alice.start(body="Hello")
        file = await upload(alice)
        with monkeypatch.context() as gone:
            gone.setattr(world.server.parts.stores.files, "claim", failing(StorageUnavailable))
            await reply_with(alice, chat, file["id"], **body, status=502)
        assert await in_intercom(world, chat) == []
        await reply_with(alice, chat, file["id"], **body)


async def test_a_file_that_cannot_be_read_stops_the_reply(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        chat = await alice.start(body="Hello")
        file = await upload(alice, "a.pdf", PDF)
        enclosures = world.server.parts.conversations._enclosures
        reading = enclosures._storage.reading

        def broken(*_: Any, **__: Any) -> Any:
            raise FileStorageUnavailable("disk")

        enclosures._storage.reading = broken  # type: ignore[method-assign]
        await reply_with(alice, chat, file["id"], body="See", status=502)
        enclosures._storage.reading = reading  # type: ignore[method-assign]
        assert await in_intercom(world, chat) == []
        await reply_with(alice, chat, file["id"], body="See")


async def test_an_operators_file_while_intercom_is_away(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        chat = await alice.start(body="Hello")
        file = {"name": "a.pdf", "content_type": "application/pdf", "data": "JVBERi0xLjQ="}
        await world.operator.reply(chat["id"], "See", files=[file])
        await world.settle()
        url = (await alice.show(chat["id"]))["messages"][-1]["attachments"][0]["url"]
        await world.operator.trouble(outage="error")
        away = await world.http.get(url)
        assert (away.status_code, away.json()["error"]) == (502, "service_unavailable")
        await world.operator.no_trouble()
        assert (await world.http.get(url)).status_code == 302


@pytest.mark.parametrize(("name", "content"), [("a.png", PNG), ("a.pdf", PDF)])
async def test_a_users_own_file_opens_while_intercom_is_away(mongo: MongoDatabase, name: str, content: bytes) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        chat = await alice.start(body="Hello")
        await reply_with(alice, chat, (await upload(alice, name, content))["id"])
        await world.settle()
        await world.reconcile()
        await world.operator.trouble(outage="error")
        [_, message] = (await alice.show(chat["id"]))["messages"]
        assert (await opened(message["attachments"][0]["url"])).content == content
