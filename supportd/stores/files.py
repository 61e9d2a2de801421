"""`files`: what is known of each uploaded file. Its bytes are elsewhere, under its key.

The record is there before the bytes and goes after them, so there are no bytes that nothing knows of.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum

import msgspec
from msgspec import Struct

from supportd.stores.mongo import Collection, Document, translated


class State(StrEnum):
    """How far a file is: on its way to its place, not come there, there, or about to be deleted.

    Only what is there is served.
    """

    PENDING = "pending"
    FAILED = "failed"
    STORED = "stored"
    GOING = "going"


class FileRecord(Struct, frozen=True, kw_only=True):
    """A file. `size` is in bytes, `attached_to` what it was used in: once, and for good unless that surely failed."""

    id: str
    user_id: str
    name: str
    content_type: str
    size: int
    key: str
    created_at: datetime
    attached_to: str | None = None


class FileStore:
    """One document a file."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection

    async def ensure_indexes(self) -> None:
        """A user's by age; by what they are attached to; by age those that may be left over, or claimed for ever."""
        with translated("files.ensure_indexes"):
            await self._collection.create_index([("user_id", 1), ("created_at", 1)])
            await self._collection.create_index([("attached_to", 1), ("created_at", 1)])
            await self._collection.create_index("claimed_at", sparse=True)

    async def begin(self, record: FileRecord) -> None:
        """Records a file whose bytes are about to be stored."""
        document = {
            "_id": record.id,
            "user_id": record.user_id,
            "name": record.name,
            "content_type": record.content_type,
            "size": record.size,
            "key": record.key,
            "created_at": record.created_at,
            "attached_to": None,
            "state": State.PENDING.value,
        }
        with translated("files.begin"):
            await self._collection.insert_one(document)

    async def finish(self, file_id: str) -> bool:
        """Records that the bytes are stored. False if that took so long that the file is being deleted."""
        query = {"_id": file_id, "state": State.PENDING.value}
        with translated("files.finish"):
            changed = await self._collection.update_one(query, {"$set": {"state": State.STORED.value}})
        return changed.matched_count == 1

    async def give_up(self, file_id: str) -> None:
        """Records that the bytes couldn't be stored. A part of them may be there, or arrive late; nobody owns it."""
        query = {"_id": file_id, "state": State.PENDING.value}
        with translated("files.give_up"):
            await self._collection.update_one(query, {"$set": {"state": State.FAILED.value}})

    async def get(self, file_id: str) -> FileRecord | None:
        """A file that is stored, whoever owns it."""
        with translated("files.get"):
            found = await self._collection.find_one({"_id": file_id, "state": State.STORED.value})
        return None if found is None else _record(found)

    async def claim(
        self, file_ids: Sequence[str], *, user_id: str, for_: str, left_by: str | None = None, at: datetime
    ) -> list[FileRecord] | None:
        """Attaches the user's files to `for_`: all of them, answered in the order of the ids, or none.

        None: one isn't the user's, isn't stored, is named twice, or is attached to something else. The same `for_` may
        claim them again, and take those that were left to `left_by`. Files are taken in the order of their ids, so of
        claims that meet the last one to be stopped isn't. Until it is settled, the claim is a promise made `at` a time.
        """
        if len(set(file_ids)) < len(file_ids):
            return None
        before: dict[str, FileRecord] = {}
        for file_id in sorted(file_ids):
            record = await self._claim_one(
                file_id, user_id, [None, for_, left_by], {"attached_to": for_, "claimed_at": at}
            )
            if record is None:
                for file in before.values():
                    await self._pass_on({"_id": file.id, "attached_to": for_}, file.attached_to)
                return None
            before[file_id] = record
        return [msgspec.structs.replace(before[file_id], attached_to=for_) for file_id in file_ids]

    async def settle(self, for_: str) -> None:
        """Records that what the files were claimed for was sent: they are its for good."""
        with translated("files.settle"):
            await self._collection.update_many({"attached_to": for_}, {"$unset": {"claimed_at": ""}})

    async def leave(self, for_: str, to: str) -> None:
        """Leaves the files of a claim to another that names this one."""
        await self._pass_on({"attached_to": for_}, to)

    async def release(self, for_: str) -> None:
        """Frees the files of what surely wasn't sent."""
        await self._pass_on({"attached_to": for_}, None)

    async def expire(self, for_: str, *, before: datetime) -> None:
        """Frees the files of a claim, unless it was settled or made again since."""
        await self._pass_on({"attached_to": for_, "claimed_at": {"$lt": before}}, None)

    async def unsettled(self, *, before: datetime, limit: int) -> list[FileRecord]:
        """Files that were claimed before a time for what hasn't been sent to this day; the oldest claims first."""
        query = {"claimed_at": {"$lt": before}, "attached_to": {"$ne": None}}
        with translated("files.unsettled"):
            found = self._collection.find(query).sort("claimed_at", 1).limit(limit)
            return [_record(document) async for document in found]

    async def sent_to(self, place: str) -> list[FileRecord]:
        """The files that are attached to what begins with `place`."""
        query = {"attached_to": {"$regex": f"^{re.escape(place)}"}, "state": State.STORED.value}
        with translated("files.sent_to"):
            return [_record(document) async for document in self._collection.find(query)]

    async def bytes_of(self, user_id: str, *, since: datetime) -> int:
        """How many bytes the user stored since, those on their way included."""
        counted = {"user_id": user_id, "created_at": {"$gte": since}, "state": {"$ne": State.FAILED.value}}
        steps: list[Document] = [
            {"$match": counted},
            {"$group": {"_id": None, "bytes": {"$sum": "$size"}}},
        ]
        with translated("files.bytes_of"):
            sums = [document async for document in self._collection.aggregate(steps)]
        return int(sums[0]["bytes"]) if sums else 0

    async def take_left_over(self, *, unused: datetime, unfinished: datetime, limit: int) -> list[FileRecord]:
        """Files that nothing will use, from now on never served or claimed; the oldest first.

        Those are the ones that were never attached and came before `unused`, the ones that were never stored and came
        before `unfinished`, and what an earlier run took and didn't `forget`.
        """
        query: Document = {
            "attached_to": None,
            "$or": [
                {"state": State.STORED.value, "created_at": {"$lt": unused}},
                {"state": {"$in": [State.PENDING.value, State.FAILED.value]}, "created_at": {"$lt": unfinished}},
                {"state": State.GOING.value},
            ],
        }
        taken = []
        with translated("files.take_left_over"):
            found = self._collection.find(query, {"_id": 1}).sort("created_at", 1).limit(limit)
            for file_id in [document["_id"] async for document in found]:
                change = {"$set": {"state": State.GOING.value}}
                document = await self._collection.find_one_and_update({**query, "_id": file_id}, change)
                if document is not None:  # it wasn't claimed meanwhile
                    taken.append(_record(document))
        return taken

    async def forget(self, file_id: str) -> None:
        """Removes a record whose bytes are gone, or never were there."""
        with translated("files.forget"):
            await self._collection.delete_one({"_id": file_id, "attached_to": None})

    async def _claim_one(
        self, file_id: str, user_id: str, claimable: list[str | None], claim: Document
    ) -> FileRecord | None:
        """The file as it was before."""
        free = {
            "_id": file_id,
            "user_id": user_id,
            "state": State.STORED.value,
            "attached_to": {"$in": claimable},
        }
        with translated("files.claim"):
            found = await self._collection.find_one_and_update(free, {"$set": claim})
        return None if found is None else _record(found)

    async def _pass_on(self, query: Document, to: str | None) -> None:
        with translated("files.pass_on"):
            await self._collection.update_many(query, {"$set": {"attached_to": to}})


def _record(document: Document) -> FileRecord:
    return FileRecord(
        id=document["_id"],
        user_id=document["user_id"],
        name=document["name"],
        content_type=document["content_type"],
        size=int(document["size"]),
        key=document["key"],
        created_at=document["created_at"].replace(tzinfo=UTC),  # as MongoDB keeps every time
        attached_to=document["attached_to"],
    )
