"""`POST /api/complaints`: stored with us and nowhere else."""

from datetime import UTC, datetime
from typing import Any

import pytest
from structlog.typing import EventDict

from tests.harness import MongoDatabase, World, living
from tests.http.wrong_input import NO_TEXT, assert_names, assert_no_halves, assert_unreadable, send

PATH = "/api/complaints"
FINE: dict[str, Any] = {"category": "funds", "description": "My money is not there"}
SHORT_AND_LONG = ["123456789", "  123456789  ", " " * 20, "x" * 4001, f" {'x' * 4001} "]
BAD: list[tuple[Any, str]] = [
    ([], "body"),
    (None, "body"),
    ("hello", "body"),
    ({}, "category"),
    ({"category": "funds"}, "description"),
    ({"description": FINE["description"]}, "category"),
    *[({**FINE, "category": bad}, "category") for bad in [*NO_TEXT, None, "Funds", " funds", "canary", "FUNDS"]],
    ({**FINE, "category": "canary - at `$.missing required field `x`"}, "category"),
    *[({**FINE, "description": bad}, "description") for bad in [*NO_TEXT, None, *SHORT_AND_LONG]],
    *[({**FINE, "chatId": bad}, "chatId") for bad in [*NO_TEXT, "x" * 129]],
    *[({**FINE, "dialogId": bad}, "dialogId") for bad in [*NO_TEXT, "x" * 129]],
]


async def stored(world: World) -> list[dict[str, Any]]:
    return [document async for document in world.server.parts.database["complaints"].find()]


def now(world: World) -> datetime:
    """The server's time, as MongoDB keeps it: in whole milliseconds."""
    return datetime.fromtimestamp(int(world.clock.time() * 1000) / 1000, UTC)


@pytest.mark.parametrize("category", ["funds", "security", "operator", "technical", "other"])
async def test_a_complaint_is_stored_with_its_user_and_time(mongo: MongoDatabase, category: str) -> None:
    async with living(mongo) as world:
        world.clock.advance(86400)
        before = now(world)
        given = {"category": category, "description": "  My money is not there\n", "chatId": "c 1", "dialogId": "d-1"}
        answer = await world.sdk().post(PATH, given, status=201)
        assert set(answer) == {"id"}
        (found,) = await stored(world)
        assert before <= found.pop("created_at").replace(tzinfo=UTC) <= now(world)
        assert found == {
            "_id": answer["id"],
            "user_id": "alice",
            "category": category,
            "description": "My money is not there",
            "chat_id": "c 1",
            "dialog_id": "d-1",
        }


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({}, id="the least"),
        pytest.param({"description": "1234567890"}, id="ten characters"),
        pytest.param({"description": f"  {'x' * 4000}  "}, id="4,000 characters"),
        pytest.param({"description": "\U0001f600" * 4000}, id="4,000 characters of more than a byte"),
        pytest.param({"chatId": "x", "dialogId": "y" * 128}, id="ids of any length"),
        pytest.param({"chatId": None, "dialogId": None}, id="no ids"),
        pytest.param({"unknown": {"$gt": ""}, "userId": "bob", "id": "mine"}, id="unknown keys"),
    ],
)
async def test_what_is_just_within_the_limits_is_stored(mongo: MongoDatabase, more: dict[str, Any]) -> None:
    async with living(mongo) as world:
        answer = await world.sdk().post(PATH, {**FINE, **more}, status=201)
        (found,) = await stored(world)
        assert (found["_id"], found["user_id"]) == (answer["id"], "alice")
        assert (found["chat_id"], found["dialog_id"]) == (more.get("chatId"), more.get("dialogId"))


async def test_each_complaint_is_one_of_its_own(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        ids = {(await world.sdk(user).post(PATH, FINE, status=201))["id"] for user in ("alice", "alice", "bob")}
        assert {found["_id"] for found in await stored(world)} == ids
        assert len(ids) == 3


async def test_a_bad_complaint_is_named_and_not_stored(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        for body, field in BAD:
            await assert_names(world.sdk(), "POST", PATH, body, field)
        for field in ("category", "description", "chatId", "dialogId"):
            await assert_no_halves(world.sdk(), "POST", PATH, FINE, field)
        await assert_unreadable(world.sdk(), "POST", PATH, FINE)
        assert await stored(world) == []


async def test_what_the_ids_name_changes_nothing(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        bobs = (await world.sdk("bob").start(body="Hello"))["id"]
        await world.settle()
        await world.operator.forget_calls()
        answers = [await send(world.sdk(), "POST", PATH, {**FINE, "chatId": id_}) for id_ in (bobs, "404404", "$ne")]
        assert {(answer.status_code, tuple(answer.json()), len(answer.content)) for answer in answers} == {
            (201, ("id",), len(answers[0].content))
        }
        assert await world.operator.calls() == {}


@pytest.mark.parametrize("outage", ["refuse", "error"])
async def test_it_goes_through_while_intercom_is_down(mongo: MongoDatabase, outage: str) -> None:
    async with living(mongo, webhooks=False) as world:
        await world.operator.trouble(outage=outage)
        for _ in range(4):
            assert (await world.sdk().call("GET", "/api/conversations/404404")).status_code == 502
        assert (await world.http.get("/ready")).json()["checks"]["intercom"] == "open"
        await world.sdk().post(PATH, FINE, status=201)
        assert len(await stored(world)) == 1


async def test_nothing_of_it_is_logged(mongo: MongoDatabase, logged: list[EventDict]) -> None:
    async with living(mongo) as world:
        canary = {"category": "security", "description": "canary words of mine", "chatId": "canary-1"}
        await world.sdk("canary-user").post(PATH, {**canary, "dialogId": "canary-2"}, status=201)
        await send(world.sdk("canary-user"), "POST", PATH, {**canary, "category": "canary"})
    assert [line["status"] for line in logged if line.get("route") == "complaints"] == [201, 400]
    assert "canary" not in repr(logged)
    assert "security" not in repr(logged)


async def test_it_counts_as_a_write(mongo: MongoDatabase) -> None:
    async with living(mongo, write_rate_limit_per_minute=1) as world:
        await world.sdk().post(PATH, FINE, status=201)
        assert (await send(world.sdk(), "POST", PATH, FINE)).status_code == 429
        assert len(await stored(world)) == 1
