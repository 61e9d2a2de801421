"""Whatever happens between Intercom and us, on real parts: everybody ends up with what was said, once and in order."""

import random
from typing import Any

import pytest

from supportd.conversations.messages import MESSAGE_TYPES, REDACTED_BODY
from supportd.conversations.richtext import as_text
from tests.harness import MongoDatabase, Sdk, World, serving, settings, simulating

STEPS = 20
FATES: list[dict[str, Any]] = [
    {},
    {"webhook_drop": 0.5},
    {"webhook_duplicate": 0.7},
    {"webhook_reorder": "shuffle"},
    {"webhook_drop": 0.3, "webhook_reorder": True, "statistics": False},
    {"webhook_version": "2.14"},
    {"outage": "error"},
    {"search_lag_s": 5},
]


class Follower:
    """A client that always sends back the last `latestTimestamp`, and keeps messages by id."""

    def __init__(self, sdk: Sdk, started: dict[str, Any]) -> None:
        self.sdk = sdk
        self.id = started["id"]
        self.since = started["latestTimestamp"]
        self.order = [message["id"] for message in started["messages"]]
        self.known = {message["id"]: message for message in started["messages"]}

    async def poll(self) -> None:
        answer = await self.sdk.poll(self.id, since=self.since)
        self.take(answer["messages"], answer["latestTimestamp"])

    async def reply(self, words: str) -> None:
        response = await self.sdk.call("POST", f"/api/conversations/{self.id}/reply", json={"body": words})
        if response.status_code == 201:
            answer = response.json()
            skipped = answer["latestTimestamp"] < answer["message"]["createdAt"]
            self.take([] if skipped else [answer["message"]], answer["latestTimestamp"])

    def take(self, messages: list[dict[str, Any]], latest: int) -> None:
        for message in messages:
            before = self.known.get(message["id"])
            changed = before is not None and (before["redacted"], before["html"]) != (
                message["redacted"],
                message["html"],
            )
            assert before is None or changed, f"given twice: {message}"
            if before is None:
                self.order.append(message["id"])
            self.known[message["id"]] = message
        assert latest >= self.since
        self.since = latest


async def act(world: World, chance: random.Random, followers: list[Follower]) -> None:
    follower = chance.choice(followers)
    words = f"<p>word <b>{chance.random()}</b></p>"
    action = chance.choice(["reply", "reply", "assign", "bot_reply", "note", "close", "open", "user", "redact"])
    if action == "user":
        await follower.reply(f"from here {chance.random()}")
        await world.operator.act(follower.id, "contact_reply", body=f"from elsewhere {chance.random()}")
    elif action == "redact":
        truth = await world.operator.truth(follower.id)
        said = [part for part in truth["conversation_parts"]["conversation_parts"] if part["part_type"] == "comment"]
        for part in said[-1:]:
            await world.operator.act(follower.id, "redact", part_id=part["id"])
    else:
        body = {
            "reply": {"body": words},
            "assign": {"body": words},
            "bot_reply": {"body": words},
            "note": {"body": "x"},
        }
        await world.operator.act(follower.id, action, **body.get(action, {}))
    if chance.random() < 0.3:
        await world.operator.control("POST", "/clock", {"advance": chance.choice([0.4, 1, 3])})


def said_in(truth: dict[str, Any]) -> list[tuple[str, str]]:
    parts = [part for part in truth["conversation_parts"]["conversation_parts"] if part["part_type"] in MESSAGE_TYPES]
    texts = [(part["id"], REDACTED_BODY if part["redacted"] else as_text(part["body"] or "")) for part in parts]
    return [(truth["source"]["id"], as_text(truth["source"]["body"])), *((id_, text) for id_, text in texts if text)]


@pytest.mark.parametrize("seed", [1, 5, 82])
@pytest.mark.logs(
    "topic never arrives: is it ticked in Intercom's webhook settings?",
    "periodic task failed",
)
async def test_everybody_ends_with_what_was_said(mongo: MongoDatabase, seed: int) -> None:
    chance = random.Random(seed)
    async with simulating() as simulator:
        configuration = settings(mongo, simulator.base_url)
        async with serving(configuration, simulator) as world:
            followers = [Follower(sdk, await sdk.start(body="Hello")) for sdk in (world.sdk("alice"), world.sdk("bob"))]
            await live(world, chance, followers)
        async with serving(configuration, simulator) as world:
            for follower in followers:
                follower.sdk = world.sdk(follower.sdk.user)
                await follower.poll()
            await live(world, chance, followers)
            await all_is_known(world, followers)


async def live(world: World, chance: random.Random, followers: list[Follower]) -> None:
    for _ in range(STEPS):
        if chance.random() < 0.2:
            await world.operator.no_trouble()
            await world.operator.trouble(**chance.choice(FATES))
            world.clock.advance(31)  # a breaker that opened lets a trial through
        await act(world, chance, followers)
        if chance.random() < 0.5:
            await world.settle()
        if chance.random() < 0.3:
            await chance.choice(followers).poll()
    await world.operator.no_trouble()


async def all_is_known(world: World, followers: list[Follower]) -> None:
    world.clock.advance(31)
    await world.operator.control("POST", "/clock", {"advance": 20})
    await world.settle()
    await world.server.parts.inbox.sweep()
    await world.settle()
    await world.reconcile()
    for follower in followers:
        await follower.poll()
        truth = await world.operator.truth(follower.id)
        shown = await follower.sdk.show(follower.id)
        assert [(message["id"], message["body"]) for message in shown["messages"]] == said_in(truth)
        assert shown["state"] == truth["state"]
        assert follower.order == [message["id"] for message in shown["messages"]]
        assert list(follower.known.values()) == shown["messages"]
