import asyncio

from supportd.stores.stores import Stores
from supportd.stores.webhook_events import Event
from tests.stores.opening import Open, at

LATER = at(10**6)
BODY = b'{"topic":"x"}\x00\xff'


def event(id_: str) -> Event:
    return Event(id=id_, key="conversation 1", topic="conversation.admin.replied", body=BODY)


async def pending(stores: Stores, limit: int = 100) -> list[str]:
    return [item.id async for item in stores.webhook_events.pending(now=LATER, limit=limit)]


async def test_an_event_comes_back_as_it_was(opened: Open) -> None:
    async with opened() as stores:
        assert await stores.webhook_events.add(event("e1"), received_at=at(0))
        assert [item async for item in stores.webhook_events.pending(now=LATER, limit=1)] == [event("e1")]


async def test_a_duplicate_is_told_pending_or_done(opened: Open) -> None:
    async with opened() as stores:
        await stores.webhook_events.add(event("e1"), received_at=at(0))
        assert not await stores.webhook_events.add(event("e1"), received_at=at(60))
        await stores.webhook_events.mark_done("e1", outcome="applied")
        assert not await stores.webhook_events.add(event("e1"), received_at=at(120))
        assert await pending(stores) == []


async def test_pending_ones_come_in_order_of_arrival(opened: Open) -> None:
    async with opened() as stores:
        for id_, second in [("e3", 3), ("e1", 1), ("e2b", 2), ("e2a", 2)]:
            await stores.webhook_events.add(event(id_), received_at=at(second))
        assert await pending(stores) == ["e1", "e2a", "e2b", "e3"]
        assert await pending(stores, limit=2) == ["e1", "e2a"]
        assert await stores.webhook_events.count_pending() == 4


async def test_what_is_done_waits_no_more(opened: Open) -> None:
    async with opened() as stores:
        for id_ in ("e1", "e2"):
            await stores.webhook_events.add(event(id_), received_at=at(0))
        await stores.webhook_events.mark_done("e1", outcome="applied")
        await stores.webhook_events.mark_done("e1", outcome="applied")
        await stores.webhook_events.mark_done("never seen", outcome="applied")
        assert await pending(stores) == ["e2"]
        assert await stores.webhook_events.count_pending() == 1


async def test_of_many_adds_at_once_exactly_one_is_the_first(on_mongod: Open) -> None:
    async with on_mongod() as stores:
        adds = (stores.webhook_events.add(event("e1"), received_at=at(n)) for n in range(20))
        assert sorted(await asyncio.gather(*adds)) == [False] * 19 + [True]
        assert await stores.webhook_events.count_pending() == 1


async def test_one_that_was_put_off_is_pending_again_when_it_is_due(opened: Open) -> None:
    async with opened() as stores:
        await stores.webhook_events.add(event("e1"), received_at=at(0))
        await stores.webhook_events.retry("e1", due_at=at(60))
        assert [item async for item in stores.webhook_events.pending(now=at(59), limit=9)] == []
        (due,) = [item async for item in stores.webhook_events.pending(now=at(60), limit=9)]
        assert (due.id, due.attempts) == ("e1", 1)
