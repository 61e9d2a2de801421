"""`complaints`: what users complain of. Intercom isn't told; who handles complaints reads them here."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct
from pymongo.errors import DuplicateKeyError

from supportd.stores.mongo import Collection, translated


class Category(StrEnum):
    """What a complaint is about (the API contract, part A)."""

    FUNDS = "funds"
    SECURITY = "security"
    OPERATOR = "operator"
    TECHNICAL = "technical"
    OTHER = "other"


class Complaint(Struct, frozen=True):
    """A complaint. `chat_id` and `dialog_id` are what the client said: nobody checked that they exist."""

    id: str
    user_id: str
    category: Category
    description: str
    chat_id: str | None = None
    dialog_id: str | None = None


class ComplaintStore:
    """One document a complaint."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection

    async def ensure_indexes(self) -> None:
        """By user, for who handles them."""
        with translated("complaints.ensure_indexes"):
            await self._collection.create_index([("user_id", 1), ("created_at", 1)])

    async def add(self, complaint: Complaint, *, at: datetime) -> None:
        """Stores a complaint durably. One with the same id is the same complaint, sent again, and stays as it is."""
        document = {
            "_id": complaint.id,
            "user_id": complaint.user_id,
            "category": complaint.category.value,
            "description": complaint.description,
            "chat_id": complaint.chat_id,
            "dialog_id": complaint.dialog_id,
            "created_at": at,
        }
        with translated("complaints.add"):
            try:
                await self._collection.insert_one(document)
            except DuplicateKeyError:
                return
