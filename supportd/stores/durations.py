"""`durations`: how long conversations were open, one document a close. They are for reports."""

from msgspec import Struct
from pymongo.errors import DuplicateKeyError

from supportd.stores.mongo import Collection, translated


class Duration(Struct, frozen=True):
    """A conversation's time from its start or reopening to its close, both Intercom's (s)."""

    conversation_id: str
    opened_at: int
    closed_at: int

    @property
    def id(self) -> str:
        """The same for the same close, however often it is told."""
        return f"{self.conversation_id}:{self.closed_at}"

    @property
    def seconds(self) -> int:
        """How long it was open."""
        return self.closed_at - self.opened_at


class DurationStore:
    """One document a close."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection

    async def ensure_indexes(self) -> None:
        """By when it was closed, for reports."""
        with translated("durations.ensure_indexes"):
            await self._collection.create_index("closed_at")

    async def has(self, duration: Duration) -> bool:
        """Whether this close was recorded."""
        with translated("durations.has"):
            return await self._collection.find_one({"_id": duration.id}, {"_id": 1}) is not None

    async def add(self, duration: Duration) -> bool:
        """Records a close; False if it was recorded before, which then stays as it is."""
        document = {
            "_id": duration.id,
            "conversation": duration.conversation_id,
            "opened_at": duration.opened_at,
            "closed_at": duration.closed_at,
            "seconds": duration.seconds,
        }
        with translated("durations.add"):
            try:
                await self._collection.insert_one(document)
            except DuplicateKeyError:
                return False
        return True
