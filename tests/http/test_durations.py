"""Each close is recorded once, from whichever side it came and however it was told."""

from typing import Any

import pytest

from supportd.errors import StorageUnavailable
from tests.harness import MongoDatabase, World, living, serving, settings, simulating

HOURS_2_MIN_5 = 7500


async def recorded(world: World, chat: Any) -> list[int]:
    """The durations of the conversation in s, in the order of its closes."""
    found = world.server.parts.database["durations"].find({"conversation": chat["id"]}).sort("closed_at", 1)
    documents = [document async for document in found]
    assert all(each["seconds"] == each["closed_at"] - each["opened_at"] for each in documents)
    return [each["seconds"] for each in documents]


async def advance(world: World, seconds: int) -> None:
    """Time passes for all: for us and, to the second, for Intercom."""
    world.clock.advance(seconds)
    await world.operator.control("POST", "/clock", {"advance": seconds})


async def notes(world: World, chat: Any) -> list[str]:
    parts = (await world.operator.truth(chat["id"]))["conversation_parts"]["conversation_parts"]
    return [part["body"] for part in parts if part["part_type"] == "note"]


def about(seconds: int) -> list[Any]:
    """A duration, give or take the seconds that a test itself lasts."""
    return [pytest.approx(seconds, abs=30)]


@pytest.mark.parametrize("side", ["user", "webhook", "last word", "reconciler"])
async def test_a_close_from_whichever_side_is_recorded_once(mongo: MongoDatabase, side: str) -> None:
    async with living(mongo, webhooks=side != "reconciler") as world:
        alice = world.sdk()
        chat = await alice.start(body="Hello")
        await world.settle()
        await advance(world, HOURS_2_MIN_5)
        if side == "user":
            await alice.post(f"/api/conversations/{chat['id']}/close", status=200)
        else:
            await world.operator.act(chat["id"], "close", **({"body": "<p>Bye</p>"} if side == "last word" else {}))
        await world.settle()
        await world.reconcile()

        assert (await alice.poll(chat["id"]))["state"] == "closed"
        assert await recorded(world, chat) == about(HOURS_2_MIN_5)
        assert world.metric("conversation_open_seconds_count") == 1
        assert world.metric("conversation_open_seconds_bucket", le="7200.0") == 0
        assert world.metric("conversation_open_seconds_bucket", le="14400.0") == 1
        await world.finish_jobs()
        assert await notes(world, chat) == []


async def test_doubled_and_repeated_news_records_nothing_more(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        chat = await alice.start(body="Hello")
        await world.operator.trouble(webhook_duplicate=1.0)
        await advance(world, 60)
        await alice.post(f"/api/conversations/{chat['id']}/close", status=200)
        await alice.post(f"/api/conversations/{chat['id']}/close", status=200)
        await world.settle()
        await advance(world, 60)
        await world.operator.act(chat["id"], "note", body="<p>Later</p>")
        await world.settle()
        await world.reconcile()
        assert await recorded(world, chat) == about(60)
        assert world.metric("conversation_open_seconds_count") == 1


@pytest.mark.parametrize("webhooks", [True, False])
async def test_each_close_counts_from_its_own_reopening(mongo: MongoDatabase, webhooks: bool) -> None:
    """Also where all of it is seen only afterwards."""
    async with living(mongo, webhooks=webhooks) as world:
        chat = await world.sdk().start(body="Hello")
        await world.settle()
        for action, seconds in [("close", 3600), ("open", 86400), ("close", 600)]:
            await advance(world, seconds)
            await world.operator.act(chat["id"], action)
            await world.settle()
        await world.reconcile()
        assert await recorded(world, chat) == about(3600) + about(600)


async def test_the_users_own_words_reopen(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        chat = await alice.start(body="Hello")
        await alice.post(f"/api/conversations/{chat['id']}/close", status=200)
        await advance(world, 3600)
        await alice.reply(chat["id"], "One more thing")
        await advance(world, 600)
        await alice.post(f"/api/conversations/{chat['id']}/close", status=200)
        assert await recorded(world, chat) == about(0) + about(600)


async def test_what_was_closed_before_it_was_seen_here_isnt_recorded(mongo: MongoDatabase) -> None:
    async with living(mongo, webhooks=False) as world:
        alice = world.sdk()
        await alice.start(body="makes the contact")
        old = [
            await world.operator.control("POST", "/conversations", {"external_id": "alice", "body": "elsewhere"})
            for _ in range(8)
        ]
        await advance(world, 60)
        for chat in old:
            await world.operator.act(chat["id"], "close")
        assert (await alice.show(old[0]["id"]))["state"] == "closed"
        assert len(await alice.list()) == 9
        for chat in old:
            await alice.show(chat["id"])
        await world.reconcile()
        for chat in old:
            assert await recorded(world, chat) == []
        await advance(world, 60)
        await alice.reply(old[0]["id"], "One more thing")
        await advance(world, 60)
        await world.operator.act(old[0]["id"], "close")
        await world.reconcile()
        assert await recorded(world, old[0]) == about(60)


async def test_a_note_tells_the_operators_and_never_the_user(mongo: MongoDatabase) -> None:
    async with living(mongo, post_duration_note=True) as world:
        alice = world.sdk()
        chat = await alice.start(body="Hello")
        await world.settle()
        await advance(world, HOURS_2_MIN_5)
        await alice.post(f"/api/conversations/{chat['id']}/close", status=200)
        await world.finish_jobs()
        await world.settle()
        await world.reconcile()
        assert await notes(world, chat) == ["<p>Closed after 2 h 5 min</p>"]
        shown = await alice.show(chat["id"])
        assert [message["body"] for message in shown["messages"]] == ["Hello"]
        assert shown["state"] == "closed"
        assert "Closed after" not in str(await alice.list())


async def test_closes_that_took_as_long_have_a_note_each(mongo: MongoDatabase) -> None:
    async with living(mongo, post_duration_note=True) as world:
        alice = world.sdk()
        chat = await alice.start(body="Hello")
        for action in ("close", "open", "close"):
            await advance(world, 3 * 86400 + 1800)
            await world.operator.act(chat["id"], action)
            await world.settle()
            await world.finish_jobs()
        assert await notes(world, chat) == ["<p>Closed after 3 d 0 h</p>"] * 2


@pytest.mark.parametrize("call", ["has", "add"])
async def test_mongodb_away_at_the_close_it_is_made_up_for_with_one_note(
    mongo: MongoDatabase, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    async with living(mongo, post_duration_note=True) as world:
        alice = world.sdk()
        chat = await alice.start(body="Hello")
        await world.settle()
        await advance(world, 600)
        with monkeypatch.context() as context:
            context.setattr(world.server.parts.stores.durations, call, away)
            await alice.post(f"/api/conversations/{chat['id']}/close", status=200)
            await world.finish_jobs()
        assert (await alice.poll(chat["id"]))["state"] == "open"  # what isn't saved isn't shown
        await world.reconcile()
        await world.finish_jobs()
        assert (await alice.poll(chat["id"]))["state"] == "closed"
        assert await recorded(world, chat) == about(600)
        assert await notes(world, chat) == ["<p>Closed after 10 min</p>"]
        assert world.metric("conversation_open_seconds_count") == 1


async def test_a_crash_between_the_record_and_the_snapshot_neither_loses_nor_doubles(
    mongo: MongoDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with simulating() as simulator:
        configuration = settings(mongo, simulator.base_url, post_duration_note=True)
        async with serving(configuration, simulator) as world:
            alice = world.sdk()
            chat = await alice.start(body="Hello")
            await world.settle()
            await advance(world, 600)
            with monkeypatch.context() as context:
                context.setattr(world.server.parts.stores.snapshots, "save", away)
                await world.operator.act(chat["id"], "close")
                await world.settle()
            assert await recorded(world, chat) == about(600)
            assert (await alice.poll(chat["id"]))["state"] == "open"
            await world.finish_jobs()
        async with serving(configuration, simulator) as world:
            await world.reconcile()
            await world.finish_jobs()
            assert (await world.sdk().poll(chat["id"]))["state"] == "closed"
            assert await recorded(world, chat) == about(600)
            assert await notes(world, chat) == ["<p>Closed after 10 min</p>"]


async def away(*_: Any, **__: Any) -> Any:
    raise StorageUnavailable
