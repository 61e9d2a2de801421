"""`webhook_events`: the inbox. An event is here before Intercom is told that we have it."""

from collections.abc import AsyncIterator
from datetime import datetime

from bson import Binary
from msgspec import Struct
from pymongo.errors import DuplicateKeyError

from supportd.stores.mongo import Collection, Document, translated

KEPT_DAYS = 30  # longer than Intercom can retry
UNDONE_AT_ONCE = 1_000


class Event(Struct, frozen=True):
    """A webhook that waits, without its body. `key` is what groups events that must be processed in order."""

    id: str
    key: str
    topic: str
    attempts: int = 0


class WebhookEventStore:
    """The inbox's documents, one a notification id."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection

    async def ensure_indexes(self) -> None:
        """Pending ones in order of arrival, told apart by when they are due; all gone after 30 days."""
        with translated("webhook_events.ensure_indexes"):
            await self._collection.create_index(
                [("received_at", 1), ("_id", 1), ("due_at", 1)],
                partialFilterExpression={"pending": True},
                name="pending_and_due",
            )
            await self._collection.create_index(
                "received_at", expireAfterSeconds=KEPT_DAYS * 86400, name="kept_30_days"
            )

    async def add(self, event: Event, body: bytes, *, received_at: datetime) -> bool:
        """Stores an event durably, with its body as it came. False if its id is here already: a duplicate."""
        document = {
            "_id": event.id,
            "key": event.key,
            "topic": event.topic,
            "body": Binary(body),
            "received_at": received_at,
            "pending": True,
            "due_at": received_at,
            "attempts": 0,
        }
        with translated("webhook_events.add"):
            try:
                await self._collection.insert_one(document)
            except DuplicateKeyError:
                return False
        return True

    async def body(self, event_id: str) -> bytes | None:
        """The body of an event that waits; None where it was processed meanwhile."""
        with translated("webhook_events.body"):
            found = await self._collection.find_one({"_id": event_id, "pending": True}, {"body": 1})
        return None if found is None else bytes(found["body"])

    async def mark_done(self, event_ids: list[str], *, outcome: str) -> None:
        """Records that events were processed, and how that ended."""
        with translated("webhook_events.mark_done"):
            await self._collection.update_many(
                {"_id": {"$in": event_ids}}, {"$set": {"outcome": outcome}, "$unset": {"pending": ""}}
            )

    async def retry(self, event_id: str, *, due_at: datetime) -> None:
        """Puts an event off that can't be processed now."""
        with translated("webhook_events.retry"):
            await self._collection.update_one({"_id": event_id}, {"$set": {"due_at": due_at}, "$inc": {"attempts": 1}})

    async def pending(self, *, now: datetime, latest: datetime, limit: int) -> AsyncIterator[Event]:
        """The oldest events that were never processed and are due, in order of arrival.

        None is put off until after `latest`: if one is, the system's clock went back since, and it is due.
        """
        with translated("webhook_events.pending"):
            due = {"pending": True, "due_at": {"$not": {"$gt": now, "$lte": latest}}}
            found = self._collection.find(due, {"body": 0}).sort([("received_at", 1), ("_id", 1)]).limit(limit)
            async for document in found:
                yield _event(document)

    async def count_pending(self) -> int:
        """How many events wait."""
        with translated("webhook_events.count_pending"):
            return await self._collection.count_documents({"pending": True})

    async def count_done(self, *, since: datetime, until: datetime) -> int:
        """How many of the events received in that time were processed. Counted in steps: each is short."""
        with translated("webhook_events.count_done"):
            count = 0
            async for _ in self._collection.find(_done(since, until), {"_id": 1}).batch_size(UNDONE_AT_ONCE):
                count += 1
            return count

    async def undo(self, *, since: datetime, until: datetime) -> int:
        """Makes the processed events received in that time wait again, the oldest first; answers how many.

        They are due at once. Each step is short and may be done again, so this may be cut off at any point.
        """
        undone = 0
        with translated("webhook_events.undo"):
            found = self._collection.find(_done(since, until), {"_id": 1}).sort("received_at", 1)
            ids: list[str] = []
            async for document in found.batch_size(UNDONE_AT_ONCE):
                ids.append(document["_id"])
                if len(ids) == UNDONE_AT_ONCE:
                    undone += await self._undo(ids, due_at=until)
                    ids = []
            return undone + await self._undo(ids, due_at=until)

    async def _undo(self, ids: list[str], *, due_at: datetime) -> int:
        again = {"$set": {"pending": True, "due_at": due_at, "attempts": 0}, "$unset": {"outcome": ""}}
        undone = await self._collection.update_many({"_id": {"$in": ids}, "pending": {"$ne": True}}, again)
        return undone.modified_count


def _done(since: datetime, until: datetime) -> Document:
    return {"received_at": {"$gte": since, "$lte": until}, "pending": {"$ne": True}}


def _event(document: Document) -> Event:
    return Event(
        id=document["_id"],
        key=document["key"],
        topic=document["topic"],
        attempts=document["attempts"],
    )
