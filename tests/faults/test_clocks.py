"""Clocks that jump or differ: the system's by an hour, Intercom's from ours by minutes."""

import random
from typing import Any

import pytest
from structlog.typing import EventDict

from supportd.errors import IntercomNotFound
from tests.failing_loads import loads_fail
from tests.harness import MongoDatabase, Sdk, World, living, token
from tests.raw_uploads import link_token, uploaded

HOUR = 3600.0
AHEAD_S = 20 * 60.0  # of Intercom's clock, for ours

pytestmark = pytest.mark.logs("topic never arrives: is it ticked in Intercom's webhook settings?")


async def set_intercoms_clock(world: World, offset_s: float) -> None:
    """So many seconds ahead of the true time."""
    await world.operator.control("POST", "/clock", {"offset": offset_s})


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_cursors_only_grow_whatever_clocks_do(mongo: MongoDatabase, seed: int) -> None:
    rng = random.Random(seed)
    async with living(mongo) as world:
        alice = world.sdk()
        chat = await alice.start(body="Hello")
        since, cursors, seen, said = chat["latestTimestamp"], [], [], []
        for number in range(30):
            world.clock.jump(rng.choice([0, -HOUR, HOUR]))
            await set_intercoms_clock(world, rng.choice([0, -300, 300, -HOUR, HOUR]))
            await world.operator.trouble(webhook_drop=rng.choice([0, 0, 1]))
            await rng.choice([alice.reply, world.operator.reply])(chat["id"], str(number))
            said.append(str(number))
            await world.settle()
            if rng.random() < 0.5:
                await world.reconcile()
            poll = await alice.poll(chat["id"], since=since)
            assert poll["latestTimestamp"] >= since
            since = poll["latestTimestamp"]
            cursors += [message["createdAt"] for message in poll["messages"]]
            seen += [message["body"] for message in poll["messages"]]
        await set_intercoms_clock(world, 2 * HOUR)
        await world.operator.trouble(webhook_drop=0)
        await world.operator.reply(chat["id"], "the last")
        await world.settle()
        seen += [message["body"] for message in (await alice.poll(chat["id"], since=since))["messages"]]
        assert cursors == sorted(set(cursors))
        assert sorted(seen) == sorted([*said, "the last"])  # in Intercom's order, whose clock went back as well


async def test_a_verified_token_ends_by_the_clock_on_the_wall(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        chat = await world.sdk().start(body="Hello")
        alice = Sdk(world.http, "alice", token("alice", expires_in=HOUR / 2))
        await alice.poll(chat["id"])
        world.clock.jump(HOUR)
        assert (await alice.call("GET", f"/api/conversations/{chat['id']}/poll")).status_code == 401
        world.clock.jump(-2 * HOUR)
        await alice.poll(chat["id"])


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
async def test_limits_know_no_clock_on_the_wall(mongo: MongoDatabase, jump: float) -> None:
    async with living(mongo, rate_limit_per_minute=2) as world:
        alice = world.sdk()
        path = "/api/conversations"
        await alice.get(path)
        await alice.get(path)
        world.clock.jump(jump)
        assert (await alice.call("GET", path)).status_code == 429
        world.clock.advance(30)
        await alice.get(path)


@pytest.mark.logs("intercom breaker open", "breaker open", "breaker opened")
@pytest.mark.parametrize("jump", [HOUR, -HOUR])
async def test_an_open_circuit_knows_no_clock_on_the_wall(mongo: MongoDatabase, jump: float) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        chat = await alice.start(body="Hello")
        await world.operator.trouble(outage="error")
        for _ in range(3):
            await alice.call("POST", f"/api/conversations/{chat['id']}/reply", json={"body": "x"})
        await world.operator.no_trouble()
        world.clock.jump(jump)
        assert await circuit(world) == "open"
        world.clock.advance(31)
        await alice.reply(chat["id"], "again")
        assert await circuit(world) == "closed"


async def circuit(world: World) -> Any:
    return (await world.http.get("/ready")).json()["checks"]["intercom"]


async def test_a_signed_link_ends_by_the_clock_on_the_wall(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        file = await uploaded(world.sdk())
        link = f"/files/{file['id']}?t={link_token(world, file['id'], ttl_s=600)}"
        statuses = []
        for jump in (0, HOUR, -2 * HOUR):
            world.clock.jump(jump)
            statuses.append((await world.http.get(link)).status_code)
        assert statuses == [200, 404, 200]


async def test_the_age_of_an_answer_is_true_again_after_a_run_whatever_the_clock_did(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        world.clock.jump(HOUR)
        chat = await alice.start(body="Hello")
        made = await world.operator.make_ticket()
        await world.settle()
        await world.reconcile()
        await alice.get(f"/api/tickets/{made['id']}")
        world.clock.jump(-HOUR)
        world.clock.advance(100)
        for path in (f"/api/conversations/{chat['id']}/poll", f"/api/tickets/{made['id']}"):
            assert 100 <= int((await alice.call("GET", path)).headers["Age"]) < 200


@pytest.mark.parametrize("jumps", [(HOUR, -HOUR), (-HOUR, HOUR), (HOUR, HOUR), (-HOUR, -HOUR)])
async def test_the_reconciler_skips_nothing_when_the_clock_jumps(
    mongo: MongoDatabase, jumps: tuple[float, float], logged: list[EventDict]
) -> None:
    async with living(mongo, webhooks=False) as world:
        alice = world.sdk()
        chat = await alice.start(body="Hello")
        for number, jump in enumerate(jumps):
            world.clock.jump(jump)
            await world.operator.reply(chat["id"], f"while it was wrong {number}")
            await world.reconcile()
        await world.operator.reply(chat["id"], "after")
        await world.reconcile()
        shown = (await alice.poll(chat["id"], since=chat["latestTimestamp"]))["messages"]
        assert [message["body"] for message in shown] == ["while it was wrong 0", "while it was wrong 1", "after"]
        assert "search overlaps by the length of the outage" not in [line["event"] for line in logged]


async def test_an_outage_is_as_long_as_it_was_although_the_clock_went_back(
    mongo: MongoDatabase, logged: list[EventDict]
) -> None:
    async with living(mongo) as world:
        await world.reconcile()
        world.clock.jump(-HOUR)
        world.clock.advance(1800)
        await world.reconcile()
        overlaps = [line["seconds"] for line in logged if line["event"].startswith("search overlaps")]
        assert overlaps
        assert all(1800 <= seconds < 1900 for seconds in overlaps)


async def test_a_webhook_that_was_put_off_is_not_put_off_by_an_hour_more(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        chat = await alice.start(body="Hello")
        await world.settle()
        await world.operator.trouble(webhook_drop=1)
        await world.operator.reply(chat["id"], "lost")
        await world.operator.trouble(webhook_drop=0, outage="error")
        await world.operator.reply(chat["id"], "put off")
        await world.settle()
        assert world.metric("webhook_processed_total", outcome="retried") == 1
        await world.operator.no_trouble()
        world.clock.advance(60)  # the circuit closes
        world.clock.jump(-HOUR)
        await world.server.parts.inbox.sweep()
        await world.server.parts.inbox.drain()
        shown = (await alice.poll(chat["id"], since=chat["latestTimestamp"]))["messages"]
        assert [message["body"] for message in shown] == ["lost", "put off"]


async def test_a_young_conversation_is_not_taken_for_deleted_by_a_clock_that_is_ahead(
    mongo: MongoDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may not have reached all of Intercom yet: its age is by Intercom's clock, not by ours."""
    async with living(mongo, webhooks=False) as world:
        alice = world.sdk()
        chat = await alice.start(body="Hello")
        world.clock.jump(AHEAD_S)
        await world.operator.reply(chat["id"], "in a part of Intercom that doesn't know it yet")
        with loads_fail(monkeypatch, chat["id"], IntercomNotFound(404, "not_found", "")) as tried:
            await world.reconcile()
        assert tried
        await alice.show(chat["id"])


async def test_a_sign_of_life_refutes_a_deletion_seen_by_a_clock_that_is_ahead(
    mongo: MongoDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with living(mongo, webhooks=False) as world:
        alice = world.sdk()
        chat = await alice.start(body="Hello")
        await world.operator.control("POST", "/clock", {"advance": 7 * HOUR})
        world.clock.advance(7 * HOUR)
        world.clock.jump(AHEAD_S)
        with loads_fail(monkeypatch, chat["id"], IntercomNotFound(404, "not_found", "")):
            await world.reconcile()
        assert (await alice.call("GET", f"/api/conversations/{chat['id']}")).status_code == 404
        await world.operator.control("POST", "/clock", {"advance": 60})
        world.clock.advance(60)
        await world.operator.reply(chat["id"], "it is still there")
        await world.reconcile()
        assert len((await alice.show(chat["id"]))["messages"]) == 2


async def test_a_topic_is_no_words_of_the_users_though_the_clocks_differ(mongo: MongoDatabase) -> None:
    """The answer to the start is lost, so the topic is claimed by Intercom's time of the conversation."""
    async with living(mongo) as world:
        alice = world.sdk()
        await alice.start(body="earlier")
        world.clock.jump(AHEAD_S)
        await world.operator.trouble(cut_after_write=1)
        await alice.call("POST", "/api/conversations", json={"reason": {"main": "Cards"}})
        await world.settle()
        await world.reconcile()
        newest = (await alice.list())[0]
        assert newest["reason"] == {"main": "Cards", "sub": None}
        assert (await alice.show(newest["id"]))["messages"] == []
