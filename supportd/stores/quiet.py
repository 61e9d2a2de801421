"""What nothing was heard of for long: a search that snapshots of conversations and of tickets share."""

from typing import NamedTuple

from supportd.stores.mongo import Collection, Document


class Quiet(NamedTuple):
    """Something quiet, and when (ms) Intercom last said anything of it."""

    confirmed_at: int
    id: str


async def find_quiet(
    collection: Collection, query: Document, *, before: int, after: Quiet | None, limit: int
) -> list[Quiet]:
    """What matches and wasn't confirmed since `before` (ms), the quietest first, beginning behind `after`."""
    bounds: Document = {"confirmed_at": {"$lt": before}}
    if after is not None:
        bounds["confirmed_at"]["$gte"] = after.confirmed_at
        bounds["$nor"] = [{"confirmed_at": after.confirmed_at, "_id": {"$lte": after.id}}]
    found = collection.find({**query, **bounds}, {"confirmed_at": 1}).sort([("confirmed_at", 1), ("_id", 1)])
    return [Quiet(int(document["confirmed_at"]), document["_id"]) async for document in found.limit(limit)]
