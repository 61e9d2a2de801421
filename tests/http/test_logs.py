"""The log: one line a request, all of it JSON, and nothing in it of what was sent or who sent it."""

import asyncio
import gc
import io
import json
from typing import Any

import pytest

from supportd import logs
from tests.capturing import captured
from tests.harness import MongoDatabase, Sdk, World, living, token

USER = "canary-user-7301"
CANARIES = {
    "user": USER,
    "text": "canaryfirstwords",
    "reply": "canaryreplywords",
    "answer": "canaryanswerwords",
    "note": "canarynotewords",
    "name": "Canaria Birdsong",
    "email": "canary@birds.example",
    "main": "CanaryTopic",
    "sub": "CanarySubtopic",
    "meta_key": "canary_key",
    "meta_value": "192.0.2.77",
    "query": "canaryquery",
    "path": "canarypath",
    "agent": "CanaryBrowser",
    "error": "canaryerrortext",
    "hidden": "canaryhidden",
}


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def requests(stream: io.StringIO, route: str | None = None) -> list[dict[str, Any]]:
    return [line for line in lines(stream) if line["event"] == "request" and route in (None, line["route"])]


async def the_whole_loop(world: World) -> Sdk:
    """Everything a user and an operator can do, with a canary in each place."""
    sdk = world.sdk(USER)
    contact = {"external_id": USER, "name": CANARIES["name"], "email": CANARIES["email"]}
    await world.operator.control("POST", "/contacts", contact)
    started = await sdk.start(
        body=CANARIES["text"],
        reason={"main": CANARIES["main"], "sub": CANARIES["sub"]},
        meta={CANARIES["meta_key"]: CANARIES["meta_value"]},
    )
    one = f"/api/conversations/{started['id']}"
    await sdk.reply(started["id"], CANARIES["reply"])
    await world.operator.reply(started["id"], f"<p>{CANARIES['answer']}</p>")
    await world.operator.act(started["id"], "note", body=f"<p>{CANARIES['note']}</p>")
    await world.settle()
    await world.finish_jobs()
    await sdk.poll(started["id"])
    await sdk.list()
    await sdk.show(started["id"])
    await sdk.call("POST", f"{one}/read")
    await sdk.call("POST", f"{one}/close")
    await world.settle()
    await world.reconcile()
    for method, path in [
        ("GET", f"/{CANARIES['path']}?{CANARIES['query']}=1"),
        ("GET", f"/api/conversations/{CANARIES['path']}"),
        ("GET", f"/api/conversations?cursor={CANARIES['query']}"),
        ("GET", f"{one}/poll?since={CANARIES['query']}"),
        ("POST", f"{one}/reply?{CANARIES['query']}"),
        ("DELETE", f"{one}?{CANARIES['query']}"),
        ("CANARYVERB", f"/{CANARIES['path']}"),
    ]:
        headers = {"User-Agent": CANARIES["agent"], "X-Request-Id": "bad id " + CANARIES["agent"]}
        assert (await sdk.call(method, path, json={"body": [CANARIES["text"]]}, headers=headers)).status_code >= 400
    return sdk


def assert_no_canary(stream: io.StringIO, *more: str) -> None:
    text = stream.getvalue()
    for secret in [*CANARIES.values(), "CANARYVERB", *more]:
        assert secret.lower() not in text.lower(), secret


@pytest.mark.parametrize("level", ["debug", "info"])
async def test_nothing_of_what_was_sent_is_logged(mongo: MongoDatabase, level: str) -> None:
    with captured(level) as stream:
        async with living(mongo) as world:
            sdk = await the_whole_loop(world)
        assert len(requests(stream)) > 5
        settings = world.settings
        secrets = (sdk.token, sdk.token.split(".")[1], settings.jwt_secret, settings.intercom_access_token)
        assert_no_canary(stream, *secrets, settings.intercom_client_secret, settings.mongo_uri)


async def test_nothing_is_logged_of_it_when_things_go_wrong_either(
    mongo: MongoDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: Any, **__: Any) -> Any:
        raise KeyError(CANARIES["error"])

    with captured() as stream:
        async with living(mongo) as world:
            sdk = world.sdk(USER)
            started = await sdk.start(body=CANARIES["text"])
            for trouble in (
                {"garbage": "half"},
                {"force_429": True},
                {"error_rate": 1.0},
                {"outage": "refuse"},
            ):
                await world.operator.no_trouble()
                await world.operator.trouble(**trouble)
                world.clock.advance(60)
                reply = {"body": CANARIES["reply"]}
                await sdk.call("POST", f"/api/conversations/{started['id']}/reply", json=reply)
                await sdk.call("GET", f"/api/conversations/{CANARIES['path']}")
            await world.operator.no_trouble()
            monkeypatch.setattr(world.server.parts.conversations, "list", fail)
            assert (await sdk.call("GET", "/api/conversations")).status_code == 500
        assert_no_canary(stream, sdk.token)
        (failure,) = [line for line in lines(stream) if line["event"] == "unhandled exception"]
        assert failure["level"] == "error"
        assert failure["error_type"] == "KeyError"
        assert failure["route"] == "conversations"
        assert "fail" in failure["exception"]


async def test_an_error_that_nobody_caught_is_not_quoted() -> None:
    async def fail(_: str) -> None:
        raise KeyError(CANARIES["error"])

    def fail_at_once(_: str) -> None:
        raise KeyError(CANARIES["error"])

    with captured() as stream:
        task = asyncio.create_task(fail(CANARIES["text"]), name=CANARIES["name"])
        asyncio.get_running_loop().call_soon(fail_at_once, CANARIES["text"])
        await asyncio.wait([task])
        del task
        gc.collect()
    assert_no_canary(stream)
    assert [line["error_type"] for line in lines(stream)] == ["KeyError", "KeyError"]
    assert all(line["event"] and line["exception"] for line in lines(stream))


async def test_every_line_is_json_and_says_what_when_and_how_bad(mongo: MongoDatabase) -> None:
    with captured() as stream:
        async with living(mongo) as world:
            await the_whole_loop(world)
        for line in lines(stream):
            assert line["event"]
            assert line["timestamp"].endswith("Z")
            assert line["level"] in {"debug", "info", "warning", "error"}
            assert set(line) <= logs.FIELDS


async def test_what_goes_well_warns_of_nothing(mongo: MongoDatabase) -> None:
    with captured() as stream:
        async with living(mongo) as world:
            await the_whole_loop(world)
        assert [line for line in lines(stream) if line["level"] not in {"debug", "info"}] == []


async def test_each_request_has_one_line(mongo: MongoDatabase) -> None:
    with captured() as stream:
        async with living(mongo, log_level="debug") as world:
            alice = world.sdk("alice")
            started = await alice.start(body="Hello")
            one = f"/api/conversations/{started['id']}"
            asked = [
                ("GET", "/health", "health", 200),
                ("GET", "/ready", "ready", 200),
                ("GET", "/api/conversations", "conversations", 200),
                ("GET", one, "conversation", 200),
                ("GET", f"{one}/poll", "poll", 200),
                ("POST", f"{one}/read", "read", 200),
                ("POST", f"{one}/reply", "reply", 400),
                ("POST", f"{one}/close", "close", 200),
                ("GET", "/nothing", "unknown", 404),
                ("DELETE", one, "conversation", 405),
            ]
            for number, (method, path, _, status) in enumerate(asked):
                response = await alice.call(method, path, headers={"X-Request-Id": f"request-{number}"})
                assert response.status_code == status, path
        for number, (method, _, route, status) in enumerate(asked):
            (line,) = [found for found in requests(stream) if found["request_id"] == f"request-{number}"]
            assert (line["method"], line["route"], line["status"]) == (method, route, status)
            assert line["duration_ms"] >= 0


async def test_a_user_is_a_hash_the_same_each_time_and_another_for_another(mongo: MongoDatabase) -> None:
    with captured() as stream:
        async with living(mongo) as world:
            for user in ("alice", "alice", "bob"):
                await world.sdk(user).list()
            await world.http.get("/api/conversations")
        first, second, other, nobody = (line["user"] for line in requests(stream, "conversations"))
        assert first == second != other
        assert nobody is None
        assert "alice" not in first
        assert len(first) == 12


async def test_a_request_id_made_here_is_the_answers_and_the_lines(mongo: MongoDatabase) -> None:
    with captured() as stream:
        async with living(mongo) as world:
            response = await world.http.get("/nothing")
        assert requests(stream, "unknown")[0]["request_id"] == response.headers["X-Request-Id"]


async def test_a_refused_token_is_not_logged(mongo: MongoDatabase) -> None:
    with captured() as stream:
        async with living(mongo) as world:
            bad = token("alice", secret="another-secret-of-more-than-thirty-two-bytes")
            await world.http.get("/api/conversations", headers={"Authorization": f"Bearer {bad}"})
            await world.http.get("/api/conversations", headers={"Authorization": "Bearer canaryhidden"})
        assert bad not in stream.getvalue()
        assert "canaryhidden" not in stream.getvalue()
        assert len(requests(stream, "conversations")) == 2
