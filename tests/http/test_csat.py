"""`POST /api/csat`: stored once, shown from then on, told to Intercom in the end; nobody rates what is another's."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from structlog.typing import EventDict

from supportd.errors import StorageUnavailable
from supportd.stores.snapshots import Snapshot
from tests.harness import MongoDatabase, Sdk, World, living, serving, settings, simulating
from tests.http.wrong_input import NO_TEXT, assert_names, assert_no_halves, assert_unreadable
from tests.waiting import eventually

PATH = "/api/csat"
FINE: dict[str, Any] = {"stars": 5, "conversationId": "1"}
NO_STARS: list[Any] = [
    0, 6, -1, 10**30, 5.0, 4.5, 1e0, True, False, "5", "", None, [], [5], {}, {"$gt": 0},
]  # fmt: skip
BAD: list[tuple[Any, str]] = [
    ([], "body"),
    (None, "body"),
    ("hello", "body"),
    ({}, "stars"),
    ({"conversationId": "1"}, "stars"),
    ({"stars": 5}, "conversationId"),
    ({"stars": 5, "ticketId": None, "conversationId": None}, "conversationId"),
    ({"stars": 5, "comment": "fine", "conversation_id": "1"}, "conversationId"),
    *[({**FINE, "stars": bad}, "stars") for bad in NO_STARS],
    *[({**FINE, "comment": bad}, "comment") for bad in [*(bad for bad in NO_TEXT if bad != ""), "x" * 4001]],
    *[({"stars": 5, "conversationId": bad}, "conversationId") for bad in [*NO_TEXT, "x" * 129]],
    *[({"stars": 5, "ticketId": bad}, "ticketId") for bad in [*NO_TEXT, "x" * 129]],
    *[({**FINE, "ticketId": bad}, "ticketId") for bad in [*NO_TEXT, "x" * 129]],
]


async def away(*_: Any, **__: Any) -> Any:
    raise StorageUnavailable


@contextmanager
def mongodb_does_not(patch: pytest.MonkeyPatch, *calls: tuple[object, str]) -> Iterator[None]:
    """MongoDB is away for these calls."""
    with patch.context() as context:
        for store, name in calls:
            context.setattr(store, name, away)
        yield


async def rate(sdk: Sdk, stars: int = 5, *, status: int = 201, **more: Any) -> Any:
    return await sdk.post(PATH, {"stars": stars, **more}, status=status)


async def stored(world: World) -> list[dict[str, Any]]:
    return [document async for document in world.server.parts.database["ratings"].find().sort("rated_at", 1)]


async def unsettled(world: World) -> int:
    return len(await world.server.parts.stores.ratings.unsettled(limit=100))


async def tags_of(world: World, conversation_id: str) -> list[str]:
    truth = await world.operator.truth(conversation_id)
    return sorted(tag["name"] for tag in truth["tags"]["tags"])


async def told(world: World) -> None:
    """Intercom was told everything, and told us of it."""
    await world.finish_jobs()
    await world.settle()


# A conversation


async def test_a_rating_is_shown_at_once_and_tagged_in_intercom(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        chat = await alice.start(body="Hello")
        assert not (await alice.poll(chat["id"]))["rated"]

        before = int(world.clock.time() * 1000)
        answer = await rate(alice, 4, comment="  Quick and kind \n", conversationId=chat["id"])

        assert set(answer) == {"id", "duplicate"}
        assert isinstance(answer["id"], str)
        assert answer["duplicate"] is False
        assert (await alice.poll(chat["id"]))["rated"] is True
        assert [item["rated"] for item in await alice.list()] == [True]
        shown = await alice.show(chat["id"])
        assert shown["rated"] is True
        assert before <= shown["rating"].pop("createdAt") <= int(world.clock.time() * 1000)
        assert shown["rating"] == {"stars": 4, "comment": "Quick and kind"}
        await told(world)
        assert await tags_of(world, chat["id"]) == ["csat", "csat-4"]
        assert (await alice.show(chat["id"]))["rating"]["comment"] == "Quick and kind"
        assert await unsettled(world) == 0


async def test_a_duplicate_changes_nothing(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        chat = await alice.start(body="Hello")
        await rate(alice, 5, comment="Great", conversationId=chat["id"])
        await told(world)
        shown, found = await alice.show(chat["id"]), await stored(world)

        again = await rate(alice, 1, comment="Not so great", conversationId=chat["id"], status=200)

        assert again == {"id": None, "duplicate": True}
        await told(world)
        assert await alice.show(chat["id"]) == shown
        assert await stored(world) == found
        assert await tags_of(world, chat["id"]) == ["csat", "csat-5"]


async def test_of_many_at_once_one_is_stored(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        chat = await alice.start(body="Hello")
        bodies = [{"stars": 1 + number % 5, "conversationId": chat["id"]} for number in range(20)]
        answers = await asyncio.gather(*(alice.call("POST", PATH, json=body) for body in bodies))

        made = [answer.json() for answer in answers if answer.status_code == 201]
        rest = [answer.json() for answer in answers if answer.status_code == 200]
        assert len(made) == 1
        assert rest == [{"id": None, "duplicate": True}] * 19
        (found,) = await stored(world)
        assert found["id"] == made[0]["id"]
        await told(world)
        assert await tags_of(world, chat["id"]) == ["csat", f"csat-{found['stars']}"]


@pytest.mark.parametrize("comment", [None, "", "  \n"])
async def test_an_empty_comment_is_none(mongo: MongoDatabase, comment: str | None) -> None:
    async with living(mongo) as world:
        chat = await world.sdk().start(body="Hello")
        await rate(world.sdk(), comment=comment, conversationId=chat["id"])
        assert (await world.sdk().show(chat["id"]))["rating"]["comment"] is None


async def test_a_long_comment_is_taken_whole(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        chat = await world.sdk().start(body="Hello")
        await rate(world.sdk(), comment=" " + "\U0001f600" * 4000 + " ", conversationId=chat["id"])
        assert (await world.sdk().show(chat["id"]))["rating"]["comment"] == "\U0001f600" * 4000


async def test_a_held_poll_is_woken(mongo: MongoDatabase) -> None:
    async with living(mongo, webhooks=False) as world:
        alice = world.sdk()
        chat = await alice.start(body="Hello")
        polling = asyncio.create_task(alice.poll(chat["id"], since=chat["latestTimestamp"], wait=25))
        await eventually(lambda: len(world.server.parts.waiters) == 1)
        await rate(alice, conversationId=chat["id"])
        await eventually(polling.done, timeout_s=15)  # long before it would be answered anyhow
        assert polling.result()["rated"] is True


async def test_no_news_from_intercom_takes_a_rating_back(mongo: MongoDatabase) -> None:
    """Neither a webhook, nor a load, nor the reconciler, nor a tag that an operator takes off."""
    async with living(mongo) as world:
        alice = world.sdk()
        chat = await alice.start(body="Hello")
        await world.settle()
        await world.operator.trouble(outage="refuse")
        await rate(alice, 2, comment="Slow", conversationId=chat["id"])
        await world.operator.no_trouble()
        rating = (await alice.show(chat["id"]))["rating"]
        world.clock.advance(31)

        await world.operator.reply(chat["id"], "<p>Hello</p>")
        await world.settle()
        await world.reconcile()
        await alice.reply(chat["id"], "Thanks")
        await told(world)
        assert await tags_of(world, chat["id"]) == ["csat", "csat-2"]
        for tag in ("csat", "csat-2"):
            await world.operator.control("DELETE", f"/conversations/{chat['id']}/tags/{tag}")
        await world.settle()
        await world.reconcile()

        assert await tags_of(world, chat["id"]) == []
        shown = await alice.show(chat["id"])
        assert (shown["rated"], shown["rating"]) == (True, rating)


async def test_what_intercom_has_counts_where_there_is_no_rating_of_ours(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        by_hand, messenger = await alice.start(body="one"), await alice.start(body="two")
        await world.operator.act(by_hand["id"], "tags", name="CSAT-3")
        await world.operator.act(messenger["id"], "rate", rating=2, remark="Meh")
        await world.settle()
        for chat, stars, comment in [(by_hand, 3, None), (messenger, 2, "Meh")]:
            shown = await alice.show(chat["id"])
            assert (shown["rated"], shown["rating"]["stars"], shown["rating"]["comment"]) == (True, stars, comment)

        await rate(alice, 5, comment="Ours", conversationId=messenger["id"])
        assert (await alice.show(messenger["id"]))["rating"]["comment"] == "Ours"


async def test_a_comment_reaches_neither_intercom_nor_the_log(mongo: MongoDatabase, logged: list[EventDict]) -> None:
    async with living(mongo) as world:
        chat = await world.sdk().start(body="Hello")
        await rate(world.sdk(), comment="canary", conversationId=chat["id"])
        await told(world)
        assert "canary" not in str(await world.operator.truth(chat["id"]))
        assert "canary" not in str(logged)


# A ticket


async def test_a_ticket_is_rated_and_tagged(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        await alice.start(body="makes the contact")
        ticket = await world.operator.make_ticket()
        await world.settle()
        assert (await rate(alice, 3, comment="canary", ticketId=ticket["id"]))["duplicate"] is False
        assert [item["rated"] for item in (await alice.get("/api/tickets"))["tickets"]] == [True]
        assert (await alice.get(f"/api/tickets/{ticket['id']}"))["rated"] is True
        await told(world)
        truth = await world.operator.true_ticket(ticket["id"])
        assert {"csat", "csat-3"} <= {tag["name"] for tag in truth["tags"]}
        assert "canary" not in str(truth)
        assert (await rate(alice, 1, ticketId=ticket["id"], status=200))["duplicate"] is True


async def test_with_both_ids_both_are_rated_and_the_ticket_is_what_counts_once(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        one, two = await alice.start(body="one"), await alice.start(body="two")
        ticket = await world.operator.make_ticket()
        await world.settle()
        await rate(alice, 4, ticketId=ticket["id"], conversationId=one["id"])
        assert (await rate(alice, 1, ticketId=ticket["id"], conversationId=two["id"], status=200))["duplicate"]
        await told(world)
        assert (await alice.poll(one["id"]))["rated"] is True
        assert (await alice.get(f"/api/tickets/{ticket['id']}"))["rated"] is True
        assert (await alice.poll(two["id"]))["rated"] is False
        assert await tags_of(world, one["id"]) == ["csat", "csat-4"]


# What isn't the caller's


@pytest.mark.parametrize("known", [True, False])
async def test_what_is_anothers_answers_as_what_does_not_exist(mongo: MongoDatabase, known: bool) -> None:
    async with living(mongo) as world:
        alice, mallory = world.sdk("alice"), world.sdk("mallory")
        chat = await alice.start(body="Hello")
        ticket = await world.operator.make_ticket()
        own = (await mallory.start(body="Hello"))["id"] if known else "404404"
        await world.settle()
        absent = await mallory.call("POST", PATH, json={"stars": 1, "conversationId": "404404"})
        assert (absent.status_code, absent.json()["error"]) == (404, "not_found")
        for ids in [
            {"conversationId": chat["id"]},
            {"ticketId": ticket["id"]},
            {"ticketId": "404404"},
            {"conversationId": own, "ticketId": ticket["id"]},
            {"conversationId": chat["id"], "ticketId": ticket["id"]},
        ]:
            response = await mallory.call("POST", PATH, json={"stars": 1, **ids})
            assert (response.status_code, response.content) == (404, absent.content), ids
            assert sorted(response.headers) == sorted(absent.headers)
        assert await stored(world) == []
        assert (await alice.poll(chat["id"]))["rated"] is False


@pytest.mark.parametrize("field", ["conversationId", "ticketId"])
async def test_an_id_that_cannot_exist_is_404_and_nobody_is_asked(mongo: MongoDatabase, field: str) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        await alice.start(body="Hello")
        absent = await alice.call("POST", PATH, json={"stars": 1, "conversationId": "404404"})
        await world.operator.forget_calls()
        for odd in ("..", "1/parts", " 1", "1 ", "$ne", "é", "*", "\u0663", "1\n"):
            response = await alice.call("POST", PATH, json={"stars": 1, field: odd})
            assert (response.status_code, response.content) == (404, absent.content), odd
        assert await world.operator.calls() == {}


async def test_ones_own_conversation_with_anothers_ticket_is_404_and_stored_is_nothing(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        mallory = world.sdk("mallory")
        await world.sdk("alice").start(body="Hello")
        own = await mallory.start(body="Hello")
        ticket = await world.operator.make_ticket("alice")
        await rate(mallory, ticketId=ticket["id"], conversationId=own["id"], status=404)
        assert await stored(world) == []


# Wrong bodies


async def test_a_wrong_field_is_named_and_nothing_is_stored(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        for body, field in BAD:
            await assert_names(alice, "POST", PATH, body, field)
        await assert_unreadable(alice, "POST", PATH, FINE)
        for field in ("comment", "conversationId", "ticketId"):
            await assert_no_halves(alice, "POST", PATH, FINE, field)
        assert await stored(world) == []


async def test_what_is_just_within_the_limits_is_no_400(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        for more in ({"conversationId": "x" * 128}, {"ticketId": "x"}, {"conversationId": "1", "comment": "x" * 4000}):
            body = {"stars": 1, **more, "unknown": {"$gt": ""}}
            assert (await world.sdk().call("POST", PATH, json=body)).status_code == 404, body


# Faults


async def test_while_intercom_is_down_what_is_known_is_rated(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        chat = await alice.start(body="Hello")
        await world.settle()
        await world.operator.trouble(outage="refuse")
        await rate(alice, 5, conversationId=chat["id"])
        assert (await alice.poll(chat["id"]))["rated"] is True
        for _ in range(50):  # two days
            await world.server.parts.outbox.work()
            world.clock.advance(3601)
        await world.operator.no_trouble()
        world.clock.advance(3601)
        await told(world)
        assert await tags_of(world, chat["id"]) == ["csat", "csat-5"]


async def each_job_was_refused(world: World) -> bool:
    return await world.server.parts.database["outbox"].count_documents({"refusals": {"$in": [None, 0]}}) == 0


@pytest.mark.logs("job refused")
@pytest.mark.parametrize("status", [401, 403])
async def test_a_token_that_is_refused_for_a_while_costs_no_tag(mongo: MongoDatabase, status: int) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        chat = await alice.start(body="Hello")
        await world.settle()
        await world.operator.trouble(error_rate=1, error_status=status)
        await rate(alice, 5, conversationId=chat["id"])
        await eventually(lambda: each_job_was_refused(world))
        await world.operator.no_trouble()
        world.clock.advance(3601)
        await told(world)
        assert await tags_of(world, chat["id"]) == ["csat", "csat-5"]


async def test_mongodb_gone_nothing_is_stored_or_shown(mongo: MongoDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        chat = await alice.start(body="Hello")
        with mongodb_does_not(monkeypatch, (world.server.parts.stores.ratings, "add")):
            response = await alice.call("POST", PATH, json={"stars": 5, "conversationId": chat["id"]})
        assert (response.status_code, response.json()["error"]) == (502, "service_unavailable")
        assert await stored(world) == []
        assert (await alice.poll(chat["id"]))["rated"] is False
        assert (await rate(alice, 5, conversationId=chat["id"]))["duplicate"] is False


@pytest.mark.logs("rating not settled yet")
@pytest.mark.parametrize("step", ["snapshots.save", "outbox.add", "ratings.settle"])
async def test_what_mongodb_did_not_take_after_the_rating_is_made_up_for(
    mongo: MongoDatabase, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        chat = await alice.start(body="Hello")
        await world.settle()
        store, _, name = step.partition(".")
        with mongodb_does_not(monkeypatch, (getattr(world.server.parts.stores, store), name)):
            await rate(alice, 5, conversationId=chat["id"])
        assert await unsettled(world) == 1
        assert (await rate(alice, 5, conversationId=chat["id"], status=200))["duplicate"] is True

        await world.server.parts.csat.sweep()
        await world.server.parts.csat.sweep()
        assert await unsettled(world) == 0
        assert (await alice.poll(chat["id"]))["rated"] is True
        await told(world)
        assert await tags_of(world, chat["id"]) == ["csat", "csat-5"]


@pytest.mark.logs("rating not settled yet")
async def test_a_rating_that_cannot_be_settled_holds_up_no_other(
    mongo: MongoDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with living(mongo) as world:
        alice, stores = world.sdk(), world.server.parts.stores
        bad, good = await alice.start(body="one"), await alice.start(body="two")
        await world.settle()
        with mongodb_does_not(monkeypatch, (stores.snapshots, "save")):
            for chat in (bad, good):
                await rate(alice, conversationId=chat["id"])
        save = stores.snapshots.save

        async def save_but_one(snapshot: Snapshot) -> None:
            await (away() if snapshot.id == bad["id"] else save(snapshot))

        with monkeypatch.context() as context:
            context.setattr(stores.snapshots, "save", save_but_one)
            with pytest.raises(StorageUnavailable):
                await world.server.parts.csat.sweep()
        assert [(await alice.poll(chat["id"]))["rated"] for chat in (bad, good)] == [False, True]
        assert await unsettled(world) == 1


@pytest.mark.logs("rating not settled yet")
async def test_a_crash_right_after_the_rating_was_stored_loses_nothing(
    mongo: MongoDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with simulating() as simulator:
        configuration = settings(mongo, simulator.base_url)
        async with serving(configuration, simulator) as world:
            chat = await world.sdk().start(body="Hello")
            await world.settle()
            stores = world.server.parts.stores
            with mongodb_does_not(monkeypatch, (stores.snapshots, "save"), (stores.outbox, "add")):
                await rate(world.sdk(), 4, comment="Good", conversationId=chat["id"])
            assert (await world.sdk().poll(chat["id"]))["rated"] is False
        async with serving(configuration, simulator) as world:
            await eventually(lambda: is_settled(world))
            shown = await world.sdk().show(chat["id"])
            assert (shown["rated"], shown["rating"]["stars"], shown["rating"]["comment"]) == (True, 4, "Good")
            await told(world)
            assert await tags_of(world, chat["id"]) == ["csat", "csat-4"]


async def test_a_rating_survives_a_restart_and_the_loss_of_the_snapshot(mongo: MongoDatabase) -> None:
    async with simulating() as simulator:
        configuration = settings(mongo, simulator.base_url)
        async with serving(configuration, simulator) as world:
            chat = await world.sdk().start(body="Hello")
            await rate(world.sdk(), 4, comment="Good", conversationId=chat["id"])
            await told(world)
            shown = await world.sdk().show(chat["id"])
        async with serving(configuration, simulator) as world:
            assert await world.sdk().show(chat["id"]) == shown
            await world.server.parts.database["snapshots"].delete_many({})
        async with serving(configuration, simulator) as world:
            assert (await world.sdk().show(chat["id"]))["rating"] == shown["rating"]


async def is_settled(world: World) -> bool:
    return await unsettled(world) == 0
