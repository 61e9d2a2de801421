import asyncio

import pytest

from supportd.stores.pushes import DONE_REMEMBERED, MOST_NEWS, News, Push
from supportd.stores.stores import Stores
from tests.stores.opening import START, Open

CHAT = "chat:1"


def ms(seconds: float) -> int:
    return int(START.timestamp() + seconds) * 1000


def news(name: str) -> News:
    return News(name, ms(0), ms(3600))


async def add(stores: Stores, *names: str, due: float = 3) -> None:
    for name in names:
        await stores.pushes.add(CHAT, news(name), due_at=ms(due))


async def take(stores: Stores, now: float = 3) -> Push | None:
    return await stores.pushes.take(now=ms(now), until=ms(now + 60))


async def taken(stores: Stores, now: float = 3) -> Push:
    found = await take(stores, now)
    assert found is not None
    return found


def names(push: Push) -> list[str]:
    return [each.id for each in push.news]


async def test_what_came_waits_and_is_taken_once_when_it_is_due(opened: Open) -> None:
    async with opened() as stores:
        await add(stores, "a", "b")
        assert await take(stores, 2) is None
        assert await taken(stores) == Push(CHAT, (news("a"), news("b")), ms(63), 1)
        assert await take(stores) is None
        assert (await taken(stores, 63)).attempts == 2  # its holder is gone


async def test_the_same_news_is_added_once_and_never_again(opened: Open) -> None:
    async with opened() as stores:
        await add(stores, "a", "a")
        push = await taken(stores)
        assert names(push) == ["a"]
        await add(stores, "a")
        await stores.pushes.finish(push, ["a"], due_at=ms(6))
        await add(stores, "a")
        assert await take(stores, 100) is None
        assert await stores.pushes.count() == 0


async def test_later_news_are_told_apart_and_neither_waits_for_the_other(opened: Open) -> None:
    async with opened() as stores:
        await add(stores, "a")
        push = await taken(stores)
        await add(stores, "b", due=6)
        await stores.pushes.finish(push, ["a"], due_at=ms(50))
        assert await take(stores, 5) is None
        assert names(await taken(stores, 6)) == ["b"]


async def test_what_is_left_is_taken_again_when_it_is_due(opened: Open) -> None:
    async with opened() as stores:
        await add(stores, "a", "b")
        await stores.pushes.finish(await taken(stores), ["a"], due_at=ms(50))
        assert await take(stores, 49) is None
        left = await taken(stores, 50)
        assert (names(left), left.attempts, left.told) == (["b"], 1, {})


async def test_a_retry_keeps_who_was_told(opened: Open) -> None:
    async with opened() as stores:
        await add(stores, "a")
        push = await taken(stores)
        for device in ("d1", "d2"):
            assert await stores.pushes.claim(push, device, ("a",))
        await stores.pushes.retry(push, {"d1": ("a",)}, due_at=ms(20))
        assert await take(stores, 19) is None
        again = await taken(stores, 20)
        assert (again.told, again.attempts) == ({"d1": ("a",)}, 2)


async def test_news_make_a_retry_come_sooner(opened: Open) -> None:
    async with opened() as stores:
        await add(stores, "a")
        push = await taken(stores)
        await add(stores, "b", due=6)
        await stores.pushes.retry(push, {}, due_at=ms(600))
        assert names(await taken(stores, 6)) == ["a", "b"]


async def test_who_lost_hold_of_it_changes_nothing(opened: Open) -> None:
    async with opened() as stores:
        await add(stores, "a")
        late = await taken(stores)
        push = await taken(stores, 70)
        assert not await stores.pushes.claim(late, "d1", ("a",))
        await stores.pushes.finish(late, ["a"], due_at=ms(80))
        await stores.pushes.retry(late, {"d1": ("a",)}, due_at=ms(80))
        assert await stores.pushes.claim(push, "d2", ("a",))
        assert await take(stores, 80) is None


async def test_what_devices_were_told_before_a_crash_is_known_after_it(opened: Open) -> None:
    async with opened() as stores:
        await add(stores, "a")
        push = await taken(stores)
        for device in ("d1", "d2"):
            assert await stores.pushes.claim(push, device, ("a",))
        assert (await taken(stores, 63)).told == {"d1": ("a",), "d2": ("a",)}


async def test_news_are_known_while_they_wait_and_when_they_were_told(opened: Open) -> None:
    async with opened() as stores:
        assert await stores.pushes.known(CHAT) == frozenset()
        await add(stores, "a", "b")
        assert await stores.pushes.known(CHAT) == {"a", "b"}
        await stores.pushes.finish(await taken(stores), ["a"], due_at=ms(6))
        assert await stores.pushes.known(CHAT) == {"a", "b"}
        assert await stores.pushes.known("chat:2") == frozenset()


async def test_the_due_longest_goes_first_and_they_are_counted(opened: Open) -> None:
    async with opened() as stores:
        for name, due in (("chat:2", 2), ("chat:1", 1), ("ticket:1", 3)):
            await stores.pushes.add(name, news("a"), due_at=ms(due))
        assert await stores.pushes.count() == 3
        assert [(await taken(stores, 3)).id for _ in range(3)] == ["chat:1", "chat:2", "ticket:1"]


async def test_it_stays_small(opened: Open) -> None:
    async with opened() as stores:
        await add(stores, *(str(number) for number in range(MOST_NEWS + 5)))
        push = await taken(stores)
        assert names(push) == [str(number) for number in range(5, MOST_NEWS + 5)]
        await stores.pushes.finish(push, [str(number) for number in range(DONE_REMEMBERED + 5)], due_at=ms(9))
        stored = await stores.pushes._collection.find_one({})
        assert stored is not None
        assert len(stored["done"]) == DONE_REMEMBERED


@pytest.mark.logs("push unreadable")
async def test_what_cannot_be_read_is_set_aside(opened: Open) -> None:
    async with opened() as stores:
        await add(stores, "a")
        await stores.pushes._collection.update_one({}, {"$set": {"news": "all of it"}})
        await stores.pushes.add("chat:2", news("a"), due_at=ms(3))
        assert (await taken(stores)).id == "chat:2"
        assert await take(stores) is None


async def test_of_many_at_once_one_adds_and_one_takes(on_mongod: Open) -> None:
    async with on_mongod() as stores:
        await asyncio.gather(*(add(stores, "a") for _ in range(10)))
        found = await asyncio.gather(*(take(stores) for _ in range(10)))
        assert [names(push) for push in found if push is not None] == [["a"]]


async def test_it_is_forgotten_a_day_after_its_last_news_expired(on_mongod: Open) -> None:
    async with on_mongod() as stores:
        indexes = await stores.pushes._collection.index_information()
        assert indexes["kept_a_day"]["key"] == [("touched_at", 1)]
        assert indexes["kept_a_day"]["expireAfterSeconds"] == 86400
