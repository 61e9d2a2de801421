import asyncio

from supportd.stores.stores import Stores
from supportd.stores.watermarks import Mark
from tests.stores.opening import Open


async def set_mark(stores: Stores, seconds: int, *, at: int) -> None:
    await stores.watermarks.advance("conversations", seconds)
    await stores.watermarks.end("conversations", at=at)


async def test_no_mark_at_first(opened: Open) -> None:
    async with opened() as stores:
        assert await stores.watermarks.get("conversations") is None


async def test_it_moves_forward_and_never_back(opened: Open) -> None:
    async with opened() as stores:
        for seconds, mark in [(5, 5), (9, 9), (7, 9), (1_750_000_000, 1_750_000_000)]:
            await set_mark(stores, seconds, at=1)
            assert await stores.watermarks.get("conversations") == Mark(mark, 1)


async def test_when_the_end_was_reached_follows_our_clock_also_back(opened: Open) -> None:
    async with opened() as stores:
        for at in (100, 200, 150):
            await set_mark(stores, 5, at=at)
            assert await stores.watermarks.get("conversations") == Mark(5, at)


async def test_one_that_never_came_to_the_end_is_read_all_the_same(opened: Open) -> None:
    async with opened() as stores:
        await stores.watermarks.advance("conversations", 5)
        assert await stores.watermarks.get("conversations") == Mark(5, 5)


async def test_streams_are_apart(opened: Open) -> None:
    async with opened() as stores:
        await set_mark(stores, 5, at=1)
        assert await stores.watermarks.get("tickets") is None


async def test_many_at_once_end_at_the_highest(on_mongod: Open) -> None:
    async with on_mongod() as stores:
        await set_mark(stores, 0, at=1)
        await asyncio.gather(*(stores.watermarks.advance("conversations", n) for n in range(20)))
        assert await stores.watermarks.get("conversations") == Mark(19, 1)
