"""`/health`, `/ready`, and `/metrics` on its own port."""

from collections.abc import Awaitable, Callable

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from tornado.web import RequestHandler

from supportd.errors import ServiceUnavailable
from supportd.handlers.base import BaseHandler
from supportd.intercom.breaker import Breaker, BreakerState
from supportd.lifecycle import Lifecycle


class HealthHandler(BaseHandler):
    """Liveness: 200 whenever the process is up."""

    def initialize(self, *, version: str, started_at: float) -> None:
        """Takes the version and the monotonic time of the start (s)."""
        self.version = version
        self.started_at = started_at

    def get(self) -> None:
        """Answers with the version and the seconds since the start."""
        uptime = int(self.web.clock.monotonic() - self.started_at)
        self.answer({"status": "ok", "version": self.version, "uptime": uptime})


class ReadyHandler(BaseHandler):
    """Readiness: whether requests sent here now are likely to be served."""

    def initialize(
        self,
        *,
        ping_database: Callable[[], Awaitable[None]],
        breaker: Breaker,
        lifecycle: Lifecycle,
    ) -> None:
        """Takes what is checked."""
        self.ping_database = ping_database
        self.breaker = breaker
        self.lifecycle = lifecycle

    async def get(self) -> None:
        """200 if MongoDB answers and the breaker is closed, else 503; 503 too while the server stops."""
        database = await self._database()
        intercom = self.breaker.state
        ready = database == "ok" and intercom is BreakerState.CLOSED and not self.lifecycle.stopping
        self.answer(
            {"status": "ready" if ready else "unavailable", "checks": {"database": database, "intercom": intercom}},
            status=200 if ready else 503,
        )

    async def _database(self) -> str:
        try:
            await self.ping_database()
        except ServiceUnavailable:
            return "unreachable"
        return "ok"


class MetricsHandler(RequestHandler):
    """Prometheus' text format. Served on a port of its own, never on the public one."""

    def initialize(self, *, registry: CollectorRegistry) -> None:
        """Takes the registry."""
        self.registry = registry

    def get(self) -> None:
        """All metrics."""
        self.set_header("Content-Type", CONTENT_TYPE_LATEST)
        self.finish(generate_latest(self.registry))
