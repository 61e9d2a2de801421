"""The answer to a reply moves a client's cursor: never past what that client was not given."""

from typing import Any

import pytest

from supportd.errors import StorageUnavailable
from supportd.stores.snapshots import SnapshotStore
from tests.harness import MongoDatabase, Sdk, living, serving, settings, simulating, token


async def bodies_after(sdk: Sdk, chat: dict[str, Any], since: int) -> list[str]:
    return [message["body"] for message in (await sdk.poll(chat["id"], since=since))["messages"]]


async def test_what_another_device_has_read_comes_to_who_replies_first_after_a_restart(mongo: MongoDatabase) -> None:
    async with simulating() as simulator:
        configuration = settings(mongo, simulator.base_url)
        async with serving(configuration, simulator) as world:
            chat = await world.sdk().start(body="Hello")
            await world.operator.reply(chat["id"], "<p>Hello Alice</p>")
            await world.settle()
            tablet = Sdk(world.http, "alice", token("alice", jti="tablet"))
            await tablet.poll(chat["id"], since=chat["latestTimestamp"])
            await tablet.post(f"/api/conversations/{chat['id']}/read", status=200)
        async with serving(configuration, simulator) as world:
            sent = await world.sdk().reply(chat["id"], "Is anybody there?")
            assert "Hello Alice" in await bodies_after(world.sdk(), chat, sent["latestTimestamp"])


async def test_what_was_marked_as_read_unseen_comes_to_who_replies_first_after_a_restart(mongo: MongoDatabase) -> None:
    async with simulating() as simulator:
        configuration = settings(mongo, simulator.base_url)
        async with serving(configuration, simulator) as world:
            chat = await world.sdk().start(body="Hello")
            await world.operator.reply(chat["id"], "<p>Hello Alice</p>")
            await world.settle()
        async with serving(configuration, simulator) as world:
            await world.sdk().post(f"/api/conversations/{chat['id']}/read", status=200)
            sent = await world.sdk().reply(chat["id"], "Is anybody there?")
            assert "Hello Alice" in await bodies_after(world.sdk(), chat, sent["latestTimestamp"])


async def test_a_reply_whose_place_is_not_saved_passes_nothing(
    mongo: MongoDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise StorageUnavailable

    async with living(mongo) as world:
        chat = await world.sdk().start(body="Hello")
        await world.operator.reply(chat["id"], "<p>Hello Alice</p>")
        await world.settle()
        with monkeypatch.context() as context:
            context.setattr(SnapshotStore, "save", away)
            sent = await world.sdk().reply(chat["id"], "Is anybody there?")
        assert "Hello Alice" in await bodies_after(world.sdk(), chat, sent["latestTimestamp"])
