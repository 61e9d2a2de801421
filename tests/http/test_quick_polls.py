"""Plain polls are answered beneath the handlers: with the same answers, and only where those would be successes."""

import asyncio
from typing import Any

import httpx
import pytest
from tornado.httputil import HTTPHeaders
from tornado.httputil import RequestStartLine as Line

from supportd.handlers.cors import Cors
from supportd.handlers.plain_polls import PlainPolls
from supportd.handlers.web import Web
from tests.harness import MongoDatabase, World, living, token
from tests.waiting import eventually

ORIGIN = "https://app.example"
HANDLED = {"more": "1"}  # what isn't plain is a handler's, even if it says nothing
DIFFER = {"x-request-id", "ratelimit", "date", "age"}  # from one request to the next


def plain_polls(world: World) -> PlainPolls:
    parts = world.server.parts
    web = Web(
        identifier=parts.identifier,
        reads=parts.reads,
        writes=parts.writes,
        metrics=parts.metrics,
        lifecycle=world.server.lifecycle,
        clock=world.clock,
        cors=Cors(()),
    )
    return PlainPolls(web=web, conversations=parts.conversations)


def lasting(response: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in response.headers.items() if name not in DIFFER}


async def both(world: World, path: str, since: int, **headers: str) -> tuple[httpx.Response, httpx.Response]:
    """The same poll answered quickly, and by the handler."""
    alice = world.sdk()
    quick = await alice.call("GET", path, params={"since": since}, headers=headers)
    return quick, await alice.call("GET", path, params={"since": since, **HANDLED}, headers=headers)


def assert_same(quick: httpx.Response, handled: httpx.Response) -> None:
    assert (quick.status_code, quick.content) == (handled.status_code, handled.content)
    assert lasting(quick) == lasting(handled)
    assert quick.headers.keys() == handled.headers.keys()


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": ORIGIN},
        {"Origin": "https://evil.example"},
        {"X-Request-Id": "mine-1"},
        {"If-None-Match": "*"},
        {"If-None-Match": '"other", "another"'},
        {"Connection": "keep-alive"},
        {"Connection": "close"},
    ],
    ids=str,
)
async def test_both_ways_give_the_same_answer(mongo: MongoDatabase, headers: dict[str, str]) -> None:
    async with living(mongo, cors_origins=(ORIGIN,)) as world:
        started = await world.sdk().start(body="Hello")
        await world.operator.reply(started["id"], "<p>Здравствуйте</p>")
        await world.settle()
        path = f"/api/conversations/{started['id']}/poll"
        newest = (await world.sdk().poll(started["id"]))["latestTimestamp"]
        for since in (0, started["createdAt"], started["createdAt"] // 1000, newest, newest + 1, 10**17 - 1):
            quick, handled = await both(world, path, since, **headers)
            assert_same(quick, handled)
            for known in (quick.headers["ETag"], f"W/{quick.headers['ETag']}", f'"x", {quick.headers["ETag"]}'):
                quick, handled = await both(world, path, since, **{**headers, "If-None-Match": known})
                assert_same(quick, handled)
                assert quick.status_code == 304


async def test_a_plain_poll_reaches_no_handler(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        started = await alice.start(body="Hello")
        path = f"/api/conversations/{started['id']}/poll"
        headers = HTTPHeaders({"Host": "127.0.0.1:1", "Authorization": f"Bearer {alice.token}"})
        for query in ("", "?since=0", f"?since={started['latestTimestamp']}", "?since=1&wait=25", "?wait=25&since=1"):
            assert plain_polls(world).find(Line("GET", path + query, "HTTP/1.1"), headers) is not None
        for query in ("?wait=26", "?since=x", "?since=1&more=2", "?since=1&since=2", "?"):
            assert plain_polls(world).find(Line("GET", path + query, "HTTP/1.1"), headers) is None


async def test_a_request_id_of_the_clients_comes_back_and_a_bad_one_is_replaced(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        started = await world.sdk().start(body="Hello")
        path = f"/api/conversations/{started['id']}/poll"
        given = await world.sdk().call("GET", path, headers={"X-Request-Id": "mine-1"})
        assert given.headers["X-Request-Id"] == "mine-1"
        for bad in ("a b", "x" * 129, "<script>"):
            answer = await world.sdk().call("GET", path, headers={"X-Request-Id": bad})
            assert answer.headers["X-Request-Id"] != bad
            assert len(answer.headers["X-Request-Id"]) == 32


async def test_what_ends_in_an_error_is_the_handlers(mongo: MongoDatabase) -> None:
    async with living(mongo, rate_limit_per_minute=10) as world:
        alice, mallory = world.sdk(), world.sdk("mallory")
        started = await alice.start(body="Hello")
        await mallory.start(body="Hello")
        path = f"/api/conversations/{started['id']}/poll"
        assert (await mallory.call("GET", path)).json()["error"] == "not_found"
        assert (await mallory.call("GET", "/api/conversations/nothing/poll")).json()["error"] == "not_found"
        assert (await world.http.get(path)).json()["error"] == "unauthorized"
        assert (await alice.call("POST", path)).status_code == 405
        assert (await alice.call("GET", path, params={"since": "x"})).json()["error"] == "validation_error"
        answers = [await alice.call("GET", path) for _ in range(12)]
        refused = [answer for answer in answers if answer.status_code == 429]
        assert refused
        assert refused[0].json()["error"] == "rate_limited"
        assert int(refused[0].headers["Retry-After"]) >= 1


async def test_a_remembered_token_that_expires_is_refused(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        started = await world.sdk().start(body="Hello")
        path = f"/api/conversations/{started['id']}/poll"
        soon = {"Authorization": f"Bearer {token('alice', expires_in=60)}"}
        assert [(await world.http.get(path, headers=soon)).status_code for _ in range(2)] == [200, 200]
        world.clock.advance(61)
        refused = await world.http.get(path, headers=soon)
        assert (refused.status_code, refused.json()["error"]) == (401, "unauthorized")


async def test_both_ways_are_counted_alike(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        started = await alice.start(body="Hello")
        path = f"/api/conversations/{started['id']}/poll"
        etag = (await alice.call("GET", path, params=HANDLED)).headers["ETag"]

        def counted() -> list[float]:
            return [
                world.metric("polls_total", outcome="news"),
                world.metric("polls_total", outcome="not_modified"),
                world.metric("conversation_lookups_total", source="memory"),
                world.metric("http_requests_total", route="poll", method="GET", status="200"),
                world.metric("http_requests_total", route="poll", method="GET", status="304"),
                world.metric("http_request_seconds_count", route="poll"),
            ]

        def rise(before: list[float]) -> list[float]:
            return [now - then for now, then in zip(counted(), before, strict=True)]

        rises = []
        for query in ({}, HANDLED):
            before = counted()
            await alice.call("GET", path, params=query)
            await alice.call("GET", path, params=query, headers={"If-None-Match": etag})
            rises.append(rise(before))
        assert rises[0] == rises[1] == [1, 1, 2, 1, 1, 2]


async def test_the_calls_left_count_down_over_both_ways(mongo: MongoDatabase) -> None:
    async with living(mongo, rate_limit_per_minute=50) as world:
        started = await world.sdk().start(body="Hello")
        quick, handled = await both(world, f"/api/conversations/{started['id']}/poll", 0)
        left = [int(answer.headers["RateLimit"].split("r=")[1].split(";")[0]) for answer in (quick, handled)]
        assert left == [49, 48]


async def raw(world: World, *requests: str) -> bytes:
    """What comes back for bytes sent at once, until the server closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", world.server.port)
    writer.write("".join(requests).encode())
    answer = await reader.read()
    writer.close()
    return answer


async def test_requests_on_one_connection_are_answered_in_order(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        started = await alice.start(body="Hello")

        def get(path: str, number: int, more: str = "") -> str:
            head = (
                f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {alice.token}\r\nX-Request-Id: n{number}\r\n"
            )
            return f"{head}{more}\r\n"

        poll = f"/api/conversations/{started['id']}/poll"
        answer = await raw(
            world,
            get(poll, 0),
            get(f"{poll}?since=1", 1, "Content-Length: 5\r\n") + "12345",
            get("/api/conversations", 2),
            get(poll, 3),
            get("/health", 4, "Connection: close\r\n"),
        )
        assert answer.count(b"HTTP/1.1 200 OK") == 5
        places = [answer.index(f"X-Request-Id: n{number}".encode()) for number in range(5)]
        assert places == sorted(places)


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("GET {poll} HTTP/1.0\r\nHost: x", b"HTTP/1.1 200"),
        ("GET {poll} HTTP/1.1\r\nConnection: close", b"HTTP/1.1 400"),
        ("GET {poll} HTTP/1.1\r\nHost: x\r\nHost: y\r\nConnection: close", b"HTTP/1.1 400"),
        ("GET {poll} HTTP/1.1\r\nHost: x\r\nConnection: Close", b"HTTP/1.1 200"),
    ],
)
async def test_what_http_has_to_say_holds(mongo: MongoDatabase, line: str, status: bytes) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        started = await alice.start(body="Hello")
        head = line.format(poll=f"/api/conversations/{started['id']}/poll")
        answer = await raw(world, f"{head}\r\nAuthorization: Bearer {alice.token}\r\n\r\n")
        assert answer.startswith(status)


async def test_at_debug_each_poll_is_in_the_log(mongo: MongoDatabase, logged: list[Any]) -> None:
    async with living(mongo, log_level="debug") as world:
        alice = world.sdk()
        started = await alice.start(body="Hello")
        await alice.poll(started["id"])
        assert [line["status"] for line in logged if line["event"] == "request" and line["route"] == "poll"] == [200]


async def test_a_conversation_that_leaves_the_memory_meanwhile_is_loaded_for_the_poll(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        started = await alice.start(body="Hello")
        await world.settle()
        query = {"since": started["latestTimestamp"], "wait": 25}
        held = asyncio.create_task(alice.call("GET", f"/api/conversations/{started['id']}/poll", params=query))
        await eventually(lambda: len(world.server.parts.waiters) == 1)
        world.server.parts.cache.drop(started["id"])
        world.server.parts.waiters.wake(started["id"])
        answer = await held
        assert (answer.status_code, answer.json()["messages"]) == (200, [])
        assert world.server.lifecycle.under_way == 0


async def test_a_conversation_that_is_deleted_meanwhile_is_not_found(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        started = await alice.start(body="Hello")
        await world.settle()
        query = {"since": started["latestTimestamp"], "wait": 25}
        held = asyncio.create_task(alice.call("GET", f"/api/conversations/{started['id']}/poll", params=query))
        await eventually(lambda: len(world.server.parts.waiters) == 1)
        await world.operator.control("DELETE", f"/conversations/{started['id']}")
        await world.settle()
        assert ((await held).status_code, (await held).json()["error"]) == (404, "not_found")
