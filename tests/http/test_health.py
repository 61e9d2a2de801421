"""Alive or not, ready or not."""

import asyncio
import contextlib
import socket
from dataclasses import replace

import httpx
import pytest

from supportd import __version__
from supportd.server import running
from tests.conformance import CHECKED
from tests.harness import MongoDatabase, World, living, settings, simulating
from tests.waiting import eventually


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def assert_unready(response: httpx.Response, *, database: str | None = None, intercom: str = "closed") -> None:
    assert response.status_code == 503, response.text
    answer = response.json()
    assert set(answer) == {"status", "checks"}
    assert answer["status"] == "unavailable"
    assert set(answer["checks"]) == {"database", "intercom"}
    assert answer["checks"]["intercom"] == intercom
    assert (answer["checks"]["database"] == "ok") is (database is None)
    if database is not None:
        assert answer["checks"]["database"] == database


async def test_health_says_that_it_is_up(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        world.clock.advance(100)
        response = await world.http.get("/health")
        answer = response.json()
        assert response.status_code == 200
        assert set(answer) == {"status", "version", "uptime"}
        assert (answer["status"], answer["version"]) == ("ok", __version__)
        assert isinstance(answer["uptime"], int)
        assert answer["uptime"] >= 100


async def test_ready_says_what_it_checked(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        response = await world.http.get("/ready")
        assert response.status_code == 200
        assert response.json() == {"status": "ready", "checks": {"database": "ok", "intercom": "closed"}}


@pytest.mark.logs("storage unavailable", "periodic task failed")
async def test_without_mongodb_it_is_alive_and_not_ready(mongo: MongoDatabase) -> None:
    async with simulating() as simulator:
        uri = f"mongodb://127.0.0.1:{closed_port()}/?directConnection=true"
        configuration = replace(settings(mongo, simulator.base_url), mongo_uri=uri)
        async with (
            running(configuration) as server,
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}", trust_env=False, event_hooks=CHECKED) as http,
        ):
            assert (await http.get("/health")).status_code == 200
            assert_unready(await http.get("/ready"), database="unreachable")


async def open_the_breaker(world: World) -> None:
    await world.sdk().start(body="Hello")
    await world.operator.trouble(outage="error")
    for number in range(3):
        response = await world.sdk().call("GET", f"/api/conversations/{number}")
        assert (response.status_code, response.json()["error"]) == (502, "service_unavailable")


async def test_while_the_breaker_is_open_it_is_alive_and_not_ready(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        await open_the_breaker(world)
        assert_unready(await world.http.get("/ready"), intercom="open")
        assert (await world.http.get("/health")).status_code == 200


async def test_it_heals_by_the_reconcilers_next_run(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        await open_the_breaker(world)
        await world.operator.no_trouble()
        assert_unready(await world.http.get("/ready"), intercom="open")
        world.clock.advance(31)
        await world.reconcile()
        response = await world.http.get("/ready")
        assert response.status_code == 200
        assert response.json()["checks"]["intercom"] == "closed"


async def test_an_outage_that_lasts_keeps_it_unready(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        await open_the_breaker(world)
        world.clock.advance(31)
        response = await world.sdk().call("GET", "/api/conversations/4")
        assert response.status_code == 502
        assert_unready(await world.http.get("/ready"), intercom="open")


async def test_while_it_stops_it_is_not_ready(mongo: MongoDatabase) -> None:
    async with (
        simulating() as simulator,
        httpx.AsyncClient(trust_env=False, event_hooks=CHECKED) as http,
        contextlib.AsyncExitStack() as up,
    ):
        server = await up.enter_async_context(running(settings(mongo, simulator.base_url)))
        base = f"http://127.0.0.1:{server.port}"
        assert (await http.get(f"{base}/ready")).status_code == 200  # the connection is kept for the next question
        server.lifecycle.enter()
        stopping = asyncio.create_task(up.aclose())
        await eventually(lambda: server.lifecycle.stopping)
        response = await http.get(f"{base}/ready")
        assert_unready(response)
        assert response.headers["Connection"] == "close"
        server.lifecycle.leave()
        await stopping


async def test_health_and_ready_ask_for_no_token_and_mind_none(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        for path in ("/health", "/ready"):
            for authorization in ("Bearer nonsense", "Basic abc"):
                response = await world.http.get(path, headers={"Authorization": authorization})
                assert response.status_code == 200


async def test_ready_costs_intercom_no_call(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        for _ in range(10):
            await world.http.get("/ready")
        assert await world.operator.calls() == {}
