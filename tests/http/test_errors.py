"""Every error has the contract's shape, and every answer the contract's headers, whatever was asked and how."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.harness import MongoDatabase, World, living
from tests.waiting import eventually

JSON = "application/json; charset=utf-8"
BAD_PATHS: list[str] = [
    "/api/conversations/%ff", "/api/conversations/%zz", "/api/conversations/%", "/api/conversations/%00/poll",
    "/%ff", "/api/conversations/1%0d%0aSet-Cookie:a=b", "/api/conversations/\xff",
]  # fmt: skip
BAD_QUERIES: list[str] = ["limit=%ff", "limit=%zz", "limit=%", "cursor=%ff", "cursor=\xff"]
GOOD_REQUEST_IDS: list[str] = ["a", "3f2c-11", "A.b_c-9", "x" * 128]
BAD_REQUEST_IDS: list[str] = ["", "x" * 129, "a b", "a,b", "a;b", '"a"', "<script>", "a\tb", "\xe9"]
READ_ROUTES = ["/health", "/ready", "/api/conversations/1", "/api/conversations/1/poll"]
WRITE_ROUTES = [f"/api/conversations/1/{act}" for act in ("read", "close", "reply")]
VERBS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
UNKNOWN = [
    "/",
    "/nothing",
    "/api",
    "/api/",
    "/api/nothing",
    "/api/conversations/",
    "/api/conversations/1/nothing",
]
ALLOWED: dict[str, set[str]] = {
    **{path: {"GET"} for path in READ_ROUTES},
    **{path: {"POST"} for path in WRITE_ROUTES},
    "/api/conversations": {"GET", "POST"},
    "/webhooks/intercom": {"HEAD", "POST"},
}


def assert_is_error(response: httpx.Response, status: int, code: str) -> None:
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == JSON
    assert_has_common_headers(response)
    if response.request.method == "HEAD":
        return
    body = response.json()
    assert set(body) == {"error", "message"}
    assert body["error"] == code
    assert isinstance(body["message"], str)
    assert body["message"]


def assert_has_common_headers(response: httpx.Response) -> None:
    assert "Server" not in response.headers
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["X-Request-Id"]
    if response.request.url.path.startswith("/api/"):
        assert response.headers["Cache-Control"] == "private, no-store"
        assert ";q=" in response.headers["RateLimit-Policy"]
        assert ";r=" in response.headers["RateLimit"]


@dataclass(frozen=True)
class Answer:
    """An answer read off the wire."""

    status: int
    headers: dict[str, str]
    body: bytes


async def raw(port: int, head: str) -> Answer:
    """Asks with a head as it is, which no client library would send."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(f"{head}\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode("latin-1"))
        answer = await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()
    start, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = start.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Answer(int(first.split()[1]), headers, body)


def assert_is_raw_error(answer: Answer, status: int, code: str) -> None:
    assert answer.status == status, answer
    assert answer.headers["content-type"] == JSON
    assert "server" not in answer.headers
    body = json.loads(answer.body)
    assert set(body) == {"error", "message"}
    assert body["error"] == code


async def test_an_unknown_path_is_404_with_any_method(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        for path in UNKNOWN:
            for method in [*VERBS, "OPTIONS"]:
                assert_is_error(await world.http.request(method, path), 404, "not_found")
                assert_is_error(await world.sdk().call(method, path), 404, "not_found")


async def test_an_unknown_path_is_404_with_a_method_that_nobody_knows(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        for path in UNKNOWN:
            response = await world.http.request("PROPFIND", path)
            assert_is_error(response, 404, "not_found")
            assert "Allow" not in response.headers


async def test_a_wrong_method_is_405_and_names_the_right_ones(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        for path, allowed in ALLOWED.items():
            for method in [*set(VERBS) - allowed, "PROPFIND", "TRACE", "BREW"]:
                for response in (
                    await world.http.request(method, path),
                    await world.sdk().call(method, path),
                    await world.sdk().call(method, path, json={"body": "Hello"}),
                ):
                    assert_is_error(response, 405, "method_not_allowed")
                    assert set(response.headers["Allow"].split(", ")) == allowed


@pytest.mark.logs("unhandled exception")
async def test_an_unexpected_error_says_nothing_of_itself(
    mongo: MongoDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: Any, **__: Any) -> Any:
        raise KeyError("secret")

    def fail_at_once(*_: Any, **__: Any) -> Any:
        raise KeyError("secret")

    async with living(mongo) as world:
        for method in ("list", "show", "find", "start", "reply", "close", "mark_read"):
            monkeypatch.setattr(world.server.parts.conversations, method, fail)
        monkeypatch.setattr(world.server.parts.conversations, "cached", fail_at_once)
        for method, path in [
            ("GET", "/api/conversations"),
            ("POST", "/api/conversations"),
            ("GET", "/api/conversations/1"),
            ("GET", "/api/conversations/1/poll"),
            ("POST", "/api/conversations/1/read"),
            ("POST", "/api/conversations/1/close"),
            ("POST", "/api/conversations/1/reply"),
        ]:
            response = await world.sdk().call(method, path, json={"body": "Hello"})
            assert_is_error(response, 500, "internal_error")
            assert "secret" not in response.text
            assert "KeyError" not in response.text


async def test_a_path_that_is_badly_encoded_is_404(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        for target in BAD_PATHS:
            answer = await raw(world.server.port, f"GET {target} HTTP/1.1\r\nAuthorization: Bearer {world.sdk().token}")
            assert_is_raw_error(answer, 404, "not_found")


async def test_a_query_that_is_badly_encoded_is_400(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        for query in BAD_QUERIES:
            await world.sdk().start(body="Hello")
            head = f"GET /api/conversations?{query} HTTP/1.1\r\nAuthorization: Bearer {world.sdk().token}"
            answer = await raw(world.server.port, head)
            assert answer.status == 400
            assert_is_raw_error(answer, 400, json.loads(answer.body)["error"])
            assert json.loads(answer.body)["error"] in {"validation_error", "bad_request"}


async def chunks(size: int) -> AsyncIterator[bytes]:
    yield b'{"body": "'
    for _ in range(size // 1024):
        yield b"x" * 1024
    yield b'"}'


@pytest.mark.parametrize("path", ["/api/conversations", "/api/conversations/1/reply"])
async def test_a_body_over_64_kib_is_400_however_it_comes(mongo: MongoDatabase, path: str) -> None:
    async with living(mongo) as world:
        for size in (64 * 1024, 1024 * 1024, 10 * 1024 * 1024):
            for content in (chunks(size), b'{"body": "' + b"x" * size + b'"}'):
                response = await world.sdk().call(
                    "POST", path, content=content, headers={"Content-Type": "application/json"}
                )
                assert_is_error(response, 400, "bad_request")
        assert await world.operator.calls() == {}


async def test_a_body_just_within_64_kib_is_read_however_it_comes(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        content = json.dumps({"body": "Hello", "unknown": ""}).encode()
        content = content[:-2] + b"x" * (64 * 1024 - len(content)) + content[-2:]

        async def in_pieces() -> AsyncIterator[bytes]:
            for at in range(0, len(content), 1000):
                yield content[at : at + 1000]

        for body in (content, in_pieces()):
            response = await world.sdk().call(
                "POST", "/api/conversations", content=body, headers={"Content-Type": "application/json"}
            )
            assert response.status_code == 201, response.text


async def test_a_well_formed_request_id_comes_back(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        for given in GOOD_REQUEST_IDS:
            for path in ("/health", "/api/conversations", "/nothing", "/api/conversations/1"):
                response = await world.http.get(path, headers={"X-Request-Id": given})
                assert response.headers["X-Request-Id"] == given
            listed = await world.sdk().call("GET", "/api/conversations", headers={"X-Request-Id": given})
            assert listed.headers["X-Request-Id"] == given
            wrong = await world.http.request("PROPFIND", "/health", headers={"X-Request-Id": given})
            assert wrong.headers["X-Request-Id"] == given


async def test_any_other_request_id_is_replaced(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        for given in BAD_REQUEST_IDS:
            seen = set()
            for path in ("/health", "/nothing", "/api/conversations"):
                response = await world.http.get(path, headers={b"X-Request-Id": given.encode("latin-1")})
                seen.add(response.headers["X-Request-Id"])
            assert len(seen) == 3
            assert all(len(request_id) == 32 and request_id.isalnum() for request_id in seen)


async def test_what_goes_well_has_the_same_headers(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        response = await alice.call("POST", "/api/conversations", json={"body": "Hello"})
        one = f"/api/conversations/{response.json()['id']}"
        answers = [response]
        for method, path, body in [
            ("GET", "/api/conversations", None),
            ("GET", one, None),
            ("GET", f"{one}/poll", None),
            ("POST", f"{one}/read", None),
            ("POST", f"{one}/reply", {"body": "Hello again"}),
            ("POST", f"{one}/close", None),
            ("GET", "/health", None),
            ("GET", "/ready", None),
        ]:
            answers.append(await alice.call(method, path, json=body))
        for answer in answers:
            assert answer.status_code in {200, 201}, answer.text
            assert answer.headers["Content-Type"] == JSON
            assert_has_common_headers(answer)


async def test_polls_not_modified_have_them_too(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        path = f"/api/conversations/{(await alice.start(body='Hello'))['id']}/poll"
        etag = (await alice.call("GET", path)).headers["ETag"]
        response = await alice.call("GET", path, headers={"If-None-Match": etag})
        assert response.status_code == 304
        assert_has_common_headers(response)


async def test_a_conversation_answer_says_its_age(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        one = f"/api/conversations/{(await alice.start(body='Hello'))['id']}"
        await world.settle()
        await alice.list()
        world.clock.advance(100)
        for path in ("/api/conversations", one, f"{one}/poll"):
            assert int((await alice.call("GET", path)).headers["Age"]) >= 100
        await world.reconcile()
        for path in ("/api/conversations", one, f"{one}/poll"):
            assert int((await alice.call("GET", path)).headers["Age"]) < 100


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/api/conversations"), ("GET", "/api/conversations/1/poll"), ("PUT", "/nothing")],
)
async def test_a_client_that_leaves_in_mid_body_is_forgotten(mongo: MongoDatabase, method: str, path: str) -> None:
    async with living(mongo) as world:
        for _ in range(3):
            await leave_in_mid_body(world, method, path)
        await eventually(lambda: world.server.lifecycle.under_way == 0, timeout_s=5)


async def leave_in_mid_body(world: World, method: str, path: str) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", world.server.port)
    before = world.server.lifecycle.under_way
    writer.write(
        f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {world.sdk().token}\r\n"
        "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n".encode()
    )
    await writer.drain()
    answered = {"route": "unknown", "method": method, "status": "404"}  # before its body came
    await eventually(
        lambda: world.server.lifecycle.under_way > before or world.metric("http_requests_total", **answered)
    )
    writer.close()
    await writer.wait_closed()
