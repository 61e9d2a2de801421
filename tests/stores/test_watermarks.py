import asyncio

from tests.stores.opening import Open


async def test_no_mark_at_first(opened: Open) -> None:
    async with opened() as stores:
        assert await stores.watermarks.get("conversations") is None


async def test_it_moves_forward_and_never_back(opened: Open) -> None:
    async with opened() as stores:
        for seconds, mark in [(5, 5), (9, 9), (7, 9), (1_750_000_000, 1_750_000_000)]:
            await stores.watermarks.advance("conversations", seconds)
            assert await stores.watermarks.get("conversations") == mark


async def test_streams_are_apart(opened: Open) -> None:
    async with opened() as stores:
        await stores.watermarks.advance("conversations", 5)
        assert await stores.watermarks.get("tickets") is None


async def test_many_at_once_end_at_the_highest(on_mongod: Open) -> None:
    async with on_mongod() as stores:
        await asyncio.gather(*(stores.watermarks.advance("conversations", n) for n in range(20)))
        assert await stores.watermarks.get("conversations") == 19
