import asyncio

import pytest

from supportd.stores.stores import Stores
from supportd.stores.webhook_events import Event
from tests.stores.opening import Open, at

LATER = at(10**6)
BODY = b'{"topic":"x"}\x00\xff'


def event(id_: str) -> Event:
    return Event(id=id_, key="conversation 1", topic="conversation.admin.replied")


async def add(stores: Stores, id_: str, second: float = 0) -> bool:
    return await stores.webhook_events.add(event(id_), BODY, received_at=at(second))


async def pending(stores: Stores, limit: int = 100) -> list[str]:
    return [item.id async for item in stores.webhook_events.pending(now=LATER, latest=LATER, limit=limit)]


async def test_an_event_comes_back_as_it_was(opened: Open) -> None:
    async with opened() as stores:
        assert await add(stores, "e1")
        assert [item async for item in stores.webhook_events.pending(now=LATER, latest=LATER, limit=1)] == [event("e1")]
        assert await stores.webhook_events.body("e1") == BODY


async def test_the_body_of_what_was_processed_or_never_seen_is_not_there(opened: Open) -> None:
    async with opened() as stores:
        await add(stores, "e1")
        await stores.webhook_events.mark_done(["e1"], outcome="applied")
        assert await stores.webhook_events.body("e1") is None
        assert await stores.webhook_events.body("e2") is None


async def test_a_duplicate_is_told_pending_or_done(opened: Open) -> None:
    async with opened() as stores:
        await add(stores, "e1")
        assert not await add(stores, "e1", 60)
        await stores.webhook_events.mark_done(["e1"], outcome="applied")
        assert not await add(stores, "e1", 120)
        assert await pending(stores) == []


async def test_pending_ones_come_in_order_of_arrival(opened: Open) -> None:
    async with opened() as stores:
        for id_, second in [("e3", 3), ("e1", 1), ("e2b", 2), ("e2a", 2)]:
            await add(stores, id_, second)
        assert await pending(stores) == ["e1", "e2a", "e2b", "e3"]
        assert await pending(stores, limit=2) == ["e1", "e2a"]
        assert await stores.webhook_events.count_pending() == 4


async def test_what_is_done_waits_no_more(opened: Open) -> None:
    async with opened() as stores:
        for id_ in ("e1", "e2"):
            await add(stores, id_)
        await stores.webhook_events.mark_done(["e1"], outcome="applied")
        await stores.webhook_events.mark_done(["e1"], outcome="applied")
        await stores.webhook_events.mark_done(["never seen"], outcome="applied")
        assert await pending(stores) == ["e2"]
        assert await stores.webhook_events.count_pending() == 1


async def test_of_many_adds_at_once_exactly_one_is_the_first(on_mongod: Open) -> None:
    async with on_mongod() as stores:
        adds = (add(stores, "e1", n) for n in range(20))
        assert sorted(await asyncio.gather(*adds)) == [False] * 19 + [True]
        assert await stores.webhook_events.count_pending() == 1


async def test_one_that_was_put_off_is_pending_again_when_it_is_due(opened: Open) -> None:
    async with opened() as stores:
        await add(stores, "e1")
        await stores.webhook_events.retry("e1", due_at=at(60))
        assert [item async for item in stores.webhook_events.pending(now=at(59), latest=at(600), limit=9)] == []
        (due,) = [item async for item in stores.webhook_events.pending(now=at(60), latest=at(600), limit=9)]
        assert (due.id, due.attempts) == ("e1", 1)


async def test_what_was_processed_since_then_waits_again_as_if_it_had_just_come(opened: Open) -> None:
    async with opened() as stores:
        for second in range(5):
            await add(stores, f"e{second}", second)
            await stores.webhook_events.retry(f"e{second}", due_at=at(9))
        for second in range(4):
            await stores.webhook_events.mark_done([f"e{second}"], outcome="failed")
        assert await stores.webhook_events.count_done(since=at(1), until=at(9)) == 3
        assert await stores.webhook_events.undo(since=at(1), until=at(9)) == 3
        assert await stores.webhook_events.undo(since=at(1), until=at(9)) == 0
        waiting = stores.webhook_events.pending(now=at(9), latest=at(609), limit=9)
        found = [(item.id, item.attempts) async for item in waiting]
        assert found == [("e1", 0), ("e2", 0), ("e3", 0), ("e4", 1)]
        assert await stores.webhook_events.body("e1") == BODY


async def test_more_than_a_step_of_them_wait_again(on_mongod: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("supportd.stores.webhook_events.UNDONE_AT_ONCE", 3)
    async with on_mongod() as stores:
        for second in range(8):
            await add(stores, f"e{second}", second)
            await stores.webhook_events.mark_done([f"e{second}"], outcome="applied")
        assert await stores.webhook_events.undo(since=at(0), until=at(6)) == 7
        assert await pending(stores) == [f"e{second}" for second in range(7)]


async def test_what_is_put_off_further_than_anything_can_be_is_due(opened: Open) -> None:
    async with opened() as stores:
        await stores.webhook_events.add(event("e1"), BODY, received_at=at(3600))
        for latest, due in ((at(3600), []), (at(600), [event("e1")])):
            assert [item async for item in stores.webhook_events.pending(now=at(0), latest=latest, limit=9)] == due
