"""Another user's conversation is none: the same answer, byte for byte, as for one that doesn't exist."""

from typing import Any

import httpx
import pytest

from tests.harness import MongoDatabase, Sdk, World, living, serving, settings, simulating

ABSENT = "404404"
CALLS: list[tuple[str, str, Any]] = [
    ("GET", "", None),
    ("GET", "/poll", None),
    ("GET", "/poll?since=0&wait=25", None),
    ("POST", "/read", None),
    ("POST", "/close", None),
    ("POST", "/reply", {"body": "Hello"}),
]


ODD_IDS: list[str] = [
    "..%2f", "..%2F..%2Fcontacts", "%2e%2e", "%20", "%00", "\u0663", "x" * 129, "1%2F2", "1%3Fdisplay_as=html",
    "1;2", "*", "$ne", "1.5", "1%0a",
]  # fmt: skip
WORDS: list[str] = ["last", "search", "redact", "x" * 128, "-1", "0", "00001", "_sim"]


async def call(sdk: Sdk, conversation_id: str, method: str, rest: str, body: Any, **headers: str) -> httpx.Response:
    return await sdk.call(method, f"/api/conversations/{conversation_id}{rest}", json=body, headers=headers)


def seen(response: httpx.Response) -> tuple[int, bytes, list[str]]:
    return response.status_code, response.content, sorted(response.headers)


async def assert_is_none(world: World, sdk: Sdk, conversation_id: str) -> None:
    """To this user it answers as an absent one on every route, and nothing of it changes in Intercom."""
    before = await world.operator.truth(conversation_id)
    await world.operator.forget_calls()
    for method, rest, body in CALLS:
        anothers = await call(sdk, conversation_id, method, rest, body, **{"If-None-Match": "*"})
        absent = await call(sdk, ABSENT, method, rest, body, **{"If-None-Match": "*"})
        assert seen(anothers) == seen(absent), (method, rest)
        assert anothers.status_code == 404
        assert anothers.json()["error"] == "not_found"
    assert all(operation.startswith("GET ") for operation in await world.operator.calls())
    assert await world.operator.truth(conversation_id) == before


@pytest.mark.parametrize("known", [True, False])
async def test_anothers_conversation_is_none(mongo: MongoDatabase, known: bool) -> None:
    async with living(mongo) as world:
        started = await world.sdk("alice").start(body="Hello")
        bob = world.sdk("bob")
        if known:
            await bob.start(body="I am here too")
        await world.settle()
        await assert_is_none(world, bob, started["id"])
        assert len((await world.sdk("alice").show(started["id"]))["messages"]) == 1
        assert len(await bob.list()) == int(known)


@pytest.mark.parametrize("known", [True, False])
async def test_anothers_conversation_that_is_not_in_memory_is_none(mongo: MongoDatabase, known: bool) -> None:
    async with simulating() as simulator:
        configuration = settings(mongo, simulator.base_url)
        async with serving(configuration, simulator) as world:
            started = await world.sdk("alice").start(body="Hello")
            if known:
                await world.sdk("bob").start(body="I am here too")
            await world.settle()
        async with serving(configuration, simulator) as world:
            await assert_is_none(world, world.sdk("bob"), started["id"])


async def test_anothers_conversation_that_was_never_seen_here_is_none(mongo: MongoDatabase) -> None:
    async with (
        simulating() as simulator,
        serving(settings(mongo, simulator.base_url), simulator, webhooks=False) as world,
    ):
        await world.sdk("alice").start(body="Hello")
        await world.sdk("bob").start(body="Hello")
        unseen = await world.operator.control(
            "POST", "/conversations", {"external_id": "alice", "body": "In Messenger"}
        )
        await assert_is_none(world, world.sdk("bob"), unseen["id"])
        assert (await world.sdk("alice").show(unseen["id"]))["id"] == unseen["id"]
        await assert_is_none(world, world.sdk("bob"), unseen["id"])


async def test_a_conversation_of_a_contact_unknown_to_us_is_none(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        await world.sdk("alice").start(body="Hello")
        strangers = await world.operator.control("POST", "/conversations", {"external_id": "stranger", "body": "Hi"})
        await world.settle()
        await assert_is_none(world, world.sdk("alice"), strangers["id"])
        await assert_is_none(world, world.sdk("nobody"), strangers["id"])


async def test_a_deleted_conversation_is_none(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk("alice")
        started = await alice.start(body="Hello")
        await world.operator.control("DELETE", f"/conversations/{started['id']}")
        await world.settle()
        for method, rest, body in CALLS:
            deleted = await call(alice, started["id"], method, rest, body)
            assert seen(deleted) == seen(await call(alice, ABSENT, method, rest, body)), (method, rest)
        assert await alice.list() == []


async def test_reading_makes_no_contact(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        nobody = world.sdk("nobody")
        assert await nobody.list() == []
        for method, rest, body in CALLS:
            assert (await call(nobody, ABSENT, method, rest, body)).status_code == 404
        assert all(operation.startswith("GET ") for operation in await world.operator.calls())


async def test_a_list_shows_only_ones_own(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        own = {user: {(await world.sdk(user).start(body=f"{user} {n}"))["id"] for n in range(3)} for user in "abc"}
        await world.settle()
        for user, ids in own.items():
            assert {summary["id"] for summary in await world.sdk(user).list()} == ids


async def test_anothers_cursor_shows_only_ones_own(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        for user in ("alice", "bob"):
            for number in range(3):
                await world.sdk(user).start(body=f"{user} {number}")
        await world.settle()
        cursor = (await world.sdk("alice").get("/api/conversations", params={"limit": 1}))["nextCursor"]
        page = await world.sdk("bob").get("/api/conversations", params={"cursor": cursor})
        own = {summary["id"] for summary in await world.sdk("bob").list()}
        assert {summary["id"] for summary in page["conversations"]} <= own


async def test_an_odd_id_is_none(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        for odd in ODD_IDS:
            alice = world.sdk("alice")
            await alice.start(body="Hello")
            await world.operator.forget_calls()
            for method, rest, body in CALLS:
                response = await call(alice, odd, method, rest, body)
                assert (response.status_code, response.json()["error"]) == (404, "not_found"), (
                    odd,
                    method,
                    rest,
                )
            assert await world.operator.calls() == {}


async def test_a_word_that_means_something_to_intercom_is_none(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        for word in WORDS:
            alice = world.sdk("alice")
            await alice.start(body="Hello")
            await world.operator.forget_calls()
            for method, rest, body in CALLS:
                response = await call(alice, word, method, rest, body)
                assert seen(response) == seen(await call(alice, ABSENT, method, rest, body)), (
                    word,
                    method,
                    rest,
                )
            assert all(operation.startswith("GET ") for operation in await world.operator.calls())
