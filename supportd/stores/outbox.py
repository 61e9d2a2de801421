"""`outbox`: what is to be done in Intercom after a write and isn't the write itself."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec
from msgspec import Struct
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from supportd.stores.mongo import Collection, translated


class Kind(StrEnum):
    """What there is to do."""

    NOTE = "note"
    TAG = "tag"
    TICKET_TAG = "ticket_tag"
    ENRICH = "enrich"


class Job(Struct, frozen=True):
    """One thing to do. `target` is a conversation, ticket or contact; `text` a note or a tag; `attributes` a contact's.

    A note that is there already since `since` (Intercom's s) is this one.
    """

    id: str
    kind: Kind
    target: str
    text: str = ""
    attributes: dict[str, Any] = {}
    since: int = 0
    attempts: int = 0


class OutboxStore:
    """One document a job, gone once it is done."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection

    async def ensure_indexes(self) -> None:
        """By when it is due."""
        with translated("outbox.ensure_indexes"):
            await self._collection.create_index("due_at")

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
        }
        with translated("outbox.add"):
            try:
                await self._collection.insert_one(document)
            except DuplicateKeyError:
                return

    async def take(self, *, now: datetime, again_at: datetime) -> Job | None:
        """The job that is due longest, counted as tried; due again at `again_at` unless it is removed before."""
        with translated("outbox.take"):
            found = await self._collection.find_one_and_update(
                {"due_at": {"$lte": now}},
                {"$set": {"due_at": again_at}, "$inc": {"attempts": 1}},
                sort=[("due_at", 1)],
                return_document=ReturnDocument.AFTER,
            )
        if found is None:
            return None
        return msgspec.convert(
            {**found, "id": found["_id"], "attributes": msgspec.json.decode(found["attributes"])}, Job
        )

    async def retry(self, job_id: str, *, due_at: datetime) -> None:
        """Makes a job due again."""
        with translated("outbox.retry"):
            await self._collection.update_one({"_id": job_id}, {"$set": {"due_at": due_at}})

    async def remove(self, job_id: str) -> None:
        """Forgets a job that is done or given up."""
        with translated("outbox.remove"):
            await self._collection.delete_one({"_id": job_id})
