"""`watermarks`: how far the reconciler has come."""

from supportd.stores.mongo import Collection, translated


class WatermarkStore:
    """One document a stream of changes."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection

    async def get(self, stream: str) -> int | None:
        """Intercom's time (s) up to which every change of the stream is known here."""
        with translated("watermarks.get"):
            found = await self._collection.find_one({"_id": stream})
        return None if found is None else int(found["seconds"])

    async def advance(self, stream: str, seconds: int) -> None:
        """Moves the mark forward; never back."""
        with translated("watermarks.advance"):
            await self._collection.update_one({"_id": stream}, {"$max": {"seconds": seconds}}, upsert=True)
