"""supportd and the simulator as processes of their own, for tests that send signals."""

import contextlib
import os
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from supportd.dev.child import Child
from supportd.dev.ports import free_port
from tests.conformance import CHECKED
from tests.harness import ACCESS_TOKEN, ADMIN_ID, CLIENT_SECRET, JWT_SECRET, Operator, Sdk, token
from tests.waiting import eventually

INTERCOM = {
    "INTERCOM_ACCESS_TOKEN": ACCESS_TOKEN,
    "INTERCOM_CLIENT_SECRET": CLIENT_SECRET,
    "INTERCOM_ADMIN_ID": ADMIN_ID,
}


@dataclass
class Processes:
    """A running supportd on a running simulator."""

    supportd: Child
    simulator: Child
    api: str
    metrics: str
    operator: Operator
    http: httpx.AsyncClient

    def sdk(self, user: str = "alice") -> Sdk:
        return Sdk(self.http, user, token(user))

    async def restart(self) -> None:
        self.supportd.start()
        await self.wait_until_up()

    async def wait_until_up(self) -> None:
        await eventually(lambda: answers(self.http, "/health", self.supportd))


def environment(**values: str) -> dict[str, str]:
    """As little of ours as a process needs, plus the values."""
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}
    return {**kept, **values}


def serve_environment(mongo_uri: str, mongo_db: str, simulator: str, **values: str) -> dict[str, str]:
    return environment(
        **{
            **INTERCOM,
            "JWT_SECRET": JWT_SECRET,
            "MONGO_URI": mongo_uri,
            "MONGO_DB": mongo_db,
            "INTERCOM_BASE_URL": simulator,
            "PORT": str(free_port()),
            "METRICS_PORT": str(free_port()),
            "RATE_LIMIT_PER_MINUTE": "100000",
            "WRITE_RATE_LIMIT_PER_MINUTE": "100000",
            **values,
        }
    )


async def answers(http: httpx.AsyncClient, path: str, child: Child) -> bool:
    assert child.running, child.last_lines()
    try:
        return (await http.get(path)).status_code == 200
    except httpx.TransportError:
        return False


@contextlib.contextmanager
def started(name: str, arguments: list[str], environ: dict[str, str], folder: Path) -> Iterator[Child]:
    child = Child(name, [sys.executable, "-m", *arguments], log=folder / f"{name}.log", environ=environ)
    child.start()
    try:
        yield child
    finally:
        child.stop()


@contextlib.asynccontextmanager
async def processes(
    mongo_uri: str,
    mongo_db: str,
    folder: Path,
    simulator_port: int = 0,
    /,
    *,
    webhooks: bool = True,
    webhook_retry_s: float = 60,
    **values: str,
) -> AsyncIterator[Processes]:
    """Everything as processes; each logs into the folder. Port 0 takes a free one."""
    port = simulator_port or free_port()
    simulator = f"http://127.0.0.1:{port}"
    environ = serve_environment(mongo_uri, mongo_db, simulator, **values)
    api = f"http://127.0.0.1:{environ['PORT']}"
    metrics = f"http://127.0.0.1:{environ['METRICS_PORT']}/metrics"
    async with contextlib.AsyncExitStack() as stack:
        http = await stack.enter_async_context(
            httpx.AsyncClient(base_url=api, timeout=40, trust_env=False, event_hooks=CHECKED)
        )
        control = await stack.enter_async_context(httpx.AsyncClient(base_url=simulator, timeout=40, trust_env=False))
        command = ["supportd.simulator", "--port", str(port), "--webhook-retry", str(webhook_retry_s)]
        simulating = stack.enter_context(started("simulator", command, environment(**INTERCOM), folder))
        await eventually(lambda: answers(control, "/_sim/status", simulating))
        serving = stack.enter_context(started("supportd", ["supportd", "serve"], environ, folder))
        running = Processes(serving, simulating, api, metrics, Operator(control), http)
        await running.wait_until_up()
        if webhooks:
            await running.operator.control("POST", "/webhook", {"url": f"{api}/webhooks/intercom"})
        yield running
