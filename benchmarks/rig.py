"""The parts that are measured, as processes of their own on 127.0.0.1, and what the operating system says of them."""

import asyncio
import contextlib
import os
import re
import shutil
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.figures import BenchmarkFailed
from supportd.dev.child import Child
from supportd.dev.mongod import Mongod, running_mongod
from supportd.dev.ports import free_port
from tests.system.processes import Processes, processes

HERE = Path(__file__).parent
UNLIMITED = "1000000"
RATE = re.compile(r"Requests/sec:\s+([\d.]+)")
LATENCY = re.compile(r"(50|75|90|99)%\s+([\d.]+)(us|ms|s)\b")
ERRORS = re.compile(r"Socket errors|Non-2xx or 3xx responses: \d+")
IN_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


@dataclass(frozen=True)
class Load:
    """What wrk measured: requests a second, and latencies (ms) by percentile."""

    per_s: float
    latency_ms: dict[int, float]


@dataclass(frozen=True)
class Site:
    """A supportd with its MongoDB and simulator."""

    running: Processes
    mongod: Mongod
    database: str

    @property
    def port(self) -> int:
        """Where the API listens."""
        return int(self.running.api.rpartition(":")[2])

    @property
    def pid(self) -> int:
        """The process that serves it."""
        return self.running.supportd.pid


@contextlib.asynccontextmanager
async def site(folder: Path, **environment: str) -> AsyncIterator[Site]:
    """Everything a supportd needs, and a supportd."""
    async with running_mongod(folder / "mongo") as mongod, beside(mongod, folder, **environment) as made:
        yield made


@contextlib.asynccontextmanager
async def beside(mongod: Mongod, folder: Path, **environment: str) -> AsyncIterator[Site]:
    """A supportd and a simulator on a mongod that runs."""
    values: dict[str, Any] = {
        "RATE_LIMIT_PER_MINUTE": UNLIMITED,
        "WRITE_RATE_LIMIT_PER_MINUTE": UNLIMITED,
        "FILES_DIR": str(folder / "files"),
        **environment,
    }
    async with processes(mongod.uri, "benchmark", folder, **values) as running:
        running.http.event_hooks = {}  # answers aren't checked against the document here: that is the tests' work
        yield Site(running, mongod, "benchmark")


@contextlib.contextmanager
def program(name: str, folder: Path, *arguments: str) -> Iterator[tuple[Child, int]]:
    """A server of ours from this folder, on a free port."""
    port = free_port()
    command = [sys.executable, str(HERE / name), str(port), *arguments]
    child = Child(name, command, log=folder / f"{name}.log", environ={**os.environ, "PYTHONPATH": str(HERE.parent)})
    child.start()
    try:
        yield child, port
    finally:
        child.stop()


async def listening(port: int) -> None:
    """Waits until somebody listens on the port."""
    for _ in range(400):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return
    raise BenchmarkFailed(f"nobody listens on port {port}")


async def wrk(url: str, *, connections: int, seconds: float, headers: dict[str, str], script: str = "") -> Load:
    """Load from one thread of wrk over keep-alive connections. Raises `BenchmarkFailed` if any request failed."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--latency"]
    command += [part for name, value in headers.items() for part in ("-H", f"{name}: {value}")]
    command += ["-s", script] if script else []
    process = await asyncio.create_subprocess_exec(*command, url, stdout=asyncio.subprocess.PIPE)
    told = (await process.communicate())[0].decode()
    rate = RATE.search(told)
    if rate is None or ERRORS.search(told):
        raise BenchmarkFailed(f"the load failed:\n{told}")
    latency = {int(share): float(value) * IN_MS[unit] for share, value, unit in LATENCY.findall(told)}
    return Load(float(rate[1]), latency)


def need_wrk() -> None:
    """Raises `BenchmarkFailed` where there is no wrk."""
    if shutil.which("wrk") is None:
        raise BenchmarkFailed("The benchmarks need wrk. On Debian and Ubuntu: apt-get install wrk")


def resident_bytes(pid: int) -> int:
    """The memory that a process has in use."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024
