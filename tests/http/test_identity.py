"""Tokens over HTTP: which hold, which don't, and what those whose don't are told."""

import base64
import json
import time
from typing import Any

import httpx
import jwt

from tests.harness import JWT_SECRET, MongoDatabase, World, living, token

LIST = "/api/conversations"
OTHER_SECRET = "another-secret-of-more-than-thirty-two-bytes"
IN_AN_HOUR = int(time.time()) + 3600
ROUTES = [
    ("GET", LIST),
    ("POST", LIST),
    ("GET", f"{LIST}/1"),
    ("GET", f"{LIST}/1/poll"),
    ("POST", f"{LIST}/1/read"),
    ("POST", f"{LIST}/1/close"),
    ("POST", f"{LIST}/1/reply"),
]


def signed(claims: dict[str, Any], *, secret: str = JWT_SECRET, algorithm: str = "HS256", **header: Any) -> str:
    return jwt.encode(claims, secret, algorithm=algorithm, headers=header or None)


def unsigned(header: dict[str, Any], claims: dict[str, Any]) -> str:
    parts = (base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in (header, claims))
    return ".".join([*parts, ""])


BAD_TOKENS: list[str] = [
    signed({"userId": "alice"}),
    signed({"userId": "alice", "exp": IN_AN_HOUR - 7200}),
    signed({"userId": "alice", "exp": 0}),
    signed({"userId": "alice", "exp": "soon"}),
    signed({"userId": "alice", "exp": str(IN_AN_HOUR)}),
    signed({"userId": "alice", "exp": None}),
    signed({"userId": "alice", "exp": True}),
    signed({"userId": "alice", "exp": [IN_AN_HOUR]}),
    signed({"exp": IN_AN_HOUR}),
    signed({"userId": "", "exp": IN_AN_HOUR}),
    signed({"userId": 5, "exp": IN_AN_HOUR}),
    signed({"userId": ["alice"], "exp": IN_AN_HOUR}),
    signed({"userId": {"$gt": ""}, "exp": IN_AN_HOUR}),
    signed({"userId": "x" * 129, "exp": IN_AN_HOUR}),
    signed({"userId": "a\nb", "exp": IN_AN_HOUR}),
    signed({"userId": "a\x00b", "exp": IN_AN_HOUR}),
    signed({"userId": "alice", "exp": IN_AN_HOUR, "nbf": IN_AN_HOUR}),
    signed({"userId": "alice", "exp": IN_AN_HOUR}, secret=OTHER_SECRET),
    signed({"userId": "alice", "exp": IN_AN_HOUR}, secret=JWT_SECRET * 2, algorithm="HS384"),
    signed({"userId": "alice", "exp": IN_AN_HOUR}, secret=JWT_SECRET * 2, algorithm="HS512"),
    unsigned({"alg": "none", "typ": "JWT"}, {"userId": "alice", "exp": IN_AN_HOUR}),
    unsigned({"alg": "None"}, {"userId": "alice", "exp": IN_AN_HOUR}),
    unsigned({"alg": "HS256"}, {"userId": "alice", "exp": IN_AN_HOUR}),
    unsigned({}, {"userId": "alice", "exp": IN_AN_HOUR}),
    unsigned({"alg": ["HS256"]}, {"userId": "alice", "exp": IN_AN_HOUR}),
    unsigned({"alg": "RS256"}, {"userId": "alice", "exp": IN_AN_HOUR}),
]
ODD_USERS: list[str] = [
    "x" * 128,
    "a b",
    "a/b?c#d",
    "../alice",
    "%2e%2e",
    "\u0430lice",
    "{$gt}",
    "alice@x.example",
]


async def ask(world: World, authorization: str | None, method: str = "GET", path: str = LIST) -> httpx.Response:
    headers = {} if authorization is None else {b"Authorization": authorization.encode("latin-1")}
    return await world.http.request(method, path, headers=headers)


def assert_unauthorized(response: httpx.Response) -> None:
    assert response.status_code == 401, response.text
    assert set(response.json()) == {"error", "message"}
    assert response.json()["error"] == "unauthorized"
    assert response.headers["WWW-Authenticate"].split()[0] == "Bearer"
    assert response.headers["Cache-Control"] == "private, no-store"
    assert response.headers["Content-Type"] == "application/json; charset=utf-8"


async def test_every_route_asks_for_a_token_before_anything_else(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        for method, path in ROUTES:
            for content in (b"", b"not json", b"x" * 100_000):
                response = await world.http.request(method, f"{path}?limit=x&since=x", content=content)
                assert_unauthorized(response)
            assert await world.operator.calls() == {}


async def test_a_bearer_token_is_taken_however_its_scheme_is_spelt(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = token("alice")
        for scheme in ("Bearer ", "bearer ", "BEARER ", "bEaReR  "):
            assert (await ask(world, scheme + alice)).status_code == 200


async def test_anything_else_is_401(mongo: MongoDatabase) -> None:
    alice = token("alice")
    header, payload, signature = alice.split(".")
    async with living(mongo) as world:
        for authorization in [
            None, "", "Bearer", alice, f"Token {alice}", f"Basic {alice}", f"Bearer{alice}", f"Bearer,{alice}",
            f"Bearer {alice} {alice}", f"Bearer {alice},{alice}", f'Bearer "{alice}"', "Bearer null", "Bearer a.b.c",
            "Bearer ...", f"Bearer {header}.{payload}", f"Bearer {header}.{payload}.", f"Bearer {header}..{signature}",
            f"Bearer {header}.{payload}.{signature[:-2]}", f"Bearer {payload}.{header}.{signature}",
            f"Bearer {alice}{'x' * 9000}", "Bearer \xff\xfe", "Bearer " + "." * 8000,
        ]:  # fmt: skip
            assert_unauthorized(await ask(world, authorization))
        assert await world.operator.calls() == {}


async def test_a_token_in_the_query_or_a_cookie_is_none(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = token("alice")
        for name in ("token", "access_token", "authorization"):
            assert_unauthorized(await world.http.get(LIST, params={name: alice}))
            assert_unauthorized(await world.http.get(LIST, headers={"Cookie": f"{name}={alice}"}))


async def test_a_token_that_does_not_hold_is_401(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        for bad in BAD_TOKENS:
            for _ in range(2):
                assert_unauthorized(await ask(world, f"Bearer {bad}"))
            assert await world.operator.calls() == {}


async def test_the_user_is_user_id_else_sub(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        await world.sdk("alice").start(body="Hello")
        cases: list[tuple[dict[str, Any], int]] = [
            ({"userId": "alice"}, 1),
            ({"sub": "alice"}, 1),
            ({"userId": "alice", "sub": "bob"}, 1),
            ({"userId": "alice", "sub": 5}, 1),
            ({"userId": "bob", "sub": "alice"}, 0),
            ({"sub": "bob"}, 0),
        ]
        for claims, count in cases:
            response = await ask(world, "Bearer " + signed({**claims, "exp": IN_AN_HOUR}))
            assert len(response.json()["conversations"]) == count, claims


async def test_a_token_holds_until_it_expires_and_no_longer(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        short, long = (f"Bearer {token('alice', expires_in=seconds)}" for seconds in (100, 1000))
        started = await world.sdk("alice").start(body="Hello")
        poll = f"{LIST}/{started['id']}/poll"
        for path in (LIST, poll):
            assert (await ask(world, short, path=path)).status_code == 200
        world.clock.advance(101)
        for path in (LIST, poll):
            assert_unauthorized(await ask(world, short, path=path))
            assert (await ask(world, long, path=path)).status_code == 200
        world.clock.advance(1000)
        assert_unauthorized(await ask(world, long))


async def test_two_secrets_hold_while_one_is_rotated(mongo: MongoDatabase) -> None:
    async with living(mongo, jwt_secret_previous=OTHER_SECRET) as world:
        await world.sdk("alice").start(body="Hello")
        for secret in (JWT_SECRET, OTHER_SECRET):
            response = await ask(world, f"Bearer {token('alice', secret=secret)}")
            assert len(response.json()["conversations"]) == 1
        assert_unauthorized(await ask(world, f"Bearer {token('alice', secret='x' * 40)}"))
        assert_unauthorized(await ask(world, f"Bearer {token('alice', secret=OTHER_SECRET, expires_in=-10)}"))


async def test_the_issuer_is_checked_where_it_is_set(mongo: MongoDatabase) -> None:
    async with living(mongo, jwt_issuer="https://app.example") as world:
        assert (await ask(world, f"Bearer {token('alice', iss='https://app.example')}")).status_code == 200
        for claims in ({}, {"iss": "https://other.example"}, {"iss": ""}):
            assert_unauthorized(await ask(world, f"Bearer {signed({'userId': 'alice', 'exp': IN_AN_HOUR, **claims})}"))


async def test_the_audience_is_checked_where_it_is_set(mongo: MongoDatabase) -> None:
    async with living(mongo, jwt_audience="support") as world:
        for good in ("support", ["other", "support"]):
            assert (await ask(world, f"Bearer {token('alice', aud=good)}")).status_code == 200
        assert_unauthorized(await ask(world, f"Bearer {token('alice')}"))
        others: list[Any] = ["other", "support2", "", [], None, 5]
        for bad in others:
            assert_unauthorized(await ask(world, f"Bearer {token('alice', aud=bad)}"))


async def test_issuer_and_audience_are_no_matter_where_they_are_not_set(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        assert (await ask(world, f"Bearer {token('alice', iss='anybody', aud='anything')}")).status_code == 200


async def test_an_odd_user_id_is_a_user_of_its_own(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        await world.sdk("alice").start(body="alice's")
        for user in ODD_USERS:
            odd = world.sdk(user)
            assert await odd.list() == []
            started = await odd.start(body="odd one's")
            assert [summary["id"] for summary in await odd.list()] == [started["id"]]
            assert len(await world.sdk("alice").list()) == 1
