import asyncio
from typing import Any

import msgspec
import pymongo
import pytest

from supportd.stores.outbox import Job, Kind, UnreadableJob
from supportd.stores.stores import Stores
from tests.harness import MongoDatabase
from tests.stores.opening import Open, at

NOTE = Job("1:note", Kind.NOTE, "1", text="Topic: Payments", since=1_700_000_000)


async def take(stores: Stores, now: float = 0, again: float = 120) -> Job | None:
    return await stores.outbox.take(now=at(now), again_at=at(again))


async def test_a_due_job_is_taken_and_counted(opened: Open) -> None:
    async with opened() as stores:
        assert await take(stores) is None
        await stores.outbox.add(NOTE, due_at=at(5))
        assert await take(stores, now=4) is None
        assert await take(stores, now=5) == msgspec.structs.replace(NOTE, attempts=1)


async def test_a_taken_job_is_back_when_its_time_is_over(opened: Open) -> None:
    async with opened() as stores:
        await stores.outbox.add(NOTE, due_at=at(0))
        await take(stores, now=0, again=120)
        assert await take(stores, now=119) is None
        again = await take(stores, now=120)
        assert again is not None
        assert again.attempts == 2


async def test_a_job_put_back_is_due_when_it_says(opened: Open) -> None:
    async with opened() as stores:
        await stores.outbox.add(NOTE, due_at=at(0))
        await take(stores)
        await stores.outbox.retry(NOTE, due_at=at(10))
        assert await take(stores, now=9) is None
        assert await take(stores, now=10) is not None


async def test_a_job_that_cannot_be_read_is_set_aside(opened: Open) -> None:
    async with opened() as stores:
        await stores.outbox.add(NOTE, due_at=at(0))
        await stores.outbox._collection.update_one({"_id": NOTE.id}, {"$set": {"kind": "of a later version"}})
        with pytest.raises(UnreadableJob):
            await take(stores)
        assert await take(stores, now=9999) is None
        assert await stores.outbox._collection.count_documents({}) == 1


async def test_a_job_that_is_done_is_gone(opened: Open) -> None:
    async with opened() as stores:
        await stores.outbox.add(NOTE, due_at=at(0))
        await stores.outbox.remove(NOTE.id)
        await stores.outbox.remove(NOTE.id)
        assert await take(stores, now=9999) is None


async def test_the_same_job_again_is_stored_once(opened: Open) -> None:
    async with opened() as stores:
        await stores.outbox.add(NOTE, due_at=at(0))
        await stores.outbox.add(msgspec.structs.replace(NOTE, text="other"), due_at=at(0))
        taken = await take(stores)
        assert taken is not None
        assert taken.text == NOTE.text
        assert await take(stores) is None


async def test_the_job_due_longest_goes_first(opened: Open) -> None:
    async with opened() as stores:
        for id_, due in [("b", 2), ("a", 1), ("c", 3)]:
            await stores.outbox.add(Job(id_, Kind.TAG, "1", text="Payments"), due_at=at(due))
        taken = [await take(stores, now=3) for _ in range(3)]
        assert [job.id for job in taken if job is not None] == ["a", "b", "c"]


@pytest.mark.parametrize(
    "attributes",
    [
        pytest.param({"plan": "pro", "trial": True, "seats": 3, "score": 1.5, "none": None}, id="scalars"),
        pytest.param({"since": 1_750_000_000_000}, id="a number of more than 32 bits"),
        pytest.param({"id": 2**63}, id="a number of more than 63 bits"),
        pytest.param({"a.b": 1, "$set": 2, "_id": 3}, id="names that MongoDB uses"),
    ],
)
async def test_attributes_come_back_as_they_were_and_can_be_sent(opened: Open, attributes: dict[str, Any]) -> None:
    async with opened() as stores:
        await stores.outbox.add(Job("j", Kind.ENRICH, "c1", attributes=attributes), due_at=at(0))
        taken = await take(stores)
        assert taken is not None
        assert msgspec.json.decode(msgspec.json.encode(taken.attributes)) == attributes


async def test_of_many_workers_at_once_exactly_one_gets_a_job(on_mongod: Open) -> None:
    async with on_mongod() as stores:
        await stores.outbox.add(NOTE, due_at=at(0))
        taken = await asyncio.gather(*(take(stores) for _ in range(10)))
        assert sum(job is not None for job in taken) == 1


async def test_a_job_of_an_earlier_version_is_still_done(on_mongod: Open, mongo: MongoDatabase) -> None:
    async with on_mongod() as stores:
        await stores.outbox.add(NOTE, due_at=at(0))
        with pymongo.MongoClient[dict[str, Any]](mongo.uri) as client:
            client[mongo.name]["outbox"].update_many({}, {"$unset": {"since": ""}})
        assert await take(stores) == msgspec.structs.replace(NOTE, attempts=1, since=0)


async def test_what_waits_is_counted_and_has_an_age(opened: Open) -> None:
    async with opened() as stores:
        assert await stores.outbox.backlog() == (0, None)
        for id_, added in [("b", 2), ("a", 1)]:
            await stores.outbox.add(Job(id_, Kind.TAG, "1", text="Payments"), due_at=at(added))
        await take(stores, now=3)
        await stores.outbox.retry(Job("a", Kind.TAG, "1"), due_at=at(99))
        assert await stores.outbox.backlog() == (2, at(1))
        await stores.outbox.remove("a")
        assert await stores.outbox.backlog() == (1, at(2))


async def test_what_was_set_aside_waits_for_nothing(opened: Open) -> None:
    async with opened() as stores:
        await stores.outbox.add(NOTE, due_at=at(0))
        await stores.outbox._collection.update_one({"_id": NOTE.id}, {"$set": {"kind": "of a later version"}})
        with pytest.raises(UnreadableJob):
            await take(stores)
        assert await stores.outbox.backlog() == (0, None)
