"""Intercom slow, hanging, limiting, refusing or talking nonsense, over a real network."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from supportd.intercom.transport import MAX_CONNECTIONS
from supportd.stores.outbox import Job, Kind
from tests.harness import MongoDatabase, World, living, serving, settings, simulating
from tests.proxying import Proxy, proxied
from tests.sending import replies, reply
from tests.waiting import eventually


@contextlib.asynccontextmanager
async def behind_a_network(mongo: MongoDatabase, **changes: Any) -> AsyncIterator[tuple[World, Proxy]]:
    """A world whose calls to Intercom go through a proxy."""
    async with simulating() as simulator, proxied(int(simulator.base_url.rpartition(":")[2])) as proxy:
        configuration = settings(mongo, f"http://127.0.0.1:{proxy.port}", **changes)
        async with serving(configuration, simulator) as world:
            yield world, proxy


async def jobs(world: World, **query: Any) -> int:
    return int(await world.server.parts.database["outbox"].count_documents(query))


async def test_polls_wait_for_no_call_and_calls_hold_a_bounded_number_of_connections(mongo: MongoDatabase) -> None:
    async with behind_a_network(mongo, intercom_timeout=30) as (world, proxy):
        alice = world.sdk()
        chat = await alice.start(body="Hello")
        await world.settle()
        others = [await world.sdk(f"user-{number}").start(body="Hello") for number in range(MAX_CONNECTIONS + 10)]
        await world.settle()

        proxy.hold()
        writing = [
            asyncio.create_task(world.sdk(f"user-{number}").reply(other["id"], "Anybody?"))
            for number, other in enumerate(others)
        ]
        await eventually(lambda: proxy.open >= MAX_CONNECTIONS)
        for _ in range(50):
            assert (await alice.poll(chat["id"]))["state"] == "open"
        assert not any(task.done() for task in writing)
        assert proxy.open == MAX_CONNECTIONS

        await proxy.allow()
        assert {answer["state"] for answer in await asyncio.gather(*writing)} == {"open"}


@pytest.mark.parametrize("garbage", ["not_json", "half"])
async def test_garbage_opens_the_breaker_after_three_in_a_row(mongo: MongoDatabase, garbage: str) -> None:
    async with living(mongo, webhooks=False) as world:
        alice = world.sdk()
        chat = await alice.start(body="Hello")
        await world.operator.trouble(garbage=garbage)
        for _ in range(3):
            answer = await alice.call("POST", f"/api/conversations/{chat['id']}/reply", json={"body": "Hi"})
            assert answer.status_code == 502
        assert (await world.http.get("/ready")).json()["checks"]["intercom"] == "open"
        assert len((await alice.poll(chat["id"]))["messages"]) == 1


@pytest.mark.logs("intercom refused a call")
async def test_a_contact_made_for_a_start_that_failed_serves_the_next_try(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        await world.operator.trouble(forbidden_path="/conversations")
        refused = await alice.call("POST", "/api/conversations", json={"body": "Hello", "reason": {"main": "Cards"}})
        assert (refused.status_code, refused.json()["error"]) == (502, "service_unavailable")
        await world.operator.no_trouble()
        chat = await alice.start(body="Hello")
        assert chat["reason"] is None
        status = await world.operator.control("GET", "/status")
        assert (len(world.simulator.workspace.contacts), status["conversations"]) == (1, 1)


@pytest.mark.logs("intercom refused a call")
async def test_a_ticket_reopened_for_a_reply_that_failed_takes_the_next_try(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        made = await world.operator.make_ticket()
        await world.operator.act_on_ticket(made["id"], "state", state="resolved")
        await world.settle()
        path = f"/api/tickets/{made['id']}"
        await alice.get(path)
        await world.operator.trouble(forbidden_path=f"/tickets/{made['id']}/reply")
        refused = await alice.call("POST", f"{path}/reply", json={"body": "Hello"})
        assert (refused.status_code, refused.json()["error"]) == (502, "service_unavailable")
        assert ((await alice.get(path))["state"], (await alice.get(path))["messages"]) == ("in_progress", [])
        await world.operator.no_trouble()
        assert (await alice.post(f"{path}/reply", {"body": "Hello"}, status=201))["state"] == "in_progress"
        assert [message["body"] for message in (await alice.get(path))["messages"]] == ["Hello"]


async def test_a_users_reply_goes_before_the_outbox(mongo: MongoDatabase) -> None:
    async with living(mongo, intercom_rate_per_minute=60) as world:
        alice = world.sdk()
        chat = await alice.start(body="Hello")
        await world.settle()
        await world.operator.trouble(rate_limit_per_minute=60)
        await world.operator.control("POST", "/clock", {"advance": 11})
        world.clock.advance(11)  # a new window
        for number in range(30):
            await world.server.parts.outbox.ensure(Job(str(number), Kind.TAG, chat["id"], text="busy"))
        await eventually(lambda: world.metric("intercom_budget_left") <= 6)
        assert (await alice.reply(chat["id"], "I go first"))["state"] == "open"
        assert await jobs(world) > 0


async def test_while_the_breaker_is_open_no_job_is_tried_and_then_all_are_done(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        chat = await alice.start(body="Hello")
        await world.settle()
        await world.operator.trouble(outage="refuse")
        for _ in range(3):
            await alice.call("POST", f"/api/conversations/{chat['id']}/reply", json={"body": "Hi"})
        await world.operator.forget_calls()
        for number in range(20):
            await world.server.parts.outbox.ensure(Job(str(number), Kind.TAG, chat["id"], text=f"tag-{number}"))
        await world.server.parts.outbox.work()
        assert await world.operator.calls() == {}
        assert await jobs(world, attempts={"$gt": 1}) == 0

        await world.operator.no_trouble()
        world.clock.advance(31)
        await world.finish_jobs()
        truth = await world.operator.truth(chat["id"])
        assert len(truth["tags"]["tags"]) == 20


@pytest.mark.logs("job unreadable", "job refused")
async def test_bad_jobs_hold_up_no_other(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        chat = await world.sdk().start(body="Hello")
        outbox = world.server.parts.database["outbox"]
        for number in range(5):
            job = Job(f"bad-{number}", Kind.TAG, chat["id"], text="x")
            await world.server.parts.stores.outbox.add(job, due_at=_long_ago())
        await outbox.update_many({}, {"$set": {"kind": "of a later version"}})
        await world.server.parts.outbox.ensure(Job("gone", Kind.TAG, "404404", text="lost"))
        await world.server.parts.outbox.ensure(Job("good", Kind.TAG, chat["id"], text="good"))
        await eventually(lambda: world.metric("outbox_jobs_total", kind="tag", outcome="ok"))
        assert await outbox.count_documents({"due_at": {"$exists": True}}) == 0
        assert world.metric("task_failures_total", task="outbox") == 0


def _long_ago() -> Any:
    return datetime.fromtimestamp(0, UTC)


async def test_a_reply_whose_connection_is_cut_after_intercom_took_it_is_sent_once(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        chat = await alice.start(body="Hello")
        await world.operator.trouble(cut_after_write=1)
        path, key = f"/api/conversations/{chat['id']}/reply", {"Idempotency-Key": "one"}
        cut = await alice.call("POST", path, json={"body": "Once"}, headers=key)
        assert (cut.status_code, cut.json()["error"]) == (502, "service_unavailable")
        again = await alice.call("POST", path, json={"body": "Once"}, headers=key)
        assert (again.status_code, again.headers["Idempotent-Replayed"]) == (201, "true")
        assert await replies(world, chat) == ["Once"]


async def test_while_a_third_of_all_calls_fails_every_keyed_reply_is_there_once_and_polls_are_answered(
    mongo: MongoDatabase,
) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        chat = await alice.start(body="Hello")
        await world.settle()
        await world.operator.trouble(error_rate=0.3, error_status=503)
        words = [f"number {number}" for number in range(20)]
        for word in words:
            while (await reply(alice, chat, word, f"key-{word.split()[1]}")).status_code != 201:
                world.clock.advance(31)  # the breaker lets the next call through
                assert (await alice.poll(chat["id"]))["state"] == "open"
        assert await replies(world, chat) == words
        shown = (await alice.poll(chat["id"]))["messages"]
        assert [message["body"] for message in shown] == ["Hello", *words]


async def test_through_a_window_of_429_intercom_is_left_alone_polls_go_on_and_writes_are_told(
    mongo: MongoDatabase,
) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        chat = await alice.start(body="Hello")
        await world.settle()
        await world.operator.trouble(force_429=True)
        assert (await reply(alice, chat, "Not yet")).status_code == 502
        asked = await world.operator.calls()
        for _ in range(5):
            refused = await reply(alice, chat, "Not yet")
            assert (refused.status_code, refused.json()["error"]) == (502, "service_unavailable")
            assert (await alice.poll(chat["id"]))["state"] == "open"
        assert await world.operator.calls() == asked

        await world.operator.no_trouble()
        world.clock.advance(21)
        assert (await reply(alice, chat, "Not yet")).status_code == 201
        assert await replies(world, chat) == ["Not yet"]
