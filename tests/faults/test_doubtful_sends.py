"""Sends of which nobody knows what became of them, when clocks, other processes and other messages add to the doubt."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from supportd.dev.mongod import running_mongod
from supportd.errors import StorageUnavailable
from tests.harness import MongoDatabase, World, living, serving, settings, simulating
from tests.proxying import Passing, Way, proxied
from tests.sending import (
    LATE_S,
    REPLY,
    RUN_S,
    START,
    conversations,
    is_conflict,
    is_replayed,
    replies,
    reply,
    start,
    under_way,
)
from tests.waiting import eventually

TAKEN: dict[str, Any] = {"cut_after_write": 1}  # Intercom takes the message, and the connection breaks
NOT_TAKEN: dict[str, Any] = {"outage": "refuse"}  # it breaks before
HOUR_S = 3600


async def away(*_: Any, **__: Any) -> Any:
    raise StorageUnavailable


async def cut_off(world: World, chat: dict[str, Any], fault: dict[str, Any]) -> None:
    await world.operator.trouble(**fault)
    assert (await reply(world.sdk(), chat, "Hi")).status_code == 502
    await world.operator.no_trouble()


async def cut_off_start(world: World, fault: dict[str, Any]) -> None:
    await world.operator.control("POST", "/contacts", {"external_id": "alice"})
    await world.sdk().list()
    await world.operator.trouble(**fault)
    assert (await start(world.sdk(), body="Hi")).status_code == 502
    await world.operator.no_trouble()


def set_clock(context: pytest.MonkeyPatch, world: World, by_s: float) -> None:
    """Sets the system's clock; time goes on as before."""
    real = world.clock.time
    context.setattr(world.clock, "time", lambda: real() + by_s)


async def test_what_may_still_arrive_is_waited_for(mongo: MongoDatabase) -> None:
    async with living(mongo, intercom_timeout=0.5) as world:
        chat = await world.sdk().start(body="Hello")
        await cut_off(world, chat, {"latency_s": 2.0})
        assert is_conflict(await reply(world.sdk(), chat, "Hi"))
        await eventually(lambda: replies(world, chat))
        answer = await reply(world.sdk(), chat, "Hi")
        assert (answer.status_code, is_replayed(answer)) == (201, True)
        assert await replies(world, chat) == ["Hi"]


async def test_what_has_not_arrived_in_time_is_sent(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        chat = await world.sdk().start(body="Hello")
        await cut_off(world, chat, NOT_TAKEN)
        for _ in range(2):
            assert is_conflict(await reply(world.sdk(), chat, "Hi"))
        world.clock.advance(LATE_S)
        answer = await reply(world.sdk(), chat, "Hi")
        assert (answer.status_code, is_replayed(answer)) == (201, False)
        assert await replies(world, chat) == ["Hi"]


async def test_the_same_words_sent_without_a_key_are_another_message(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        chat = await world.sdk().start(body="Hello")
        await cut_off(world, chat, NOT_TAKEN)
        unkeyed = await world.sdk().reply(chat["id"], "Hi")
        world.clock.advance(LATE_S)
        answer = await reply(world.sdk(), chat, "Hi")
        assert (answer.status_code, is_replayed(answer)) == (201, False)
        assert answer.json()["message"]["id"] != unkeyed["message"]["id"]
        assert await replies(world, chat) == ["Hi", "Hi"]


async def test_a_start_with_the_same_words_without_a_key_is_another_conversation(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        await cut_off_start(world, NOT_TAKEN)
        unkeyed = await world.sdk().start(body="Hi")
        world.clock.advance(121)
        answer = await start(world.sdk(), body="Hi")
        assert (answer.status_code, is_replayed(answer)) == (201, False)
        assert answer.json()["id"] != unkeyed["id"]
        assert await conversations(world) == 2


async def test_what_is_just_being_sent_without_a_key_is_not_taken_for_it(
    mongo: MongoDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        chat = await alice.start(body="Hello")
        await cut_off(world, chat, NOT_TAKEN)
        world.clock.advance(LATE_S)
        keys = world.server.parts.sends._store
        note, taken, go_on = keys.note, asyncio.Event(), asyncio.Event()

        async def late(*given: Any, **named: Any) -> None:
            taken.set()
            await go_on.wait()
            await note(*given, **named)

        monkeypatch.setattr(keys, "note", late)
        unkeyed = asyncio.create_task(alice.reply(chat["id"], "Hi"))
        await taken.wait()
        assert is_conflict(await reply(alice, chat, "Hi"))
        go_on.set()
        await unkeyed
        assert not is_replayed(await reply(alice, chat, "Hi"))
        assert await replies(world, chat) == ["Hi", "Hi"]


async def test_without_a_key_a_message_is_sent_though_nothing_can_be_noted(
    mongo: MongoDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with living(mongo) as world:
        chat = await world.sdk().start(body="Hello")
        monkeypatch.setattr(world.server.parts.sends._store, "note", away)
        await world.sdk().reply(chat["id"], "Hi")
        assert await replies(world, chat) == ["Hi"]


async def test_a_clock_that_jumps_ahead_ends_no_send_that_is_under_way(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        chat = await world.sdk().start(body="Hello")
        await world.operator.trouble(latency_s=1.0)
        sending = asyncio.create_task(reply(world.sdk(), chat, "Hi"))
        await under_way(world, REPLY, sending)
        world.clock.advance(HOUR_S)
        assert is_conflict(await reply(world.sdk(), chat, "Hi"))
        first = await sending
        assert (await reply(world.sdk(), chat, "Hi")).content == first.content
        assert await replies(world, chat) == ["Hi"]


async def test_a_clock_that_jumps_ahead_hides_no_other_send_that_is_under_way(
    mongo: MongoDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with living(mongo) as world:
        chat = await world.sdk().start(body="Hello")
        await cut_off(world, chat, NOT_TAKEN)
        keys = world.server.parts.sends._store
        settle, taken, go_on = keys.settle, asyncio.Event(), asyncio.Event()

        async def late(*given: Any, **named: Any) -> None:
            taken.set()
            await go_on.wait()
            await settle(*given, **named)

        monkeypatch.setattr(keys, "settle", late)
        other = asyncio.create_task(reply(world.sdk(), chat, "Hi", "another"))
        await taken.wait()
        world.clock.advance(HOUR_S)
        assert is_conflict(await reply(world.sdk(), chat, "Hi"))
        go_on.set()
        assert (await other).status_code == 201
        assert not is_replayed(await reply(world.sdk(), chat, "Hi"))
        assert await replies(world, chat) == ["Hi", "Hi"]


@pytest.mark.logs("storage unavailable", "periodic task failed", "job lost")
@pytest.mark.soak
@pytest.mark.parametrize("stored", [False, True])
async def test_mongodb_killed_with_the_intent(tmp_path: Path, stored: bool) -> None:
    """Before it has it, or with it on the disk and not yet told: nothing is sent then, and one message afterwards."""
    async with running_mongod(tmp_path) as mongod, proxied(mongod.port) as network:
        uri = f"mongodb://127.0.0.1:{network.port}/?directConnection=true"
        async with living(MongoDatabase(uri, "sends", tmp_path / "files")) as world:
            chat = await world.sdk().start(body="Hello")
            await world.settle()
            await world.operator.forget_calls()
            intents: set[int] = set()

            def kill(passing: Passing) -> None:
                if b"intent\0" in passing.data and b"update\0" in passing.data:
                    intents.add(passing.connection)
                if passing.connection in intents and (not stored or passing.way is Way.ANSWER):
                    network.watch = None
                    mongod.kill()
                    network.cut()

            network.watch = kill
            assert (await reply(world.sdk(), chat, "Hi")).status_code == 502
            assert len(intents) == 1
            assert await replies(world, chat) == []
            mongod.restart()
            await eventually(lambda: is_ready(world))
            world.clock.advance(RUN_S)
            assert (await reply(world.sdk(), chat, "Hi")).status_code == 201
            assert await replies(world, chat) == ["Hi"]


async def is_ready(world: World) -> bool:
    return bool((await world.http.get("/ready")).status_code == 200)


@pytest.mark.parametrize("fault", [TAKEN, NOT_TAKEN])
async def test_a_clock_that_jumps_back_after_a_crash_locks_no_key(
    mongo: MongoDatabase, monkeypatch: pytest.MonkeyPatch, fault: dict[str, Any]
) -> None:
    async with living(mongo) as world:
        chat = await world.sdk().start(body="Hello")
        with monkeypatch.context() as context:
            context.setattr(world.server.parts.sends._store, "release", away)  # as if killed
            await cut_off(world, chat, fault)
        set_clock(monkeypatch, world, -HOUR_S)
        assert is_conflict(await reply(world.sdk(), chat, "Hi")) == (fault == NOT_TAKEN)
        world.clock.advance(LATE_S)
        answer = await reply(world.sdk(), chat, "Hi")
        assert (answer.status_code, is_replayed(answer)) == (201, fault == TAKEN)
        assert await replies(world, chat) == ["Hi"]


@pytest.mark.parametrize("ahead_s", [HOUR_S, -HOUR_S])
async def test_a_start_is_found_though_our_clock_was_an_hour_off(
    mongo: MongoDatabase, monkeypatch: pytest.MonkeyPatch, ahead_s: int
) -> None:
    async with living(mongo, webhooks=False) as world:
        with monkeypatch.context() as context:
            set_clock(context, world, ahead_s)
            await cut_off_start(world, TAKEN)
        answer = await start(world.sdk(), body="Hi")
        assert (answer.status_code, is_replayed(answer)) == (201, True)
        assert await conversations(world) == 1


@pytest.mark.parametrize("offset_s", [300, -300])
@pytest.mark.parametrize("operation", [REPLY, START])
async def test_a_message_is_found_whatever_intercoms_clock_says(
    mongo: MongoDatabase, operation: str, offset_s: int
) -> None:
    async with living(mongo, webhooks=False) as world:
        await world.operator.control("POST", "/clock", {"offset": offset_s})
        if operation == REPLY:
            chat = await world.sdk().start(body="Hello")
            await cut_off(world, chat, TAKEN)
            answer = await reply(world.sdk(), chat, "Hi")
        else:
            await cut_off_start(world, TAKEN)
            answer = await start(world.sdk(), body="Hi")
        assert (answer.status_code, is_replayed(answer)) == (201, True)
        assert await conversations(world) == 1


async def test_a_send_that_takes_longer_than_a_lease_keeps_its_key(
    mongo: MongoDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("supportd.idempotency.LEASE_S", 2.0)
    async with simulating() as simulator:
        configuration = settings(mongo, simulator.base_url)
        async with serving(configuration, simulator) as world, serving(configuration, simulator) as other:
            chat = await world.sdk().start(body="Hello")
            await world.operator.trouble(latency_s=3.0)
            sending = asyncio.create_task(reply(world.sdk(), chat, "Hi"))
            await under_way(world, REPLY, sending)
            while not sending.done():
                again = await reply(other.sdk(), chat, "Hi")
                assert is_conflict(again) or is_replayed(again)
            assert (await sending).status_code == 201
            assert (await reply(other.sdk(), chat, "Hi")).content == (await sending).content
            assert await replies(world, chat) == ["Hi"]


async def test_who_cannot_renew_its_lease_gives_up_before_another_may_send(
    mongo: MongoDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("supportd.idempotency.LEASE_S", 0.6)
    async with living(mongo) as world:
        chat = await world.sdk().start(body="Hello")
        monkeypatch.setattr(world.server.parts.sends._store, "renew", away)
        await cut_off(world, chat, {"latency_s": 3.0})
        assert world.metric("keyed_sends_total", outcome="uncertain") == 1
        await eventually(lambda: replies(world, chat))
        assert is_replayed(await reply(world.sdk(), chat, "Hi"))
        assert await replies(world, chat) == ["Hi"]


async def test_while_intercom_is_away_nothing_is_looked_for_and_nothing_sent(mongo: MongoDatabase) -> None:
    async with living(mongo, webhooks=False) as world:
        chat = await world.sdk().start(body="Hello")
        await cut_off(world, chat, TAKEN)
        world.clock.advance(LATE_S)
        for fault in ({"outage": "error"}, {"garbage": "half"}, {"force_429": True}):
            await world.operator.trouble(**fault)
            await world.operator.forget_calls()
            assert (await reply(world.sdk(), chat, "Hi")).status_code == 502
            assert REPLY not in await world.operator.calls()
            await world.operator.no_trouble()
            world.clock.advance(31)
        assert is_replayed(await reply(world.sdk(), chat, "Hi"))
        assert await replies(world, chat) == ["Hi"]
