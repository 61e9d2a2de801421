"""`snapshots`: each conversation's state as it was last served; the second layer beneath the memory."""

from collections.abc import Iterable

from bson import Binary
from msgspec import Struct

from supportd.stores.mongo import Collection, Document, replace_version, translated
from supportd.stores.quiet import Quiet, find_quiet


class Snapshot(Struct, frozen=True):
    """A conversation's encoded state, and beside it the few facts that are searched for.

    `changed_at` and `confirmed_at` (when Intercom last said anything of it) are ms; `proven_at` is Intercom's time in
    s up to which the state is known to be Intercom's, `version` how often it was stored.
    """

    id: str
    contact_ids: tuple[str, ...]
    changed_at: int
    proven_at: int
    confirmed_at: int
    open: bool
    deleted: bool
    version: int
    encoded: bytes


class SnapshotStore:
    """One document a conversation."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection

    async def ensure_indexes(self) -> None:
        """A user's conversations by their last change; open ones by how long nothing was heard of them."""
        with translated("snapshots.ensure_indexes"):
            await self._collection.create_index([("contact_ids", 1), ("changed_at", -1), ("_id", -1)])
            await self._collection.create_index([("open", 1), ("confirmed_at", 1), ("_id", 1)])

    async def get(self, conversation_id: str) -> Snapshot | None:
        """The snapshot, also of a deleted conversation."""
        with translated("snapshots.get"):
            found = await self._collection.find_one({"_id": conversation_id})
        return None if found is None else _snapshot(found)

    async def save(self, snapshot: Snapshot) -> None:
        """Stores a snapshot, whole, in place of the version before. Raises `Overtaken` where another is stored."""
        document = {
            "contact_ids": list(snapshot.contact_ids),
            "changed_at": snapshot.changed_at,
            "proven_at": snapshot.proven_at,
            "confirmed_at": snapshot.confirmed_at,
            "open": snapshot.open,
            "deleted": snapshot.deleted,
            "encoded": Binary(snapshot.encoded),
        }
        with translated("snapshots.save"):
            await replace_version(self._collection, snapshot.id, document, version=snapshot.version)

    async def discard(self, conversation_id: str) -> None:
        """Forgets one that can't be read."""
        with translated("snapshots.discard"):
            await self._collection.delete_one({"_id": conversation_id})

    async def page(self, contact_id: str, *, before: tuple[int, str] | None, limit: int) -> list[Snapshot]:
        """A contact's conversations, the last changed first, that come after `before` (changed_at in ms, id)."""
        query: Document = {"contact_ids": contact_id, "deleted": False}
        if before is not None:
            changed_at, last_id = before
            query["$or"] = [{"changed_at": {"$lt": changed_at}}, {"changed_at": changed_at, "_id": {"$lt": last_id}}]
        with translated("snapshots.page"):
            found = self._collection.find(query).sort([("changed_at", -1), ("_id", -1)]).limit(limit)
            return [_snapshot(document) async for document in found]

    async def newest_open(self, contact_id: str) -> str | None:
        """The contact's conversation that isn't closed and changed last."""
        query: Document = {"contact_ids": contact_id, "open": True}
        with translated("snapshots.newest_open"):
            found = await self._collection.find_one(query, {"_id": 1}, sort=[("changed_at", -1), ("_id", -1)])
        return None if found is None else str(found["_id"])

    async def proven(self, ids: Iterable[str]) -> dict[str, int]:
        """Up to when (Intercom's s) each of the conversations that are here is proven."""
        with translated("snapshots.proven"):
            found = self._collection.find({"_id": {"$in": list(ids)}}, {"proven_at": 1})
            return {document["_id"]: int(document["proven_at"]) async for document in found}

    async def quiet(self, *, before: int, after: Quiet | None, limit: int) -> list[Quiet]:
        """Open conversations of which Intercom said nothing since `before` (ms), the quietest first, behind `after`."""
        with translated("snapshots.quiet"):
            return await find_quiet(self._collection, {"open": True}, before=before, after=after, limit=limit)


def _snapshot(document: Document) -> Snapshot:
    return Snapshot(
        id=document["_id"],
        contact_ids=tuple(document["contact_ids"]),
        changed_at=int(document["changed_at"]),
        proven_at=int(document["proven_at"]),
        confirmed_at=int(document["confirmed_at"]),
        open=document["open"],
        deleted=document["deleted"],
        version=int(document.get("version") or 0),
        encoded=bytes(document["encoded"]),
    )
