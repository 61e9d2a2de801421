"""`idempotency`: the keys under which clients send, what was about to be sent under each, and how it was answered."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Struct
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from supportd.stores.mongo import Collection, Document, translated

KEPT_S = 86400  # the API contract, part B, retrying a send


class Intent(Struct, frozen=True):
    """What was known just before a message was sent: what is found later and is in none of it may be that message.

    `target` is the conversation or ticket that it goes to, none for a new conversation. `after` is the newest cursor
    (ms) of the target's thread, `known` the newest conversations of the user. `at` is our time (ms), set when stored.
    """

    target: str | None = None
    after: int = 0
    known: tuple[str, ...] = ()
    at: int = 0


class Answer(Struct, frozen=True):
    """An answer as it was given. `age_s` is its age where it has one, `at` (ms) when it was given."""

    status: int
    body: bytes
    age_s: int | None
    at: int


class Record(Struct, frozen=True, kw_only=True):
    """A key of a user's. It belongs to the run named, which ends at `running_until` (ms) even if it crashed.

    `reserved_id` is for what is stored here under an id of its own. Without an `intent` nothing can have been sent
    yet. `made` names the message that the key made; a message is made by one key only.
    """

    id: str
    user_id: str
    fingerprint: str
    reserved_id: str
    run: str
    running_until: int
    intent: Intent | None = None
    made: str | None = None
    answer: Answer | None = None


class IdempotencyStore:
    """One document a key, gone after 24 hours. Times are ms; a change by a run that lost the key changes nothing."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection

    async def ensure_indexes(self) -> None:
        """By age, by the message made (one key each), and by user for what is being sent."""
        with translated("idempotency.ensure_indexes"):
            await self._collection.create_index("created_at", expireAfterSeconds=KEPT_S, name="kept")
            await self._collection.create_index("made", unique=True, sparse=True)
            await self._collection.create_index([("user_id", 1), ("sending", 1)])

    async def claim(self, wanted: Record, *, now: int) -> Record | None:
        """Records a key, or takes it over if its last run is over and it isn't answered.

        Answers the key as it stands: it is the caller's if its `run` is the one wanted. None: it went just now.
        """
        created = {"_id": wanted.id, "created_at": datetime.fromtimestamp(now / 1000, UTC), "sending": False}
        fields = {"user_id", "fingerprint", "reserved_id", "run", "running_until"}
        with translated("idempotency.claim"):
            try:
                await self._collection.insert_one({**created, **{name: getattr(wanted, name) for name in fields}})
            except DuplicateKeyError:
                return await self._take_over(wanted, now=now)
        return wanted

    async def intend(self, record: Record, intent: Intent) -> bool:
        """Records what is about to be sent; False if the key is another run's by now."""
        change = {"intent": msgspec.to_builtins(intent), "sending": True}
        with translated("idempotency.intend"):
            return await self._change(record, {"$set": change})

    async def others_sending(self, record: Record, *, now: int) -> bool:
        """Whether the user is sending something under another key just now."""
        query: Document = {"user_id": record.user_id, "sending": True, "_id": {"$ne": record.id}}
        with translated("idempotency.others_sending"):
            return await self._collection.find_one({**query, "running_until": {"$gt": now}}) is not None

    async def adopt(self, record: Record, made: str) -> bool:
        """Records that the key made a message; False if another key did, or the key is another run's by now."""
        with translated("idempotency.adopt"):
            try:
                return await self._change(record, {"$set": {"made": made}})
            except DuplicateKeyError:
                return False

    async def settle(self, record: Record, answer: Answer, *, made: str | None) -> None:
        """Records the answer, and the message made where it is new."""
        change = {"answer": msgspec.structs.asdict(answer), "sending": False}
        with translated("idempotency.settle"):
            try:
                await self._change(record, {"$set": change if made is None else {**change, "made": made}})
            except DuplicateKeyError:  # another key took it for its own; that this one is answered is what counts now
                await self._change(record, {"$set": change})

    async def release(self, record: Record) -> None:
        """Ends the run: the next one may take the key over at once."""
        with translated("idempotency.release"):
            await self._change(record, {"$set": {"running_until": 0, "sending": False}})

    async def forget(self, record: Record) -> None:
        """Removes a key under which nothing was sent."""
        with translated("idempotency.forget"):
            await self._collection.delete_one({"_id": record.id, "run": record.run})

    async def _take_over(self, wanted: Record, *, now: int) -> Record | None:
        over = {
            "_id": wanted.id,
            "fingerprint": wanted.fingerprint,
            "answer": None,
            "running_until": {"$lte": now},
        }
        run = {"run": wanted.run, "running_until": wanted.running_until, "sending": False}
        after = ReturnDocument.AFTER
        found = await self._collection.find_one_and_update(over, {"$set": run}, return_document=after)
        if found is None:
            found = await self._collection.find_one({"_id": wanted.id})
        return None if found is None else _record(found)

    async def _change(self, record: Record, change: dict[str, Any]) -> bool:
        changed = await self._collection.update_one({"_id": record.id, "run": record.run}, change)
        return changed.matched_count == 1


def _record(document: Mapping[str, Any]) -> Record:
    return msgspec.convert({**document, "id": document["_id"]}, Record)
