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
AHEAD_MS = 60_000  # by how much the clock of another of our machines may be ahead; what is further ahead was a jump


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
    """A key of a user's. It belongs to the run named until `running_until` (ms), unless that is renewed.

    `reserved_id` is for what is stored here under an id of its own. Without an `intent` nothing can have been sent
    yet; with one, a call may have gone out until `calling_until` (ms). `made` names the message that the key made; a
    message is made by one key only.
    """

    id: str
    user_id: str
    fingerprint: str
    reserved_id: str
    run: str
    running_until: int
    intent: Intent | None = None
    calling_until: int = 0
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
            await self._collection.create_index([("user_id", 1), ("calling_until", 1)])

    async def claim(self, wanted: Record, *, now: int, may_take_over: bool = True) -> Record | None:
        """Records a key, or takes it over if its last run is over and it isn't answered.

        Answers the key as it stands: it is the caller's if its `run` is the one wanted. None: it went just now.
        """
        fields = {"user_id", "fingerprint", "reserved_id", "run", "running_until"}
        document = {name: getattr(wanted, name) for name in fields}
        with translated("idempotency.claim"):
            try:
                await self._collection.insert_one({"_id": wanted.id, "created_at": _date(now), **document})
            except DuplicateKeyError:
                taken = await self._take_over(wanted, now=now) if may_take_over else None
                found = taken or await self._collection.find_one({"_id": wanted.id})
                return None if found is None else _record(found)
        return wanted

    async def renew(self, record: Record, *, until: int, calling: bool) -> bool:
        """Prolongs the run; False if the key is another run's by now, or is answered."""
        change = {"running_until": until, **({"calling_until": until} if calling else {})}
        query = {"_id": record.id, "run": record.run, "answer": None}
        with translated("idempotency.renew"):
            return (await self._collection.update_one(query, {"$set": change})).matched_count == 1

    async def intend(self, record: Record, intent: Intent, *, until: int) -> bool:
        """Records what is about to be sent, and prolongs the run; False if the key is another run's by now."""
        change = {"intent": msgspec.to_builtins(intent), "running_until": until, "calling_until": until}
        with translated("idempotency.intend"):
            return await self._change(record, {"$set": change})

    async def others_sending(self, record: Record, *, now: int) -> bool:
        """Whether the user is sending something under another key just now."""
        query: Document = {"user_id": record.user_id, "_id": {"$ne": record.id}}
        just_now = {"$gt": now, "$lte": record.running_until + AHEAD_MS}
        with translated("idempotency.others_sending"):
            return await self._collection.find_one({**query, "calling_until": just_now}) is not None

    async def note(self, user_id: str, made: str, *, now: int) -> None:
        """Records a message that was sent without a key, so that no key takes it for its own."""
        with translated("idempotency.note"):
            try:
                await self._collection.insert_one({"user_id": user_id, "made": made, "created_at": _date(now)})
            except DuplicateKeyError:
                return

    async def adopt(self, record: Record, made: str) -> bool:
        """Records that the key made a message; False if another key did, or the key is another run's by now."""
        with translated("idempotency.adopt"):
            try:
                return await self._change(record, {"$set": {"made": made}})
            except DuplicateKeyError:
                return False

    async def settle(self, record: Record, answer: Answer, *, made: str | None) -> None:
        """Records the answer, and the message made where it is new."""
        change = {"answer": msgspec.structs.asdict(answer), "calling_until": 0}
        with translated("idempotency.settle"):
            try:
                await self._change(record, {"$set": change if made is None else {**change, "made": made}})
            except DuplicateKeyError:  # another key took it for its own; that this one is answered is what counts now
                await self._change(record, {"$set": change})

    async def release(self, record: Record, *, now: int, called: bool) -> None:
        """Ends the run: the next one may take the key over at once. `called` says that it may have sent something."""
        change = {"run": "", "running_until": now, **({"calling_until": now} if called else {})}
        with translated("idempotency.release"):
            await self._change(record, {"$set": change})

    async def forget(self, record: Record) -> None:
        """Removes a key under which nothing was sent."""
        with translated("idempotency.forget"):
            await self._collection.delete_one({"_id": record.id, "run": record.run})

    async def _take_over(self, wanted: Record, *, now: int) -> Document | None:
        over = [{"running_until": {"$lte": now}}, {"running_until": {"$gt": wanted.running_until + AHEAD_MS}}]
        query = {"_id": wanted.id, "fingerprint": wanted.fingerprint, "answer": None, "$or": over}
        run = {"run": wanted.run, "running_until": wanted.running_until}
        change = {"$set": run, "$min": {"calling_until": now}}  # the run before calls no more, whatever its clock said
        return await self._collection.find_one_and_update(query, change, return_document=ReturnDocument.AFTER)

    async def _change(self, record: Record, change: dict[str, Any]) -> bool:
        changed = await self._collection.update_one({"_id": record.id, "run": record.run}, change)
        return changed.matched_count == 1


def _record(document: Mapping[str, Any]) -> Record:
    return msgspec.convert({**document, "id": document["_id"]}, Record)


def _date(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
