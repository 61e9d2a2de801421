"""`/api/devices`: registered on each start of the app, moved with its token, unregistered on logout."""

import asyncio
import re
from typing import Any

import httpx
import pytest
from structlog.typing import EventDict

from supportd.stores.devices import MAX_DEVICES
from tests.harness import MongoDatabase, Sdk, World, living, serving, settings, simulating
from tests.http.wrong_input import NO_TEXT, assert_names, assert_no_halves, assert_unreadable, send

PATH = "/api/devices/register"
FINE: dict[str, Any] = {"platform": "mobile", "token": "a-token"}
BAD: list[tuple[Any, str]] = [
    ([], "body"),
    (None, "body"),
    ("hello", "body"),
    ({}, "platform"),
    ({"platform": "mobile"}, "token"),
    ({"token": "a-token"}, "platform"),
    *[({**FINE, "platform": bad}, "platform") for bad in [*NO_TEXT, None, "Mobile", "ios", "canary", "mobile "]],
    *[({**FINE, "token": bad}, "token") for bad in [*NO_TEXT, None, "  ", "x" * 4097, f" {'x' * 4097} "]],
]


async def register(sdk: Sdk, token: str, platform: str = "mobile") -> str:
    answer = await sdk.post(PATH, {"platform": platform, "token": token}, status=200)
    assert set(answer) == {"id"}
    return str(answer["id"])


async def unregister(sdk: Sdk, device_id: str) -> httpx.Response:
    return await sdk.call("DELETE", f"/api/devices/{device_id}")


async def tokens(world: World, user: str) -> list[str]:
    return [device.token for device in await world.server.parts.stores.devices.of_user(user)]


def seen(response: httpx.Response) -> tuple[int, bytes, list[str]]:
    return response.status_code, response.content, sorted(response.headers)


@pytest.mark.parametrize("platform", ["mobile", "tma"])
async def test_a_device_is_registered_and_unregistered(mongo: MongoDatabase, platform: str) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        device_id = await register(alice, "a-token", platform)
        (device,) = await world.server.parts.stores.devices.of_user("alice")
        assert (device.id, device.platform, device.token) == (device_id, platform, "a-token")
        assert re.fullmatch(r"[A-Za-z0-9_-]{1,128}", device_id)

        gone = await unregister(alice, device_id)
        assert (gone.status_code, gone.json()) == (200, {"ok": True})
        assert await tokens(world, "alice") == []
        assert (await unregister(alice, device_id)).status_code == 404


async def test_the_same_token_has_the_same_id_after_a_restart_too(mongo: MongoDatabase) -> None:
    async with simulating() as simulator:
        configuration = settings(mongo, simulator.base_url)
        async with serving(configuration, simulator) as world:
            first = await register(world.sdk(), "a-token")
            assert await register(world.sdk(), "  a-token\n", "tma") == first
            assert await register(world.sdk(), "another") != first
        async with serving(configuration, simulator) as world:
            assert await register(world.sdk(), "a-token") == first


async def test_when_it_was_seen_is_kept(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        for _ in range(2):
            world.clock.advance(86400)
            await register(world.sdk(), "a-token")
        (device,) = await world.server.parts.stores.devices.of_user("alice")
        assert abs(device.registered_at.timestamp() - world.clock.time()) < 3600


async def test_a_token_moves_to_who_registered_it_last(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice, bob = world.sdk("alice"), world.sdk("bob")
        device_id = await register(alice, "a-token")
        assert await register(bob, "a-token") == device_id
        assert (await tokens(world, "alice"), await tokens(world, "bob")) == ([], ["a-token"])
        assert (await unregister(alice, device_id)).status_code == 404
        assert await tokens(world, "bob") == ["a-token"]
        assert (await unregister(bob, device_id)).status_code == 200


async def test_anothers_device_is_none(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        device_id = await register(world.sdk("alice"), "a-token")
        anothers = await unregister(world.sdk("bob"), device_id)
        assert seen(anothers) == seen(await unregister(world.sdk("bob"), "0" * 32))
        assert (anothers.status_code, anothers.json()["error"]) == (404, "not_found")
        assert await tokens(world, "alice") == ["a-token"]


async def test_a_token_is_no_id(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        await register(world.sdk(), "a-token")
        for odd in ("a-token", "%00", "$ne", "x" * 129, "..%2f", "0"):
            assert (await unregister(world.sdk(), odd)).status_code == 404
        assert await tokens(world, "alice") == ["a-token"]


async def test_of_too_many_the_one_registered_longest_ago_goes(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        ids = []
        for number in range(MAX_DEVICES):
            ids.append(await register(alice, f"token-{number}"))
            world.clock.advance(1)
        await register(alice, "token-0")
        world.clock.advance(1)
        await register(alice, "one more")

        left = await tokens(world, "alice")
        assert (len(left), left[:2]) == (MAX_DEVICES, ["one more", "token-0"])
        assert "token-1" not in left
        assert (await unregister(alice, ids[1])).status_code == 404
        assert (await unregister(alice, ids[0])).status_code == 200


async def test_a_token_registered_at_once_by_many_users_is_one_device_of_one(mongo: MongoDatabase) -> None:
    users = [f"user-{number}" for number in range(8)]
    async with living(mongo) as world:
        ids = await asyncio.gather(*(register(world.sdk(user), "a-token") for user in users * 4))
        assert len(set(ids)) == 1
        assert [token for user in users for token in await tokens(world, user)] == ["a-token"]
        answers = await asyncio.gather(*(unregister(world.sdk(user), ids[0]) for user in users))
        assert sorted(answer.status_code for answer in answers) == [200, *[404] * 7]


async def test_what_is_just_within_the_limits_is_stored(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        for token in ("x", "x" * 4096, f" {'y' * 4096} ", "\U0001f600" * 4096, "$set", '{"$gt": ""}'):
            await register(world.sdk(), token)
            assert (await tokens(world, "alice"))[0] == token.strip()
            world.clock.advance(1)
        given = {**FINE, "unknown": {"$gt": ""}, "id": "mine", "userId": "bob"}
        assert (await world.sdk().post(PATH, given, status=200))["id"] != "mine"
        assert await tokens(world, "bob") == []


async def test_a_bad_device_is_named_and_not_stored(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        for body, field in BAD:
            await assert_names(world.sdk(), "POST", PATH, body, field)
        for field in ("platform", "token"):
            await assert_no_halves(world.sdk(), "POST", PATH, FINE, field)
        await assert_unreadable(world.sdk(), "POST", PATH, FINE)
        assert await world.server.parts.database["devices"].count_documents({}) == 0


async def test_nothing_of_it_is_logged(mongo: MongoDatabase, logged: list[EventDict]) -> None:
    async with living(mongo) as world:
        device_id = await register(world.sdk("canary-user"), "canary-token")
        await unregister(world.sdk("canary-user"), device_id)
    assert {"register_device", "device"} <= {line["route"] for line in logged if line["event"] == "request"}
    assert "canary" not in repr(logged)
    assert device_id not in repr(logged)


async def test_each_counts_as_a_write(mongo: MongoDatabase) -> None:
    async with living(mongo, write_rate_limit_per_minute=2) as world:
        device_id = await register(world.sdk(), "a-token")
        assert (await unregister(world.sdk(), "0")).status_code == 404
        assert (await unregister(world.sdk(), device_id)).status_code == 429
        assert (await send(world.sdk(), "POST", PATH, FINE)).status_code == 429
        assert await tokens(world, "alice") == ["a-token"]
