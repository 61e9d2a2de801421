"""Polls: their shape, their cursor, and that they cost Intercom nothing."""

import asyncio

import pytest

from tests.harness import MongoDatabase, living


async def test_since_may_be_in_seconds(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        started = await alice.start(body="Hello")
        await world.operator.control("POST", "/clock", {"advance": 5})
        await world.operator.reply(started["id"], "<p>later</p>")
        await world.settle()
        second = started["createdAt"] // 1000 + 1
        assert [message["body"] for message in (await alice.poll(started["id"], since=second))["messages"]] == ["later"]
        assert len((await alice.poll(started["id"], since=second - 2))["messages"]) == 2


async def test_a_cursor_in_the_future_gets_nothing_and_the_right_cursor_back(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        started = await alice.start(body="Hello")
        poll = await alice.poll(started["id"], since=9_999_999_999_999)
        assert poll["messages"] == []
        assert poll["latestTimestamp"] == started["latestTimestamp"]


async def test_messages_that_share_a_second_are_each_seen_once(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        started = await alice.start(body="Hello")
        since = started["latestTimestamp"]
        seen: list[str] = []
        for number in range(8):
            await world.operator.reply(started["id"], f"<p>number {number}</p>")
            await world.settle()
            poll = await alice.poll(started["id"], since=since)
            since = poll["latestTimestamp"]
            seen += [message["body"] for message in poll["messages"]]
        assert seen == [f"number {n}" for n in range(8)]
        created = [message["createdAt"] for message in (await alice.show(started["id"]))["messages"]]
        assert created == sorted(set(created))


async def test_a_poll_that_knows_the_state_is_answered_304(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        started = await alice.start(body="Hello")
        path = f"/api/conversations/{started['id']}/poll?since={started['latestTimestamp']}"
        first = await alice.call("GET", path)
        again = await alice.call("GET", path, headers={"If-None-Match": first.headers["ETag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["ETag"] == first.headers["ETag"]
        await world.operator.act(started["id"], "close")
        await world.settle()
        changed = await alice.call("GET", path, headers={"If-None-Match": first.headers["ETag"]})
        assert (changed.status_code, changed.json()["state"]) == (200, "closed")


@pytest.mark.parametrize("clients", [200])
async def test_two_hundred_polling_clients_cost_intercom_no_call(mongo: MongoDatabase, clients: int) -> None:
    async with living(mongo) as world:
        users = [world.sdk(f"user-{number}") for number in range(clients)]
        ids = [(await user.start(body="Hello"))["id"] for user in users]
        await world.settle()
        await world.operator.forget_calls()
        for _ in range(10):
            polls = await asyncio.gather(*(user.poll(id_) for user, id_ in zip(users, ids, strict=True)))
            assert all(len(poll["messages"]) == 1 for poll in polls)
        assert await world.operator.calls() == {}
        assert world.metric("polls_total", outcome="news") == clients * 10
