"""What is stored of conversations, tickets and contacts, read in bulk. For scripts; `serve` never uses it."""

from collections.abc import Iterable
from enum import StrEnum

import msgspec
from msgspec import Struct

from supportd.stores.contacts import Contact
from supportd.stores.mongo import Database, Document, translated


class Things(StrEnum):
    """A collection of encoded states."""

    CONVERSATIONS = "snapshots"
    TICKETS = "tickets"


class Stored(Struct, frozen=True):
    """One of them, as it is stored."""

    id: str
    encoded: bytes


class ComparisonStore:
    """Reads by id, and in the order of ids."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def among(self, things: Things, ids: Iterable[str]) -> dict[str, Stored]:
        """Those of the ids that are here."""
        with translated("comparison.among"):
            found = self._database[things.value].find({"_id": {"$in": list(ids)}}, {"encoded": 1})
            return {document["_id"]: _stored(document) async for document in found}

    async def after(self, things: Things, last: str, *, limit: int) -> list[Stored]:
        """Those with the next ids behind `last`."""
        with translated("comparison.after"):
            found = self._database[things.value].find({"_id": {"$gt": last}}, {"encoded": 1}).sort("_id", 1)
            return [_stored(document) async for document in found.limit(limit)]

    async def contacts_after(self, last: str, *, limit: int) -> list[Contact]:
        """The contacts of the next users behind `last`."""
        with translated("comparison.contacts_after"):
            found = self._database["contacts"].find({"_id": {"$gt": last}}).sort("_id", 1)
            return [
                msgspec.convert({**document, "user_id": document["_id"]}, Contact)
                async for document in found.limit(limit)
            ]

    async def forget_contact(self, contact: Contact) -> None:
        """Forgets who a user is in Intercom, unless that changed since it was read."""
        with translated("comparison.forget_contact"):
            own = {"_id": contact.user_id, "contact_id": contact.contact_id}
            await self._database["contacts"].delete_one(own)


def _stored(document: Document) -> Stored:
    return Stored(document["_id"], bytes(document["encoded"]))
