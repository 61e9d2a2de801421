"""supportd under the real supervisord, with the configuration that is delivered."""

import contextlib
import os
import shlex
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

import supportd
from supportd.dev.child import Child
from supportd.dev.ports import free_port
from tests.harness import MongoDatabase
from tests.system.processes import INTERCOM, environment, serve_environment, started
from tests.waiting import eventually

pytestmark = pytest.mark.timeout(180)  # processes start, stop, and start again

ROOT = Path(supportd.__file__).parents[1]
BASH = shutil.which("bash") or ""
START = "set -a; . conf/supportd.env; set +a; exec .venv/bin/supervisord -n -c supervisord.conf"  # as the file says


class Supervised:
    """A checkout with its supervisord."""

    def __init__(self, folder: Path, environ: dict[str, str]) -> None:
        self.folder = folder
        self.health = f"http://127.0.0.1:{environ['PORT']}/health"
        (folder / ".venv").symlink_to(sys.prefix)
        (folder / "var" / "log").mkdir(parents=True)
        (folder / "conf").mkdir()
        shutil.copy(ROOT / "supervisord.conf", folder)
        settings = {name: value for name, value in environ.items() if name not in os.environ}
        lines = [f"{name}={shlex.quote(value)}\n" for name, value in settings.items()]
        (folder / "conf" / "supportd.env").write_text("".join(lines))
        self.daemon = self._shell("supervisord", START)

    async def control(self, command: str) -> str:
        """What `supervisorctl` answers."""
        child = self._shell("supervisorctl", f"exec .venv/bin/supervisorctl -c supervisord.conf {command}")
        child.start()
        await eventually(lambda: not child.running, timeout_s=30)
        return child.last_lines().strip()

    async def pid(self) -> int:
        """The server's, once it counts as running."""
        await eventually(self._runs)
        return int(await self.control("pid supportd"))

    async def answers(self) -> bool:
        assert self.daemon.running, self.daemon.last_lines()
        async with httpx.AsyncClient(trust_env=False) as http:
            try:
                return (await http.get(self.health)).status_code == 200
            except httpx.TransportError:
                return False

    @property
    def log(self) -> str:
        return (self.folder / "var" / "log" / "supervisord.log").read_text()

    async def _runs(self) -> bool:
        return "RUNNING" in await self.control("status supportd")

    def _shell(self, name: str, command: str) -> Child:
        there = f"cd {shlex.quote(str(self.folder))}; {command}"
        return Child(name, [BASH, "-c", there], log=self.folder / f"{name}.out", environ=environment())


@contextlib.asynccontextmanager
async def supervised(mongo: MongoDatabase, folder: Path) -> AsyncIterator[Supervised]:
    port = free_port()
    with started("simulator", ["supportd.simulator", "--port", str(port)], environment(**INTERCOM), folder):
        world = Supervised(folder, serve_environment(mongo.uri, mongo.name, f"http://127.0.0.1:{port}"))
        world.daemon.start()
        try:
            await eventually(world.answers)
            yield world
        finally:
            world.daemon.stop(within_s=30)


async def test_supervisord_starts_it_again_and_stops_it_in_order(mongo: MongoDatabase, tmp_path: Path) -> None:
    async with supervised(mongo, tmp_path) as world:
        first = await world.pid()
        os.kill(first, signal.SIGKILL)
        await eventually(lambda: "exited: supportd (terminated by SIGKILL; not expected)" in world.log)
        await eventually(world.answers)
        assert await world.pid() != first
        assert await world.control("stop supportd") == "supportd: stopped"
        assert "stopped: supportd (exit status 0)" in world.log
        assert "WARN killing" not in world.log
        assert not await world.answers()
        served = (tmp_path / "var" / "log" / "serve.log").read_text()
        assert '"event": "stopped"' in served
