"""Sends that are cut off at each boundary: the retry makes the message that isn't there, and finds the one that is."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from supportd.dev.mongod import running_mongod
from supportd.errors import StorageUnavailable
from tests.harness import MongoDatabase, World, living, serving, settings, simulating
from tests.sending import (
    LATE_S,
    REPLY,
    RUN_S,
    START,
    conversations,
    is_conflict,
    is_replayed,
    notes,
    replies,
    reply,
    send,
    start,
    under_way,
)
from tests.waiting import eventually

COMPLAINT = {"category": "funds", "description": "My money is gone"}
TAKEN: dict[str, Any] = {"cut_after_write": 1}  # Intercom takes the message, and the connection breaks
NOT_TAKEN: dict[str, Any] = {"outage": "refuse"}  # it breaks before


async def away(*_: Any, **__: Any) -> Any:
    raise StorageUnavailable


async def cut_off(world: World, chat: dict[str, Any], words: str, key: str, fault: dict[str, Any]) -> None:
    await world.operator.trouble(**fault)
    assert (await reply(world.sdk(), chat, words, key)).status_code == 502
    await world.operator.no_trouble()
    world.clock.advance(LATE_S)


async def known_user(world: World) -> None:
    await world.operator.control("POST", "/contacts", {"external_id": "alice"})
    await world.sdk().list()


async def cut_off_start(world: World, fault: dict[str, Any], key: str = "key-1", **body: Any) -> None:
    await known_user(world)
    await world.operator.trouble(**fault)
    assert (await start(world.sdk(), key, **body)).status_code == 502
    await world.operator.no_trouble()


@pytest.mark.parametrize("webhooks", [True, False])
@pytest.mark.parametrize("fault", [TAKEN, NOT_TAKEN, {"garbage": "half"}, {"outage": "error"}])
async def test_a_reply_of_unknown_fate_is_found_or_sent(
    mongo: MongoDatabase, fault: dict[str, Any], webhooks: bool
) -> None:
    async with living(mongo, webhooks=webhooks) as world:
        chat = await world.sdk().start(body="Hello")
        await cut_off(world, chat, "Hi", "k", fault)
        there = await replies(world, chat)
        await world.settle()
        answer = await reply(world.sdk(), chat, "Hi", "k")
        assert (answer.status_code, is_replayed(answer)) == (201, there == ["Hi"])
        assert (answer.json()["message"]["body"], answer.json()["state"]) == ("Hi", "open")
        again = await reply(world.sdk(), chat, "Hi", "k")
        assert (is_replayed(again), again.content) == (True, answer.content)
        assert await replies(world, chat) == ["Hi"]
        shown = await world.sdk().show(chat["id"])
        assert shown["messages"][-1] == answer.json()["message"]


@pytest.mark.parametrize(
    "words",
    [
        "caf\u00e9 cafe\u0301 \u00a0\u2003 wide",
        "<b>not bold</b> & <p> 1 < 2 &amp; \"quoted\" 'so'",
        "one\r\ntwo\n\n\nthree\n  indented\ttab",
        "see https://example.com/a?b=c&d=e#f *stars* _lines_ `code`",
        "- a list\n- of two",
        "\U0001f468\u200d\U0001f469\u200d\U0001f467 \u0645\u0631\u062d\u0628\u0627 \u4f60\u597d",
    ],
)
async def test_whatever_the_words_they_are_found(mongo: MongoDatabase, words: str) -> None:
    async with living(mongo) as world:
        chat = await world.sdk().start(body="Hello")
        await cut_off(world, chat, words, "k", TAKEN)
        assert is_replayed(await reply(world.sdk(), chat, words, "k"))
        assert len(await replies(world, chat)) == 1


@pytest.mark.parametrize("webhooks", [True, False])
async def test_a_message_that_an_operator_deleted_before_its_retry_is_not_sent_again(
    mongo: MongoDatabase, webhooks: bool
) -> None:
    async with living(mongo, webhooks=webhooks) as world:
        chat = await world.sdk().start(body="Hello")
        await cut_off(world, chat, "My password is 1234", "k", TAKEN)
        parts = (await world.operator.truth(chat["id"]))["conversation_parts"]["conversation_parts"]
        await world.operator.act(chat["id"], "redact", part_id=parts[-1]["id"])
        await world.settle()
        answer = await reply(world.sdk(), chat, "My password is 1234", "k")
        assert (answer.status_code, is_replayed(answer)) == (201, True)
        assert (answer.json()["message"]["id"], answer.json()["message"]["redacted"]) == (parts[-1]["id"], True)
        assert len(await replies(world, chat)) == 1


async def test_a_message_that_was_deleted_and_answered_is_not_taken_for_another(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        chat = await world.sdk().start(body="Hello")
        await cut_off(world, chat, "Hi", "k1", NOT_TAKEN)
        other = await reply(world.sdk(), chat, "Other words", "k2")
        await world.operator.act(chat["id"], "redact", part_id=other.json()["message"]["id"])
        await world.settle()
        answer = await reply(world.sdk(), chat, "Hi", "k1")
        assert (answer.status_code, is_replayed(answer)) == (201, False)
        assert (await replies(world, chat))[-1] == "Hi"


async def test_what_the_user_said_before_is_not_taken_for_it(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        chat = await world.sdk().start(body="Hi")
        await world.sdk().reply(chat["id"], "Hi")
        await cut_off(world, chat, "Hi", "k", NOT_TAKEN)
        answer = await reply(world.sdk(), chat, "Hi", "k")
        assert (answer.status_code, is_replayed(answer)) == (201, False)
        assert await replies(world, chat) == ["Hi", "Hi"]


async def test_what_others_say_is_not_taken_for_it(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        chat = await world.sdk().start(body="Hello")
        await cut_off(world, chat, "Hi", "k", NOT_TAKEN)
        await world.operator.reply(chat["id"], "<p>Hi</p>")
        assert not is_replayed(await reply(world.sdk(), chat, "Hi", "k"))
        assert await replies(world, chat) == ["Hi"]


@pytest.mark.parametrize("retried", [("k1", "k2"), ("k2", "k1")])
@pytest.mark.parametrize("second", [TAKEN, NOT_TAKEN, None])
@pytest.mark.parametrize("first", [TAKEN, NOT_TAKEN])
async def test_the_same_words_under_two_keys_are_two_messages_whatever_became_of_them(
    mongo: MongoDatabase, first: dict[str, Any], second: dict[str, Any] | None, retried: tuple[str, str]
) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        chat = await alice.start(body="Hello")
        await cut_off(world, chat, "Hi", "k1", first)
        if second is None:
            assert (await reply(alice, chat, "Hi", "k2")).status_code == 201
        else:
            await cut_off(world, chat, "Hi", "k2", second)
        answers = [await reply(alice, chat, "Hi", key) for key in retried]
        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.json()["message"]["id"] for answer in answers}) == 2
        assert await replies(world, chat) == ["Hi", "Hi"]


@pytest.mark.parametrize("faults", [(TAKEN, TAKEN), (TAKEN, NOT_TAKEN), (NOT_TAKEN, NOT_TAKEN)])
async def test_two_keys_with_the_same_words_retried_at_once_on_two_servers_are_two_messages(
    mongo: MongoDatabase, faults: tuple[dict[str, Any], ...]
) -> None:
    async with simulating() as simulator:
        configuration = settings(mongo, simulator.base_url)
        async with serving(configuration, simulator) as world, serving(configuration, simulator) as other:
            chat = await world.sdk().start(body="Hello")
            for key, fault in zip(("k1", "k2"), faults, strict=True):
                await cut_off(world, chat, "Hi", key, fault)
            other.clock.advance(world.clock.advanced)

            async def until_sent(server: World, key: str) -> Any:
                answer = await reply(server.sdk(), chat, "Hi", key)
                while is_conflict(answer):
                    answer = await reply(server.sdk(), chat, "Hi", key)
                return answer.json()["message"]["id"]

            sent = await asyncio.gather(*(until_sent(server, key) for server in (world, other) for key in ("k1", "k2")))
            assert sent[:2] == sent[2:]
            assert len(set(sent)) == 2
            assert await replies(world, chat) == ["Hi", "Hi"]


async def test_a_message_that_another_key_is_just_sending_is_not_taken_for_it(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        chat = await alice.start(body="Hello")
        await cut_off(world, chat, "Hi", "k1", NOT_TAKEN)
        settle = world.server.parts.sends._store.settle
        taken, go_on = asyncio.Event(), asyncio.Event()

        async def late(*given: Any, **named: Any) -> None:
            taken.set()
            await go_on.wait()
            await settle(*given, **named)

        with pytest.MonkeyPatch.context() as context:
            context.setattr(world.server.parts.sends._store, "settle", late)
            other = asyncio.create_task(reply(alice, chat, "Hi", "k2"))
            await taken.wait()
            assert is_conflict(await reply(alice, chat, "Hi", "k1"))
            go_on.set()
            assert (await other).status_code == 201
        assert (await reply(alice, chat, "Hi", "k1")).status_code == 201
        assert await replies(world, chat) == ["Hi", "Hi"]


@pytest.mark.parametrize("fault", [TAKEN, NOT_TAKEN])
async def test_two_retries_at_once_make_one_message(mongo: MongoDatabase, fault: dict[str, Any]) -> None:
    async with living(mongo) as world:
        chat = await world.sdk().start(body="Hello")
        await cut_off(world, chat, "Hi", "k", fault)
        answers = await asyncio.gather(*(reply(world.sdk(), chat, "Hi", "k") for _ in range(5)))
        assert 201 in {answer.status_code for answer in answers}
        assert all(answer.status_code == 201 or is_conflict(answer) for answer in answers)
        assert await replies(world, chat) == ["Hi"]


async def test_a_send_that_takes_too_long_is_given_up_and_found_by_the_next_try(
    mongo: MongoDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with living(mongo) as world:
        chat = await world.sdk().start(body="Hello")
        await world.operator.trouble(latency_s=1.0)
        with monkeypatch.context() as context:
            context.setattr("supportd.idempotency.ACT_S", 0.3)
            assert (await reply(world.sdk(), chat, "Hi")).status_code == 502
        await eventually(lambda: replies(world, chat))
        answer = await reply(world.sdk(), chat, "Hi")
        assert (answer.status_code, is_replayed(answer)) == (201, True)
        assert await replies(world, chat) == ["Hi"]
        assert world.metric("keyed_sends_total", outcome="uncertain") == 1


async def test_a_retry_that_is_cut_off_too_is_looked_for_again(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        chat = await world.sdk().start(body="Hello")
        await cut_off(world, chat, "Hi", "k", NOT_TAKEN)
        await cut_off(world, chat, "Hi", "k", {"outage": "error"})
        world.clock.advance(31)
        await cut_off(world, chat, "Hi", "k", TAKEN)
        world.clock.advance(31)
        await cut_off(world, chat, "Hi", "k", {"outage": "error"})
        world.clock.advance(31)
        assert is_replayed(await reply(world.sdk(), chat, "Hi", "k"))
        assert await replies(world, chat) == ["Hi"]


async def test_a_message_found_and_not_yet_answered_stays_its_keys(
    mongo: MongoDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with living(mongo, webhooks=False) as world:
        await cut_off_start(world, TAKEN, body="Hello")
        with monkeypatch.context() as context:
            context.setattr(world.server.parts.conversations._keeper, "refresh", away)
            assert (await start(world.sdk(), body="Hello")).status_code == 502
        assert (await start(world.sdk(), "k2", body="Hello")).status_code == 201
        answer = await start(world.sdk(), body="Hello")
        assert (answer.status_code, is_replayed(answer)) == (201, True)
        assert await conversations(world) == 2


async def test_a_client_that_polled_meanwhile_gets_no_message_twice(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        chat = await alice.start(body="Hello")
        await cut_off(world, chat, "Hi", "k", TAKEN)
        await world.operator.reply(chat["id"], "<p>Yes?</p>")
        await world.settle()
        seen = await alice.poll(chat["id"], chat["latestTimestamp"])
        assert [message["body"] for message in seen["messages"]] == ["Hi", "Yes?"]
        answer = (await reply(alice, chat, "Hi", "k")).json()
        assert answer["latestTimestamp"] == seen["latestTimestamp"]


async def test_a_start_of_unknown_fate_is_found(mongo: MongoDatabase) -> None:
    async with living(mongo, webhooks=False) as world:
        await world.sdk().start(body="Hello")
        await cut_off_start(world, TAKEN, body="Hello", meta={"plan": "pro"})
        answer = await start(world.sdk(), body="Hello", meta={"plan": "pro"})
        assert (answer.status_code, is_replayed(answer)) == (201, True)
        assert [message["body"] for message in answer.json()["messages"]] == ["Hello"]
        assert (await start(world.sdk(), body="Hello", meta={"plan": "pro"})).content == answer.content
        assert await conversations(world) == 2
        await eventually(lambda: world.metric("outbox_jobs_total", kind="enrich", outcome="ok"))


async def test_a_start_whose_words_an_operator_deleted_is_not_made_again(mongo: MongoDatabase) -> None:
    async with living(mongo, webhooks=False) as world:
        await cut_off_start(world, TAKEN, body="My password is 1234")
        made = next(iter(world.simulator.workspace.conversations))
        truth = await world.operator.truth(made)
        await world.operator.act(made, "redact", part_id=truth["source"]["id"])
        answer = await start(world.sdk(), body="My password is 1234")
        assert (answer.status_code, is_replayed(answer), answer.json()["id"]) == (201, True, made)
        assert await conversations(world) == 1


async def test_what_was_started_just_before_is_not_taken_for_it(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        before = await world.sdk().start(body="Hello")
        await cut_off_start(world, NOT_TAKEN, body="Hello")
        world.clock.advance(121)
        answer = await start(world.sdk(), body="Hello")
        assert (answer.status_code, is_replayed(answer)) == (201, False)
        assert answer.json()["id"] != before["id"]
        assert await conversations(world) == 2


async def test_what_was_started_long_ago_and_is_not_known_here_is_not_taken_for_it(mongo: MongoDatabase) -> None:
    async with living(mongo, webhooks=False) as world:
        await known_user(world)
        await world.operator.control("POST", "/clock", {"offset": -3 * 3600})
        await world.operator.control("POST", "/conversations", {"external_id": "alice", "body": "Hello"})
        await world.operator.control("POST", "/clock", {"offset": 0})
        await cut_off_start(world, NOT_TAKEN, body="Hello")
        world.clock.advance(121)
        assert not is_replayed(await start(world.sdk(), body="Hello"))
        assert await conversations(world) == 2


async def test_while_the_search_may_lag_a_start_waits_and_then_it_is_made(mongo: MongoDatabase) -> None:
    async with living(mongo, webhooks=False) as world:
        await cut_off_start(world, NOT_TAKEN, body="Hello")
        assert is_conflict(await start(world.sdk(), body="Hello"))
        world.clock.advance(100)
        assert is_conflict(await start(world.sdk(), body="Hello"))
        assert await conversations(world) == 0
        world.clock.advance(21)
        answer = await start(world.sdk(), body="Hello")
        assert (answer.status_code, is_replayed(answer)) == (201, False)
        assert await conversations(world) == 1


async def test_a_start_that_the_search_does_not_show_yet_is_found_by_its_webhook_or_later(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        await known_user(world)
        await world.operator.trouble(search_lag_s=60, webhook_hold=True, **TAKEN)
        assert (await start(world.sdk(), body="Hello")).status_code == 502
        assert is_conflict(await start(world.sdk(), body="Hello"))
        await world.operator.trouble(webhook_hold=False)
        await world.settle()
        assert is_replayed(await start(world.sdk(), body="Hello"))
        assert await conversations(world) == 1


@pytest.mark.parametrize("webhooks", [True, False])
@pytest.mark.parametrize("body", [None, "Help"])
async def test_a_start_with_a_topic_is_found_with_it(mongo: MongoDatabase, body: str | None, webhooks: bool) -> None:
    async with living(mongo, webhooks=webhooks) as world:
        request: dict[str, Any] = {"reason": {"main": "Cards"}} | ({"body": body} if body else {})
        await cut_off_start(world, TAKEN, **request)
        await world.settle()
        answer = await start(world.sdk(), **request)
        assert is_replayed(answer)
        started = answer.json()
        assert started["reason"] == {"main": "Cards", "sub": None}
        assert [message["body"] for message in started["messages"]] == ([body] if body else [])
        await eventually(lambda: world.metric("outbox_jobs_total", kind="note", outcome="ok"))
        assert await notes(world, started["id"]) == ["Topic: Cards"]
        assert await conversations(world) == 1


async def test_a_start_with_a_topic_that_is_made_later_leaves_no_second_topic(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        await cut_off_start(world, NOT_TAKEN, reason={"main": "Cards"})
        world.clock.advance(121)
        started = (await start(world.sdk(), reason={"main": "Cards"})).json()
        assert (started["messages"], started["reason"]) == ([], {"main": "Cards", "sub": None})
        await world.settle()
        elsewhere = await world.operator.control("POST", "/conversations", {"external_id": "alice", "body": "Cards"})
        await world.settle()
        other = await world.sdk().show(elsewhere["id"])
        assert (other["reason"], [message["body"] for message in other["messages"]]) == (None, ["Cards"])


@pytest.mark.logs("requests cut")
@pytest.mark.parametrize("operation", [REPLY, START])
async def test_a_server_that_stops_between_intent_and_answer(mongo: MongoDatabase, operation: str) -> None:
    async with simulating() as simulator:
        configuration = settings(mongo, simulator.base_url)
        async with serving(configuration, simulator) as world:
            chat = await world.sdk().start(body="before")
            await world.operator.trouble(latency_s=1.0)
            await world.operator.forget_calls()
            keys = world.server.parts.sends._store
            keys.release = keys.settle = keys.forget = away  # type: ignore[method-assign] # as if killed
            call = reply(world.sdk(), chat, "Hello") if operation == REPLY else start(world.sdk(), body="Hello")
            cut = asyncio.create_task(call)
            await under_way(world, operation, cut)
            world.server.lifecycle.cut()
        await asyncio.gather(cut, return_exceptions=True)
        async with serving(configuration, simulator) as world:
            await world.operator.no_trouble()
            await eventually(lambda: said(world, chat, operation))

            def again() -> Any:
                return reply(world.sdk(), chat, "Hello") if operation == REPLY else start(world.sdk(), body="Hello")

            assert is_conflict(await again())
            world.clock.advance(RUN_S)
            answers = await asyncio.gather(again(), again())
            assert all(is_conflict(answer) or is_replayed(answer) for answer in answers)
            assert is_replayed(await again())
            assert await said(world, chat, operation) == 1


async def said(world: World, chat: dict[str, Any], operation: str) -> int:
    if operation == REPLY:
        return (await replies(world, chat)).count("Hello")
    return await conversations(world) - 1


@pytest.mark.parametrize("boundary", ["find", "intend"])
async def test_a_crash_before_the_call_is_no_send(
    mongo: MongoDatabase, monkeypatch: pytest.MonkeyPatch, boundary: str
) -> None:
    async with living(mongo) as world:
        alice, sends = world.sdk(), world.server.parts.sends
        chat = await alice.start(body="Hello")
        with monkeypatch.context() as context:
            context.setattr(sends._store, "forget", away)  # as if killed
            where: Any = sends._store if boundary == "intend" else world.server.parts.conversations
            context.setattr(where, boundary, away)
            assert (await reply(alice, chat, "Hi")).status_code == 502
        assert is_conflict(await reply(alice, chat, "Hi"))
        world.clock.advance(RUN_S)
        await world.operator.forget_calls()
        assert not is_replayed(await reply(alice, chat, "Hi"))
        assert await world.operator.calls() == {REPLY: 1}
        assert await replies(world, chat) == ["Hi"]


@pytest.mark.logs("storage unavailable", "periodic task failed", "job lost")
async def test_mongodb_gone_when_the_answer_is_to_be_stored(tmp_path: Path) -> None:
    async with (
        running_mongod(tmp_path) as mongod,
        living(MongoDatabase(mongod.uri, "sends", tmp_path / "files")) as world,
    ):
        alice = world.sdk()
        chat = await alice.start(body="Hello")
        await world.settle()
        await world.operator.trouble(latency_s=1.5)
        sending = asyncio.create_task(reply(alice, chat, "Hi"))
        await under_way(world, REPLY, sending)
        mongod.kill()
        first = await sending
        assert (first.status_code, first.json()["message"]["body"]) == (201, "Hi")
        await world.operator.no_trouble()
        assert (await reply(alice, chat, "Hi")).status_code == 502
        assert (await reply(alice, chat, "Ho", "k2")).status_code == 502
        mongod.restart()
        await eventually(lambda: is_ready(world))
        world.clock.advance(RUN_S)
        answer = await reply(alice, chat, "Hi")
        assert (answer.status_code, is_replayed(answer)) == (201, True)
        assert answer.json()["message"]["id"] == first.json()["message"]["id"]
        assert await replies(world, chat) == ["Hi"]


async def is_ready(world: World) -> bool:
    return bool((await world.http.get("/ready")).status_code == 200)


@pytest.mark.parametrize("stored", [True, False])
async def test_a_complaint_of_unknown_fate_is_stored_once(
    mongo: MongoDatabase, monkeypatch: pytest.MonkeyPatch, stored: bool
) -> None:
    async with living(mongo) as world:
        store = world.server.parts.stores.complaints
        add = store.add

        async def unsure(*given: Any, **named: Any) -> None:
            if stored:
                await add(*given, **named)
            raise StorageUnavailable

        with monkeypatch.context() as context:
            context.setattr(store, "add", unsure)
            assert (await send(world.sdk(), "/api/complaints", COMPLAINT)).status_code == 502
        answer = await send(world.sdk(), "/api/complaints", COMPLAINT)
        assert answer.status_code == 201
        kept = await world.server.parts.database["complaints"].find().to_list(None)
        assert [complaint["_id"] for complaint in kept] == [answer.json()["id"]]
