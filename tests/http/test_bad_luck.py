"""One bad conversation, one wrong answer, one lost write: each costs itself only, and not for ever."""

from typing import Any

import pytest

from supportd.errors import IntercomNotFound, IntercomUnavailable, StorageUnavailable
from tests.failing_loads import loads_fail
from tests.harness import MongoDatabase, World, living
from tests.waiting import eventually

UNREADABLE = IntercomUnavailable("unreadable", sent=True)


async def advance(world: World, seconds: float) -> None:
    world.clock.advance(seconds)
    await world.operator.control("POST", "/clock", {"advance": seconds})


@pytest.mark.logs("conversation can't be refreshed")
async def test_a_conversation_that_never_loads_does_not_hold_up_the_others(
    mongo: MongoDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with living(mongo, webhooks=False) as world:
        bad, good = await world.sdk("bad").start(body="Hello"), await world.sdk("good").start(body="Hello")
        await world.operator.reply(bad["id"], "<p>never seen</p>")
        await world.operator.reply(good["id"], "<p>seen</p>")
        with loads_fail(monkeypatch, bad["id"], UNREADABLE):
            for _ in range(3):
                with pytest.raises(IntercomUnavailable):
                    await world.reconcile()
            await world.reconcile()
        assert world.metric("reconciler_runs_total", outcome="ok") == 2
        assert len((await world.sdk("good").poll(good["id"]))["messages"]) == 2


async def test_a_wrong_404_does_not_hide_a_conversation_for_ever(
    mongo: MongoDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with living(mongo, webhooks=False) as world:
        alice = world.sdk()
        started = await alice.start(body="Hello")
        await advance(world, 7 * 3600)
        with loads_fail(monkeypatch, started["id"], IntercomNotFound(404, "not_found", "")):
            await world.reconcile()
        assert (await alice.call("GET", f"/api/conversations/{started['id']}")).status_code == 404
        await advance(world, 60)
        await world.operator.reply(started["id"], "<p>it is still there</p>")
        await world.reconcile()
        assert len((await alice.show(started["id"]))["messages"]) == 2


@pytest.mark.logs("webhook given up")
async def test_a_webhook_that_cannot_be_completed_is_put_off_and_in_the_end_shown_as_far_as_it_goes(
    mongo: MongoDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        started = await alice.start(body="Hello")
        await world.settle()
        await world.operator.trouble(statistics=False)
        inbox = world.server.parts.inbox
        with loads_fail(monkeypatch, started["id"], UNREADABLE) as tried:
            await world.operator.reply(started["id"], "<p>words</p>")
            await world.settle()
            for _ in range(5):
                await inbox.sweep()
                await inbox.drain()
            assert len(tried) == 1
            for _ in range(12):
                world.clock.advance(601)
                await inbox.sweep()
                await inbox.drain()
            assert len(tried) == 13
        poll = await alice.poll(started["id"], since=started["latestTimestamp"])
        assert [message["body"] for message in poll["messages"]] == ["words"]


async def test_a_topics_note_is_left_once_however_often_the_topic_is_claimed(
    mongo: MongoDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with living(mongo) as world:
        with monkeypatch.context() as context:
            context.setattr(world.server.parts.stores.snapshots, "save", away)
            started = await world.sdk().start(reason={"main": "Billing"})
            await eventually(lambda: world.metric("outbox_jobs_total", kind="note", outcome="ok"))
            await world.settle()
        world.clock.advance(6)
        await world.server.parts.inbox.sweep()
        await world.settle()
        await world.reconcile()
        await eventually(lambda: world.metric("outbox_jobs_total", kind="note", outcome="ok") > 1)
        truth = await world.operator.truth(started["id"])
        parts = truth["conversation_parts"]["conversation_parts"]
        assert [part["part_type"] for part in parts].count("note") == 1


async def test_a_topics_note_and_tag_that_could_not_be_stored_are_left_later(
    mongo: MongoDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with living(mongo, webhooks=False) as world:
        with monkeypatch.context() as context:
            context.setattr(world.server.parts.stores.outbox, "add", away)
            started = await world.sdk().start(reason={"main": "Billing"})
        await world.reconcile()
        await eventually(lambda: world.metric("outbox_jobs_total", kind="tag", outcome="ok"))
        truth = await world.operator.truth(started["id"])
        assert [part["part_type"] for part in truth["conversation_parts"]["conversation_parts"]] == ["note"]
        assert [tag["name"] for tag in truth["tags"]["tags"]] == ["Billing"]
        assert (await world.sdk().show(started["id"]))["messages"] == []


async def test_a_list_that_could_not_be_stored_is_made_again(
    mongo: MongoDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with living(mongo, webhooks=False) as world:
        await world.operator.control("POST", "/conversations", {"external_id": "alice", "body": "elsewhere"})
        with monkeypatch.context() as context:
            context.setattr(world.server.parts.stores.snapshots, "save", away)
            assert (await world.sdk().call("GET", "/api/conversations")).status_code == 502
        assert len(await world.sdk().list()) == 1


async def test_a_tag_that_was_deleted_in_intercom_is_made_again(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        await world.sdk().start(body="one", reason={"main": "Cards"})
        await eventually(lambda: world.metric("outbox_jobs_total", kind="tag", outcome="ok"))
        world.simulator.workspace.tags.clear()
        second = await world.sdk().start(body="two", reason={"main": "Cards"})
        await eventually(lambda: world.metric("outbox_jobs_total", kind="tag", outcome="ok") == 2)
        truth = await world.operator.truth(second["id"])
        assert [tag["name"] for tag in truth["tags"]["tags"]] == ["Cards"]


async def away(*_: Any, **__: Any) -> Any:
    raise StorageUnavailable
