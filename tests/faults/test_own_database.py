"""What only MongoDB keeps: it goes on without Intercom, fails clearly without MongoDB, and heals by itself."""

from pathlib import Path
from typing import Any

import pytest

from supportd.dev.mongod import running_mongod
from tests.harness import MongoDatabase, Sdk, World, living
from tests.waiting import eventually

COMPLAINT = {"category": "security", "description": "Somebody else was in my account"}
DEVICE = {"platform": "mobile", "token": "a-token"}
CALLS: list[tuple[str, str, Any]] = [
    ("POST", "/api/complaints", COMPLAINT),
    ("POST", "/api/devices/register", DEVICE),
    ("DELETE", "/api/devices/0", None),
    ("GET", "/api/settings/notifications", None),
    ("PUT", "/api/settings/notifications", {"chatMessages": False}),
]


async def answers(sdk: Sdk) -> list[tuple[int, str | None]]:
    found = [await sdk.call(method, path, json=body) for method, path, body in CALLS]
    return [(response.status_code, response.json().get("error")) for response in found]


async def counts(world: World) -> list[int]:
    database = world.server.parts.database
    return [await database[name].count_documents({}) for name in ("complaints", "devices", "preferences")]


@pytest.mark.logs("storage unavailable", "periodic task failed")
async def test_mongodb_killed_nothing_is_half_done_and_it_heals_without_a_restart(tmp_path: Path) -> None:
    async with (
        running_mongod(tmp_path) as mongod,
        living(MongoDatabase(mongod.uri, "killed", tmp_path / "files")) as world,
    ):
        alice = world.sdk()
        kept = await alice.post("/api/devices/register", DEVICE, status=200)
        await alice.post("/api/complaints", COMPLAINT, status=201)

        mongod.kill()
        assert await answers(world.sdk("bob")) == [(502, "service_unavailable")] * len(CALLS)
        assert (await alice.call("POST", "/api/diagnostics", json={"appVersion": "1.0"})).status_code == 204

        mongod.restart()
        await eventually(lambda: _is_ready(world))
        assert await counts(world) == [1, 1, 0]
        assert await alice.post("/api/devices/register", DEVICE, status=200) == kept
        assert [status for status, _ in await answers(world.sdk("bob"))] == [201, 200, 404, 200, 200]


async def test_everything_goes_on_while_intercom_is_down(mongo: MongoDatabase) -> None:
    async with living(mongo, webhooks=False) as world:
        await world.operator.trouble(outage="refuse")
        for _ in range(4):
            assert (await world.sdk().call("GET", "/api/conversations/404404")).status_code == 502
        assert [status for status, _ in await answers(world.sdk())] == [201, 200, 404, 200, 200]
        assert (await world.sdk().call("POST", "/api/diagnostics", json={})).status_code == 204
        assert await counts(world) == [1, 1, 1]


async def _is_ready(world: World) -> bool:
    return (await world.http.get("/ready")).status_code == 200
