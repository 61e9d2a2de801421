"""What users said of us, by time: ratings and complaints for exports, read as a stream."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

from msgspec import Struct

from supportd.stores.mongo import Database, Document, translated


class Feedback(Struct, frozen=True):
    """A rating or a complaint; what the one doesn't have is None. `at` is in UTC."""

    kind: str
    id: str
    at: datetime
    user_id: str
    conversation_id: str | None = None
    ticket_id: str | None = None
    stars: int | None = None
    category: str | None = None
    text: str | None = None


class FeedbackStore:
    """Reads `ratings` and `complaints`, as they come."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def ratings(self, *, since: datetime, until: datetime) -> AsyncIterator[Feedback]:
        """Ratings from `since` to before `until`."""
        query = {"rated_at": {"$gte": _ms(since), "$lt": _ms(until)}}
        with translated("feedback.ratings"):
            async for document in self._database["ratings"].find(query):
                yield _rating(document)

    async def complaints(self, *, since: datetime, until: datetime) -> AsyncIterator[Feedback]:
        """Complaints from `since` to before `until`."""
        query = {"created_at": {"$gte": since, "$lt": until}}
        with translated("feedback.complaints"):
            async for document in self._database["complaints"].find(query):
                yield _complaint(document)


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _rating(document: Document) -> Feedback:
    return Feedback(
        "rating",
        document["id"],
        datetime.fromtimestamp(int(document["rated_at"]) / 1000, UTC),
        document["user_id"],
        conversation_id=document["conversation_id"],
        ticket_id=document["ticket_id"],
        stars=int(document["stars"]),
        text=document["comment"],
    )


def _complaint(document: Document) -> Feedback:
    return Feedback(
        "complaint",
        document["_id"],
        document["created_at"].replace(tzinfo=UTC),
        document["user_id"],
        conversation_id=document["chat_id"],
        ticket_id=document["dialog_id"],
        category=document["category"],
        text=document["description"],
    )
