"""What a supportd has in memory: by conversation, by user, and by connection.

    PYTHONPATH=. .venv/bin/python benchmarks/memory.py

What is kept by count is filled in this process; what comes with connections is measured on a server's process.
"""

import argparse
import asyncio
import contextlib
import gc
import random
import resource
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path

from supportd.clock import Clock
from supportd.conversations.cache import PollCache
from supportd.conversations.deliveries import Deliveries
from supportd.conversations.served import ServedCursors
from supportd.conversations.state import Author, Message, Part, State
from supportd.dev.mongod import Mongod
from supportd.identity import Identifier
from supportd.metrics import Metrics
from supportd.ratelimit import RateLimiter
from supportd.tickets.state import TicketState
from tests.harness import JWT_SECRET, MongoDatabase, Sdk, token
from tests.raw_uploads import line_to
from tests.system.processes import Processes, processes
from tests.unit.talk import attachment_links
from tests.waiting import eventually

LOOPBACK = "127.0.0.1"
WORDS = "A message of some two hundred characters, as people write them. " * 3
Kept = Callable[[int], object]


def rss(pid: int | str = "self") -> int:
    """Bytes that a process has in memory."""
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * resource.getpagesize()


def conversation(number: int, messages: int) -> State:
    """A conversation as it is kept, with so many messages."""
    at = 1_700_000_000_000 + number

    def part(n: int) -> Part:
        author = Author("operator", f"Ann {n}")
        return Part(Message(f"{number}-{n}", author, f"{n} {WORDS}", None, (), at + n, redacted=False), at + n)

    return State(
        id=f"2154700{number}",
        contact_ids=(f"c{number}",),
        state="open",
        created_at=at,
        changed_at=at,
        latest=at + messages,
        parts=tuple(map(part, range(messages))),
    )


def ticket(number: int, messages: int) -> TicketState:
    """A ticket as it is kept, with so many messages."""
    chat = conversation(number, messages)
    return TicketState(
        id=chat.id,
        number=str(number),
        contact_ids=chat.contact_ids,
        state="in_progress",
        created_at=chat.created_at,
        changed_at=chat.changed_at,
        latest=chat.latest,
        parts=chat.parts,
    )


def caches() -> dict[str, Kept]:
    """What is kept by count, and how one more gets in."""
    clock, rng = Clock(), random.Random(1)
    metrics = Metrics("1")
    deliveries = Deliveries(clock=clock, metrics=metrics)
    small, large = (
        PollCache(max_conversations=10**6, links=attachment_links(), deliveries=deliveries, metrics=metrics)
        for _ in range(2)
    )
    identifier = Identifier(secrets=(JWT_SECRET,), issuer=None, audience=None, clock=clock)
    limiter = RateLimiter("reads", per_minute=240, clock=clock, rng=rng)
    served = ServedCursors()
    tickets: dict[int, TicketState] = {}
    return {
        "conversation of 5 messages": lambda n: small.put(conversation(n, 5)),
        "conversation of 50 messages": lambda n: large.put(conversation(n, 50)),
        "ticket of 5 messages": lambda n: tickets.__setitem__(n, ticket(n, 5)),
        "session token": lambda n: identifier.identify(f"Bearer {token(f'user-{n}')}"),
        "user's rate limit": lambda n: limiter.take(f"user-{n}"),
        "session's cursor": lambda n: served.note(f"{n:032x}", f"2154700{n}", n),
    }


def by_count(count: int) -> None:
    """Fills what is kept by count, one after the other."""
    kept = caches()
    for name, keep in kept.items():
        gc.collect()
        before = rss()
        for number in range(count):
            keep(number)
        print(f"{name:32} {(rss() - before) / count / 1024:8.2f} KiB")


async def by_connection(count: int) -> None:
    """Opens connections to a server, idle ones and held polls."""
    with tempfile.TemporaryDirectory() as folder:
        mongod = Mongod(Path(folder) / "mongo")
        mongod.start()
        try:
            mongod.wait_until_primary()
            mongo = MongoDatabase(mongod.uri, "memory", Path(folder))
            async with processes(mongo.uri, mongo.name, Path(folder), FILES_DIR=folder) as running:
                await _measure(running, count)
        finally:
            mongod.stop()


async def _measure(running: Processes, count: int) -> None:
    port, pid = int(running.api.rpartition(":")[2]), running.supportd.pid
    users = [running.sdk(f"user-{number}") for number in range(count // 5)]
    chats = [await user.start(body="Hello") for user in users]
    await running.operator.deliver()
    print(f"{'the process to begin with':32} {rss(pid) / 2**20:8.0f} MiB")
    async with contextlib.AsyncExitStack() as stack:
        before = rss(pid)
        for _ in range(count):
            idle = stack.enter_context(contextlib.closing(socket.socket()))
            await asyncio.get_running_loop().run_in_executor(None, idle.connect, (LOOPBACK, port))
        await _has(running, "connections", count)
        print(f"{'idle connection':32} {(rss(pid) - before) / count / 1024:8.2f} KiB")
        before = rss(pid)
        for user, chat in zip(users * 5, chats * 5, strict=True):
            await _hold(stack, port, user, chat["id"], chat["latestTimestamp"])
        await _has(running, "held_polls", count)
        print(f"{'held poll, connection included':32} {(rss(pid) - before) / count / 1024:8.2f} KiB")


async def _hold(stack: contextlib.AsyncExitStack, port: int, user: Sdk, conversation_id: str, since: int) -> None:
    connection = await stack.enter_async_context(line_to(port))
    await connection.send(
        f"GET /api/conversations/{conversation_id}/poll?since={since}&wait=25 HTTP/1.1\r\nHost: x\r\n"
        f"Authorization: Bearer {user.token}\r\n\r\n".encode()
    )


async def _has(running: Processes, metric: str, least: int) -> None:
    async def is_there() -> bool:
        lines = (await running.http.get(running.metrics)).text.splitlines()
        return any(line.startswith(f"supportd_{metric} ") and float(line.split()[1]) >= least for line in lines)

    running.http.event_hooks = {}
    await eventually(is_there)


def main() -> None:
    """Prints what each thing takes."""
    parser = argparse.ArgumentParser(description="What a supportd has in memory.")
    parser.add_argument("--count", type=int, default=20_000, help="of each kind of thing in a cache (default: 20000)")
    parser.add_argument("--connections", type=int, default=2_000, help="of each kind (default: 2000)")
    arguments = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    by_count(arguments.count)
    asyncio.run(by_connection(arguments.connections))


if __name__ == "__main__":
    main()
