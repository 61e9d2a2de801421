"""The simulator as a server, in a process of its own or in a test's event loop."""

import asyncio

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application

from supportd.clock import Clock
from supportd.simulator import persistence
from supportd.simulator.config import SimulatorConfig
from supportd.simulator.handlers_base import UnknownRoute
from supportd.simulator.routes import routes
from supportd.simulator.services import Services, assemble
from supportd.simulator.workspace import Workspace

SNOOZE_CHECK_S = 1.0


class Simulator:
    """One simulated Intercom workspace behind one port.

    Without a configured state file it begins empty; a stopped simulator isn't started again.
    """

    def __init__(self, config: SimulatorConfig, clock: Clock) -> None:
        self._config = config
        self._services = assemble(config, clock, persistence.load(config.state_path))
        self.base_url = ""

    async def start(self) -> int:
        """Listens, and returns the port."""
        sockets = bind_sockets(self._config.port, self._config.host)
        port = int(sockets[0].getsockname()[1])
        application = Application(
            routes(self._services),
            default_handler_class=UnknownRoute,
            default_handler_args={"path": "unknown", "services": self._services},
            log_function=lambda _: None,
        )
        self._server = HTTPServer(application)
        self._server.add_sockets(sockets)
        self.base_url = f"http://{self._config.host}:{port}"
        self._services.depot.start(self.base_url)
        await self._services.webhooks.start()
        self._snoozes = asyncio.create_task(_watch_snoozes(self._services))
        return port

    async def stop(self) -> None:
        """Stops listening and delivering, then saves the state."""
        self._server.stop()
        self._snoozes.cancel()
        await asyncio.gather(self._snoozes, return_exceptions=True)
        await self._services.webhooks.stop()
        await self._services.depot.stop()
        await self._server.close_all_connections()
        if self._config.state_path is not None:
            persistence.save(self._config.state_path, self.workspace)

    @property
    def workspace(self) -> Workspace:
        """The truth, to be looked at by tests in the same process."""
        return self._services.world.workspace


async def _watch_snoozes(services: Services) -> None:
    """Ends snoozes on time also when nobody calls."""
    while True:
        await asyncio.sleep(SNOOZE_CHECK_S)
        services.wake_due()
