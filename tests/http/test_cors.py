"""Browsers: nothing by default, the configured origins where there are some."""

import itertools

import httpx

from tests.harness import MongoDatabase, living

ORIGIN = "https://app.example"
SECOND = "http://localhost:3000"
PATHS = [
    "/api/conversations",
    "/api/conversations/1",
    "/api/conversations/1/poll",
    "/api/conversations/1/reply",
]
PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type,idempotency-key",
}


OTHERS: list[str] = [
    "https://evil.example", "http://app.example", "https://app.example:444", "https://app.example.evil.example",
    "https://APP.example/", "null", "*", "",
]  # fmt: skip


def allows(response: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in response.headers.items() if name.startswith("access-control-")}


def words(value: str) -> set[str]:
    return {word.strip().lower() for word in value.split(",")}


async def test_there_is_none_by_default(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        for path in (*PATHS, "/health"):
            for method in ("OPTIONS", "GET", "POST"):
                response = await world.sdk().call(method, path, headers={"Origin": ORIGIN, **PREFLIGHT})
                assert allows(response) == {}
            preflight = await world.http.request("OPTIONS", path, headers={"Origin": ORIGIN, **PREFLIGHT})
            assert preflight.status_code == 204
            assert preflight.headers["Allow"]


async def test_a_preflight_needs_no_token(mongo: MongoDatabase) -> None:
    async with living(mongo, cors_origins=(ORIGIN, SECOND)) as world:
        for path, origin in itertools.product(PATHS, (ORIGIN, SECOND)):
            response = await world.http.request("OPTIONS", path, headers={"Origin": origin, **PREFLIGHT})

            assert response.status_code == 204
            assert response.content == b""
            assert response.headers["Access-Control-Allow-Origin"] == origin
            assert words(response.headers["Access-Control-Allow-Methods"]) == words(response.headers["Allow"])
            assert words(response.headers["Access-Control-Allow-Headers"]) >= {
                "authorization", "content-type", "idempotency-key", "if-none-match", "x-request-id",
            }  # fmt: skip
            assert int(response.headers["Access-Control-Max-Age"]) > 0
            assert "origin" in words(response.headers["Vary"])
            assert "Access-Control-Allow-Credentials" not in response.headers


async def test_an_answer_may_be_read_by_the_origin(mongo: MongoDatabase) -> None:
    async with living(mongo, cors_origins=(ORIGIN,)) as world:
        alice = world.sdk()
        started = await alice.call("POST", "/api/conversations", json={"body": "Hello"}, headers={"Origin": ORIGIN})
        poll = f"/api/conversations/{started.json()['id']}/poll"
        polled = await alice.call("GET", poll, headers={"Origin": ORIGIN})
        unchanged = await alice.call("GET", poll, headers={"Origin": ORIGIN, "If-None-Match": polled.headers["ETag"]})

        assert [started.status_code, polled.status_code, unchanged.status_code] == [201, 200, 304]
        for response in (started, polled, unchanged):
            assert response.headers["Access-Control-Allow-Origin"] == ORIGIN
            assert "origin" in words(response.headers["Vary"])
            assert words(response.headers["Access-Control-Expose-Headers"]) >= {
                "etag", "retry-after", "ratelimit", "ratelimit-policy", "age", "idempotent-replayed", "x-request-id",
            }  # fmt: skip


async def test_another_origin_gets_none_but_its_caches_are_told(mongo: MongoDatabase) -> None:
    async with living(mongo, cors_origins=(ORIGIN,)) as world:
        for origin in OTHERS:
            for method in ("OPTIONS", "GET"):
                response = await world.sdk().call(method, "/api/conversations", headers={"Origin": origin, **PREFLIGHT})
                assert response.status_code in {200, 204}
                assert allows(response) == {}
                assert "origin" in words(response.headers["Vary"])


async def test_without_an_origin_there_is_none_but_caches_are_told(mongo: MongoDatabase) -> None:
    async with living(mongo, cors_origins=(ORIGIN,)) as world:
        response = await world.sdk().call("GET", "/api/conversations")
        assert allows(response) == {}
        assert "origin" in words(response.headers["Vary"])


async def test_an_error_may_be_read_by_the_origin_too(mongo: MongoDatabase) -> None:
    async with living(mongo, cors_origins=(ORIGIN,), rate_limit_per_minute=2) as world:
        found = {}
        for method, path, token in [
            ("GET", "/api/conversations", False),
            ("GET", "/api/nothing", False),
            ("OPTIONS", "/api/nothing", False),
            ("DELETE", "/api/conversations", False),
            ("PROPFIND", "/api/conversations", False),
            ("POST", "/api/conversations", True),
            ("GET", "/api/conversations/1", True),
            ("GET", "/api/conversations?limit=0", True),
            ("GET", "/api/conversations", True),
        ]:
            asked = world.sdk().call if token else world.http.request
            response = await asked(method, path, headers={"Origin": ORIGIN})
            found[response.status_code] = response
            assert response.headers["Access-Control-Allow-Origin"] == ORIGIN, (method, path)
            assert response.headers["Access-Control-Expose-Headers"]
            assert "origin" in words(response.headers["Vary"])
        assert set(found) == {400, 401, 404, 405, 429}
