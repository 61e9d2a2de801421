"""Fixtures shared by all tests: the real mongod, a database of a test's own, a quiet log, the environment restored."""

import logging
import os
import uuid
from collections.abc import Iterator

import pymongo
import pytest
import structlog
from structlog.typing import EventDict

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
def mongo(mongod: Mongod, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MongoDatabase]:
    """A database of the test's own, dropped at its end, with a folder for files."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    yield MongoDatabase(mongod.uri, name, tmp_path_factory.mktemp("files"))
    with pymongo.MongoClient[dict[str, object]](mongod.uri) as client:
        client.drop_database(name)


@pytest.fixture(autouse=True)
def _environment_restored() -> Iterator[None]:
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(autouse=True)
def logged(request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture) -> Iterator[list[EventDict]]:
    """What was logged. A line at warning or above that the test's `logs` marks don't announce fails the test."""
    lines: list[EventDict] = []

    def keep(_logger: object, _name: str, event: EventDict) -> EventDict:
        lines.append(event)
        raise structlog.DropEvent

    structlog.configure(processors=[structlog.contextvars.merge_contextvars, structlog.stdlib.add_log_level, keep])
    yield lines
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    announced = {"event loop blocked", *(text for mark in request.node.iter_markers("logs") for text in mark.args)}
    ours = [line for line in lines if line["level"] in {"warning", "error", "critical"}]
    assert [line for line in ours if line["event"] not in announced] == []
    records = [*caplog.get_records("setup"), *caplog.get_records("call")]
    assert [line.getMessage() for line in records if line.levelno >= logging.WARNING] == []
