"""Webhooks: who may send them, when they are answered, and that their fate doesn't matter in the end."""

import asyncio
import hashlib
import hmac
import json
from typing import Any

import httpx
import pymongo
import pytest

from supportd.errors import StorageUnavailable
from tests.harness import CLIENT_SECRET, MongoDatabase, World, living
from tests.waiting import eventually

URL = "/webhooks/intercom"


def signed(body: bytes, secret: str = CLIENT_SECRET) -> dict[str, str]:
    return {"X-Hub-Signature": "sha1=" + hmac.new(secret.encode(), body, hashlib.sha1).hexdigest()}


def notification(topic: str, item: dict[str, Any], notif_id: str | None = "notif_1") -> bytes:
    envelope = {"type": "notification_event", "topic": topic, "id": notif_id, "data": {"item": item}}
    return json.dumps(envelope, separators=(",", ":")).encode()


async def send(world: World, body: bytes, headers: dict[str, str] | None = None) -> httpx.Response:
    return await world.http.post(URL, content=body, headers=signed(body) if headers is None else headers)


async def test_intercom_may_look_whether_the_url_is_there(mongo: MongoDatabase) -> None:
    async with living(mongo, webhooks=False) as world:
        assert (await world.http.head(URL)).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Hub-Signature": ""},
        {"X-Hub-Signature": "sha1=" + "0" * 40},
        {"X-Hub-Signature": "sha256=" + "0" * 64},
        {"X-Hub-Signature": signed(b"another body")["X-Hub-Signature"]},
        {"X-Hub-Signature": "sha1=\u00e9"},
    ],
)
async def test_a_webhook_that_is_not_intercoms_is_refused(mongo: MongoDatabase, headers: dict[str, str]) -> None:
    async with living(mongo, webhooks=False) as world:
        body = notification("conversation.admin.replied", {"type": "conversation", "id": "1"})
        response = await world.http.post(URL, content=body, headers=httpx.Headers(headers, encoding="utf-8"))
        assert response.status_code == 401
        assert response.json()["error"] == "unauthorized"
        assert world.metric("webhooks_total", outcome="bad_signature") == 1
        assert world.metric("webhooks_total", outcome="stored") == 0


async def test_the_signature_is_of_the_raw_body(mongo: MongoDatabase) -> None:
    async with living(mongo, webhooks=False) as world:
        spaced = b'{ "topic": "ping",\n "id": null, "data": {"item": {"type": "ping"}} }'
        assert (await send(world, spaced)).status_code == 200
        assert (await send(world, json.dumps(json.loads(spaced)).encode(), signed(spaced))).status_code == 401


async def test_the_secret_can_be_rotated(mongo: MongoDatabase) -> None:
    async with living(mongo, webhooks=False, intercom_client_secret_previous="before") as world:
        body = notification("ping", {"type": "ping"}, None)
        assert (await send(world, body, signed(body, "before"))).status_code == 200
        assert (await send(world, body)).status_code == 200
        assert (await send(world, body, signed(body, "long ago"))).status_code == 401


@pytest.mark.parametrize("topic", ["conversation.brand.new", "ticket.created", "contact.created", "visitor.signed_up"])
async def test_an_unknown_topic_is_taken_and_counted(mongo: MongoDatabase, topic: str) -> None:
    async with living(mongo, webhooks=False) as world:
        response = await send(world, notification(topic, {"type": "conversation", "id": "1"}))
        assert response.status_code == 200
        assert world.metric("webhooks_total", outcome="unknown_topic") == 1


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"topic": 3}', b"\xff\xfe"])
async def test_a_signed_body_that_is_no_notification_is_refused(mongo: MongoDatabase, body: bytes) -> None:
    async with living(mongo, webhooks=False) as world:
        response = await send(world, body)
        assert response.status_code == 400
        assert response.json()["error"] == "bad_request"


async def test_a_webhook_of_a_strangers_conversation_costs_nothing(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        await world.operator.control("POST", "/conversations", {"external_id": "nobody-of-ours", "body": "Hi"})
        await world.settle()
        assert world.metric("webhook_processed_total", outcome="not_ours") == 1
        assert await world.operator.calls() == {}


async def test_every_conversation_topic_is_taken(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        started = await alice.start(body="Hello")
        conversation_id = started["id"]
        now = int((await world.operator.control("GET", "/status"))["now"])
        part = (await world.operator.reply(conversation_id, "<p>one</p>", assign=True))["conversation_parts"]
        actions: list[tuple[str, dict[str, Any]]] = [
            ("bot_reply", {"body": "<p>bot</p>"}),
            ("note", {"body": "internal"}),
            ("assign", {}),
            ("snooze", {"until": now + 900}),
            ("unsnooze", {}),
            ("close", {}),
            ("open", {}),
            ("tags", {"name": "csat-5"}),
            ("redact", {"part_id": part["conversation_parts"][-1]["id"]}),
            ("rate", {"rating": 5}),
            ("contact_reply", {"body": "again"}),
        ]
        for action, body in actions:
            await world.operator.act(conversation_id, action, **body)
        await world.settle()
        assert world.metric("webhooks_total", outcome="unknown_topic") == 0
        assert world.metric("webhook_backlog") == 0
        assert await world.reconcile() == 0


async def test_a_duplicate_is_stored_and_processed_once(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        started = await alice.start(body="Hello")
        await world.settle()
        await world.operator.trouble(webhook_duplicate=1.0)
        before = world.metric("webhook_processed_total", outcome="applied")
        await world.operator.reply(started["id"], "<p>once</p>")
        await world.settle()
        await world.operator.control("POST", "/webhook/redeliver", {})
        await world.settle()

        assert world.metric("webhooks_total", outcome="duplicate") >= 1
        assert world.metric("webhook_processed_total", outcome="applied") == before + 1
        poll = await alice.poll(started["id"], since=started["latestTimestamp"])
        assert [message["body"] for message in poll["messages"]] == ["once"]


@pytest.mark.parametrize("version", ["2.14", "2.15"])
@pytest.mark.parametrize("statistics", [True, False])
async def test_out_of_order_and_partial_payloads_converge(
    mongo: MongoDatabase, version: str, *, statistics: bool
) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        started = await alice.start(body="Hello")
        await world.settle()
        await world.operator.trouble(webhook_reorder=True, webhook_version=version, statistics=statistics)
        for number in range(6):
            await world.operator.reply(started["id"], f"<p>number {number}</p>")
        await world.operator.act(started["id"], "close")
        await world.settle()

        poll = await alice.poll(started["id"], since=started["latestTimestamp"])
        assert [message["body"] for message in poll["messages"]] == [f"number {n}" for n in range(6)]
        assert poll["state"] == "closed"
        assert await world.reconcile() == 0


async def test_one_reply_under_two_topics_is_one_message(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        started = await alice.start(body="Hello")
        await world.operator.reply(started["id"], "<p>mine now</p>", assign=True)
        await world.settle()
        poll = await alice.poll(started["id"], since=started["latestTimestamp"])
        assert [message["body"] for message in poll["messages"]] == ["mine now"]


async def test_formatting_that_a_webhook_lacks_is_loaded_with_one_call(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        started = await alice.start(body="Hello")
        await world.settle()
        await world.operator.forget_calls()
        await world.operator.reply(started["id"], "<p>a <b>bold</b> word</p>")
        await world.settle()
        poll = await alice.poll(started["id"], since=started["latestTimestamp"])
        assert poll["messages"][0]["html"] == "<p>a <b>bold</b> word</p>"
        assert await world.operator.calls() == {"GET /conversations/{id}": 1}


async def test_with_html_webhooks_an_answer_costs_no_call(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        started = await alice.start(body="Hello")
        await world.operator.trouble(webhook_version="2.14")
        await world.settle()
        await world.operator.forget_calls()
        await world.operator.reply(started["id"], "<p>a <b>bold</b> word</p>")
        await world.settle()
        poll = await alice.poll(started["id"], since=started["latestTimestamp"])
        assert poll["messages"][0]["html"] == "<p>a <b>bold</b> word</p>"
        assert await world.operator.calls() == {}


async def test_text_is_shown_without_its_formatting_while_intercom_is_down(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        started = await alice.start(body="Hello")
        await world.settle()
        await world.operator.trouble(outage="error")
        await world.operator.reply(started["id"], "<p>a <b>bold</b> word</p>")
        await world.settle()
        first = await alice.poll(started["id"], since=started["latestTimestamp"])
        assert [(message["body"], message["html"]) for message in first["messages"]] == [("a bold word", None)]

        await world.operator.no_trouble()
        await world.reconcile()
        second = await alice.poll(started["id"], since=first["latestTimestamp"])
        assert [(message["id"], message["html"]) for message in second["messages"]] == [
            (first["messages"][0]["id"], "<p>a <b>bold</b> word</p>")
        ]


async def test_the_answer_comes_after_the_write_and_before_the_processing(
    mongo: MongoDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        started = await alice.start(body="Hello")
        await world.settle()
        released = asyncio.Event()
        inbox = world.server.parts.inbox
        process = inbox._process

        async def held(event: Any) -> None:
            await released.wait()
            await process(event)

        monkeypatch.setattr(inbox, "_process", held)
        await world.operator.reply(started["id"], "<p>stored first</p>")
        await world.operator.deliver()

        assert waiting(mongo) == 1
        assert (await alice.poll(started["id"], since=started["latestTimestamp"]))["messages"] == []
        released.set()
        await inbox.drain()
        assert len((await alice.poll(started["id"], since=started["latestTimestamp"]))["messages"]) == 1


def waiting(mongo: MongoDatabase) -> int:
    with pymongo.MongoClient[dict[str, Any]](mongo.uri) as client:
        return client[mongo.name]["webhook_events"].count_documents({"pending": True})


async def test_what_was_processed_is_marked_many_at_once(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        chat = await world.sdk().start(body="Hello")
        await world.settle()
        before = world.metric("mongo_seconds_count", operation="webhook_events.update")
        for number in range(30):
            await world.operator.reply(chat["id"], f"<p>{number}</p>")
        await world.settle()
        assert waiting(mongo) == 0
        assert world.metric("mongo_seconds_count", operation="webhook_events.update") - before <= 15


async def test_a_sweep_leaves_alone_what_was_processed_and_a_stop_marks_it(
    mongo: MongoDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("supportd.sync.marks.WITHIN_S", 3600)
    async with living(mongo) as world:
        chat = await world.sdk().start(body="Hello")
        await world.settle()
        before = world.metric("webhook_processed_total", outcome="applied")

        async def processed(count: int) -> None:
            await world.operator.reply(chat["id"], f"<p>{count}</p>")
            await world.operator.deliver()
            await eventually(lambda: world.metric("webhook_processed_total", outcome="applied") >= before + count)
            assert waiting(mongo) == 1

        await processed(1)
        await world.server.parts.inbox.sweep()
        assert world.metric("webhook_backlog") == 0
        await processed(2)
        assert world.metric("webhook_processed_total", outcome="applied") == before + 2
    assert waiting(mongo) == 0


async def test_what_cannot_be_marked_is_applied_again_and_shown_once(
    mongo: MongoDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        started = await alice.start(body="Hello")
        await world.settle()

        async def away(*_: Any, **__: Any) -> None:
            raise StorageUnavailable

        with monkeypatch.context() as meanwhile:
            meanwhile.setattr(world.server.parts.stores.webhook_events, "mark_done", away)
            await world.operator.reply(started["id"], "<p>once</p>")
            await world.settle()
        assert waiting(mongo) == 1
        await world.server.parts.inbox.sweep()
        await world.server.parts.inbox.drain()
        assert waiting(mongo) == 0
        poll = await alice.poll(started["id"], since=started["latestTimestamp"])
        assert [message["body"] for message in poll["messages"]] == ["once"]


async def test_what_cannot_be_stored_is_answered_503_so_that_it_comes_again(
    mongo: MongoDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with living(mongo) as world:

        async def away(*_: Any, **__: Any) -> bool:
            raise StorageUnavailable

        monkeypatch.setattr(world.server.parts.stores.webhook_events, "add", away)
        body = notification("conversation.admin.replied", {"type": "conversation", "id": "1"})
        response = await send(world, body)
        assert response.status_code == 503
        assert response.json()["error"] == "service_unavailable"


async def test_what_intercom_must_complete_waits_until_it_can(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        started = await alice.start(body="Hello")
        await world.settle()
        await world.operator.trouble(statistics=False, outage="error")
        await world.operator.reply(started["id"], "<p>not without its history</p>")
        await world.settle()
        assert world.metric("webhook_processed_total", outcome="retried") == 1
        await world.operator.no_trouble()
        world.clock.advance(6)
        await world.server.parts.inbox.sweep()
        await world.server.parts.inbox.drain()
        poll = await alice.poll(started["id"], since=started["latestTimestamp"])
        assert [message["body"] for message in poll["messages"]] == ["not without its history"]


async def test_a_payload_that_cannot_be_read_is_a_hint_to_load(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        started = await alice.start(body="Hello")
        await world.settle()
        await world.operator.trouble(webhook_drop=1.0)
        await world.operator.reply(started["id"], "<p>told by a broken payload</p>")
        await world.operator.deliver()
        item = {"type": "conversation", "id": started["id"], "created_at": "yesterday"}
        assert (await send(world, notification("conversation.admin.replied", item))).status_code == 200
        await world.server.parts.inbox.drain()
        poll = await alice.poll(started["id"], since=started["latestTimestamp"])
        assert [message["body"] for message in poll["messages"]] == ["told by a broken payload"]
