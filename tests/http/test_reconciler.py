"""With every webhook lost, the reconciler alone brings each change, counts it, and says which topic should have."""

from typing import Any

import pytest
from structlog.typing import EventDict

from tests.harness import MongoDatabase, living

CHANGES = [
    ("reply", {"body": "<p>Hello</p>"}, "conversation.admin.replied"),
    ("bot_reply", {"body": "<p>Hello</p>"}, "conversation.operator.replied"),
    ("contact_reply", {"body": "from another device"}, "conversation.user.replied"),
    ("close", {}, "conversation.admin.closed"),
    ("snooze", {"until": 4_000_000_000}, "conversation.admin.snoozed"),
    ("tags", {"name": "csat-5"}, "conversation_part.tag.created"),
    ("rate", {"rating": 4}, "conversation.rating.added"),
]


@pytest.mark.parametrize(("action", "body", "topic"), CHANGES, ids=[change[0] for change in CHANGES])
async def test_each_change_is_found_without_webhooks_and_counted(
    mongo: MongoDatabase, action: str, body: dict[str, Any], topic: str
) -> None:
    async with living(mongo, webhooks=False) as world:
        alice = world.sdk()
        started = await alice.start(body="Hello")
        await world.reconcile()
        await world.operator.act(started["id"], action, **body)
        truth = await world.operator.truth(started["id"])

        assert await world.reconcile() == 1

        assert world.metric("reconciler_drift_total", topic=topic) == 1
        shown = await alice.show(started["id"])
        assert shown["state"] == truth["state"]
        assert shown["rated"] == (action in {"tags", "rate"})
        assert len(shown["messages"]) == 1 + (action in {"reply", "bot_reply", "contact_reply"})
        assert await world.reconcile() == 0


async def test_a_redaction_is_found(mongo: MongoDatabase) -> None:
    async with living(mongo, webhooks=False) as world:
        alice = world.sdk()
        started = await alice.start(body="Hello")
        replied = await world.operator.reply(started["id"], "<p>secret</p>")
        await world.reconcile()
        before = await alice.poll(started["id"])
        part = replied["conversation_parts"]["conversation_parts"][-1]
        await world.operator.act(started["id"], "redact", part_id=part["id"])
        await world.reconcile()
        assert world.metric("reconciler_drift_total", topic="conversation_part.redacted") == 1
        after = await alice.poll(started["id"], since=before["latestTimestamp"])
        assert [message["redacted"] for message in after["messages"]] == [True]


async def test_a_conversation_that_began_elsewhere_is_found(mongo: MongoDatabase) -> None:
    async with living(mongo, webhooks=False) as world:
        alice = world.sdk()
        await alice.start(body="Hello")
        made = await world.operator.control(
            "POST",
            "/conversations",
            {"external_id": "alice", "body": "<p>We write to you</p>", "admin_initiated": True},
        )
        await world.reconcile()
        assert made["id"] in [summary["id"] for summary in await alice.list()]
        assert (await alice.poll(made["id"]))["messages"][0]["author"]["type"] == "operator"


async def test_strangers_conversations_are_left_alone(mongo: MongoDatabase) -> None:
    async with living(mongo, webhooks=False) as world:
        await world.operator.control("POST", "/conversations", {"external_id": "stranger", "body": "Hi"})
        await world.reconcile()
        assert "GET /conversations/{id}" not in await world.operator.calls()


async def test_the_overlap_covers_the_lag_of_the_search_index(mongo: MongoDatabase) -> None:
    async with living(mongo, webhooks=False) as world:
        alice = world.sdk()
        started = await alice.start(body="Hello")
        await world.operator.control("POST", "/clock", {"advance": 5})
        await world.reconcile()
        await world.operator.trouble(search_lag_s=40)
        await world.operator.reply(started["id"], "<p>not yet indexed</p>")
        await world.reconcile()
        assert len((await alice.poll(started["id"]))["messages"]) == 1
        await world.operator.control("POST", "/clock", {"advance": 30})
        other = await world.sdk("bob").start(body="moves the watermark")
        await world.operator.control("POST", "/clock", {"advance": 41})
        await world.reconcile()
        assert len((await alice.poll(started["id"]))["messages"]) == 2
        assert len((await world.sdk("bob").poll(other["id"]))["messages"]) == 1


async def test_what_a_webhook_told_is_proven_once_and_not_counted(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        started = await alice.start(body="Hello")
        await world.operator.reply(started["id"], "<p>Hello</p>")
        await world.settle()
        await world.operator.control("POST", "/clock", {"advance": 5})
        assert await world.reconcile() == 0
        await world.operator.forget_calls()
        assert await world.reconcile() == 0
        assert await world.operator.calls() == {"POST /conversations/search": 1, "POST /tickets/search": 1}


@pytest.mark.logs("topic never arrives: is it ticked in Intercom's webhook settings?")
async def test_a_topic_that_never_arrives_is_named(mongo: MongoDatabase, logged: list[EventDict]) -> None:
    async with living(mongo, webhooks=False) as world:
        started = await world.sdk().start(body="Hello")
        for number in range(3):
            await world.operator.reply(started["id"], f"<p>{number}</p>")
        await world.reconcile()
        assert world.metric("reconciler_drift_total", topic="conversation.admin.replied") == 3
    assert [line["topic"] for line in logged if line["level"] == "warning"] == ["conversation.admin.replied"]


async def test_a_deletion_that_search_never_reports_is_found_in_time(mongo: MongoDatabase) -> None:
    async with living(mongo, webhooks=False) as world:
        alice = world.sdk()
        started = await alice.start(body="Hello")
        await world.operator.control("DELETE", f"/conversations/{started['id']}")
        world.clock.advance(7 * 3600)
        await world.operator.control("POST", "/clock", {"advance": 7 * 3600})
        await world.reconcile()
        assert (await alice.call("GET", f"/api/conversations/{started['id']}")).status_code == 404
        assert world.metric("reconciler_drift_total", topic="conversation.deleted") == 1


@pytest.mark.logs("topic never arrives: is it ticked in Intercom's webhook settings?")
async def test_after_an_outage_everything_since_is_found(mongo: MongoDatabase) -> None:
    async with living(mongo, webhooks=False) as world:
        alice = world.sdk()
        started = await alice.start(body="Hello")
        await world.reconcile()
        for _ in range(4):
            await world.operator.control("POST", "/clock", {"advance": 3600})
            await world.operator.reply(started["id"], "<p>while we were away</p>")
        await world.reconcile()
        assert len((await alice.poll(started["id"]))["messages"]) == 5
