"""`topics`: the reason a conversation was started for, recorded before the conversation exists."""

from datetime import datetime, timedelta

import msgspec
from msgspec import Struct
from pymongo import ReturnDocument

from supportd.stores.mongo import Collection, Document, translated

MATCH_S = 600
SETTLED_S = 2  # by which a start may seem to come before its topic: Intercom's clock ticks in seconds
KEPT_DAYS = 30


class Topic(Struct, frozen=True):
    """What a user picked. `text` is what was sent to Intercom; `alone` says that the user wrote nothing of it."""

    contact_id: str
    main: str
    sub: str | None
    text: str
    alone: bool


class TopicStore:
    """One document a start with a reason."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection

    async def ensure_indexes(self) -> None:
        """By contact; a topic that no conversation claimed goes after 30 days, as do those that were used."""
        with translated("topics.ensure_indexes"):
            await self._collection.create_index([("contact_id", 1), ("recorded_at", 1)])
            await self._collection.create_index("recorded_at", expireAfterSeconds=KEPT_DAYS * 86400, name="kept")

    async def record(self, topic: Topic, *, at: datetime, topic_id: str) -> None:
        """Stores the topic of a conversation that is about to be started, in place of what was under the id."""
        document: Document = {**msgspec.to_builtins(topic), "recorded_at": at, "conversation_id": None}
        with translated("topics.record"):
            await self._collection.replace_one({"_id": topic_id}, document, upsert=True)

    async def forget(self, topic_id: str) -> None:
        """Removes a topic whose conversation was refused."""
        with translated("topics.forget"):
            await self._collection.delete_one({"_id": topic_id})

    async def withdraw(self, contact_id: str, text: str) -> None:
        """Removes topics of the contact with this text that no conversation claimed."""
        with translated("topics.withdraw"):
            await self._collection.delete_many({"contact_id": contact_id, "text": text, "conversation_id": None})

    async def claim(
        self, conversation_id: str, contact_ids: tuple[str, ...], text: str, *, started_at: datetime
    ) -> Topic | None:
        """The topic that a conversation of these contacts was started for, told by its first words and its time.

        Claimed once; the same conversation may ask again.
        """
        around = timedelta(seconds=MATCH_S)
        before = started_at + timedelta(seconds=SETTLED_S)
        for latest in (before, started_at + around):  # the clocks of Intercom and ours may differ by minutes
            query = {
                "contact_id": {"$in": list(contact_ids)},
                "recorded_at": {"$gte": started_at - around, "$lte": latest},
                "text": text,
                "conversation_id": {"$in": [None, conversation_id]},
            }
            with translated("topics.claim"):
                found = await self._collection.find_one_and_update(
                    query,
                    {"$set": {"conversation_id": conversation_id}},
                    sort=[("conversation_id", -1), ("recorded_at", -1)],
                    return_document=ReturnDocument.AFTER,
                )
            if found is not None:
                return msgspec.convert(found, Topic)
        return None
