"""Memory is bounded, whatever passes through: users, conversations, long threads, bodies, slow clients."""

import asyncio
import contextlib
import hashlib
import hmac
import itertools
import json
import resource
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from supportd import listening, server
from supportd.clock import Clock
from supportd.conversations.cache import PollCache
from supportd.conversations.deliveries import Deliveries
from supportd.conversations.state import Author, Message, Part, State
from supportd.handlers.webhooks import MAX_WEBHOOK_BYTES
from supportd.metrics import Metrics
from tests import uploading
from tests.growth import bounds, sizes
from tests.harness import CLIENT_SECRET, MongoDatabase, Sdk, World, living, serving, settings, simulating, token
from tests.raw_uploads import Line, line, uploaded
from tests.unit.talk import attachment_links
from tests.waiting import LOOK_EVERY_S, eventually

pytestmark = pytest.mark.logs("topic never arrives: is it ticked in Intercom's webhook settings?")

MOST_KB_A_CONNECTION = 12  # that idles. `docs/deployment.md` says 7.6

# What may be in memory at most, by count. `docs/deployment.md` says what that takes.
BOUNDS = {
    "Addresses._known": 1_000,
    "ContactBook._absent": 100_000,
    "ContactBook._known": 100_000,
    "ConversationKeeper._absent": 100_000,
    "ConversationKeeper._counted": 10_000,
    "Identifier._verified": 100_000,
    "Outbox._tag_ids": 1_000,
    "Patience._failures": 10_000,
    "PollCache._entries": 100_000,
    "Presence._seen": 200_000,
    "RateLimiter._buckets": 100_000,
    "Reopening._states": 1,
    "ServedCursors._served": 200_000,
    "TicketKeeper._absent": 100_000,
    "TicketKeeper._counted": 10_000,
    "TicketKeeper._memory": 100_000,
}


async def drive(world: World, users: range) -> None:
    """Users come, each with a new token, do something of everything, and go."""
    for number in users:
        sdk = Sdk(world.http, f"user-{number}", token(f"user-{number}", expires_in=1000 + number))
        chat = await sdk.start(body="Hello", reason={"main": f"Cards {number}"})
        path = f"/api/conversations/{chat['id']}"
        held = asyncio.create_task(sdk.poll(chat["id"], since=chat["latestTimestamp"], wait=25))
        await world.operator.reply(chat["id"], f"<p>{number}</p>")
        await world.settle()
        await held
        file = await uploaded(sdk)
        reply = {"body": str(number), "attachmentIds": [file["id"]]}
        await sdk.post(f"{path}/reply", reply, status=201, headers={"Idempotency-Key": f"key-{number}"})
        made = await world.operator.make_ticket(f"user-{number}")
        await sdk.get(f"/api/tickets/{made['id']}")
        await sdk.get("/api/tickets")
        await sdk.post("/api/csat", {"stars": 5, "conversationId": chat["id"]}, status=201)
        await sdk.post("/api/devices/register", {"platform": "mobile", "token": f"device-{number}"}, status=200)
        await sdk.get("/api/settings/notifications")
        for unknown in (f"/api/conversations/9{number}/poll", f"/api/tickets/9{number}", f"/nothing/{number}"):
            assert (await sdk.call("GET", unknown)).status_code == 404
        assert (await world.http.get("/api/tickets", headers={"Authorization": f"Bearer x{number}"})).status_code == 401
        await sdk.list()
        await world.settle()
        await sdk.poll(chat["id"])
    await world.reconcile()
    await world.finish_jobs()


@pytest.mark.timeout(180)
async def test_whatever_grows_with_users_has_a_bound(mongo: MongoDatabase) -> None:
    async with uploading.living(mongo) as world:
        await drive(world, range(10))
        before = sizes(world.server.parts)
        await drive(world, range(10, 30))
        after = sizes(world.server.parts)
        grown = {name: (before[name], size) for name, size in after.items() if size > before[name] + 2}
        assert grown == {}
        assert bounds(world.server.parts) == BOUNDS


def passing(count: int) -> Iterator[State]:
    """Conversations with a message each, one after the other."""
    for number in range(count):
        author = Author("operator", "Ann")
        words = Message(f"m{number}", author, f"Hello {number}", None, (), number, redacted=False)
        yield State(
            id=f"c{number}",
            contact_ids=("1",),
            state="open",
            created_at=number,
            changed_at=number,
            latest=number,
            parts=(Part(words, number),),
        )


def rss_kb() -> int:
    """What the process has in memory now (Linux)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() // 1024


@pytest.mark.parametrize(
    ("conversations", "kept"),
    [(40_000, 1_000), pytest.param(1_000_000, 10_000, marks=[pytest.mark.soak, pytest.mark.timeout(600)])],
)
def test_a_cache_takes_no_more_however_many_conversations_pass(conversations: int, kept: int) -> None:
    metrics = Metrics("1")
    deliveries = Deliveries(clock=Clock(), metrics=metrics)
    cache = PollCache(max_conversations=kept, links=attachment_links(), deliveries=deliveries, metrics=metrics)
    states = passing(conversations)
    for state in itertools.islice(states, conversations // 2):
        cache.put(state)
    half_way = rss_kb()
    for state in states:
        cache.put(state)
    assert rss_kb() - half_way < half_way / 20
    assert metrics.registry.get_sample_value("supportd_cached_conversations") == kept
    assert metrics.registry.get_sample_value("supportd_cache_evictions_total") == conversations - kept
    assert cache.get("c0") is None
    assert (last := cache.get(f"c{conversations - 1}")) is not None
    assert f"Hello {conversations - 1}".encode() in last.poll(0)


@pytest.mark.timeout(180)
async def test_a_thread_of_1200_parts(mongo: MongoDatabase) -> None:
    """Intercom returns the newest 500. What was seen as it grew stays; of one that is met then, those 500 are shown."""
    async with simulating() as simulator:
        configuration = settings(mongo, simulator.base_url)
        async with serving(configuration, simulator, webhooks=False) as world:
            alice = world.sdk()
            chat = await alice.start(body="Hello")
            for begin in range(0, 1_200, 400):
                for number in range(begin, begin + 400):
                    await world.operator.reply(chat["id"], str(number))
                await world.reconcile()
            said = ["Hello", *map(str, range(1_200))]
            assert words(await alice.show(chat["id"])) == said
            assert words(await alice.poll(chat["id"], since=chat["latestTimestamp"])) == said[1:]
            await world.server.parts.database["snapshots"].delete_many({})
        async with serving(configuration, simulator, webhooks=False) as world:
            alice = world.sdk()
            shown = await alice.show(chat["id"])
            assert words(shown) == ["Hello", *said[-500:]]
            await world.operator.reply(chat["id"], "next")
            await world.reconcile()
            assert words(await alice.poll(chat["id"], since=shown["latestTimestamp"])) == ["next"]


def words(answer: Any) -> list[str]:
    return [message["body"] for message in answer["messages"]]


@pytest.mark.parametrize(("more", "status"), [(0, 200), (1, 400)])
async def test_a_webhook_at_its_limit(mongo: MongoDatabase, more: int, status: int) -> None:
    async with living(mongo) as world:
        event = json.dumps({"type": "notification_event", "topic": "ping", "data": {"item": {}}}).encode()
        body = event + b" " * (MAX_WEBHOOK_BYTES + more - len(event))
        signature = "sha1=" + hmac.new(CLIENT_SECRET.encode(), body, hashlib.sha1).hexdigest()
        answer = await world.http.post("/webhooks/intercom", content=body, headers={"X-Hub-Signature": signature})
        assert answer.status_code == status
        if more:
            assert answer.json()["error"] == "bad_request"


async def test_headers_at_their_limit(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        for size, status in ((server.MAX_HEADER_BYTES - 1_000, 200), (server.MAX_HEADER_BYTES + 1, None)):
            async with line(world) as connection:
                await connection.send(b"GET /health HTTP/1.1\r\nHost: x\r\nX-Long: " + b"x" * size + b"\r\n\r\n")
                if status is None:
                    assert await connection.closed()
                else:
                    assert (await connection.answer())[0] == status


@contextlib.asynccontextmanager
async def dripping(connection: Line, byte: bytes) -> AsyncIterator[None]:
    """A byte, again and again, for as long as the other side takes it."""

    async def drip() -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                await connection.send(byte)
                await asyncio.sleep(LOOK_EVERY_S)

    task = asyncio.create_task(drip())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize(
    ("limit", "head"),
    [
        ("IDLE_CONNECTION_S", "GET /health HTTP/1.1\r\nX-Slow: "),
        ("BODY_S", "POST /api/conversations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{}\r\n"),
    ],
)
async def test_a_client_that_sends_a_byte_at_a_time_is_cut_off(
    mongo: MongoDatabase, monkeypatch: pytest.MonkeyPatch, limit: str, head: str
) -> None:
    monkeypatch.setattr(server, limit, 0.3)
    monkeypatch.setattr(server, "IDLE_SWEEP_S", 0.1)
    async with living(mongo) as world:
        auth = f"Authorization: Bearer {world.sdk().token}\r\nContent-Length: 60000\r\n"
        async with line(world) as connection:
            await connection.send(head.format(auth).encode())
            async with dripping(connection, b"x"):
                assert await asyncio.wait_for(connection.closed(), 20)
        assert (await world.http.get("/health")).status_code == 200


async def test_a_connection_that_asks_nothing_is_closed_and_one_that_waits_for_its_answer_is_not(
    mongo: MongoDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "IDLE_SWEEP_S", 0.1)
    async with living(mongo) as world:
        alice = world.sdk()
        chat = await alice.start(body="Hello")
        await world.settle()
        poll = f"/api/conversations/{chat['id']}/poll?since={chat['latestTimestamp']}&wait=25"
        async with line(world) as unused, line(world) as used, line(world) as held:
            await used.send(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await used.answer())[0] == 200
            await held.send(f"GET {poll} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {alice.token}\r\n\r\n".encode())
            await eventually(lambda: world.metric("held_polls") == 1)
            world.clock.advance(server.IDLE_CONNECTION_S + 1)
            assert await asyncio.wait_for(unused.closed(), 20)
            assert await asyncio.wait_for(used.closed(), 20)
            await world.operator.reply(chat["id"], "<p>here I am</p>")
            status, _, body = await held.answer()
            assert (status, b"here I am" in body) == (200, True)


async def long_thread(world: World) -> tuple[Sdk, str]:
    """A conversation whose answer is larger than what the network keeps for a client."""
    alice = world.sdk()
    chat = await alice.start(body="Hello")
    for _ in range(40):
        await world.operator.reply(chat["id"], "x" * 100_000)
    await world.settle()
    return alice, chat["id"]


async def test_a_client_that_takes_nothing_of_its_answer_is_cut_off(
    mongo: MongoDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It asks again and again and reads a byte now and then. Others don't notice."""
    monkeypatch.setattr(listening, "UNREAD_MS", 500)
    async with living(mongo) as world:
        alice, chat = await long_thread(world)
        slow = socket.socket()
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        with contextlib.closing(slow):
            before = world.metric("connections")
            slow.connect(("127.0.0.1", world.server.port))
            asked = f"GET /api/conversations/{chat}/poll HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {alice.token}"
            slow.sendall(f"{asked}\r\n\r\n".encode() * 10)
            await eventually(lambda: world.metric("connections") == before + 1)

            async def is_cut() -> bool:
                with contextlib.suppress(ConnectionError):
                    slow.recv(1)
                assert len((await alice.poll(chat))["messages"]) == 41
                return world.metric("connections") == before

            await eventually(is_cut)


async def test_connections_beyond_the_bound_are_closed_and_the_others_answered(
    mongo: MongoDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "most_connections", lambda **_: 11)
    async with living(mongo) as world, contextlib.AsyncExitStack() as stack:
        await world.http.get("/health")
        room = 11 - int(world.metric("connections"))
        lines = [await stack.enter_async_context(line(world)) for _ in range(room)]
        await eventually(lambda: world.metric("connections") == 11)
        async with line(world) as refused:
            assert await refused.closed()
        assert world.metric("connections_refused_total") == 1
        assert (await world.http.get("/health")).status_code == 200
        lines[0].writer.close()
        await eventually(lambda: world.metric("connections") == 10)
        async with line(world) as taken:
            await taken.send(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await taken.answer())[0] == 200


@pytest.mark.parametrize("count", [1_000, pytest.param(5_000, marks=[pytest.mark.soak, pytest.mark.timeout(300)])])
async def test_idle_connections_keep_nobody_waiting(mongo: MongoDatabase, count: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    async with living(mongo) as world, contextlib.AsyncExitStack() as stack:
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        alice = world.sdk()
        chat = await alice.start(body="Hello")
        before, took_kb = world.metric("connections"), rss_kb()
        for _ in range(count):
            idle = stack.enter_context(contextlib.closing(socket.socket()))
            idle.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                idle.connect(("127.0.0.1", world.server.port))
            await asyncio.sleep(0)
        await eventually(lambda: world.metric("connections") == before + count)
        assert rss_kb() - took_kb < count * MOST_KB_A_CONNECTION
        for _ in range(50):
            await alice.poll(chat["id"])
        await alice.reply(chat["id"], "still there")
        assert world.metric("connections_refused_total") == 0
