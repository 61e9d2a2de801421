"""A restart loses nothing: polls go on from the snapshots, and no cursor has passed a message."""

from typing import Any

import pymongo
import pytest

from tests.harness import MongoDatabase, serving, settings, simulating


async def test_polls_after_a_restart_come_from_the_snapshots_without_a_call(mongo: MongoDatabase) -> None:
    async with simulating() as simulator:
        configuration = settings(mongo, simulator.base_url)
        async with serving(configuration, simulator) as world:
            started = await world.sdk().start(body="Hello")
            await world.operator.reply(started["id"], "<p>Hello <b>Alice</b></p>")
            await world.settle()
            before = await world.sdk().call("GET", f"/api/conversations/{started['id']}/poll")
            listed = await world.sdk().list()
        async with serving(configuration, simulator, webhooks=False) as world:
            await world.operator.trouble(outage="refuse")
            after = await world.sdk().call("GET", f"/api/conversations/{started['id']}/poll")
            assert after.json() == before.json()
            assert after.headers["ETag"] == before.headers["ETag"]
            assert await world.sdk().list() == listed
            assert await world.operator.calls() == {}


async def test_messages_of_one_second_are_not_lost_across_a_restart(mongo: MongoDatabase) -> None:
    async with simulating() as simulator:
        configuration = settings(mongo, simulator.base_url)
        async with serving(configuration, simulator) as world:
            started = await world.sdk().start(body="Hello")
            seen = started["latestTimestamp"]
            await world.operator.reply(started["id"], "<p>first</p>")
            await world.settle()
            first = await world.sdk().poll(started["id"], since=seen)
        # Down: the rest of the second's messages, and no webhook for them.
        async with serving(configuration, simulator, webhooks=False) as world:
            for words in ("second", "third"):
                await world.operator.reply(started["id"], f"<p>{words}</p>")
            await world.reconcile()
            rest = await world.sdk().poll(started["id"], since=first["latestTimestamp"])
        assert [message["body"] for message in first["messages"]] == ["first"]
        assert [message["body"] for message in rest["messages"]] == ["second", "third"]


async def test_webhooks_that_a_crash_left_unprocessed_are_processed_at_the_start(mongo: MongoDatabase) -> None:
    async with simulating() as simulator:
        configuration = settings(mongo, simulator.base_url)
        async with serving(configuration, simulator) as world:
            started = await world.sdk().start(body="Hello")
            await world.operator.reply(started["id"], "<p>told</p>")
            await world.settle()
        with pymongo.MongoClient[dict[str, Any]](mongo.uri) as client:
            database = client[mongo.name]
            database["snapshots"].delete_many({})
            events = database["webhook_events"].update_many({}, {"$set": {"pending": True}})
            assert events.modified_count == 2
        async with serving(configuration, simulator, webhooks=False) as world:
            await world.server.parts.inbox.sweep()
            await world.server.parts.inbox.drain()
            assert database_pending(mongo) == 0
            assert len((await world.sdk().poll(started["id"]))["messages"]) == 2


@pytest.mark.logs("snapshot unreadable, loading again")
async def test_a_damaged_snapshot_is_loaded_again(mongo: MongoDatabase) -> None:
    async with simulating() as simulator:
        configuration = settings(mongo, simulator.base_url)
        async with serving(configuration, simulator) as world:
            started = await world.sdk().start(body="Hello")
            await world.settle()
        with pymongo.MongoClient[dict[str, Any]](mongo.uri) as client:
            client[mongo.name]["snapshots"].update_one({"_id": started["id"]}, {"$set": {"encoded": b"1\x93broken"}})
        async with serving(configuration, simulator) as world:
            shown = await world.sdk().show(started["id"])
            assert [message["body"] for message in shown["messages"]] == ["Hello"]


async def test_a_conversation_evicted_from_memory_is_served_again(mongo: MongoDatabase) -> None:
    async with simulating() as simulator:
        configuration = settings(mongo, simulator.base_url, cache_max_conversations=2)
        async with serving(configuration, simulator) as world:
            ids = [(await world.sdk().start(body=f"number {n}"))["id"] for n in range(4)]
            await world.operator.forget_calls()
            for number, conversation_id in enumerate(ids):
                poll = await world.sdk().poll(conversation_id)
                assert [message["body"] for message in poll["messages"]] == [f"number {number}"]
            assert await world.operator.calls() == {}
            assert world.metric("cached_conversations") == 2
            assert world.metric("cache_evictions_total") >= 2


def database_pending(mongo: MongoDatabase) -> int:
    with pymongo.MongoClient[dict[str, Any]](mongo.uri) as client:
        return client[mongo.name]["webhook_events"].count_documents({"pending": True})
