from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, closing

import pytest

from supportd.errors import StorageUnavailable
from supportd.stores.changes import Change, Changes
from supportd.stores.mongo import Database, connect
from tests.harness import MongoDatabase


@asynccontextmanager
async def opened(mongo: MongoDatabase) -> AsyncIterator[tuple[Changes, Database]]:
    """Who reads changes, and the database to make them in."""
    with closing(Changes(mongo.uri, mongo.name)) as changes, closing(connect(mongo.uri)) as client:
        yield changes, client[mongo.name]


async def test_each_change_is_told_once_and_what_came_between_two_looks(
    mongo: MongoDatabase,
) -> None:
    async with opened(mongo) as (changes, database):
        async with aclosing(changes.read()) as told:
            assert await anext(told) is None  # nobody knows what was before
            await database["snapshots"].insert_one({"_id": "1", "version": 1})
            await database["contacts"].insert_one({"_id": "of no concern"})
            assert await anext(told) == Change("snapshots", "1", 1)
            await database["tickets"].insert_one({"_id": "2", "version": 1})
            assert await anext(told) == Change("tickets", "2", 1)
            await database["snapshots"].replace_one({"_id": "1"}, {"version": 2})
            assert await anext(told) == Change("snapshots", "1", 2)
        await database["tickets"].delete_one({"_id": "2"})
        async with aclosing(changes.read()) as told:
            assert await anext(told) == Change("snapshots", "1", 2)  # it wasn't asked for the next: so again
            assert await anext(told) == Change("tickets", "2", None)


@pytest.mark.logs("storage unavailable")
async def test_a_look_that_mongodb_cant_take_up_begins_anew(
    mongo: MongoDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(mongo) as (changes, database):
        monkeypatch.setattr(changes, "_seen", {"_data": "00"})
        with pytest.raises(StorageUnavailable):
            await anext(changes.read())
        async with aclosing(changes.read()) as told:
            assert await anext(told) is None
            await database["snapshots"].insert_one({"_id": "1", "version": 1})
            assert await anext(told) == Change("snapshots", "1", 1)
