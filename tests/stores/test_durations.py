import asyncio

from supportd.stores.durations import Duration
from tests.stores.opening import Open

SPAN = Duration("1", opened_at=100, closed_at=160)


async def test_a_close_is_recorded_once(opened: Open) -> None:
    async with opened() as stores:
        assert not await stores.durations.has(SPAN)
        assert await stores.durations.add(SPAN)
        assert await stores.durations.has(SPAN)
        assert not await stores.durations.add(SPAN)
        assert not await stores.durations.add(Duration("1", opened_at=150, closed_at=160))


async def test_other_closes_are_others(opened: Open) -> None:
    async with opened() as stores:
        await stores.durations.add(SPAN)
        assert await stores.durations.add(Duration("1", opened_at=200, closed_at=260))
        assert await stores.durations.add(Duration("2", opened_at=100, closed_at=160))


async def test_of_many_at_once_exactly_one_is_recorded(on_mongod: Open) -> None:
    async with on_mongod() as stores:
        assert sorted(await asyncio.gather(*(stores.durations.add(SPAN) for _ in range(20)))) == [False] * 19 + [True]
