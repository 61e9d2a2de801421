"""The server's life: started, listening, stopped in order."""

import asyncio
import gc
import random
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPServerConnectionDelegate
from tornado.web import Application

from supportd import __version__
from supportd.clock import Clock
from supportd.config import Settings
from supportd.errors import StorageUnavailable
from supportd.files.sweeper import SWEEP_S as FILES_SWEEP_S
from supportd.handlers.base import NotFoundHandler
from supportd.handlers.cors import Cors
from supportd.handlers.health import MetricsHandler
from supportd.handlers.plain_polls import PlainPolls
from supportd.handlers.quick_polls import QuickPolls
from supportd.handlers.web import Web
from supportd.lifecycle import Lifecycle
from supportd.listening import BoundedServer, bound, inherited, most_connections
from supportd.openapi.pages import pages
from supportd.routes import Services, routes, url_specs
from supportd.stores import mongo
from supportd.sync.inbox import SWEEP_S
from supportd.tasks import Periodic, watch_loop_lag
from supportd.wiring import Parts, build, close_later
from supportd.wiring_files import secrets_of

LINGER_S = 0.25  # for what is on its way on open connections when the process is told to stop
DRAIN_S = 5.0
LAST_S = 1.0
IDLE_CONNECTION_S = 75
IDLE_SWEEP_S = 5.0
BODY_S = 30  # for a body to come in; one that stalls would hold up a stop
MAX_HEADER_BYTES = 32 * 1024
MAX_READ_BYTES = 64 * 1024 * 1024  # handlers keep far less; up to here a client that sends more is answered in JSON
INDEXES_RETRY_S = 5.0
OUTBOX_INTERVAL_S = 5.0
MEASURE_INTERVAL_S = 15.0
CSAT_SWEEP_S = 30.0
PUSH_INTERVAL_S = 1.0
FOLLOW_AGAIN_S = 1.0


@dataclass(frozen=True, kw_only=True)
class Server:
    """A running server: where it listens, and its parts."""

    port: int
    metrics_port: int
    lifecycle: Lifecycle
    parts: Parts


@asynccontextmanager
async def running(
    settings: Settings, *, clock: Clock | None = None, rng: random.Random | None = None, linger_s: float = 0.0
) -> AsyncIterator[Server]:
    """A server that listens while the context lasts and stops in order at its end, within ten seconds.

    It starts whether or not MongoDB and Intercom are there; `/ready` tells. For `linger_s` after the end began, open
    connections are still answered: who is just about to send a request shall not find them closed.
    """
    clock = clock or Clock()
    rng = rng or random.Random()  # noqa: S311 - for jitter only
    lifecycle = Lifecycle(linger_s=linger_s)
    async with AsyncExitStack() as stack:
        parts = build(settings, clock=clock, rng=rng, stack=stack)
        metrics_port = _listen_for_metrics(settings, parts, stack)
        application = _application(settings, parts, lifecycle, clock)
        server = _server(settings, application, parts, clock)
        await _start_tasks(settings, parts, server, rng, stack)
        port = _listen(settings, server, parts, lifecycle, stack)
        yield Server(port=port, metrics_port=metrics_port, lifecycle=lifecycle, parts=parts)


async def serve(settings: Settings) -> None:
    """Runs until SIGTERM or SIGINT, then stops in order. A second signal cuts what is still under way."""
    log = structlog.get_logger("supportd.server")
    stop = asyncio.Event()
    async with running(settings, linger_s=LINGER_S) as server:

        def on_signal(name: str) -> None:
            log.info("stopping", signal=name)
            if stop.is_set():
                server.lifecycle.cut()
            stop.set()

        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, on_signal, number.name)
        gc.freeze()  # what was made by now stays to the end: no full collection needs to walk through it again
        log.info("ready", host=settings.host, port=server.port, metrics_port=server.metrics_port, version=__version__)
        await stop.wait()
    log.info("stopped")


async def _start_tasks(
    settings: Settings, parts: Parts, server: BoundedServer, rng: random.Random, stack: AsyncExitStack
) -> None:
    """Starts what runs beside the requests. What a crash left undone is taken up by the first runs."""
    work: dict[str, tuple[Any, float, asyncio.Event | None]] = {
        "reconciler": (parts.reconciler.run, settings.reconcile_interval, None),
        "inbox": (parts.inbox.sweep, SWEEP_S, None),
        "csat": (parts.csat.sweep, CSAT_SWEEP_S, None),
        "claims": (parts.claim_sweeper.run, FILES_SWEEP_S, None),
        "files": (parts.file_sweeper.run, FILES_SWEEP_S, None),
        "outbox": (parts.outbox.work, OUTBOX_INTERVAL_S, parts.outbox.added),
        "outbox backlog": (parts.outbox.measure, MEASURE_INTERVAL_S, None),
        "idle connections": (partial(server.close_idle, IDLE_CONNECTION_S), IDLE_SWEEP_S, None),
    }
    if parts.push is not None:
        work["push"] = (parts.push.work, PUSH_INTERVAL_S, None)
    if parts.following is not None:
        work["following"] = (parts.following.run, FOLLOW_AGAIN_S, None)
    try:
        await parts.stores.ensure_indexes()
    except StorageUnavailable:
        work["indexes"] = (parts.stores.ensure_indexes, INDEXES_RETRY_S, None)
    for name, (run, interval_s, wake) in work.items():
        on_error = parts.metrics.task_failures.labels(name).inc
        task = Periodic(name, run, interval_s=interval_s, rng=rng, on_error=on_error, wake=wake)
        close_later(stack, name, task.stop)
        task.start()
    if parts.push is not None:
        close_later(stack, "pushes under way", parts.push.stop)
    lag = asyncio.create_task(watch_loop_lag(parts.metrics.loop_lag_seconds.observe, server.clock.monotonic))
    close_later(stack, "loop lag", lambda: _cancel(lag))


def _application(settings: Settings, parts: Parts, lifecycle: Lifecycle, clock: Clock) -> HTTPServerConnectionDelegate:
    """What answers requests: the handlers and, before them, the quick way of polls.

    At `debug` each poll is to be in the log, so that handlers answer them all.
    """
    web = _web(settings, parts, lifecycle, clock)
    handlers = _handlers(settings, parts, lifecycle, web)
    if settings.log_level == "debug":
        return handlers
    polls = PlainPolls(web=web, conversations=parts.conversations)
    return QuickPolls(handlers, polls=polls, waiters=parts.waiters, lifecycle=lifecycle)


def _handlers(settings: Settings, parts: Parts, lifecycle: Lifecycle, web: Web) -> Application:
    published = pages(__version__)
    services = Services(
        sends=parts.sends,
        conversations=parts.conversations,
        tickets=parts.tickets,
        clarification=parts.clarification,
        csat=parts.csat,
        files=parts.files,
        addresses=parts.addresses,
        complaints=parts.stores.complaints,
        devices=parts.stores.devices,
        preferences=parts.stores.preferences,
        waiters=parts.waiters,
        inbox=parts.inbox,
        webhook_secrets=secrets_of(settings.intercom_client_secret, settings.intercom_client_secret_previous),
        breaker=parts.breaker,
        ping_database=lambda: mongo.ping(parts.database),
        lifecycle=lifecycle,
        contract=published.contract,
        docs=published.docs,
        version=__version__,
        started_at=web.clock.monotonic(),
    )
    return Application(
        url_specs(routes(services), web),
        default_handler_class=NotFoundHandler,
        default_handler_args={"web": web, "route": "unknown", "verbs": {}},
        log_function=lambda _: None,  # each handler writes its own line, without the URI
    )


def _web(settings: Settings, parts: Parts, lifecycle: Lifecycle, clock: Clock) -> Web:
    return Web(
        identifier=parts.identifier,
        reads=parts.reads,
        writes=parts.writes,
        metrics=parts.metrics,
        lifecycle=lifecycle,
        clock=clock,
        cors=Cors(settings.cors_origins),
    )


def _server(settings: Settings, application: HTTPServerConnectionDelegate, parts: Parts, clock: Clock) -> BoundedServer:
    """What takes connections, once it listens."""
    server = BoundedServer(
        application,
        body_timeout=BODY_S,
        max_header_size=MAX_HEADER_BYTES,
        max_body_size=MAX_READ_BYTES,
    )
    server.clock = clock
    server.max_connections = most_connections(uploads=settings.max_uploads)
    server.on_refused = parts.metrics.connections_refused.inc
    parts.metrics.connections.set_function(lambda: len(server))
    return server


def _listen(
    settings: Settings, server: BoundedServer, parts: Parts, lifecycle: Lifecycle, stack: AsyncExitStack
) -> int:
    """Listens on the public port; returns it."""
    sockets = bound(settings.host, settings.port) if settings.listen_fd is None else inherited(settings.listen_fd)
    server.add_sockets(sockets)
    close_later(stack, "http", lambda: _stop_serving(server, parts, lifecycle))
    return int(sockets[0].getsockname()[1])


def _listen_for_metrics(settings: Settings, parts: Parts, stack: AsyncExitStack) -> int:
    """Listens on the port for Prometheus; returns it."""
    application = Application(
        [(r"/metrics", MetricsHandler, {"registry": parts.metrics.registry})], log_function=lambda _: None
    )
    server = HTTPServer(application)
    sockets = bound(settings.metrics_host, settings.metrics_port)
    server.add_sockets(sockets)
    close_later(stack, "metrics", server.close_all_connections)
    stack.callback(server.stop)
    return int(sockets[0].getsockname()[1])


async def _stop_serving(server: HTTPServer, parts: Parts, lifecycle: Lifecycle) -> None:
    """Takes no more connections, answers held polls, lets requests and stored webhooks finish, then closes."""
    lifecycle.stopping = True
    server.stop()
    parts.waiters.close()
    await asyncio.sleep(lifecycle.linger_s)
    await lifecycle.idle(within_s=DRAIN_S)
    with suppress(TimeoutError):
        await asyncio.wait_for(parts.inbox.drain(), LAST_S)
    await server.close_all_connections()
    if not await lifecycle.idle(within_s=LAST_S):  # one may have come in on an open connection just before
        structlog.get_logger("supportd.server").warning("requests cut", count=lifecycle.under_way)


async def _cancel(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
