"""`webhook_events`: the inbox. An event is here before Intercom is told that we have it."""

from collections.abc import AsyncIterator
from datetime import datetime

from bson import Binary
from msgspec import Struct
from pymongo.errors import DuplicateKeyError

from supportd.stores.mongo import Collection, Document, translated

KEPT_DAYS = 30  # longer than Intercom can retry


class Event(Struct, frozen=True):
    """A webhook as it came. `key` is what groups events that must be processed in order."""

    id: str
    key: str
    topic: str
    body: bytes
    attempts: int = 0


class WebhookEventStore:
    """The inbox's documents, one a notification id."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection

    async def ensure_indexes(self) -> None:
        """Pending ones in order of arrival; all gone after 30 days."""
        with translated("webhook_events.ensure_indexes"):
            await self._collection.create_index(
                [("received_at", 1), ("_id", 1)], partialFilterExpression={"pending": True}, name="pending"
            )
            await self._collection.create_index(
                "received_at", expireAfterSeconds=KEPT_DAYS * 86400, name="kept_30_days"
            )

    async def add(self, event: Event, *, received_at: datetime) -> bool:
        """Stores an event durably. False if its id is here already: a duplicate."""
        document = {
            "_id": event.id,
            "key": event.key,
            "topic": event.topic,
            "body": Binary(event.body),
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

    async def mark_done(self, event_id: str, *, outcome: str) -> None:
        """Records that an event was processed, and how that ended."""
        with translated("webhook_events.mark_done"):
            await self._collection.update_one(
                {"_id": event_id}, {"$set": {"outcome": outcome}, "$unset": {"pending": ""}}
            )

    async def retry(self, event_id: str, *, due_at: datetime) -> None:
        """Puts an event off that can't be processed now."""
        with translated("webhook_events.retry"):
            await self._collection.update_one({"_id": event_id}, {"$set": {"due_at": due_at}, "$inc": {"attempts": 1}})

    async def pending(self, *, now: datetime, limit: int) -> AsyncIterator[Event]:
        """The oldest events that were never processed and are due, in order of arrival."""
        with translated("webhook_events.pending"):
            due = {"pending": True, "due_at": {"$lte": now}}
            found = self._collection.find(due).sort([("received_at", 1), ("_id", 1)]).limit(limit)
            async for document in found:
                yield _event(document)

    async def count_pending(self) -> int:
        """How many events wait."""
        with translated("webhook_events.count_pending"):
            return await self._collection.count_documents({"pending": True})


def _event(document: Document) -> Event:
    return Event(
        id=document["_id"],
        key=document["key"],
        topic=document["topic"],
        body=bytes(document["body"]),
        attempts=document["attempts"],
    )
