"""Writes to MongoDB that were given up here and carried out there, late: they take nothing back."""

from dataclasses import replace
from typing import Any

import pymongo
import pytest

from tests.harness import MongoDatabase, World, serving, settings, simulating
from tests.proxying import Passing, Proxy, Way, proxied
from tests.waiting import eventually

BLIND = {"search_lag_s": 10**6, "webhook_version": "2.14"}  # all that is told is told by webhooks


class Late:
    """Keeps back the updates of a collection, on whatever connection they come, and sees them answered at last."""

    def __init__(self, network: Proxy, collection: str) -> None:
        self.kept: set[int] = set()
        self.answered: set[int] = set()
        self._network = network
        self._name = collection.encode() + b"\0"
        network.watch = self._look

    def _look(self, passing: Passing) -> None:
        if passing.way is Way.ANSWER:
            self.answered |= self.kept & {passing.connection}
        elif b"update\0" in passing.data and self._name in passing.data:
            self.kept.add(passing.connection)
            self._network.detain(passing.connection)

    def no_more(self) -> None:
        """Updates pass from now on; those kept back stay so."""
        kept = set(self.kept)
        self._network.watch = lambda passing: self.answered.update(kept & {passing.connection})

    async def arrive(self) -> None:
        self._network.watch = lambda passing: (
            self.answered.add(passing.connection) if passing.way is Way.ANSWER else None
        )
        self.answered.clear()
        self._network.release()
        await eventually(lambda: self.kept & self.answered)


def through(mongo: MongoDatabase, network: Proxy) -> MongoDatabase:
    return replace(mongo, uri=f"mongodb://127.0.0.1:{network.port}/?directConnection=true")


async def told(world: World, path: str, words: str, *, outcome: str) -> None:
    before = world.metric("webhook_processed_total", outcome=outcome)
    await world.operator.control("POST", f"{path}/reply", {"body": f"<p>{words}</p>"})
    await world.settle()
    assert world.metric("webhook_processed_total", outcome=outcome) > before


async def shown(world: World, path: str) -> list[Any]:
    answer = await world.sdk().get(f"/api{path}")
    return [message["body"] for message in answer["messages"] if message["author"]["type"] == "operator"]


@pytest.mark.logs("storage unavailable")
@pytest.mark.parametrize(("kind", "collection"), [("conversations", "snapshots"), ("tickets", "tickets")])
async def test_a_save_that_arrives_late_does_not_take_back_what_was_shown(
    mongo: MongoDatabase, kind: str, collection: str
) -> None:
    async with proxied(pymongo.uri_parser.parse_uri(mongo.uri)["nodelist"][0][1]) as network, simulating() as simulator:
        configuration = settings(through(mongo, network), simulator.base_url)
        async with serving(configuration, simulator) as world:
            made = await (world.operator.make_ticket() if kind == "tickets" else world.sdk().start(body="Hello"))
            path = f"/{kind}/{made['id']}"
            await world.settle()
            assert await shown(world, path) == []
            await world.operator.trouble(**BLIND)
            late = Late(network, collection)
            await told(world, path, "one", outcome="retried")
            late.no_more()
            await told(world, path, "two", outcome="applied")
            assert await shown(world, path) == ["one", "two"]
            await late.arrive()
        async with serving(configuration, simulator) as world:
            assert await shown(world, path) == ["one", "two"]


@pytest.mark.logs("storage unavailable")
async def test_a_save_that_arrives_before_the_next_is_built_upon(mongo: MongoDatabase) -> None:
    async with (
        proxied(pymongo.uri_parser.parse_uri(mongo.uri)["nodelist"][0][1]) as network,
        simulating() as simulator,
        serving(settings(through(mongo, network), simulator.base_url), simulator) as world,
    ):
        chat = await world.sdk().start(body="Hello")
        path = f"/conversations/{chat['id']}"
        await world.settle()
        assert await shown(world, path) == []
        await world.operator.trouble(**BLIND)
        late = Late(network, "snapshots")
        await told(world, path, "one", outcome="retried")
        await late.arrive()
        await told(world, path, "two", outcome="retried")
        assert await shown(world, path) == ["one"]
        world.clock.advance(6)
        await world.server.parts.inbox.sweep()
        await world.server.parts.inbox.drain()
        assert await shown(world, path) == ["one", "two"]
