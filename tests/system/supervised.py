"""supportd under the real supervisord, with the configuration that is delivered; only its port is another."""

import contextlib
import os
import shlex
import shutil
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx

import supportd
from supportd.dev.child import Child
from supportd.dev.ports import LOOPBACK, free_port
from tests.harness import MongoDatabase
from tests.system.processes import INTERCOM, environment, serve_environment, started
from tests.waiting import eventually

ROOT = Path(supportd.__file__).parents[1]
BASH = shutil.which("bash") or ""
ADDRESS = "127.0.0.1:41100"
SERVES = "supportd:0"  # supervisord's name of the process that serves
START = "exec .venv/bin/supervisord -n -c supervisord.conf"  # as the file says
LOG_SIZE = "50MB"
COUNT = 3  # processes of the variant for several


class Supervised:
    """A checkout with its supervisord."""

    def __init__(
        self, folder: Path, environ: dict[str, str], simulator: str, *, log_size: str = LOG_SIZE, several: bool = False
    ) -> None:
        self.folder = folder
        self.simulator = simulator
        self.port = int(environ["PORT"])
        (folder / ".venv").symlink_to(sys.prefix)
        (folder / "var" / "log").mkdir(parents=True)
        (folder / "conf").mkdir()
        configuration = (ROOT / "supervisord.conf").read_text()
        changes = {ADDRESS: f"{LOOPBACK}:{self.port}", LOG_SIZE: log_size}
        if several:
            configuration = _for_several(configuration)
            api, metrics = free_tens(2)
            self.ports, self.metrics_ports = (range(10 * ten, 10 * ten + COUNT) for ten in (api, metrics))
            self.port = self.ports[0]
            changes = {"PORT=4111%": f"PORT={api}%", "PORT=4112%": f"PORT={metrics}%"}
        for delivered, here in changes.items():
            assert delivered in configuration
            configuration = configuration.replace(delivered, here)
        (folder / "supervisord.conf").write_text(configuration)
        self.settings = {name: value for name, value in environ.items() if name not in os.environ}
        self.write_settings()
        self.daemon = self._shell("supervisord", START)

    def write_settings(self) -> None:
        """Writes the settings as they are now into the file that supportd reads when it starts."""
        lines = [f"{name}={shlex.quote(value)}\n" for name, value in self.settings.items()]
        (self.folder / "conf" / "supportd.env").write_text("".join(lines))

    async def control(self, command: str) -> str:
        """What `supervisorctl` answers."""
        child = self._shell("supervisorctl", f"exec .venv/bin/supervisorctl -c supervisord.conf {command}")
        child.start()
        await eventually(lambda: not child.running, timeout_s=30)
        return child.last_lines().strip()

    async def pid(self, name: str = SERVES) -> int:
        """The server's, once it counts as running."""
        await eventually(lambda: self._runs(name))
        return int(await self.control(f"pid {name}"))

    async def answers(self) -> bool:
        assert self.daemon.running, self.daemon.last_lines()
        async with httpx.AsyncClient(trust_env=False) as http:
            try:
                return (await http.get(f"http://{LOOPBACK}:{self.port}/health")).status_code == 200
            except httpx.TransportError:
                return False

    @property
    def log(self) -> str:
        return (self.folder / "var" / "log" / "supervisord.log").read_text()

    async def _runs(self, name: str) -> bool:
        return "RUNNING" in await self.control(f"status {name}")

    def _shell(self, name: str, command: str) -> Child:
        there = f"cd {shlex.quote(str(self.folder))}; {command}"
        return Child(name, [BASH, "-c", there], log=self.folder / f"{name}.out", environ=environment())


def _for_several(configuration: str) -> str:
    """The configuration with its commented variant in place of the one process."""
    head, _, several = configuration.partition(";[program:several]")
    return head[: head.index("[fcgi-program:supportd]")] + "[program:several]" + several.replace("\n;", "\n")


def free_tens(count: int) -> list[int]:
    """Numbers that make free ports with each digit that a process of the variant puts behind them."""
    found: list[int] = []
    while len(found) < count:
        ten = free_port() // 10
        if ten not in found and all(map(_is_free, range(10 * ten, 10 * ten + COUNT))):
            found.append(ten)
    return found


def _is_free(port: int) -> bool:
    with socket.socket() as one, contextlib.suppress(OSError):
        one.bind((LOOPBACK, port))
        return True
    return False


@contextlib.asynccontextmanager
async def supervised(
    mongo: MongoDatabase, folder: Path, *, log_size: str = LOG_SIZE, several: bool = False, **values: str
) -> AsyncIterator[Supervised]:
    """A supervisord that runs supportd, with a simulator; all log into the folder."""
    simulator = f"http://{LOOPBACK}:{(port := free_port())}"
    with started("simulator", ["supportd.simulator", "--port", str(port)], environment(**INTERCOM), folder):
        environ = serve_environment(mongo.uri, mongo.name, simulator, **values)
        world = Supervised(folder, environ, simulator, log_size=log_size, several=several)
        world.daemon.start()
        try:
            await eventually(world.answers)
            yield world
        finally:
            world.daemon.stop(within_s=30)
