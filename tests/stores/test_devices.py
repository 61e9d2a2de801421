import asyncio
import itertools
import random

import pytest

from supportd.stores.devices import MAX_DEVICES, Device, Platform
from supportd.stores.stores import Stores
from tests.stores.opening import Open, at


async def register(stores: Stores, user: str, token: str, seconds: float = 0) -> str:
    return await stores.devices.register(user, Platform.MOBILE, token, at=at(seconds))


async def tokens(stores: Stores, user: str) -> list[str]:
    """The user's tokens, the youngest first."""
    return [device.token for device in await stores.devices.of_user(user)]


async def count(stores: Stores) -> int:
    return await stores.devices._collection.count_documents({})


async def test_nobody_has_devices_at_first(opened: Open) -> None:
    async with opened() as stores:
        assert await stores.devices.of_user("alice") == []
        assert await stores.devices.remove("alice", "d-1") is False


@pytest.mark.parametrize("platform", Platform)
async def test_a_device_is_kept(opened: Open, platform: Platform) -> None:
    async with opened() as stores:
        id_ = await stores.devices.register("alice", platform, "token-1", at=at(5))
        assert await stores.devices.of_user("alice") == [Device(id_, platform, "token-1", at(5))]
        assert await stores.devices.of_user("Alice") == []


async def test_the_same_token_is_the_same_device_and_becomes_young(opened: Open) -> None:
    async with opened() as stores:
        first = await register(stores, "alice", "token-1", 1)
        other = await register(stores, "alice", "token-2", 2)
        assert await stores.devices.register("alice", Platform.TMA, "token-1", at=at(3)) == first != other
        newest, older = await stores.devices.of_user("alice")
        assert newest == Device(first, Platform.TMA, "token-1", at(3))
        assert older.token == "token-2"


async def test_ids_say_nothing_of_tokens(opened: Open) -> None:
    async with opened() as stores:
        first = await register(stores, "alice", "token-1")
        assert await stores.devices.remove("alice", first)
        assert await register(stores, "alice", "token-1") != first


async def test_a_token_registered_for_another_user_moves(opened: Open) -> None:
    async with opened() as stores:
        id_ = await register(stores, "alice", "token-1", 1)
        assert await register(stores, "bob", "token-1", 2) == id_
        assert (await tokens(stores, "alice"), await tokens(stores, "bob")) == ([], ["token-1"])
        assert await stores.devices.remove("alice", id_) is False
        assert await tokens(stores, "bob") == ["token-1"]
        assert await stores.devices.remove("bob", id_) is True
        assert await count(stores) == 0


async def test_only_what_is_named_is_removed_and_once(opened: Open) -> None:
    async with opened() as stores:
        id_ = await register(stores, "alice", "token-1")
        await register(stores, "alice", "token-2")
        assert await stores.devices.remove("alice", id_) is True
        assert await stores.devices.remove("alice", id_) is False
        assert await tokens(stores, "alice") == ["token-2"]


async def test_the_device_registered_longest_ago_goes(opened: Open) -> None:
    async with opened() as stores:
        for number in range(MAX_DEVICES):
            await register(stores, "alice", f"token-{number}", number)
        await register(stores, "bob", "bobs", 0)
        await register(stores, "alice", "token-0", 100)  # young again
        await register(stores, "alice", "one more", 101)

        left = await tokens(stores, "alice")
        assert len(left) == MAX_DEVICES
        assert "token-1" not in left
        assert left[:2] == ["one more", "token-0"]
        assert await tokens(stores, "bob") == ["bobs"]
        assert await count(stores) == MAX_DEVICES + 1


async def test_a_device_that_moves_in_counts_too(opened: Open) -> None:
    async with opened() as stores:
        for number in range(MAX_DEVICES):
            await register(stores, "alice", f"token-{number}", number)
        await register(stores, "bob", "moves", 0)
        await register(stores, "alice", "moves", 100)
        assert (await tokens(stores, "alice"))[-1] == "token-1"
        assert await count(stores) == MAX_DEVICES


async def test_what_a_crash_left_over_is_not_shown_and_goes_next_time(opened: Open) -> None:
    async with opened() as stores:
        for number in range(MAX_DEVICES):
            await register(stores, "alice", f"token-{number}", number)
        await stores.devices._collection.update_many({}, {"$set": {"user_id": "bob"}})
        for number in range(5):
            await register(stores, "alice", f"more-{number}", 100 + number)
        await stores.devices._collection.update_many({}, {"$set": {"user_id": "alice"}})

        assert await count(stores) == MAX_DEVICES + 5
        assert len(await tokens(stores, "alice")) == MAX_DEVICES
        await register(stores, "alice", "more-0", 200)
        assert await count(stores) == MAX_DEVICES
        assert (await tokens(stores, "alice"))[0] == "more-0"


async def test_a_device_is_forgotten_as_it_was_seen_only(opened: Open) -> None:
    async with opened() as stores:
        await register(stores, "alice", "token-1")
        (seen,) = await stores.devices.of_user("alice")
        await register(stores, "alice", "token-1", 1)
        await stores.devices.forget("alice", seen)
        assert await tokens(stores, "alice") == ["token-1"]
        (seen,) = await stores.devices.of_user("alice")
        await stores.devices.forget("bob", seen)
        assert await stores.devices.owner("token-1") == "alice"
        for _ in range(2):
            await stores.devices.forget("alice", seen)
        assert await stores.devices.owner("token-1") is None


async def test_its_language_is_that_of_the_last_registration(opened: Open) -> None:
    async with opened() as stores:
        for language in ("ru", "en", None):
            await stores.devices.register("alice", Platform.MOBILE, "token-1", at=at(0), language=language)
            assert [device.language for device in await stores.devices.of_user("alice")] == [language]


async def test_a_device_that_is_not_registered_for_270_days_goes(on_mongod: Open) -> None:
    async with on_mongod() as stores:
        indexes = await stores.devices._collection.index_information()
        assert indexes["kept_270_days"]["key"] == [("registered_at", 1)]
        assert indexes["kept_270_days"]["expireAfterSeconds"] == 270 * 86400


@pytest.mark.parametrize("token", ["x", "\U0001f600" * 4096, "$set", "a.b", '{"$gt": ""}'], ids=lambda token: token[:9])
async def test_any_text_is_a_token(opened: Open, token: str) -> None:
    async with opened() as stores:
        id_ = await register(stores, "alice", token)
        assert await register(stores, "alice", token) == id_
        assert await tokens(stores, "alice") == [token]


@pytest.mark.parametrize("indexes", [True, False])
async def test_one_token_registered_many_times_at_once_is_one_device(on_mongod: Open, indexes: bool) -> None:
    async with on_mongod() as stores:
        if not indexes:
            await stores.devices._collection.drop_indexes()
        for number in range(10):
            users = itertools.islice(itertools.cycle(["alice", "bob", "carol"]), 30)
            ids = await asyncio.gather(*(register(stores, user, f"token-{number}") for user in users))
            assert len(set(ids)) == 1
        assert await count(stores) == 10
        found = [await tokens(stores, user) for user in ("alice", "bob", "carol")]
        assert sorted(itertools.chain(*found)) == sorted(f"token-{number}" for number in range(10))


async def test_many_devices_at_once_leave_exactly_the_youngest(on_mongod: Open) -> None:
    async with on_mongod() as stores:
        order = list(range(MAX_DEVICES * 3))
        random.Random(1).shuffle(order)
        await asyncio.gather(*(register(stores, "alice", f"token-{number}", number) for number in order))
        youngest = [f"token-{number}" for number in reversed(range(MAX_DEVICES * 2, MAX_DEVICES * 3))]
        assert await tokens(stores, "alice") == youngest
        assert await count(stores) == MAX_DEVICES


async def test_a_device_that_is_registered_again_while_it_is_dropped_as_the_oldest_stays(on_mongod: Open) -> None:
    async with on_mongod() as stores:
        old = [f"old-{number}" for number in range(MAX_DEVICES)]
        for moment in range(0, 1000, 100):
            await asyncio.gather(*(register(stores, "alice", token, moment) for token in old))
            new = [register(stores, "alice", f"new-{moment}-{number}", moment + 1) for number in range(MAX_DEVICES)]
            again = [register(stores, "alice", token, moment + 2) for token in old]
            await asyncio.gather(*itertools.chain(*zip(new, again, strict=True)))
            assert sorted(await tokens(stores, "alice")) == sorted(old)


async def test_many_devices_of_one_moment_leave_as_many_as_a_user_may_have(on_mongod: Open) -> None:
    async with on_mongod() as stores:
        await asyncio.gather(*(register(stores, "alice", f"token-{number}") for number in range(MAX_DEVICES * 3)))
        assert await count(stores) == len(await tokens(stores, "alice")) == MAX_DEVICES


async def test_moves_registrations_and_removals_at_once_keep_each_token_with_one_user(on_mongod: Open) -> None:
    chance = random.Random(2)
    users = [f"user-{number}" for number in range(4)]

    async def act(stores: Stores, moment: int) -> None:
        user, token = chance.choice(users), f"token-{chance.randrange(40)}"
        id_ = await register(stores, user, token, moment)
        if chance.random() < 0.2:
            await stores.devices.remove(user, id_)

    async with on_mongod() as stores:
        await asyncio.gather(*(act(stores, moment) for moment in range(400)))
        found = [await tokens(stores, user) for user in users]
        everyones = list(itertools.chain(*found))
        assert len(everyones) == len(set(everyones)) == await count(stores)
        assert max(map(len, found)) <= MAX_DEVICES
