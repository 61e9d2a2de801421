"""Intercom down, slow, refusing or talking nonsense; MongoDB gone: what is known is served, the rest fails at once."""

import asyncio
from typing import Any

import pymongo.errors
import pytest

from supportd.errors import StorageUnavailable
from tests.harness import MongoDatabase, World, living, serving, settings, simulating


async def break_the_breaker(world: World) -> None:
    for number in range(3):
        response = await world.sdk("breaker").call("GET", f"/api/conversations/{number}")
        assert response.status_code == 502


async def test_intercom_down_what_is_known_is_served_and_the_rest_is_502_at_once(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        await world.sdk("breaker").start(body="a contact")
        started = await alice.start(body="Hello")
        await alice.list()
        await world.operator.trouble(outage="error")
        await break_the_breaker(world)
        await world.operator.forget_calls()

        assert len((await alice.poll(started["id"]))["messages"]) == 1
        assert len(await alice.list()) == 1
        for method, path, body in [
            ("GET", "/api/conversations/404404", None),
            ("POST", "/api/conversations", {"body": "Hello"}),
            ("POST", f"/api/conversations/{started['id']}/reply", {"body": "Hello"}),
            ("POST", f"/api/conversations/{started['id']}/close", None),
        ]:
            response = await alice.call(method, path, json=body)
            assert response.status_code == 502, (method, path)
            assert response.json()["error"] == "service_unavailable"
            assert int(response.headers["Retry-After"]) >= 1
        assert await world.operator.calls() == {}
        ready = await world.http.get("/ready")
        assert (ready.status_code, ready.json()["checks"]["intercom"]) == (503, "open")
        assert (await alice.post(f"/api/conversations/{started['id']}/read", status=200))["unread"] == 0


async def test_it_heals_by_itself(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        await world.sdk("breaker").start(body="a contact")
        await world.operator.trouble(outage="refuse")
        await break_the_breaker(world)
        assert (await world.http.get("/ready")).status_code == 503
        await world.operator.no_trouble()
        assert (await world.sdk("breaker").call("GET", "/api/conversations/1")).status_code == 502

        world.clock.advance(31)
        await world.reconcile()

        assert (await world.http.get("/ready")).status_code == 200
        assert (await world.sdk().start(body="Hello"))["state"] == "open"


async def test_a_4xx_is_no_outage(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        await world.sdk().start(body="Hello")
        for number in range(5):
            assert (await world.sdk().call("GET", f"/api/conversations/{number}")).status_code == 404
        assert (await world.http.get("/ready")).status_code == 200


@pytest.mark.parametrize("garbage", ["not_json", "half"])
async def test_garbage_is_an_outage_and_nothing_of_it_is_shown(mongo: MongoDatabase, garbage: str) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        started = await alice.start(body="Hello")
        await world.operator.trouble(garbage=garbage)
        response = await alice.call("POST", f"/api/conversations/{started['id']}/reply", json={"body": "Hi"})
        assert response.status_code == 502
        assert len((await alice.poll(started["id"]))["messages"]) == 1


async def test_a_429_is_waited_out_and_is_no_outage(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        started = await alice.start(body="Hello")
        await world.operator.trouble(force_429=True)
        response = await alice.call("POST", f"/api/conversations/{started['id']}/reply", json={"body": "Hi"})
        assert response.status_code == 502
        assert 1 <= int(response.headers["Retry-After"]) <= 10
        await world.operator.no_trouble()
        assert (await world.http.get("/ready")).json()["checks"]["intercom"] == "closed"
        world.clock.advance(11)
        assert (await alice.reply(started["id"], "Hi"))["state"] == "open"


async def test_a_hundred_polls_of_an_unknown_conversation_make_one_call(mongo: MongoDatabase) -> None:
    async with simulating() as simulator:
        configuration = settings(mongo, simulator.base_url)
        async with serving(configuration, simulator, webhooks=False) as world:
            await world.sdk().start(body="makes the contact")
            made = await world.operator.control("POST", "/conversations", {"external_id": "alice", "body": "elsewhere"})
            await world.operator.trouble(latency_s=0.2)
            await world.operator.forget_calls()
            alice = world.sdk()
            first = asyncio.create_task(alice.poll(made["id"]))
            rest = [asyncio.create_task(alice.poll(made["id"])) for _ in range(99)]
            first.cancel()
            polls = await asyncio.gather(*rest)
            assert all(len(poll["messages"]) == 1 for poll in polls)
            assert await world.operator.calls() == {"GET /conversations/{id}": 1}


async def test_polls_of_what_does_not_exist_do_not_become_calls(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        await world.sdk().start(body="Hello")
        await world.operator.forget_calls()
        for _ in range(20):
            assert (await world.sdk().call("GET", "/api/conversations/777/poll")).status_code == 404
        assert await world.operator.calls() == {"GET /conversations/{id}": 1}


async def test_mongodb_gone_polls_from_memory_go_on_and_what_needs_it_is_502(
    mongo: MongoDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        started = await alice.start(body="Hello")
        await world.settle()

        async def away(*_: Any, **__: Any) -> Any:
            raise StorageUnavailable from pymongo.errors.ServerSelectionTimeoutError("gone")

        stores = world.server.parts.stores
        for store, name in [(stores.snapshots, "save"), (stores.snapshots, "page"), (stores.snapshots, "get")]:
            monkeypatch.setattr(store, name, away)
        assert len((await alice.poll(started["id"]))["messages"]) == 1
        assert (await alice.call("GET", "/api/conversations")).status_code == 502
        sent = await alice.reply(started["id"], "sent, though its place can't be stored")
        assert sent["latestTimestamp"] == started["latestTimestamp"]
        monkeypatch.undo()
        await world.reconcile()
        poll = await alice.poll(started["id"], since=started["latestTimestamp"])
        assert [message["id"] for message in poll["messages"]] == [sent["message"]["id"]]


async def test_a_start_that_mongodb_cannot_record_is_still_answered_once_intercom_took_it(
    mongo: MongoDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        await alice.start(body="known user")
        await world.settle()

        async def away(*_: Any, **__: Any) -> Any:
            raise StorageUnavailable

        monkeypatch.setattr(world.server.parts.stores.snapshots, "get", away)
        monkeypatch.setattr(world.server.parts.stores.topics, "claim", away)
        started = await alice.start(reason={"main": "Cards"})
        assert (started["messages"], started["reason"]) == ([], {"main": "Cards", "sub": None})
        monkeypatch.undo()
        world.clock.advance(6)
        await world.server.parts.inbox.sweep()
        await world.settle()
        await world.reconcile()
        assert await alice.show(started["id"]) == started
        assert (await world.operator.control("GET", "/status"))["conversations"] == 2


@pytest.mark.logs("intercom refused a call")
async def test_a_contact_that_intercom_no_longer_knows_does_not_delete_the_conversation(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        started = await alice.start(body="Hello")
        await world.settle()
        world.clock.advance(3600)
        (contact,) = world.simulator.workspace.contacts.values()
        contact.archived = True
        response = await alice.call("POST", f"/api/conversations/{started['id']}/reply", json={"body": "Hi"})
        assert (response.status_code, response.json()["error"]) == (502, "service_unavailable")
        contact.archived = False
        assert (await alice.reply(started["id"], "Hi"))["state"] == "open"


async def test_a_reply_to_a_conversation_that_was_deleted_is_404(mongo: MongoDatabase) -> None:
    async with living(mongo, webhooks=False) as world:
        alice = world.sdk()
        started = await alice.start(body="Hello")
        await world.operator.control("DELETE", f"/conversations/{started['id']}")
        path = f"/api/conversations/{started['id']}/reply"
        assert (await alice.call("POST", path, json={"body": "Hi"})).status_code == 404
        assert (await alice.call("POST", path.replace("reply", "close"))).status_code == 404
        world.clock.advance(3600)
        await world.operator.control("POST", "/clock", {"advance": 3600})
        assert (await alice.call("POST", path, json={"body": "Hi"})).status_code == 404
        assert await alice.list() == []
