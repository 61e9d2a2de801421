"""`watermarks`: how far the reconciler has come."""

from typing import NamedTuple

from supportd.stores.mongo import Collection, translated


class Mark(NamedTuple):
    """Intercom's time (s) up to which a stream was read, and our time (s) when it was last read to its end.

    A stream that never was counts as read when Intercom's clock showed the mark.
    """

    seconds: int
    ended_at: int


class WatermarkStore:
    """One document a stream of changes."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection

    async def get(self, stream: str) -> Mark | None:
        """How far the stream is known here; None before it was ever read."""
        with translated("watermarks.get"):
            found = await self._collection.find_one({"_id": stream})
        if found is None:
            return None
        seconds = int(found["seconds"])
        return Mark(seconds, int(found.get("ended_at") or seconds))

    async def advance(self, stream: str, seconds: int) -> None:
        """Moves the mark forward; never back."""
        with translated("watermarks.advance"):
            await self._collection.update_one({"_id": stream}, {"$max": {"seconds": seconds}}, upsert=True)

    async def end(self, stream: str, *, at: int) -> None:
        """Records when (our s) the stream was read to its end. A clock that was set back is believed."""
        with translated("watermarks.end"):
            await self._collection.update_one({"_id": stream}, {"$set": {"ended_at": at}})
