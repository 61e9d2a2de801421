"""Several processes on one MongoDB: what one is told, all show."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from pymongo.uri_parser import parse_uri

from tests.harness import MongoDatabase, World, serving, settings, simulating
from tests.proxying import proxied
from tests.waiting import eventually


@contextlib.asynccontextmanager
async def two(mongo: MongoDatabase) -> AsyncIterator[tuple[World, World]]:
    """One that Intercom's webhooks don't reach, and one that they do."""
    async with simulating() as simulator:
        configuration = settings(mongo, simulator.base_url, several_processes=True)
        async with serving(configuration, simulator, webhooks=False) as one, serving(configuration, simulator) as other:
            yield one, other


async def bodies(world: World, chat_id: str) -> list[str]:
    return [message["body"] for message in (await world.sdk().poll(chat_id))["messages"]]


async def test_a_held_poll_of_one_hears_what_the_other_was_told(mongo: MongoDatabase) -> None:
    async with two(mongo) as (one, other):
        chat = await one.sdk().start(body="Hello")
        await other.settle()
        held = asyncio.create_task(one.sdk().poll(chat["id"], since=chat["latestTimestamp"], wait=25))
        await eventually(lambda: len(one.server.parts.waiters) == 1)
        await other.operator.reply(chat["id"], "News")
        assert [message["body"] for message in (await held)["messages"]] == ["News"]
        assert one.metric("poll_held_seconds_sum") < 20


async def test_both_show_the_same_whoever_proved_it(mongo: MongoDatabase) -> None:
    async with two(mongo) as (one, other):
        chat = await one.sdk().start(body="Hello")
        await other.settle()
        assert await bodies(one, chat["id"]) == await bodies(other, chat["id"]) == ["Hello"]
        await other.operator.reply(chat["id"], "News")
        await other.settle()
        await other.reconcile()  # from then on MongoDB says that there is nothing to look for
        await eventually(lambda: shows(one, chat["id"], ["Hello", "News"]))
        assert (await one.sdk().reply(chat["id"], "Thanks"))["message"]["body"] == "Thanks"
        await eventually(lambda: shows(other, chat["id"], ["Hello", "News", "Thanks"]))
        await other.operator.control("DELETE", f"/conversations/{chat['id']}")
        await other.settle()
        await eventually(lambda: is_gone(one, f"/api/conversations/{chat['id']}"))


async def test_tickets_too(mongo: MongoDatabase) -> None:
    async with two(mongo) as (one, other):
        await one.sdk().start(body="Hello")
        await other.settle()
        ticket = (await other.operator.make_ticket("alice"))["id"]
        await other.settle()
        path = f"/api/tickets/{ticket}"
        assert (await one.sdk().get(path))["state"] != "resolved"
        await other.operator.act_on_ticket(ticket, "state", state="resolved")
        await other.settle()

        async def is_resolved() -> bool:
            return bool((await one.sdk().get(path))["state"] == "resolved")

        await eventually(is_resolved)


async def shows(world: World, chat_id: str, expected: list[str]) -> bool:
    return await bodies(world, chat_id) == expected


async def is_gone(world: World, path: str) -> bool:
    return (await world.sdk().call("GET", path)).status_code == 404


@pytest.mark.logs("storage unavailable", "periodic task failed")
async def test_what_came_while_it_could_not_follow_is_shown_after(mongo: MongoDatabase) -> None:
    async with simulating() as simulator, proxied(parse_uri(mongo.uri)["nodelist"][0][1]) as network:
        uri = f"mongodb://127.0.0.1:{network.port}/?directConnection=true"
        cut = settings(replace(mongo, uri=uri), simulator.base_url, several_processes=True)
        whole = settings(mongo, simulator.base_url, several_processes=True)
        async with serving(cut, simulator, webhooks=False) as one, serving(whole, simulator) as other:
            chat = await one.sdk().start(body="Hello")
            await other.settle()
            await one.sdk().poll(chat["id"])
            network.refuse()
            await other.operator.reply(chat["id"], "News")
            await other.settle()
            await network.allow()
            await eventually(lambda: shows(one, chat["id"], ["Hello", "News"]))
