"""`/api/settings/notifications`: all on until a user chooses, changed one by one."""

import asyncio
from typing import Any

import pytest

from tests.harness import MongoDatabase, World, living, serving, settings, simulating
from tests.http.wrong_input import NO_TEXT, assert_names, assert_unreadable, send

PATH = "/api/settings/notifications"
NAMES = ("chatMessages", "ticketUpdates", "systemNotices")
ALL_ON = dict.fromkeys(NAMES, True)
NO_OBJECTS: list[Any] = [[], None, "hello", 5, True]
NO_CHOICE: list[Any] = [value for value in NO_TEXT if not isinstance(value, bool)] + [None, 1, "true", "on", "canary"]


async def put(world: World, changes: dict[str, Any], *, user: str = "alice") -> Any:
    response = await send(world.sdk(user), "PUT", PATH, changes)
    assert response.status_code == 200, response.text
    return response.json()


async def test_everything_is_on_by_default(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        assert await world.sdk().get(PATH) == ALL_ON
        assert await world.server.parts.database["preferences"].count_documents({}) == 0


@pytest.mark.parametrize("name", NAMES)
async def test_what_is_not_named_stays(mongo: MongoDatabase, name: str) -> None:
    async with living(mongo) as world:
        assert await put(world, {name: False}) == {**ALL_ON, name: False}
        others = dict.fromkeys(set(NAMES) - {name}, False)
        assert await put(world, others) == dict.fromkeys(NAMES, False)
        assert await put(world, {name: True}) == {**others, name: True}
        assert await world.sdk().get(PATH) == {**others, name: True}


async def test_they_are_a_users_own_and_survive_a_restart(mongo: MongoDatabase) -> None:
    async with simulating() as simulator:
        configuration = settings(mongo, simulator.base_url)
        async with serving(configuration, simulator) as world:
            await put(world, {"chatMessages": False})
        async with serving(configuration, simulator) as world:
            assert await world.sdk("alice").get(PATH) == {**ALL_ON, "chatMessages": False}
            assert await world.sdk("bob").get(PATH) == ALL_ON


async def test_unknown_keys_are_ignored(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        odd = {"$set": {"chatMessages": False}, "chat_messages": False, "_id": "bob", "userId": "bob", "a.b": None}
        assert await put(world, odd) == ALL_ON
        assert await put(world, {**odd, "ticketUpdates": False}) == {**ALL_ON, "ticketUpdates": False}
        assert await put(world, {}) == {**ALL_ON, "ticketUpdates": False}
        assert await world.sdk("bob").get(PATH) == ALL_ON
        stored = [found async for found in world.server.parts.database["preferences"].find()]
        assert stored == [{"_id": "alice", "ticket_updates": False}]


async def test_changes_at_once_all_hold(mongo: MongoDatabase) -> None:
    users = [f"user-{number}" for number in range(10)]
    async with living(mongo) as world:
        await asyncio.gather(*(put(world, {name: False}, user=user) for user in users for name in NAMES))
        for user in users:
            assert await world.sdk(user).get(PATH) == dict.fromkeys(NAMES, False)


async def test_a_bad_change_is_named_and_changes_nothing(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        for body in NO_OBJECTS:
            await assert_names(world.sdk(), "PUT", PATH, body, "body")
        for name in NAMES:
            for bad in NO_CHOICE:
                others = dict.fromkeys(set(NAMES) - {name}, False)
                await assert_names(world.sdk(), "PUT", PATH, {**others, name: bad}, name)
        await assert_unreadable(world.sdk(), "PUT", PATH, {"chatMessages": False})
        assert await world.sdk().get(PATH) == ALL_ON


async def test_a_change_counts_as_a_write_and_a_look_as_a_read(mongo: MongoDatabase) -> None:
    async with living(mongo, rate_limit_per_minute=1, write_rate_limit_per_minute=1) as world:
        await put(world, {"chatMessages": False})
        assert (await send(world.sdk(), "PUT", PATH, {"ticketUpdates": False})).status_code == 429
        assert await world.sdk().get(PATH) == {**ALL_ON, "chatMessages": False}
        assert (await world.sdk().call("GET", PATH)).status_code == 429
