"""The connection to MongoDB, and the translation of its errors.

Motor is in maintenance, so only calls that PyMongo's own async API has too are used, and only in this folder.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from bson.errors import BSONError
from motor.motor_asyncio import AsyncIOMotorCollection, AsyncIOMotorDatabase
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError, PyMongoError

from supportd.errors import ConfigError, StorageUnavailable
from supportd.stores.latency import CommandTimes
from supportd.stores.line import THREADS, Client

Document = dict[str, Any]
Collection = AsyncIOMotorCollection[Document]
Database = AsyncIOMotorDatabase[Document]

SELECT_TIMEOUT_MS = 1500
SOCKET_TIMEOUT_MS = 2500  # for an answer; the driver asks once more
HEARTBEAT_MS = 2000  # a server that hangs is known as gone after this and a time-out; then calls fail sooner


def connect(uri: str, *, observe: Callable[[str, float], None] | None = None) -> Client:
    """A client that gives up soon: a webhook's answer is due within 5 s, a user's request is worth no more.

    Writes are acknowledged by the majority and journaled, so that what was answered survives a crash. `observe` is told
    each operation and its seconds, on any thread.

    Raises:
        ConfigError: the connection string can't be read. Its text, which has a password, isn't repeated.
    """
    try:
        return Client(
            uri,
            serverSelectionTimeoutMS=SELECT_TIMEOUT_MS,
            connectTimeoutMS=SELECT_TIMEOUT_MS,
            socketTimeoutMS=SOCKET_TIMEOUT_MS,
            heartbeatFrequencyMS=HEARTBEAT_MS,
            maxPoolSize=THREADS,
            waitQueueTimeoutMS=SELECT_TIMEOUT_MS,
            w="majority",
            journal=True,
            appname="supportd",
            event_listeners=[] if observe is None else [CommandTimes(observe)],
        )
    except (PyMongoError, ValueError) as error:
        raise ConfigError(
            f"MONGO_URI is no connection string that MongoDB understands ({type(error).__name__})"
        ) from None


@contextmanager
def translated(operation: str) -> Iterator[None]:
    """Turns an error of the driver into `StorageUnavailable`. The log gets its type, never its text."""
    try:
        yield
    except (PyMongoError, BSONError) as error:
        structlog.get_logger("supportd.stores").warning(
            "storage unavailable", operation=operation, error=type(error).__name__
        )
        raise StorageUnavailable from error


class Overtaken(StorageUnavailable):
    """Another version is stored than the one that this change was made from."""


async def replace_version(collection: Collection, id_: str, document: Document, *, version: int) -> None:
    """Stores a document as its next `version` (1 for the first), in place of the one before and of no other.

    A write that was given up here may still be carried out, late (MongoDB's docs, retryable writes): it then takes
    nothing back that was stored since.

    Raises:
        Overtaken: another version is there.
    """
    before = {"_id": id_, "version": version - 1 or None}  # none: what was stored before there were versions
    try:
        await collection.replace_one(before, {**document, "version": version}, upsert=True)
    except DuplicateKeyError as refusal:
        raise Overtaken from refusal


async def upsert(collection: Collection, query: Document, change: Document) -> Document:
    """Changes the one document, made if it isn't there, and answers it as it is then.

    Of two that make it at once, MongoDB refuses one; that one changes what the other made.
    """
    try:
        return await _upsert(collection, query, change)
    except DuplicateKeyError:
        return await _upsert(collection, query, change)


async def _upsert(collection: Collection, query: Document, change: Document) -> Document:
    after = ReturnDocument.AFTER
    found = await collection.find_one_and_update(query, change, upsert=True, return_document=after)
    assert found is not None
    return found


async def ping(database: Database) -> None:
    """Asks MongoDB whether it is there. Raises `StorageUnavailable`."""
    with translated("ping"):
        await database.command("ping")
