"""What supportd left in MongoDB, read beside it; and time that passes for what is stored there."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pymongo
from pymongo.database import Database as Collections

from supportd.conversations.state import State, decode

LONG_S = 200  # longer than a start of unknown fate, a lease and a late call take


@dataclass(frozen=True)
class Database:
    """The database of one supportd."""

    uri: str
    name: str

    def age(self) -> None:
        """The keys' records are as old as if a long time had passed, and what was put off is due."""
        back = dict.fromkeys(("running_until", "calling_until", "intent.at"), -LONG_S * 1000)
        with self._opened() as found:
            found["idempotency"].update_many({"intent": {"$exists": True}}, {"$inc": back})
            running = {"intent": {"$exists": False}, "run": {"$exists": True}}
            found["idempotency"].update_many(running, {"$inc": {"running_until": -LONG_S * 1000}})
            self._make_due(found)

    def hurry(self) -> None:
        """What was put off for later is due."""
        with self._opened() as found:
            self._make_due(found)

    def left_undone(self, but: set[str]) -> list[str]:
        """What is neither done nor given up, in words; keys in `but`, those of users and clients, may be open."""
        with self._opened() as found:
            open_keys = found["idempotency"].find({"answer": None, "intent": {"$exists": True}}, {"_id": 1})
            keys = [str(each["_id"]) for each in open_keys]
            counts = {
                "webhook events wait": found["webhook_events"].count_documents({"pending": True}),
                "jobs are in the outbox": found["outbox"].count_documents({}),
                "ratings are unsettled": found["ratings"].count_documents({"unsettled_since": {"$exists": True}}),
            }
        undone = [f"{count} {what}" for what, count in counts.items() if count]
        return undone + [f"the key {key!r} is unsettled" for key in keys if key not in but]

    def snapshots(self) -> dict[str, State | None]:
        with self._opened() as found:
            return {each["_id"]: decode(bytes(each["encoded"])) for each in found["snapshots"].find()}

    def ratings(self, conversation_id: str) -> list[int]:
        with self._opened() as found:
            return [each["stars"] for each in found["ratings"].find({"conversation_id": conversation_id})]

    def announced(self) -> dict[str, set[str]]:
        """The ids of what waits to be told by push, or was dealt with, of each chat and ticket by its id."""
        with self._opened() as found:
            return {
                str(each["_id"]).partition(":")[2]: {news["id"] for news in each["news"]} | {*each.get("done", [])}
                for each in found["pushes"].find()
            }

    def complaints(self, words: str) -> list[str]:
        with self._opened() as found:
            return [str(each["_id"]) for each in found["complaints"].find({"description": words})]

    def _make_due(self, found: "Collections[dict[str, Any]]") -> None:
        day = timedelta(days=1)
        for name, query in (("webhook_events", {"pending": True}), ("outbox", {})):
            for each in list(found[name].find(query, {"due_at": 1})):
                found[name].update_one({"_id": each["_id"]}, {"$set": {"due_at": each["due_at"] - day}})

    @contextmanager
    def _opened(self) -> "Iterator[Collections[dict[str, Any]]]":
        with pymongo.MongoClient[dict[str, Any]](self.uri) as client:
            yield client[self.name]
