import asyncio
from collections.abc import Awaitable, Callable
from contextlib import closing
from typing import Any

import pymongo
import pytest
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo.errors import OperationFailure
from structlog.testing import capture_logs
from tornado.testing import bind_unused_port

from supportd.errors import ConfigError, StorageUnavailable
from supportd.stores.comparison import ComparisonStore, Things
from supportd.stores.complaints import Category, Complaint
from supportd.stores.contacts import Contact
from supportd.stores.devices import Device, Platform
from supportd.stores.durations import Duration
from supportd.stores.feedback import FeedbackStore
from supportd.stores.idempotency import Answer, Intent, Record
from supportd.stores.mongo import Database, Document, connect, ping
from supportd.stores.outbox import Job, Kind
from supportd.stores.personal import Person, PersonalStore
from supportd.stores.preferences import Changes
from supportd.stores.pushes import News, Push
from supportd.stores.ratings import Rating
from supportd.stores.snapshots import Snapshot
from supportd.stores.stores import Stores
from supportd.stores.tickets import TicketSnapshot
from supportd.stores.topics import Topic
from supportd.stores.webhook_events import Event
from tests.harness import MongoDatabase
from tests.stores.opening import Open, at

CANARY = "canary-0451"
KEY = Record(id=CANARY, user_id=CANARY, fingerprint="f", reserved_id="i", run="r", running_until=1)
DEVICE = Device(CANARY, Platform.MOBILE, CANARY, at(0))
PUSH = Push("chat:1", (), 2, 1)
CLOSED = Duration(CANARY, 0, 1)
RATING = Rating(id="r", user_id=CANARY, contact_id=CANARY, stars=5, comment=CANARY, rated_at=0, conversation_id=CANARY)
PERSON = Person(CANARY, *[frozenset({CANARY})] * 8)

CALLS: dict[str, Callable[[Stores], Awaitable[object]]] = {
    "indexes": lambda stores: stores.ensure_indexes(),
    "complaints.add": lambda stores: stores.complaints.add(Complaint("c", CANARY, Category.FUNDS, CANARY), at=at(0)),
    "contacts.get": lambda stores: stores.contacts.get(CANARY),
    "contacts.put": lambda stores: stores.contacts.put(CANARY, "c1"),
    "contacts.mark_listed": lambda stores: stores.contacts.mark_listed(CANARY, "c1"),
    "contacts.mark_tickets_listed": lambda stores: stores.contacts.mark_tickets_listed(CANARY, "c1"),
    "contacts.users": lambda stores: stores.contacts.users([CANARY]),
    "contacts.known": lambda stores: stores.contacts.known([CANARY]),
    "devices.register": lambda stores: stores.devices.register(CANARY, Platform.MOBILE, CANARY, at=at(0)),
    "devices.remove": lambda stores: stores.devices.remove(CANARY, CANARY),
    "devices.of_user": lambda stores: stores.devices.of_user(CANARY),
    "devices.owner": lambda stores: stores.devices.owner(CANARY),
    "devices.forget": lambda stores: stores.devices.forget(CANARY, DEVICE),
    "durations.has": lambda stores: stores.durations.has(CLOSED),
    "durations.add": lambda stores: stores.durations.add(CLOSED),
    "idempotency.claim": lambda stores: stores.idempotency.claim(KEY, now=0),
    "idempotency.intend": lambda stores: stores.idempotency.intend(KEY, Intent(), until=1),
    "idempotency.renew": lambda stores: stores.idempotency.renew(KEY, until=1, calling=True),
    "idempotency.note": lambda stores: stores.idempotency.note(CANARY, "1/1", now=0),
    "idempotency.others_sending": lambda stores: stores.idempotency.others_sending(KEY, now=0),
    "idempotency.adopt": lambda stores: stores.idempotency.adopt(KEY, "1/1"),
    "idempotency.settle": lambda stores: stores.idempotency.settle(KEY, Answer(201, b"{}", 0, 0), made=None),
    "idempotency.release": lambda stores: stores.idempotency.release(KEY, now=0, called=True),
    "idempotency.forget": lambda stores: stores.idempotency.forget(KEY),
    "outbox.add": lambda stores: stores.outbox.add(Job("j", Kind.NOTE, "1", text=CANARY), due_at=at(0)),
    "outbox.take": lambda stores: stores.outbox.take(now=at(0), again_at=at(1)),
    "outbox.retry": lambda stores: stores.outbox.retry(Job("j", Kind.NOTE, "1"), due_at=at(0)),
    "outbox.backlog": lambda stores: stores.outbox.backlog(),
    "outbox.remove": lambda stores: stores.outbox.remove("j"),
    "preferences.get": lambda stores: stores.preferences.get(CANARY),
    "preferences.update": lambda stores: stores.preferences.update(CANARY, Changes(chat_messages=False)),
    "pushes.add": lambda stores: stores.pushes.add("chat:1", News(CANARY, 0, 1), due_at=1),
    "pushes.take": lambda stores: stores.pushes.take(now=1, until=2),
    "pushes.claim": lambda stores: stores.pushes.claim(PUSH, CANARY, ("1",)),
    "pushes.known": lambda stores: stores.pushes.known("chat:1"),
    "pushes.retry": lambda stores: stores.pushes.retry(PUSH, {CANARY: ("1",)}, due_at=1),
    "pushes.finish": lambda stores: stores.pushes.finish(PUSH, [CANARY], due_at=1),
    "pushes.count": lambda stores: stores.pushes.count(),
    "ratings.add": lambda stores: stores.ratings.add(RATING),
    "ratings.settle": lambda stores: stores.ratings.settle(RATING),
    "ratings.unsettle": lambda stores: stores.ratings.unsettle(RATING, at=0),
    "ratings.of_conversations": lambda stores: stores.ratings.of_conversations([CANARY]),
    "ratings.unsettled": lambda stores: stores.ratings.unsettled(limit=1),
    "ratings.of_conversation": lambda stores: stores.ratings.of_conversation(CANARY),
    "ratings.of_ticket": lambda stores: stores.ratings.of_ticket(CANARY),
    "snapshots.get": lambda stores: stores.snapshots.get("1"),
    "snapshots.save": lambda stores: stores.snapshots.save(
        Snapshot("1", ("c1",), 0, 0, 0, open=True, deleted=False, version=1, encoded=CANARY.encode())
    ),
    "snapshots.discard": lambda stores: stores.snapshots.discard("1"),
    "snapshots.page": lambda stores: stores.snapshots.page("c1", before=(1, "1"), limit=1),
    "snapshots.proven": lambda stores: stores.snapshots.proven(["1"]),
    "snapshots.newest_open": lambda stores: stores.snapshots.newest_open("c1"),
    "snapshots.quiet": lambda stores: stores.snapshots.quiet(before=1, after=None, limit=1),
    "tickets.get": lambda stores: stores.tickets.get("1"),
    "tickets.save": lambda stores: stores.tickets.save(
        TicketSnapshot("1", ("c1",), "1", 0, 0, shown=True, open=True, version=1, encoded=CANARY.encode())
    ),
    "tickets.discard": lambda stores: stores.tickets.discard("1"),
    "tickets.page": lambda stores: stores.tickets.page("c1", number_prefix="1", before=(1, "1"), limit=1),
    "tickets.known": lambda stores: stores.tickets.known(["1"]),
    "tickets.quiet": lambda stores: stores.tickets.quiet(open=True, before=1, after=None, limit=1),
    "topics.record": lambda stores: stores.topics.record(
        Topic("c1", CANARY, None, CANARY, alone=True), at=at(0), topic_id="t"
    ),
    "topics.forget": lambda stores: stores.topics.forget("0" * 24),
    "topics.claim": lambda stores: stores.topics.claim("1", ("c1",), CANARY, started_at=at(0)),
    "watermarks.get": lambda stores: stores.watermarks.get("conversations"),
    "watermarks.advance": lambda stores: stores.watermarks.advance("conversations", 1),
    "watermarks.end": lambda stores: stores.watermarks.end("conversations", at=1),
    "webhook_events.add": lambda stores: stores.webhook_events.add(
        Event("e1", "1", "conversation.deleted"), CANARY.encode(), received_at=at(0)
    ),
    "webhook_events.body": lambda stores: stores.webhook_events.body("e1"),
    "webhook_events.retry": lambda stores: stores.webhook_events.retry("e1", due_at=at(0)),
    "webhook_events.count_done": lambda stores: stores.webhook_events.count_done(since=at(0), until=at(1)),
    "webhook_events.undo": lambda stores: stores.webhook_events.undo(since=at(0), until=at(1)),
    "webhook_events.mark_done": lambda stores: stores.webhook_events.mark_done(["e1"], outcome="applied"),
    "webhook_events.pending": lambda stores: anext(stores.webhook_events.pending(now=at(0), latest=at(9), limit=1)),
    "webhook_events.count_pending": lambda stores: stores.webhook_events.count_pending(),
}

BULK: dict[str, Callable[[Database], Awaitable[object]]] = {
    "comparison.among": lambda db: ComparisonStore(db).among(Things.TICKETS, [CANARY]),
    "comparison.after": lambda db: ComparisonStore(db).after(Things.CONVERSATIONS, CANARY, limit=1),
    "comparison.contacts_after": lambda db: ComparisonStore(db).contacts_after(CANARY, limit=1),
    "comparison.forget_contact": lambda db: ComparisonStore(db).forget_contact(Contact(CANARY, "c1")),
    "feedback.ratings": lambda db: anext(FeedbackStore(db).ratings(since=at(0), until=at(1))),
    "feedback.complaints": lambda db: anext(FeedbackStore(db).complaints(since=at(0), until=at(1))),
    "personal.identify": lambda db: PersonalStore(db).identify(CANARY),
    "personal.find": lambda db: anext(PersonalStore(db).find(PERSON, "devices")),
    "personal.erase": lambda db: PersonalStore(db).erase("devices", {"_id": CANARY}),
    "personal.search": lambda db: anext(PersonalStore(db).search(PERSON)),
}


@pytest.fixture
def closed_port() -> int:
    """A port that is free, and where nobody listens."""
    listening, port = bind_unused_port()
    listening.close()
    return port


async def test_every_call_says_so_when_nobody_listens(closed_port: int) -> None:
    client: AsyncIOMotorClient[Document] = AsyncIOMotorClient("127.0.0.1", closed_port, serverSelectionTimeoutMS=20)
    with closing(client), capture_logs() as logs:
        database = client["test"]
        stores = Stores(database)
        calls = [*(call(stores) for call in CALLS.values()), *(call(database) for call in BULK.values())]
        results = await asyncio.gather(*calls, return_exceptions=True)
    names = [*CALLS, *BULK]
    assert {name: type(result) for name, result in zip(names, results, strict=True)} == dict.fromkeys(
        names, StorageUnavailable
    )
    by_their_first_step = {"indexes", "contacts.put", "personal.search"}
    assert {log["operation"] for log in logs} >= set(names) - by_their_first_step
    assert CANARY not in repr(logs) + repr(results)


@pytest.mark.parametrize(
    "uri", ["mongodb://", f"mongodb://user:{CANARY}@host:port", f"mongodb://user:{CANARY}@:x@host"]
)
def test_a_bad_connection_string_is_named_without_what_it_says(uri: str) -> None:
    with pytest.raises(ConfigError, match=r"^MONGO_URI ") as caught:
        connect(uri)
    assert CANARY not in str(caught.value)


@pytest.mark.logs("storage unavailable")
async def test_ping(mongo: MongoDatabase, closed_port: int) -> None:
    with closing(connect(mongo.uri)) as client:
        await ping(client[mongo.name])
    with closing(connect(f"mongodb://127.0.0.1:{closed_port}")) as client, pytest.raises(StorageUnavailable):
        await ping(client[mongo.name])


async def test_each_answer_is_timed_by_collection_and_command(mongo: MongoDatabase) -> None:
    seen: list[tuple[str, float]] = []
    with closing(connect(mongo.uri, observe=lambda operation, seconds: seen.append((operation, seconds)))) as client:
        database = client[mongo.name]
        await ping(database)
        await Stores(database).contacts.put(CANARY, "c1")
        await database["contacts"].insert_many([{} for _ in range(3)])
        told = len(seen)
        assert len([found async for found in database["contacts"].find().batch_size(2)]) == 4
        with pytest.raises(OperationFailure):
            await database["contacts"].update_one({}, {"$no": 1})
    names = [operation for operation, _ in seen]
    assert set(names) == {"ping", "contacts.update", "contacts.insert", "contacts.find"}
    assert names[told:] == ["contacts.find"] * 3 + ["contacts.update"]  # the last answer is empty
    assert all(0 < seconds < 60 for _, seconds in seen)


async def test_writes_survive_a_crash_once_they_are_answered(mongo: MongoDatabase) -> None:
    with closing(connect(mongo.uri)) as client:
        assert client.write_concern.document == {"w": "majority", "j": True}


async def test_indexes_are_made_once_and_again(on_mongod: Open, mongo: MongoDatabase) -> None:
    async with on_mongod() as stores:
        await stores.ensure_indexes()
    with pymongo.MongoClient[dict[str, Any]](mongo.uri) as client:
        database = client[mongo.name]
        made = {
            name: sorted(
                "+".join(key for key, _ in index["key"]) for index in database[name].index_information().values()
            )
            for name in database.list_collection_names()
        }
        kept = database["webhook_events"].index_information()["kept_30_days"]["expireAfterSeconds"]
    assert made == {
        "complaints": ["_id", "user_id+created_at"],
        "contacts": ["_id", "contact_id"],
        "files": ["_id", "attached_to+created_at", "claimed_at", "user_id+created_at"],
        "idempotency": ["_id", "created_at", "made", "user_id+calling_until"],
        "devices": ["_id", "registered_at", "user_id+registered_at+_id"],
        "durations": ["_id", "closed_at"],
        "outbox": ["_id", "added_at", "due_at"],
        "pushes": ["_id", "due_at", "touched_at"],
        "ratings": ["_id", "conversation_id", "ticket_id", "unsettled_since"],
        "snapshots": ["_id", "contact_ids+changed_at+_id", "open+confirmed_at+_id"],
        "tickets": ["_id", "contact_ids+created_at+_id", "open+confirmed_at+_id"],
        "topics": ["_id", "contact_id+recorded_at", "recorded_at"],
        "webhook_events": ["_id", "received_at", "received_at+_id+due_at"],
    }
    assert kept == 30 * 86400
