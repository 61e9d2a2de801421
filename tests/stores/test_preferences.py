import asyncio
from itertools import product

import pytest
from msgspec.structs import asdict

from supportd.stores.preferences import Changes, Preferences
from tests.stores.opening import Open

NAMES = list(asdict(Preferences()))


async def test_everything_is_on_until_a_user_chooses(opened: Open) -> None:
    async with opened() as stores:
        assert await stores.preferences.get("alice") == Preferences(
            chat_messages=True, ticket_updates=True, system_notices=True
        )


@pytest.mark.parametrize("name", NAMES)
async def test_what_is_not_named_stays(opened: Open, name: str) -> None:
    async with opened() as stores:
        for value in (False, True, False):
            changed = await stores.preferences.update("alice", Changes(**{name: value}))
            assert changed == await stores.preferences.get("alice") == Preferences(**{name: value})
        for other in NAMES:
            await stores.preferences.update("alice", Changes(**{other: False}))
        assert await stores.preferences.get("alice") == Preferences(**dict.fromkeys(NAMES, False))
        assert await stores.preferences.get("bob") == Preferences()


async def test_any_of_them_at_once(opened: Open) -> None:
    async with opened() as stores:
        for values in product([True, False], repeat=len(NAMES)):
            chosen = dict(zip(NAMES, values, strict=True))
            assert await stores.preferences.update("alice", Changes(**chosen)) == Preferences(**chosen)


async def test_no_change_is_no_choice(opened: Open) -> None:
    async with opened() as stores:
        assert await stores.preferences.update("alice", Changes()) == Preferences()
        assert await stores.preferences._collection.count_documents({}) == 0


async def test_changes_of_different_settings_at_once_all_hold(on_mongod: Open) -> None:
    async with on_mongod() as stores:
        users = [f"user-{number}" for number in range(20)]
        await asyncio.gather(
            *(stores.preferences.update(user, Changes(**{name: False})) for user in users for name in NAMES)
        )
        for user in users:
            assert await stores.preferences.get(user) == Preferences(**dict.fromkeys(NAMES, False))
        assert await stores.preferences._collection.count_documents({}) == len(users)
