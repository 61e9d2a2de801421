"""Each store's contract holds on a stand-in in memory and on the real thing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from mongomock_motor import AsyncMongoMockClient

from supportd.stores.mongo import connect
from supportd.stores.stores import Stores
from tests.harness import MongoDatabase
from tests.stores.opening import Open


@pytest.fixture
def on_mongod(mongo: MongoDatabase) -> Open:
    """Opens the stores on the real mongod. To be called within the test: a client belongs to one loop."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Stores]:
        client = connect(mongo.uri)
        try:
            stores = Stores(client[mongo.name])
            await stores.ensure_indexes()
            yield stores
        finally:
            client.close()

    return opened


@pytest.fixture(params=["memory", "mongod"])
def opened(request: pytest.FixtureRequest) -> Open:
    """Opens the stores on each kind of database."""
    if request.param == "mongod":
        found: Open = request.getfixturevalue("on_mongod")
        return found

    @asynccontextmanager
    async def opened() -> AsyncIterator[Stores]:
        stores = Stores(AsyncMongoMockClient()["test"])
        await stores.ensure_indexes()
        yield stores

    return opened
