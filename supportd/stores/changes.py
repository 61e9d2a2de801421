"""What is stored by whoever uses the database: the change stream of the conversations' snapshots and of tickets."""

from collections.abc import AsyncGenerator
from typing import Any, NamedTuple

from pymongo.errors import OperationFailure

from supportd.errors import StorageUnavailable
from supportd.stores import mongo

SNAPSHOTS, TICKETS = "snapshots", "tickets"
LONGEST_WAIT_MS = 1000  # less than a connection waits for an answer
PIPELINE: list[dict[str, Any]] = [
    {"$match": {"ns.coll": {"$in": [SNAPSHOTS, TICKETS]}, "operationType": {"$in": ["insert", "replace", "delete"]}}},
    {"$project": {"ns": 1, "documentKey": 1, "fullDocument.version": 1}},
]


class Change(NamedTuple):
    """A document of a collection is stored as this version now; None if it was taken away."""

    collection: str
    id: str
    version: int | None


class Changes:
    """Tells changes from its first look on. A look that was cut off is taken up where it was.

    It has connections of its own: it waits for most of the time, and that is neither MongoDB's slowness nor a call.
    """

    def __init__(self, uri: str, database: str) -> None:
        self._client = mongo.connect(uri)
        self._database = self._client[database]
        self._seen: Any = None  # MongoDB's token of how far it came

    async def read(self) -> AsyncGenerator[Change | None]:
        """Each change as it comes, without an end; None where some before may have been missed.

        Raises:
            StorageUnavailable: MongoDB is away.
        """
        is_first = self._seen is None
        watched = self._database.watch(PIPELINE, resume_after=self._seen, max_await_time_ms=LONGEST_WAIT_MS)
        try:
            with mongo.translated("changes.read"):
                async with watched as stream:
                    while True:
                        told = await stream.try_next()
                        if is_first:
                            yield None
                            is_first = False
                        if told is not None:
                            yield _change(told)
                        self._seen = stream.resume_token
        except StorageUnavailable as error:
            if isinstance(error.__cause__, OperationFailure):
                self._seen = None  # what came since the last look may not be kept any more
            raise

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()


def _change(told: mongo.Document) -> Change:
    document = told.get("fullDocument")
    version = None if document is None else int(document.get("version") or 0)
    return Change(told["ns"]["coll"], told["documentKey"]["_id"], version)
