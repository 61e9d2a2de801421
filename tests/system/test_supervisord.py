"""supportd under supervisord: started again after a crash, stopped in order."""

import os
import signal
from pathlib import Path

import pytest

from tests.harness import MongoDatabase
from tests.system.supervised import SERVES, supervised
from tests.waiting import eventually

pytestmark = pytest.mark.timeout(180)  # processes start, stop, and start again


async def test_supervisord_starts_it_again_and_stops_it_in_order(mongo: MongoDatabase, tmp_path: Path) -> None:
    async with supervised(mongo, tmp_path) as world:
        first = await world.pid()
        os.kill(first, signal.SIGKILL)
        await eventually(lambda: "exited: 0 (terminated by SIGKILL; not expected)" in world.log)
        await eventually(world.answers)
        assert await world.pid() != first
        assert await world.control(f"stop {SERVES}") == f"{SERVES}: stopped"
        assert "stopped: 0 (exit status 0)" in world.log
        assert "WARN killing" not in world.log
        assert "STOPPED" in await world.control(f"status {SERVES}")
        served = (tmp_path / "var" / "log" / "serve.log").read_text()
        assert '"event": "stopped"' in served
