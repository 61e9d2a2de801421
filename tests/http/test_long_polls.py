"""Polls that wait: woken by news, ended by time, let go when their client goes; and polls that ask for changes only."""

import asyncio
import contextlib
import gc
import itertools
from collections.abc import AsyncIterator, Iterable
from typing import Any

import httpx
import pytest

from supportd.handlers.poll import PollHandler
from tests.conformance import CHECKED
from tests.harness import MongoDatabase, Sdk, World, living, serving, settings, simulating
from tests.waiting import eventually

MOST_PER_USER = 8


FORMS: list[str] = ["{}", "W/{}", '"other", {}', '{}, "other"', " {} ", "*", '"a",W/{},"b"']
OTHER_ETAGS: list[str] = ['""', '"x"', "x", "W/", "", ","]


class DrivenLoop:
    """Makes the running loop's timers go by its own time plus what a test advanced it by."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.advanced = 0.0
        loop = asyncio.get_running_loop()
        real = loop.time
        monkeypatch.setattr(loop, "time", lambda: real() + self.advanced)

    def advance(self, seconds: float) -> None:
        self.advanced += seconds


def poll_path(conversation_id: str) -> str:
    return f"/api/conversations/{conversation_id}/poll"


@contextlib.asynccontextmanager
async def parked(world: World, sdk: Sdk, started: Any, *, wait: int = 25, etag: str = "") -> AsyncIterator[Any]:
    """A poll that is being held. It is over at the end."""
    before = len(world.server.parts.waiters)
    query = {"since": started["latestTimestamp"], "wait": wait}
    headers = {"If-None-Match": etag} if etag else {}
    polling = asyncio.create_task(sdk.call("GET", poll_path(started["id"]), params=query, headers=headers))
    await eventually(lambda: len(world.server.parts.waiters) > before)
    yield polling
    await polling


async def started_by(world: World, user: str) -> Any:
    started = await world.sdk(user).start(body="Hello")
    await world.settle()
    return started


async def a_round_trip(world: World) -> None:
    """Whatever was due has been done once the server answers something new."""
    for _ in range(3):
        assert (await world.http.get("/health")).status_code == 200


async def test_what_is_new_is_answered_at_once(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        started = await started_by(world, "alice")
        poll = await world.sdk("alice").poll(started["id"], since=0, wait=25)
        assert len(poll["messages"]) == 1
        assert world.metric("poll_held_seconds_count") == 0


async def test_an_answer_wakes_a_poll(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        started = await started_by(world, "alice")
        async with parked(world, world.sdk("alice"), started) as polling:
            await world.operator.reply(started["id"], "<p>Here I am</p>")
            response = await polling
        assert response.status_code == 200
        assert set(response.json()) == {"messages", "latestTimestamp", "state", "snoozedUntil", "rated"}
        assert [message["body"] for message in response.json()["messages"]] == ["Here I am"]


async def test_ones_own_reply_from_another_device_wakes_a_poll(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        started = await started_by(world, "alice")
        async with parked(world, world.sdk("alice"), started) as polling:
            await world.sdk("alice").reply(started["id"], "From my phone")
            assert [message["body"] for message in (await polling).json()["messages"]] == ["From my phone"]


@pytest.mark.parametrize(
    ("action", "body", "key", "value"),
    [
        ("close", {}, "state", "closed"),
        ("snooze", {"until": 4_000_000_000}, "state", "snoozed"),
        ("snooze", {"until": 4_000_000_000}, "snoozedUntil", 4_000_000_000_000),
    ],
)
async def test_a_change_without_a_message_wakes_a_poll(
    mongo: MongoDatabase, action: str, body: dict[str, Any], key: str, value: Any
) -> None:
    async with living(mongo) as world:
        started = await started_by(world, "alice")
        async with parked(world, world.sdk("alice"), started) as polling:
            await world.operator.act(started["id"], action, **body)
            answer = (await polling).json()
        assert answer["messages"] == []
        assert answer[key] == value


async def test_the_reconciler_wakes_a_poll_where_the_webhook_was_lost(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        started = await started_by(world, "alice")
        await world.operator.trouble(webhook_drop=1.0)
        async with parked(world, world.sdk("alice"), started) as polling:
            await world.operator.reply(started["id"], "<p>Here I am</p>")
            await world.reconcile()
            assert [message["body"] for message in (await polling).json()["messages"]] == ["Here I am"]


async def test_a_deletion_wakes_a_poll_with_404(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        started = await started_by(world, "alice")
        async with parked(world, world.sdk("alice"), started) as polling:
            await world.operator.control("DELETE", f"/conversations/{started['id']}")
            assert (await polling).status_code == 404


async def test_anothers_news_wakes_nobody(mongo: MongoDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    async with living(mongo) as world:
        loop = DrivenLoop(monkeypatch)
        mine, yours = await started_by(world, "alice"), await started_by(world, "bob")
        async with parked(world, world.sdk("alice"), mine, wait=20) as polling:
            await world.operator.reply(yours["id"], "<p>Hello</p>")
            await world.settle()
            await a_round_trip(world)
            assert not polling.done()
            loop.advance(20)


async def test_a_poll_ends_after_its_time_without_news(mongo: MongoDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    async with living(mongo) as world:
        loop = DrivenLoop(monkeypatch)
        started = await started_by(world, "alice")
        async with parked(world, world.sdk("alice"), started, wait=20) as polling:
            loop.advance(17)
            await a_round_trip(world)
            assert not polling.done()
            loop.advance(3)
            response = await polling
        assert response.status_code == 200
        assert response.json()["messages"] == []
        assert response.json()["latestTimestamp"] == started["latestTimestamp"]
        assert len(world.server.parts.waiters) == 0


async def test_a_poll_waits_for_real(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        started = await started_by(world, "alice")
        async with parked(world, world.sdk("alice"), started, wait=1) as polling:
            assert (await polling).json()["messages"] == []
        assert world.metric("poll_held_seconds_count") == 1


async def test_polls_that_began_together_end_apart(mongo: MongoDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    async with living(mongo) as world, contextlib.AsyncExitStack() as held:
        loop = DrivenLoop(monkeypatch)
        started = await started_by(world, "alice")
        polls = [
            await held.enter_async_context(parked(world, world.sdk("alice"), started)) for _ in range(MOST_PER_USER)
        ]
        waiting = [len(world.server.parts.waiters)]
        loop.advance(22)
        for _ in range(12):
            loop.advance(0.25)
            await a_round_trip(world)
            waiting.append(len(world.server.parts.waiters))
        assert waiting[-1] == 0
        assert len(set(waiting)) > 2, waiting
        await asyncio.gather(*polls)


async def test_an_etag_that_still_holds_is_304_after_the_wait(
    mongo: MongoDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with living(mongo) as world:
        loop = DrivenLoop(monkeypatch)
        started = await started_by(world, "alice")
        etag = await etag_of(world.sdk("alice"), started["id"])
        async with parked(world, world.sdk("alice"), started, etag=etag) as polling:
            loop.advance(25)
            response = await polling
        assert response.status_code == 304
        assert response.content == b""
        assert response.headers["ETag"] == etag


async def test_a_poll_with_an_etag_is_woken_by_what_the_etag_does_not_know(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        started = await started_by(world, "alice")
        etag = await etag_of(world.sdk("alice"), started["id"])
        async with parked(world, world.sdk("alice"), started, etag=etag) as polling:
            await world.operator.act(started["id"], "close")
            response = await polling
        assert response.status_code == 200
        assert response.json()["state"] == "closed"
        assert response.headers["ETag"] != etag


async def test_an_outdated_etag_is_answered_at_once(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        started = await started_by(world, "alice")
        query = {"since": started["latestTimestamp"], "wait": 25}
        response = await world.sdk("alice").call(
            "GET", poll_path(started["id"]), params=query, headers={"If-None-Match": '"other"'}
        )
        assert response.status_code == 200
        assert world.metric("poll_held_seconds_count") == 0


async def test_a_user_may_hold_a_few_polls_only(mongo: MongoDatabase) -> None:
    async with living(mongo) as world, contextlib.AsyncExitStack() as held:
        alice, started = world.sdk("alice"), await started_by(world, "alice")
        bobs = await started_by(world, "bob")
        for _ in range(MOST_PER_USER):
            await held.enter_async_context(parked(world, alice, started))
        ninth = await alice.poll(started["id"], since=started["latestTimestamp"], wait=25)
        assert ninth["messages"] == []
        assert len(world.server.parts.waiters) == MOST_PER_USER
        await held.enter_async_context(parked(world, world.sdk("bob"), bobs))

        for conversation in (started, bobs):
            await world.operator.reply(conversation["id"], "<p>Go</p>")
        await eventually(lambda: len(world.server.parts.waiters) == 0)
        async with parked(world, alice, await started_by(world, "alice")):
            await world.operator.reply("last", "<p>Go</p>")


async def vanish(world: World, started: Iterable[tuple[str, Any]], *, times: int) -> None:
    """Clients park polls, then close their connections."""
    writers = []
    for user, conversation in started:
        for _ in range(times):
            _, writer = await asyncio.open_connection("127.0.0.1", world.server.port)
            writer.write(
                f"GET {poll_path(conversation['id'])}?wait=25&since={conversation['latestTimestamp']} HTTP/1.1\r\n"
                f"Host: localhost\r\nAuthorization: Bearer {world.sdk(user).token}\r\n\r\n".encode()
            )
            writers.append(writer)
    await eventually(lambda: len(world.server.parts.waiters) == len(writers))
    assert world.server.lifecycle.under_way == len(writers)
    for writer in writers:
        writer.close()
        await writer.wait_closed()


async def test_clients_that_vanish_leave_nothing(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        started = [(f"user{number}", await started_by(world, f"user{number}")) for number in range(10)]
        await vanish(world, started, times=6)
        await eventually(lambda: len(world.server.parts.waiters) == 0)
        await eventually(lambda: world.server.lifecycle.under_way == 0)
        await eventually(lambda: _poll_handlers() == 0)
        assert world.metric("held_polls") == 0
        for user, conversation in started:
            async with parked(world, world.sdk(user), conversation):
                await world.operator.reply(conversation["id"], "<p>Still there?</p>")


def _poll_handlers() -> int:
    gc.collect()
    return sum(type(thing) is PollHandler for thing in gc.get_objects())


async def test_a_stop_answers_every_held_poll(mongo: MongoDatabase) -> None:
    async with httpx.AsyncClient(timeout=40, trust_env=False, event_hooks=CHECKED) as http:
        async with living(mongo) as world:
            polls = []
            for number in range(5):
                user = f"user{number}"
                conversation = await started_by(world, user)
                url = f"http://127.0.0.1:{world.server.port}{poll_path(conversation['id'])}"
                query = {"wait": 25, "since": conversation["latestTimestamp"]}
                headers = {"Authorization": f"Bearer {world.sdk(user).token}"}
                polls += [asyncio.create_task(http.get(url, params=query, headers=headers)) for _ in range(6)]
            await eventually(lambda: len(world.server.parts.waiters) == len(polls))
        responses = await asyncio.gather(*polls)
        assert [response.status_code for response in responses] == [200] * 30
        assert all(response.json()["messages"] == [] for response in responses)


async def etag_of(sdk: Sdk, conversation_id: str, since: int = 0) -> str:
    response = await sdk.call("GET", poll_path(conversation_id), params={"since": since})
    assert response.status_code == 200
    return response.headers["ETag"]


async def test_every_poll_has_an_etag_that_changes_with_what_it_says(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice, started = world.sdk("alice"), await started_by(world, "alice")
        conversation_id = started["id"]
        seen = [await etag_of(alice, conversation_id)]
        answer = await world.operator.reply(conversation_id, "<p>Hello</p>")
        await world.settle()
        seen.append(await etag_of(alice, conversation_id))
        for action, body in [
            ("redact", {"part_id": answer["conversation_parts"]["conversation_parts"][-1]["id"]}),
            ("snooze", {"until": 4_000_000_000}),
            ("snooze", {"until": 4_100_000_000}),
            ("unsnooze", {}),
            ("close", {}),
            ("rate", {"rating": 5}),
        ]:
            await world.operator.act(conversation_id, action, **body)
            await world.settle()
            seen.append(await etag_of(alice, conversation_id))
        assert all(tag.startswith('"') and tag.endswith('"') for tag in seen)
        assert all(before != after for before, after in itertools.pairwise(seen)), seen


async def test_an_etag_stays_while_nothing_changes(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice, started = world.sdk("alice"), await started_by(world, "alice")
        etag = await etag_of(alice, started["id"])
        await world.operator.act(started["id"], "note", body="<p>for us only</p>")
        await world.settle()
        await world.reconcile()
        await alice.show(started["id"])
        world.clock.advance(1000)
        assert await etag_of(alice, started["id"]) == etag


async def test_an_etag_that_holds_is_304_however_it_is_sent(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        for form in FORMS:
            alice, started = world.sdk("alice"), await started_by(world, "alice")
            etag = await etag_of(alice, started["id"])
            response = await alice.call(
                "GET", poll_path(started["id"]), headers={"If-None-Match": form.format(etag).strip()}
            )
            assert response.status_code == 304
            assert response.content == b""
            assert response.headers["ETag"] == etag
            assert "Content-Type" not in response.headers


async def test_any_other_etag_is_answered_in_full(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        for other in OTHER_ETAGS:
            alice, started = world.sdk("alice"), await started_by(world, "alice")
            response = await alice.call("GET", poll_path(started["id"]), headers={"If-None-Match": other})
            assert response.status_code == 200
            assert len(response.json()["messages"]) == 1


async def test_an_etag_is_the_same_after_a_restart(mongo: MongoDatabase) -> None:
    async with simulating() as simulator:
        configuration = settings(mongo, simulator.base_url)
        async with serving(configuration, simulator) as world:
            started = await started_by(world, "alice")
            await world.operator.reply(started["id"], "<p>Hello</p>")
            await world.settle()
            etag = await etag_of(world.sdk("alice"), started["id"])
        async with serving(configuration, simulator) as world:
            response = await world.sdk("alice").call("GET", poll_path(started["id"]), headers={"If-None-Match": etag})
            assert response.status_code == 304
            assert response.headers["ETag"] == etag
            assert (await world.operator.calls()).get("GET /conversations/{id}", 0) == 0


async def test_only_polls_have_an_etag(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice, started = world.sdk("alice"), await started_by(world, "alice")
        for path in ("/api/conversations", f"/api/conversations/{started['id']}", "/health"):
            response = await alice.call("GET", path, headers={"If-None-Match": "*"})
            assert response.status_code == 200
            assert "ETag" not in response.headers


async def test_a_poll_held_by_a_server_that_stops_is_the_last_on_its_connection(mongo: MongoDatabase) -> None:
    """The proxy must not send a request over a connection that is about to be closed."""
    async with living(mongo) as world:
        started = await started_by(world, "alice")
        async with parked(world, world.sdk(), started) as polling:
            world.server.lifecycle.stopping = True
            world.server.parts.waiters.close()
        assert polling.result().status_code == 200
        assert polling.result().headers["Connection"] == "close"
