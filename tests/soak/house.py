"""All parts of a soak as processes, with networks between them that are ours."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from supportd.dev.mongod import Mongod, running_mongod
from supportd.dev.ports import free_port
from tests.conformance import CHECKED
from tests.proxying import Proxy
from tests.push.fcm import Fcm
from tests.soak import pushes
from tests.soak.database import Database
from tests.system.processes import Processes, processes
from tests.waiting import eventually

DATABASE = "soak"
PATIENCE_S = 8.0  # of a client that waits for an answer, beyond the time that it asked to be held
SETTINGS = {"INTERCOM_TIMEOUT": "1.5", "RECONCILE_INTERVAL": "1"}


@dataclass
class House:
    """supportd, MongoDB, the simulator and FCM, with networks between them and to the clients.

    Webhooks come straight.
    """

    running: Processes
    mongod: Mongod
    to_mongodb: Proxy
    to_intercom: Proxy
    to_fcm: Proxy
    to_supportd: Proxy
    clients: httpx.AsyncClient
    folder: Path
    fcm: Fcm

    @property
    def database(self) -> Database:
        return Database(self.mongod.uri, DATABASE)


@contextlib.asynccontextmanager
async def house(folder: Path) -> AsyncIterator[House]:
    simulator_port, port = free_port(), free_port()
    async with contextlib.AsyncExitStack() as stack:
        mongod = await stack.enter_async_context(running_mongod(folder / "mongo"))
        to_mongodb = await stack.enter_async_context(_network(mongod.port))
        to_intercom = await stack.enter_async_context(_network(simulator_port))
        to_supportd = await stack.enter_async_context(_network(port))
        fcm = Fcm()
        fcm.listen()
        stack.push_async_callback(fcm.close)
        to_fcm = await stack.enter_async_context(_network(fcm.port))
        uri = f"mongodb://127.0.0.1:{to_mongodb.port}/?directConnection=true"
        values: dict[str, Any] = {
            **SETTINGS,
            **pushes.settings(fcm, to_fcm.port),
            "INTERCOM_BASE_URL": f"http://127.0.0.1:{to_intercom.port}",
            "PORT": str(port),
            "PUBLIC_URL": f"http://127.0.0.1:{port}",
            "FILES_DIR": str(folder / "files"),
        }
        running = await stack.enter_async_context(
            processes(uri, DATABASE, folder, simulator_port, webhooks=True, **values)
        )
        clients = httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{to_supportd.port}",
            timeout=PATIENCE_S,
            limits=httpx.Limits(max_connections=None),
            trust_env=False,
            event_hooks=CHECKED,
        )
        await stack.enter_async_context(clients)
        try:
            yield House(running, mongod, to_mongodb, to_intercom, to_fcm, to_supportd, clients, folder, fcm)
        finally:
            await asyncio.to_thread(running.supportd.stop)  # while the networks still pass


@contextlib.asynccontextmanager
async def _network(target_port: int) -> AsyncIterator[Proxy]:
    """A proxy whose port stays free while it refuses: no outgoing connection is given one of that range."""
    proxy = Proxy(target_port)
    proxy.port = free_port()
    await proxy.allow()
    try:
        yield proxy
    finally:
        proxy.refuse()
        await eventually(lambda: not proxy.open)
