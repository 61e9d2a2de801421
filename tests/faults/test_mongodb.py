"""MongoDB killed and started again, for real: what is in memory goes on, nothing is half done, and it heals."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pymongo
import pytest

from supportd.dev.mongod import running_mongod
from supportd.stores.line import THREADS
from tests.harness import MongoDatabase, World, living
from tests.proxying import Proxy, proxied
from tests.waiting import eventually


@pytest.mark.logs("storage unavailable", "periodic task failed")
async def test_polls_go_on_writes_fail_clearly_and_it_heals_without_a_restart(tmp_path: Path) -> None:
    async with (
        running_mongod(tmp_path) as mongod,
        living(MongoDatabase(mongod.uri, "killed", tmp_path / "files")) as world,
    ):
        alice = world.sdk()
        chat = await alice.start(body="Hello")
        await world.settle()

        mongod.kill()
        await world.operator.reply(chat["id"], "<p>said while MongoDB was away</p>")
        await world.operator.deliver()

        assert len((await alice.poll(chat["id"]))["messages"]) == 1
        assert world.metric("webhooks_total", outcome="not_stored") == 1
        refused = await world.sdk("bob").call("POST", "/api/conversations", json={"body": "Hello"})
        assert (refused.status_code, refused.json()["error"]) == (502, "service_unavailable")
        ready = await world.http.get("/ready")
        assert (ready.status_code, ready.json()["checks"]["database"]) == (503, "unreachable")
        assert [contact.external_id for contact in world.simulator.workspace.contacts.values()] == ["alice"]

        mongod.restart()
        await eventually(lambda: is_ready(world.http))
        await world.reconcile()
        poll = await alice.poll(chat["id"], since=chat["latestTimestamp"])
        assert [message["body"] for message in poll["messages"]] == ["said while MongoDB was away"]
        assert (await world.sdk("bob").start(body="Hello"))["state"] == "open"


async def is_ready(http: httpx.AsyncClient) -> bool:
    return bool((await http.get("/ready")).status_code == 200)


@pytest.mark.logs("storage unavailable", "periodic task failed")
async def test_what_mongodb_did_not_take_is_not_shown(tmp_path: Path) -> None:
    async with (
        running_mongod(tmp_path) as mongod,
        living(MongoDatabase(mongod.uri, "unsaved", tmp_path / "files")) as world,
    ):
        alice = world.sdk()
        chat = await alice.start(body="Hello")
        await world.settle()
        mongod.kill()
        sent = await alice.reply(chat["id"], "Are you there?")
        shown = await alice.poll(chat["id"], since=chat["latestTimestamp"])
        assert shown["messages"] == []
        assert sent["latestTimestamp"] == shown["latestTimestamp"] == chat["latestTimestamp"]


@pytest.mark.logs("storage unavailable", "periodic task failed")
async def test_a_ticket_in_memory_is_shown_and_replied_to_without_mongodb(tmp_path: Path) -> None:
    async with (
        running_mongod(tmp_path) as mongod,
        living(MongoDatabase(mongod.uri, "tickets", tmp_path / "files")) as world,
    ):
        alice = world.sdk()
        made = await world.operator.make_ticket()
        await world.operator.act_on_ticket(made["id"], "state", state="resolved")
        await alice.get(f"/api/tickets/{made['id']}")
        await world.settle()
        mongod.kill()

        assert (await alice.get(f"/api/tickets/{made['id']}"))["state"] == "resolved"
        assert (await alice.call("GET", "/api/tickets")).status_code == 502
        sent = await alice.post(f"/api/tickets/{made['id']}/reply", {"body": "Hello"}, status=201)
        assert (sent["message"]["body"], sent["state"]) == ("Hello", "in_progress")

        mongod.restart()
        await eventually(lambda: is_ready(world.http))
        await world.settle()
        await world.reconcile()
        detail = await alice.get(f"/api/tickets/{made['id']}")
        assert [said["body"] for said in detail["messages"]] == ["Hello"]
        assert detail["state"] == "in_progress"


REFUSED: list[tuple[str, str, dict[str, Any]]] = [
    ("GET", "/api/conversations", {}),
    ("POST", "/api/conversations", {"json": {"body": "Hello"}}),
    ("POST", "/api/conversations", {"json": {"reason": {"main": "Cards"}}}),
    ("POST", "/api/conversations", {"json": {"body": "Hello"}, "headers": {"Idempotency-Key": "k"}}),
    ("GET", "/api/conversations/404404", {}),
    ("GET", "/api/conversations/404404/poll", {}),
    ("POST", "/api/conversations/{chat}/read", {}),
    ("POST", "/api/conversations/{chat}/reply", {"json": {"body": "Hi"}, "headers": {"Idempotency-Key": "k"}}),
    ("POST", "/api/conversations/{chat}/reply", {"json": {"body": "Hi", "attachmentIds": ["f"]}}),
    ("GET", "/api/tickets", {}),
    ("GET", "/api/tickets/search?q=AW-1", {}),
    ("GET", "/api/tickets/404404", {}),
    ("POST", "/api/tickets/{ticket}/reply", {"json": {"body": "Hi"}, "headers": {"Idempotency-Key": "k"}}),
    ("POST", "/api/tickets/{ticket}/clarify", {}),
    ("POST", "/api/files/upload", {"files": {"file": ("a.txt", b"words", "text/plain")}}),
    ("GET", "/api/files/404404", {}),
    ("POST", "/api/csat", {"json": {"stars": 5, "conversationId": "{chat}"}}),
    ("POST", "/api/complaints", {"json": {"category": "funds", "description": "Something is missing"}}),
    ("POST", "/api/devices/register", {"json": {"platform": "mobile", "token": "t"}}),
    ("DELETE", "/api/devices/404404", {}),
    ("GET", "/api/settings/notifications", {}),
    ("PUT", "/api/settings/notifications", {"json": {"chatMessages": False}}),
]
SERVED: list[tuple[str, str, dict[str, Any], int]] = [
    ("GET", "/health", {}, 200),
    ("GET", "/api/conversations/{chat}", {}, 200),
    ("GET", "/api/conversations/{chat}/poll", {}, 200),
    ("GET", "/api/tickets/{ticket}", {}, 200),
    ("POST", "/api/diagnostics", {"json": {"appVersion": "1.0"}}, 204),
]


def filled(options: dict[str, Any], **ids: str) -> dict[str, Any]:
    body = options.get("json", {})
    body = {key: value.format(**ids) if isinstance(value, str) else value for key, value in body.items()}
    return {**options, "json": body} if body else options


async def stored(database: Any) -> dict[str, int]:
    return {name: await database[name].count_documents({}) for name in sorted(await database.list_collection_names())}


@pytest.mark.logs("storage unavailable", "periodic task failed")
async def test_every_call_that_needs_mongodb_is_502_and_leaves_nothing_behind(tmp_path: Path) -> None:
    async with (
        running_mongod(tmp_path) as mongod,
        living(MongoDatabase(mongod.uri, "every", tmp_path / "files")) as world,
    ):
        alice = world.sdk()
        chat, made = await alice.start(body="Hello"), await world.operator.make_ticket()
        await world.operator.reply(chat["id"], "<p>unread</p>")
        await world.settle()
        ids = {"chat": chat["id"], "ticket": made["id"]}
        await alice.get(f"/api/tickets/{made['id']}")
        database = world.server.parts.database
        before = await stored(database)

        mongod.kill()
        await world.operator.forget_calls()
        calls = [alice.call(method, path.format(**ids), **filled(options, **ids)) for method, path, options in REFUSED]
        answers = await asyncio.gather(*calls)
        told = {
            (method, path): (answer.status_code, answer.json()["error"])
            for (method, path, _), answer in zip(REFUSED, answers, strict=True)
        }
        assert told == dict.fromkeys(told, (502, "service_unavailable"))
        for method, path, options, status in SERVED:
            assert (await alice.call(method, path.format(**ids), **options)).status_code == status, path
        assert [name for name in await world.operator.calls() if not name.endswith("/search")] == []

        mongod.restart()
        await eventually(lambda: is_ready(world.http))
        assert await stored(database) == before


@contextlib.asynccontextmanager
async def behind_a_network(tmp_path: Path) -> AsyncIterator[tuple[World, Proxy]]:
    """A world whose MongoDB is behind a proxy."""
    async with running_mongod(tmp_path) as mongod, proxied(mongod.port) as proxy:
        uri = f"mongodb://127.0.0.1:{proxy.port}/?directConnection=true"
        async with living(MongoDatabase(uri, "held", tmp_path / "files")) as world:
            yield world, proxy
            await proxy.allow()


@pytest.mark.logs("storage unavailable", "periodic task failed")
async def test_while_mongodb_hangs_polls_wait_for_nothing_and_no_line_grows(tmp_path: Path) -> None:
    async with behind_a_network(tmp_path) as (world, proxy):
        alice = world.sdk()
        chat = await alice.start(body="Hello")
        await world.settle()

        proxy.hold()
        first = [asyncio.create_task(world.sdk(f"a{n}").call("GET", "/api/conversations")) for n in range(THREADS)]
        held_poll = asyncio.create_task(alice.poll(chat["id"], since=chat["latestTimestamp"], wait=1))
        for _ in range(50):
            assert len((await alice.poll(chat["id"]))["messages"]) == 1
        assert not any(task.done() for task in first)
        assert (await held_poll)["messages"] == []

        more = [asyncio.create_task(world.sdk(f"b{n}").call("GET", "/api/conversations")) for n in range(300)]
        answers = await asyncio.gather(*first, *more)
        assert {(answer.status_code, answer.json()["error"]) for answer in answers} == {(502, "service_unavailable")}
        assert len((await alice.poll(chat["id"]))["messages"]) == 1

        await proxy.allow()
        await eventually(lambda: is_ready(world.http))
        assert len(await alice.list()) == 1


@pytest.mark.logs("storage unavailable", "periodic task failed")
async def test_a_primary_that_steps_down_is_waited_for_or_missed_clearly(tmp_path: Path) -> None:
    async with (
        running_mongod(tmp_path) as mongod,
        living(MongoDatabase(mongod.uri, "stepping", tmp_path / "files")) as world,
    ):
        alice = world.sdk()
        chat = await alice.start(body="Hello")
        await world.settle()
        await asyncio.to_thread(step_down, mongod.uri)
        assert len((await alice.poll(chat["id"]))["messages"]) == 1
        answer = await alice.call("PUT", "/api/settings/notifications", json={"chatMessages": False})
        assert answer.status_code in {200, 502}
        await world.operator.reply(chat["id"], "<p>said meanwhile</p>")
        await world.operator.deliver()
        await eventually(lambda: is_ready(world.http))
        await asyncio.to_thread(mongod.wait_until_primary)
        await world.reconcile()
        poll = await alice.poll(chat["id"], since=chat["latestTimestamp"])
        assert [message["body"] for message in poll["messages"]] == ["said meanwhile"]
        kept = await alice.get("/api/settings/notifications")
        assert kept["chatMessages"] is (answer.status_code != 200)


def step_down(uri: str) -> None:
    with pymongo.MongoClient[dict[str, Any]](uri, serverSelectionTimeoutMS=5000) as client:
        client.admin.command("replSetStepDown", 2, secondaryCatchUpPeriodSecs=0, force=True)
