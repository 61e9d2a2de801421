"""`outbox`: what is to be done in Intercom after a write and isn't the write itself."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from supportd.errors import SupportdError
from supportd.stores.mongo import Collection, Document, translated


class Kind(StrEnum):
    """What there is to do."""

    NOTE = "note"
    TAG = "tag"
    TICKET_TAG = "ticket_tag"
    UNTAG = "untag"
    ENRICH = "enrich"


class Job(Struct, frozen=True):
    """One thing to do. `target` is a conversation, ticket or contact; `text` a note or a tag; `attributes` a contact's.

    A note that is there already since `since` (Intercom's s) is this one. `attempts` counts tries, `refusals` those
    that Intercom refused.
    """

    id: str
    kind: Kind
    target: str
    text: str = ""
    attributes: dict[str, Any] = {}
    since: int = 0
    attempts: int = 0
    refusals: int = 0


class Backlog(NamedTuple):
    """How many jobs wait, and when the oldest of them was added; None where there is none."""

    jobs: int
    oldest: datetime | None


class UnreadableJob(SupportdError):
    """A stored job can't be read. It stays stored, and is never due."""


class OutboxStore:
    """One document a job, gone once it is done."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection

    async def ensure_indexes(self) -> None:
        """By when it is due, and by its age."""
        with translated("outbox.ensure_indexes"):
            await self._collection.create_index("due_at")
            await self._collection.create_index("added_at")

    async def add(self, job: Job, *, due_at: datetime) -> None:
        """Stores a job. One with the same id is the same job and is stored once."""
        document = {
            "_id": job.id,
            "kind": job.kind.value,
            "target": job.target,
            "text": job.text,
            "attributes": msgspec.json.encode(job.attributes).decode(),  # BSON has other numbers than JSON
            "since": job.since,
            "attempts": job.attempts,
            "due_at": due_at,
            "added_at": due_at,
        }
        with translated("outbox.add"):
            try:
                await self._collection.insert_one(document)
            except DuplicateKeyError:
                return

    async def take(self, *, now: datetime, again_at: datetime) -> Job | None:
        """The job that is due longest, counted as tried; due again at `again_at` unless it is removed before.

        Raises:
            UnreadableJob: it is none that this version knows, and is set aside.
        """
        with translated("outbox.take"):
            found = await self._collection.find_one_and_update(
                {"due_at": {"$lte": now}},
                {"$set": {"due_at": again_at}, "$inc": {"attempts": 1}},
                sort=[("due_at", 1)],
                return_document=ReturnDocument.AFTER,
            )
        return None if found is None else await self._read(found)

    async def retry(self, job: Job, *, due_at: datetime) -> None:
        """Makes a job due again, with its counts as they are in `job`."""
        changes = {"due_at": due_at, "attempts": job.attempts, "refusals": job.refusals}
        with translated("outbox.retry"):
            await self._collection.update_one({"_id": job.id}, {"$set": changes})

    async def remove(self, job_id: str) -> None:
        """Forgets a job that is done or given up."""
        with translated("outbox.remove"):
            await self._collection.delete_one({"_id": job_id})

    async def backlog(self) -> Backlog:
        """What waits, without what was set aside; jobs of earlier versions have no age."""
        with translated("outbox.backlog"):
            count = await self._collection.count_documents({"due_at": {"$type": "date"}})
            oldest = await self._collection.find_one({"added_at": {"$type": "date"}}, sort=[("added_at", 1)])
        return Backlog(count, oldest["added_at"].replace(tzinfo=UTC) if oldest else None)

    async def _read(self, document: Document) -> Job:
        try:
            attributes = msgspec.json.decode(document["attributes"])
            return msgspec.convert({**document, "id": document["_id"], "attributes": attributes}, Job)
        except (KeyError, TypeError, msgspec.DecodeError):
            with translated("outbox.set_aside"):
                await self._collection.update_one({"_id": document["_id"]}, {"$unset": {"due_at": "", "added_at": ""}})
            raise UnreadableJob from None
