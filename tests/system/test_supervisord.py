"""supportd under supervisord: started again after a crash, stopped in order."""

import asyncio
import os
import signal
from pathlib import Path

import httpx
import pytest

from tests.harness import JWT_SECRET, MongoDatabase, Sdk, token
from tests.system.supervised import SERVES, Supervised, supervised
from tests.waiting import eventually

# Else nginx is needed, which asks again where one was closed.
A_CONNECTION_EACH = httpx.Limits(max_keepalive_connections=0)

pytestmark = pytest.mark.timeout(180)  # processes start, stop, and start again


async def test_supervisord_starts_it_again_and_stops_it_in_order(mongo: MongoDatabase, tmp_path: Path) -> None:
    async with supervised(mongo, tmp_path, log_size="20KB", LOG_LEVEL="debug") as world:
        first = await world.pid()
        os.kill(first, signal.SIGKILL)
        await eventually(lambda: "exited: 0 (terminated by SIGKILL; not expected)" in world.log)
        await eventually(world.answers)
        assert await world.pid() != first
        await fill_log(world)
        await eventually((tmp_path / "var" / "log" / "serve.log.2").exists)  # it is rotated
        assert await world.control(f"stop {SERVES}") == f"{SERVES}: stopped"
        assert "stopped: 0 (exit status 0)" in world.log
        assert "WARN killing" not in world.log
        assert "STOPPED" in await world.control(f"status {SERVES}")
        served = (tmp_path / "var" / "log" / "serve.log").read_text()
        assert '"event": "stopped"' in served


async def test_a_secret_is_rotated_and_no_request_fails(mongo: MongoDatabase, tmp_path: Path) -> None:
    newer = "n" * 40
    async with (
        supervised(mongo, tmp_path) as world,
        httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{world.port}", trust_env=False, timeout=40, limits=A_CONNECTION_EACH
        ) as http,
    ):
        before, after = Sdk(http, "alice", token("alice")), Sdk(http, "alice", token("alice", secret=newer))
        chat = await before.start(body="Hello")
        over = asyncio.Event()
        polling = asyncio.create_task(poll_until(over, before, chat["id"]))

        assert (await after.call("GET", "/api/conversations")).status_code == 401
        world.settings |= {"JWT_SECRET": newer, "JWT_SECRET_PREVIOUS": JWT_SECRET}
        world.write_settings()
        await world.control(f"restart {SERVES}")
        for session in (before, after):
            assert [each["id"] for each in await session.list()] == [chat["id"]]
        over.set()
        assert await polling == {200}


async def fill_log(world: Supervised) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{world.port}", trust_env=False) as http:
        for _ in range(300):
            await http.get("/health")


async def poll_until(over: asyncio.Event, sdk: Sdk, conversation_id: str) -> set[int]:
    """Polls one after the other; what the statuses were."""
    statuses = set()
    while not over.is_set():
        statuses.add((await sdk.call("GET", f"/api/conversations/{conversation_id}/poll?since=0")).status_code)
    return statuses
