"""The record of a request: its metrics, and its one line in the log."""

from dataclasses import dataclass

import structlog

from supportd.metrics import Metrics

QUIET = frozenset({"poll", "health", "ready"})  # too many to be logged one by one while all is well


@dataclass(frozen=True, slots=True)
class Record:
    """What is told of a request: its route, never its URI. `took_s` is without `held_s`, the time a poll was held."""

    request_id: str
    route: str
    method: str
    status: int
    took_s: float
    held_s: float
    user_hash: str | None

    def tell(self, metrics: Metrics) -> None:
        """Counts and logs the request."""
        metrics.requests.labels(self.route, self.method, self.status).inc()
        metrics.request_seconds.labels(self.route).observe(self.took_s)
        log = structlog.get_logger("supportd.http")
        write = log.debug if self.route in QUIET and self.status < 400 else log.info
        write(
            "request",
            request_id=self.request_id,
            route=self.route,
            method=self.method,
            status=self.status,
            duration_ms=round(self.took_s * 1000, 1),
            waited_ms=round(self.held_s * 1000),
            user=self.user_hash,
        )
