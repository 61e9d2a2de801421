"""`ratings`: what users gave for a conversation or a ticket. Intercom gets tags for it, never a comment."""

from collections.abc import Iterable
from typing import Any

from msgspec import Struct
from pymongo.errors import DuplicateKeyError

from supportd.stores.mongo import Collection, Document, translated


class Rating(Struct, frozen=True, kw_only=True):
    """What a user gave a ticket, a conversation, or both. `rated_at` is ms, `contact_id` the user in Intercom then."""

    id: str
    user_id: str
    contact_id: str
    stars: int
    comment: str | None
    rated_at: int
    ticket_id: str | None = None
    conversation_id: str | None = None

    @property
    def key(self) -> str:
        """What it is unique by: the user and the ticket, or the conversation where there is no ticket."""
        about = f"conversation:{self.conversation_id}" if self.ticket_id is None else f"ticket:{self.ticket_id}"
        return f"{about}:{self.user_id}"


class RatingStore:
    """One document a rating, which has its key as `_id`: so there is one, also before any index was made.

    A rating is the record of what is still to be done for it: it is unsettled until `settle`.
    """

    def __init__(self, collection: Collection) -> None:
        self._collection = collection

    async def ensure_indexes(self) -> None:
        """By conversation and by ticket; those that are unsettled, by their age."""
        with translated("ratings.ensure_indexes"):
            await self._collection.create_index("conversation_id")
            await self._collection.create_index("ticket_id")
            await self._collection.create_index("unsettled_since", sparse=True)

    async def add(self, rating: Rating) -> bool:
        """Stores a rating, unsettled; False if there is one with its key, which then stays as it is."""
        document: Document = {
            "_id": rating.key,
            "id": rating.id,
            "user_id": rating.user_id,
            "contact_id": rating.contact_id,
            "stars": rating.stars,
            "comment": rating.comment,
            "rated_at": rating.rated_at,
            "ticket_id": rating.ticket_id,
            "conversation_id": rating.conversation_id,
            "unsettled_since": rating.rated_at,
        }
        with translated("ratings.add"):
            try:
                await self._collection.insert_one(document)
            except DuplicateKeyError:
                return False
        return True

    async def settle(self, rating: Rating) -> None:
        """Records that all was done for it."""
        with translated("ratings.settle"):
            await self._collection.update_one({"_id": rating.key}, {"$unset": {"unsettled_since": ""}})

    async def unsettle(self, rating: Rating, *, at: int) -> None:
        """Has all that follows from it be done again; `at` is ms."""
        with translated("ratings.unsettle"):
            await self._collection.update_one({"_id": rating.key}, {"$set": {"unsettled_since": at}})

    async def unsettled(self, *, limit: int) -> list[Rating]:
        """Those for which something is still to be done, the oldest first."""
        with translated("ratings.unsettled"):
            found = self._collection.find({"unsettled_since": {"$exists": True}}).sort("unsettled_since", 1)
            return [_rating(document) async for document in found.limit(limit)]

    async def of_conversations(self, ids: Iterable[str]) -> list[Rating]:
        """What the conversations were given, the oldest first."""
        with translated("ratings.of_conversations"):
            found = self._collection.find({"conversation_id": {"$in": list(ids)}}).sort("rated_at", 1)
            return [_rating(document) async for document in found]

    async def of_conversation(self, conversation_id: str) -> list[Rating]:
        """What a conversation was given, the oldest first."""
        with translated("ratings.of_conversation"):
            found = self._collection.find({"conversation_id": conversation_id}).sort("rated_at", 1)
            return [_rating(document) async for document in found]

    async def of_ticket(self, ticket_id: str) -> list[Rating]:
        """What a ticket was given, the oldest first."""
        with translated("ratings.of_ticket"):
            found = self._collection.find({"ticket_id": ticket_id}).sort("rated_at", 1)
            return [_rating(document) async for document in found]


def _rating(document: dict[str, Any]) -> Rating:
    known = {name: document[name] for name in Rating.__struct_fields__}
    return Rating(**{**known, "rated_at": int(document["rated_at"])})  # BSON's own kind of number can't be encoded
