"""`contacts`: which Intercom contact a user is."""

from collections.abc import Iterable

import msgspec
from msgspec import Struct

from supportd.stores.mongo import Collection, translated


class Contact(Struct, frozen=True):
    """A user's contact. `listed` is true once all the user's conversations were found by a search, and
    `tickets_listed` once all tickets were.
    """

    user_id: str
    contact_id: str
    listed: bool = False
    tickets_listed: bool = False


class ContactStore:
    """The mapping, one document a user."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection

    async def ensure_indexes(self) -> None:
        """By contact id too: webhooks and searches name the contact."""
        with translated("contacts.ensure_indexes"):
            await self._collection.create_index("contact_id")

    async def get(self, user_id: str) -> Contact | None:
        """The user's contact, if it is known here."""
        with translated("contacts.get"):
            found = await self._collection.find_one({"_id": user_id})
        return None if found is None else msgspec.convert({**found, "user_id": found["_id"]}, Contact)

    async def put(self, user_id: str, contact_id: str) -> Contact:
        """Records the mapping. A mapping to another contact than before has nothing listed yet."""
        contact = Contact(user_id=user_id, contact_id=contact_id)
        known = await self.get(user_id)
        if known is not None and known.contact_id == contact_id:
            return known
        with translated("contacts.put"):
            await self._collection.replace_one(
                {"_id": user_id}, {"contact_id": contact_id, "listed": False}, upsert=True
            )
        return contact

    async def mark_listed(self, user_id: str, contact_id: str) -> None:
        """Records that all conversations of the contact are known."""
        await self._mark(user_id, contact_id, "listed")

    async def mark_tickets_listed(self, user_id: str, contact_id: str) -> None:
        """Records that all tickets of the contact are known."""
        await self._mark(user_id, contact_id, "tickets_listed")

    async def users(self, contact_ids: Iterable[str]) -> list[Contact]:
        """The users of ours behind these contacts."""
        with translated("contacts.users"):
            found = self._collection.find({"contact_id": {"$in": list(contact_ids)}})
            return [msgspec.convert({**document, "user_id": document["_id"]}, Contact) async for document in found]

    async def known(self, contact_ids: Iterable[str]) -> set[str]:
        """Those of the contacts that belong to a user of ours."""
        with translated("contacts.known"):
            found = self._collection.find({"contact_id": {"$in": list(contact_ids)}}, {"contact_id": 1})
            return {document["contact_id"] async for document in found}

    async def _mark(self, user_id: str, contact_id: str, field: str) -> None:
        with translated(f"contacts.mark_{field}"):
            await self._collection.update_one({"_id": user_id, "contact_id": contact_id}, {"$set": {field: True}})
