"""`pushes`: what users are still to be told of by push, one document a conversation or ticket.

All times are ms. A document stays for a day after its last news, so that the same news is never told a second time.
"""

from collections.abc import Collection as Several
from datetime import UTC, datetime

import msgspec
import structlog
from msgspec import Struct
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from supportd.stores.mongo import Collection, Document, translated

KEPT_S = 86400
MOST_NEWS = 50  # of one conversation that wait; of more, the oldest go
DONE_REMEMBERED = 100


class News(Struct, frozen=True):
    """Something to tell: a message or a change of state. `said_at` is when it happened, by our clock."""

    id: str
    said_at: int
    expires_at: int


class Push(Struct, frozen=True):
    """What waits for one conversation or ticket, and is held by one worker until `held_until`.

    `told` has, for each device's mark, the ids of the news that it was told, or was not to be told.
    """

    id: str
    news: tuple[News, ...]
    held_until: int
    attempts: int
    told: dict[str, tuple[str, ...]] = {}


class PushStore:
    """The outbox of pushes. It is apart from that of jobs for Intercom, so that neither holds the other up."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection

    async def ensure_indexes(self) -> None:
        """By when they are due; gone a day after the last news."""
        with translated("pushes.ensure_indexes"):
            await self._collection.create_index("due_at", sparse=True)
            await self._collection.create_index("touched_at", expireAfterSeconds=KEPT_S, name="kept_a_day")

    async def add(self, push_id: str, news: News, *, due_at: int) -> None:
        """Adds news, to be told at `due_at` or, if older news wait already, with these. The same news is added once."""
        change = {
            "$push": {"news": {"$each": [msgspec.to_builtins(news)], "$slice": -MOST_NEWS}},
            "$min": {"due_at": due_at},
            "$set": {"touched_at": datetime.fromtimestamp(news.expires_at / 1000, UTC)},
        }
        with translated("pushes.add"):
            for _ in range(2):  # of two that make it at once, one is refused, and then finds what the other made
                try:
                    await self._collection.update_one(_without(push_id, news.id), change, upsert=True)
                except DuplicateKeyError:
                    continue
                return

    async def known(self, push_id: str) -> frozenset[str]:
        """The ids of the news that wait there, and of those told last."""
        with translated("pushes.known"):
            found = await self._collection.find_one({"_id": push_id}, {"news.id": 1, "done": 1})
        return frozenset() if found is None else frozenset((*(n["id"] for n in found["news"]), *found.get("done", ())))

    async def take(self, *, now: int, until: int) -> Push | None:
        """What is due longest, held until then; None if nothing is due. What can't be read is set aside."""
        with translated("pushes.take"):
            while True:
                found = await self._collection.find_one_and_update(
                    {"due_at": {"$lte": now}, "held_until": {"$not": {"$gt": now}}},
                    {"$set": {"due_at": until, "held_until": until}, "$inc": {"attempts": 1}},
                    sort=[("due_at", 1)],
                    return_document=ReturnDocument.AFTER,
                )
                if found is None:
                    return None
                try:
                    return msgspec.convert({**found, "id": found["_id"]}, Push)
                except msgspec.ValidationError:
                    structlog.get_logger("supportd.push").error("push unreadable")
                    await self._collection.update_one({"_id": found["_id"]}, {"$unset": {"due_at": ""}})

    async def claim(self, push: Push, mark: str, told: tuple[str, ...]) -> bool:
        """Records what a device is told, before it is. False if the push isn't held any more: then don't tell it."""
        with translated("pushes.claim"):
            claimed = await self._collection.update_one(_held(push), {"$set": {f"told.{mark}": list(told)}})
        return claimed.matched_count == 1

    async def retry(self, push: Push, told: dict[str, tuple[str, ...]], *, due_at: int) -> None:
        """Gives it back, to be taken again at `due_at`, or sooner if news came meanwhile."""
        with translated("pushes.retry"):
            await self._collection.update_one({**_held(push), "due_at": push.held_until}, {"$set": {"due_at": due_at}})
            await self._collection.update_one(
                _held(push), {"$set": {"told": _lists(told)}, "$unset": {"held_until": ""}}
            )

    async def finish(self, push: Push, done: Several[str], *, due_at: int) -> None:
        """Gives it back with these news told to everybody. What is left is due then, or sooner if it came meanwhile."""
        change: Document = {
            "$pull": {"news": {"id": {"$in": list(done)}}},
            "$push": {"done": {"$each": list(done), "$slice": -DONE_REMEMBERED}},
            "$set": {"told": {}, "attempts": 0},
            "$unset": {"held_until": ""},
        }
        with translated("pushes.finish"):
            await self._collection.update_one({**_held(push), "due_at": push.held_until}, {"$set": {"due_at": due_at}})
            await self._collection.update_one(_held(push), change)
            await self._collection.update_one({"_id": push.id, "news": []}, {"$unset": {"due_at": ""}})

    async def count(self) -> int:
        """How many conversations and tickets have news that wait."""
        with translated("pushes.count"):
            return await self._collection.count_documents({"due_at": {"$gt": 0}})


def _without(push_id: str, news_id: str) -> Document:
    """Matches the document unless it has the news; with `upsert`, MongoDB then refuses to make a second one."""
    return {"_id": push_id, "news.id": {"$ne": news_id}, "done": {"$ne": news_id}}


def _held(push: Push) -> Document:
    return {"_id": push.id, "held_until": push.held_until}


def _lists(told: dict[str, tuple[str, ...]]) -> dict[str, list[str]]:
    return {mark: list(ids) for mark, ids in told.items()}
