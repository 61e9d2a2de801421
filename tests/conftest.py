"""Fixtures shared by all tests: the real mongod, a database of a test's own, the environment restored."""

import os
import uuid
from collections.abc import Iterator

import pymongo
import pytest

from supportd.dev.mongod import Mongod
from tests.harness import MongoDatabase


@pytest.fixture(scope="session")
def mongod(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mongod]:
    """The session's mongod. A test that kills one starts its own."""
    running = Mongod(tmp_path_factory.mktemp("mongo"))
    running.start()
    try:
        running.wait_until_primary()
        yield running
    finally:
        running.stop()


@pytest.fixture
def mongo(mongod: Mongod) -> Iterator[MongoDatabase]:
    """A database of the test's own, dropped at its end."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    yield MongoDatabase(mongod.uri, name)
    with pymongo.MongoClient[dict[str, object]](mongod.uri) as client:
        client.drop_database(name)


@pytest.fixture(autouse=True)
def _environment_restored() -> Iterator[None]:
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)
