"""`tickets`: each ticket as it was last served; the second layer beneath the memory."""

from collections.abc import Iterable

from bson import Binary
from msgspec import Struct

from supportd.stores.mongo import Collection, Document, replace_version, translated
from supportd.stores.quiet import Quiet, find_quiet


class TicketSnapshot(Struct, frozen=True):
    """An encoded ticket, and beside it the few facts that are searched for.

    `created_at` and `confirmed_at` (when Intercom last said anything of it) are ms; `number` is what people see of a
    ticket; `shown` says that its users may see it, `open` that it isn't resolved, `version` how often it was stored.
    """

    id: str
    contact_ids: tuple[str, ...]
    number: str
    created_at: int
    confirmed_at: int
    shown: bool
    open: bool
    version: int
    encoded: bytes


class TicketStore:
    """One document a ticket."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection

    async def ensure_indexes(self) -> None:
        """A user's tickets by their age; open and resolved ones by how long nothing was heard of them."""
        with translated("tickets.ensure_indexes"):
            await self._collection.create_index([("contact_ids", 1), ("created_at", -1), ("_id", -1)])
            await self._collection.create_index([("open", 1), ("confirmed_at", 1), ("_id", 1)])

    async def get(self, ticket_id: str) -> TicketSnapshot | None:
        """The snapshot, also of a ticket that nobody may see any more."""
        with translated("tickets.get"):
            found = await self._collection.find_one({"_id": ticket_id})
        return None if found is None else _snapshot(found)

    async def save(self, snapshot: TicketSnapshot) -> None:
        """Stores a snapshot, whole, in place of the version before. Raises `Overtaken` where another is stored."""
        document = {
            "contact_ids": list(snapshot.contact_ids),
            "number": snapshot.number,
            "created_at": snapshot.created_at,
            "confirmed_at": snapshot.confirmed_at,
            "shown": snapshot.shown,
            "open": snapshot.open,
            "encoded": Binary(snapshot.encoded),
        }
        with translated("tickets.save"):
            await replace_version(self._collection, snapshot.id, document, version=snapshot.version)

    async def discard(self, ticket_id: str) -> None:
        """Forgets one that can't be read."""
        with translated("tickets.discard"):
            await self._collection.delete_one({"_id": ticket_id})

    async def page(
        self, contact_id: str, *, number_prefix: str, before: tuple[int, str] | None, limit: int
    ) -> list[TicketSnapshot]:
        """A contact's tickets, the newest first, that come after `before` (created_at in ms, id).

        Only those whose number begins with `number_prefix`, which must be digits.
        """
        query: Document = {"contact_ids": contact_id, "shown": True}
        if number_prefix:
            query["number"] = {"$regex": f"^{number_prefix}"}
        if before is not None:
            created_at, last_id = before
            query["$or"] = [{"created_at": {"$lt": created_at}}, {"created_at": created_at, "_id": {"$lt": last_id}}]
        with translated("tickets.page"):
            found = self._collection.find(query).sort([("created_at", -1), ("_id", -1)]).limit(limit)
            return [_snapshot(document) async for document in found]

    async def known(self, ids: Iterable[str]) -> set[str]:
        """Those of the tickets that are here."""
        with translated("tickets.known"):
            found = self._collection.find({"_id": {"$in": list(ids)}}, {"_id": 1})
            return {document["_id"] async for document in found}

    async def quiet(
        self,
        *,
        open: bool,  # noqa: A002 - as the field is called
        before: int,
        after: Quiet | None,
        limit: int,
    ) -> list[Quiet]:
        """Open or resolved tickets of which Intercom said nothing since `before` (ms), the quietest first.

        They begin behind `after`. Of the resolved ones those that users see.
        """
        query: Document = {"open": True} if open else {"open": False, "shown": True}
        with translated("tickets.quiet"):
            return await find_quiet(self._collection, query, before=before, after=after, limit=limit)


def _snapshot(document: Document) -> TicketSnapshot:
    return TicketSnapshot(
        id=document["_id"],
        contact_ids=tuple(document["contact_ids"]),
        number=document["number"],
        created_at=int(document["created_at"]),
        confirmed_at=int(document["confirmed_at"]),
        shown=document["shown"],
        open=document["open"],
        version=int(document.get("version") or 0),
        encoded=bytes(document["encoded"]),
    )
