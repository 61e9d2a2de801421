"""Webhooks, and supportd killed at each step of theirs; MongoDB that steps down or dies: each message is shown once."""

import asyncio
import contextlib
import gc
import random
import tracemalloc
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pymongo
import pytest
from pymongo.errors import AutoReconnect

from supportd.dev.mongod import Mongod, running_mongod
from tests.harness import MongoDatabase, Operator, Sdk, living, serving, settings, simulating
from tests.http.test_webhooks import notification, send, waiting
from tests.proxying import Passing, Proxy, Way, proxied
from tests.system.processes import Processes, processes
from tests.waiting import eventually

# Search shows nothing that is made from then on, and webhooks have all that is needed: it all comes by the inbox.
NOTHING_BUT_WEBHOOKS = {"search_lag_s": 10**6, "webhook_version": "2.14"}

SAVES = {"conversations": b"snapshots\0", "tickets": b"tickets\0"}
BOUNDARIES: dict[str, Callable[[bytes, str, bytes], bool]] = {
    "stored, and not answered": lambda asked, _, words: (
        b"insert\0" in asked and b"webhook_events\0" in asked and words in asked
    ),
    "answered, and not saved": lambda asked, kind, words: (
        _is_saving(asked, kind) and words in asked  # a reconciler's save has other words
    ),
    "saved, and not marked done": lambda asked, *_: _is_marking_done(asked),
}
AFTER_IT = "stored, and not answered"


def _is_saving(asked: bytes, kind: str = "conversations") -> bool:
    return b"update\0" in asked and SAVES[kind] in asked


def _is_marking_done(asked: bytes) -> bool:
    return b"update\0" in asked and b"webhook_events\0" in asked and b"outcome\0" in asked


@dataclass
class Stopper:
    """Stalls connections to MongoDB at what `crosses` says, or at the answer to it, from the `nth` time on."""

    network: Proxy
    crosses: Callable[[bytes], bool]
    at_answer: bool = False
    nth: int = 1
    reached: int = 0
    asking: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.network.watch = self._look

    def _look(self, passing: Passing) -> None:
        if passing.way is Way.ANSWER:
            if passing.connection in self.asking:
                self._stop(passing.connection)
        elif self.crosses(passing.data):
            if self.at_answer:
                self.asking.add(passing.connection)
            else:
                self._stop(passing.connection)

    def _stop(self, connection: int) -> None:
        self.reached += 1
        if self.reached >= self.nth:
            self.network.stall(connection)


@dataclass
class Poller:
    """A client that polls with its cursor, and keeps what it was given."""

    sdk: Sdk
    kind: str
    id: str
    since: int = 0
    given: list[str] = field(default_factory=list)

    @property
    def path(self) -> str:
        return f"/{self.kind}/{self.id}"

    async def poll(self) -> list[str]:
        if self.kind == "tickets":
            self.given = _operators((await self.sdk.get(f"/api{self.path}"))["messages"])
        else:
            answer = await self.sdk.get(f"/api{self.path}/poll", params={"since": self.since})
            self.since = answer["latestTimestamp"]
            self.given += _operators(answer["messages"])
        return self.given

    async def until_given(self, words: list[str]) -> None:
        with contextlib.suppress(AssertionError):
            await eventually(lambda: self._has(len(words)))
        assert await self.poll() == words

    async def _has(self, count: int) -> bool:
        return len(await self.poll()) >= count


def _operators(messages: list[Any]) -> list[str]:
    return [message["body"] for message in messages if message["author"]["type"] == "operator"]


async def new_poller(operator: Operator, sdk: Sdk, kind: str = "conversations") -> Poller:
    """A client on something of its user's that supportd knows."""
    made = await operator.make_ticket(sdk.user) if kind == "tickets" else await sdk.start(body="Hello")
    poller = Poller(sdk, kind, str(made["id"]))
    await operator.deliver()
    await poller.poll()
    return poller


async def say(operator: Operator, poller: Poller, words: str) -> None:
    await operator.control("POST", f"{poller.path}/reply", {"body": f"<p>{words}</p>"})


@contextlib.asynccontextmanager
async def networked(mongo: MongoDatabase, folder: Path, **simulator: Any) -> AsyncIterator[tuple[Processes, Proxy]]:
    """supportd as a process, with a network between it and MongoDB."""
    port = pymongo.uri_parser.parse_uri(mongo.uri)["nodelist"][0][1]
    async with proxied(port) as network:
        uri = f"mongodb://127.0.0.1:{network.port}/?directConnection=true"
        options: dict[str, Any] = {
            "RECONCILE_INTERVAL": "3600",
            "FILES_DIR": str(mongo.files_dir),
            "MOTOR_MAX_WORKERS": "100",
        }
        async with processes(uri, mongo.name, folder, **options, **simulator) as running:
            yield running, network


async def crash(running: Processes, network: Proxy) -> None:
    running.supportd.kill()
    network.watch = None
    network.cut()
    await running.restart()


async def kill_at(mongo: MongoDatabase, running: Processes, network: Proxy, boundary: str, poller: Poller) -> None:
    await running.operator.deliver()  # no retry of an earlier webhook is the one that crosses the boundary
    await eventually(lambda: waiting(mongo) == 0)
    before = list(poller.given)
    words = f"{len(before)} {boundary}"
    crosses = BOUNDARIES[boundary]
    stopper = Stopper(
        network, lambda asked: crosses(asked, poller.kind, words.encode()), at_answer=boundary == AFTER_IT
    )
    await say(running.operator, poller, words)
    await eventually(lambda: stopper.reached)
    await crash(running, network)
    await poller.until_given([*before, words])


async def test_killed_at_each_step_a_message_is_shown_once(mongo: MongoDatabase, tmp_path: Path) -> None:
    async with networked(mongo, tmp_path) as (running, network):
        await running.operator.trouble(**NOTHING_BUT_WEBHOOKS)
        chat, ticket = [await new_poller(running.operator, running.sdk(), kind) for kind in SAVES]
        for boundary in BOUNDARIES:
            await kill_at(mongo, running, network, boundary, chat)
        await kill_at(mongo, running, network, "answered, and not saved", ticket)
        await eventually(lambda: waiting(mongo) == 0)


@pytest.mark.soak
@pytest.mark.timeout(900)
async def test_killed_a_hundred_times_each_message_is_shown_once(mongo: MongoDatabase, tmp_path: Path) -> None:
    chance = random.Random(20)
    async with networked(mongo, tmp_path, webhook_retry_s=10**6) as (running, network):  # none crosses a later boundary
        await running.operator.trouble(**NOTHING_BUT_WEBHOOKS)
        pollers = [await new_poller(running.operator, running.sdk(), kind) for kind in SAVES]
        for _ in range(100):
            await kill_at(mongo, running, network, chance.choice(list(BOUNDARIES)), chance.choice(pollers))
        await eventually(lambda: waiting(mongo) == 0)


async def test_killed_in_mid_batch_every_message_is_shown_once_and_in_order(
    mongo: MongoDatabase, tmp_path: Path
) -> None:
    words = [f"number {number}" for number in range(5)]
    async with networked(mongo, tmp_path) as (running, network):
        await running.operator.trouble(**NOTHING_BUT_WEBHOOKS)
        made = [await new_poller(running.operator, running.sdk(f"user-{number}")) for number in range(5)]
        await eventually(lambda: waiting(mongo) == 0)
        Stopper(network, _is_saving)
        for word in words:
            for poller in made:
                await say(running.operator, poller, word)
        await eventually(lambda: waiting(mongo) == 25)
        running.supportd.kill()
        network.cut()
        halfway = Stopper(network, _is_saving, nth=9)
        await running.restart()
        await eventually(lambda: halfway.reached >= 9)
        await crash(running, network)
        for poller in made:
            await poller.until_given(words)
        await eventually(lambda: waiting(mongo) == 0)


async def test_what_arrived_while_supportd_was_down_is_found_by_search(mongo: MongoDatabase, tmp_path: Path) -> None:
    async with networked(mongo, tmp_path) as (running, _):
        pollers = [await new_poller(running.operator, running.sdk(), kind) for kind in SAVES]
        running.supportd.kill()
        for poller in pollers:
            await say(running.operator, poller, "one")
            await say(running.operator, poller, "two")
        await running.operator.deliver()
        await running.restart()
        for poller in pollers:
            await poller.until_given(["one", "two"])
        await eventually(lambda: waiting(mongo) == 0)


def step_down(mongod: Mongod) -> None:
    """It has no one to step down for, and is elected again; its connections are closed meanwhile."""
    with pymongo.MongoClient[dict[str, Any]](mongod.uri) as client, contextlib.suppress(AutoReconnect):
        client.admin.command("replSetStepDown", 1, force=True)
    mongod.wait_until_primary()


def die_and_return(mongod: Mongod) -> None:
    mongod.kill()
    mongod.restart()


@pytest.mark.logs("storage unavailable", "periodic task failed")
@pytest.mark.parametrize("disturb", [step_down, die_and_return])
async def test_mongodb_disturbed_in_mid_batch_every_message_is_shown_once_and_in_order(
    tmp_path: Path, disturb: Callable[[Mongod], None]
) -> None:
    words = [f"number {number}" for number in range(8)]
    async with running_mongod(tmp_path) as mongod, simulating(webhook_retry_s=0.5) as simulator:
        mongo = MongoDatabase(mongod.uri, "disturbed", tmp_path / "files")
        async with serving(settings(mongo, simulator.base_url), simulator) as world:
            made = [await new_poller(world.operator, world.sdk(f"user-{number}")) for number in range(4)]
            await world.operator.trouble(webhook_version="2.14", webhook_hold=True)
            for word in words:
                for poller in made:
                    await say(world.operator, poller, word)
            flushing = asyncio.create_task(world.operator.deliver())
            await eventually(lambda: world.metric("webhook_processed_total", outcome="applied") >= 6)
            if disturb is die_and_return:  # it starts a child, which only the main thread may
                disturb(mongod)
            else:
                await asyncio.to_thread(disturb, mongod)
            for poller in made:
                await poller.poll()
            await flushing
            await eventually(lambda: nothing_waits(world))
            await world.reconcile()
            for poller in made:
                await poller.until_given(words)


async def nothing_waits(world: Any) -> bool:
    with contextlib.suppress(Exception):
        status = await world.operator.control("GET", "/status")
        await world.server.parts.inbox.sweep()
        await world.server.parts.inbox.drain()
        return bool(status["webhooks"]["pending"] == 0 and world.metric("webhook_backlog") == 0)
    return False


async def test_a_backlog_takes_no_memory_by_its_bytes(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        chat = await world.sdk().start(body="Hello")
        await world.settle()
        await world.operator.trouble(latency_s=30)
        item = {"type": "conversation", "id": chat["id"], "created_at": "unreadable", "padding": "x" * 2**20}
        await send(world, notification("conversation.admin.replied", item, "the first"))
        tracemalloc.start()
        try:
            before, _ = tracemalloc.get_traced_memory()
            for number in range(30):
                answer = await send(world, notification("conversation.admin.replied", item, f"event {number}"))
                assert answer.status_code == 200
            gc.collect()
            after, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert after - before < 10 * 2**20


async def test_what_just_came_does_not_wait_behind_a_backlog(
    mongo: MongoDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("supportd.sync.inbox.SWEPT_IN_MEMORY", 20)
    async with living(mongo) as world:
        poller = await new_poller(world.operator, world.sdk())
        chat = await world.sdk("bob").start(body="Hello")
        await world.settle()
        item = {"type": "conversation", "id": chat["id"], "created_at": "unreadable"}
        events = [notification("conversation.admin.replied", {**item, "n": n}, f"event {n}") for n in range(60)]
        await asyncio.gather(*(send(world, event) for event in events))
        await world.server.parts.inbox.drain()
        with pymongo.MongoClient[dict[str, Any]](mongo.uri) as client:
            client[mongo.name]["webhook_events"].update_many({}, {"$set": {"pending": True}})
        await world.operator.trouble(webhook_version="2.14")
        await world.server.parts.inbox.sweep()
        await say(world.operator, poller, "now")
        await world.settle()
        assert await poller.poll() == ["now"]
        assert waiting(mongo) >= 30
