"""What every handler shares: identity, limits, bodies, errors, CORS, and one log line a request."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar
from uuid import uuid4

import msgspec
import structlog
from tornado.httputil import HTTPServerRequest
from tornado.web import Application, HTTPError, RequestHandler, stream_request_body

from supportd.clock import Clock
from supportd.errors import (
    ApiError,
    BadRequest,
    IntercomRefused,
    MethodNotAllowed,
    NotFound,
    ServiceUnavailable,
)
from supportd.handlers import bodies
from supportd.identity import Identifier, Identity
from supportd.lifecycle import Lifecycle
from supportd.metrics import Metrics
from supportd.ratelimit import RateLimiter

JSON = "application/json; charset=utf-8"
MAX_JSON_BYTES = 64 * 1024
PREFLIGHT_CACHED_S = "600"
SENT_HEADERS = "Authorization, Content-Type, Idempotency-Key, If-None-Match, X-Request-Id"
READ_HEADERS = "Age, ETag, Idempotent-Replayed, RateLimit, RateLimit-Policy, Retry-After, X-Request-Id"
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")

T = TypeVar("T")


class Auth(StrEnum):
    """How a route knows its caller. Every verb of every route has one."""

    BEARER = "bearer"
    HMAC = "hmac"
    PUBLIC = "public"


@dataclass(frozen=True, kw_only=True)
class Web:
    """What every handler needs."""

    identifier: Identifier
    reads: RateLimiter
    writes: RateLimiter
    metrics: Metrics
    lifecycle: Lifecycle
    clock: Clock
    cors_origins: tuple[str, ...]


@stream_request_body
class BaseHandler(RequestHandler):
    """Answers JSON. Bodies are taken as they arrive, so that one that is too large is refused without being kept.

    What all handlers need is taken here; what one needs of its own comes by `initialize`, as Tornado has it.
    """

    max_body_bytes = MAX_JSON_BYTES
    caller: Identity
    request_id = ""

    def __init__(
        self,
        application: Application,
        request: HTTPServerRequest,
        *,
        web: Web,
        route: str,
        verbs: Mapping[str, Auth],
        **services: Any,
    ) -> None:
        self.web = web
        self.route = route
        self.verbs = verbs
        self.user_hash: str | None = None
        self.held_s = 0.0
        self._limiter: RateLimiter | None = None
        self._left: int | None = None
        self._body = bytearray()
        self._too_large = False
        self._ended = False
        self._started_at = web.clock.monotonic()
        super().__init__(application, request, **services)
        web.lifecycle.enter()

    def prepare(self) -> None:
        """Names the request, finds out who is calling, and counts the call against the caller's limit."""
        self._name_request()
        self._common_headers()
        method = self.request.method or ""
        if method == "OPTIONS" and self.verbs:
            return
        if self.verbs and method not in self.verbs:
            raise MethodNotAllowed(tuple(self.verbs))
        if self.verbs.get(method) is Auth.BEARER:
            self._identify()

    def data_received(self, chunk: bytes) -> None:
        """Keeps the body up to the limit; of a longer one, nothing."""
        self._too_large = self._too_large or len(self._body) + len(chunk) > self.max_body_bytes
        if self._too_large:
            self._body.clear()
        else:
            self._body += chunk

    def options(self, *_: str) -> None:
        """Answers a preflight (the Fetch standard, CORS protocol)."""
        self.set_header("Allow", ", ".join(self.verbs))
        if self._allowed_origin() is not None:
            self.set_header("Access-Control-Allow-Methods", ", ".join(self.verbs))
            self.set_header("Access-Control-Allow-Headers", SENT_HEADERS)
            self.set_header("Access-Control-Max-Age", PREFLIGHT_CACHED_S)
        self.set_status(204)
        self.finish()

    def body(self) -> bytes:
        """The raw body. Raises `BadRequest` if it is too large."""
        if self._too_large:
            raise BadRequest(f"The body is over {self.max_body_bytes // 1024} KiB")
        return bytes(self._body)

    def json_body(self, kind: type[T]) -> T:
        """The JSON body as `kind`. Raises `BadRequest` or `ValidationFailed`."""
        return bodies.decode(self.body(), self.request.headers.get("Content-Type", ""), kind)

    def answer(self, body: Any, *, status: int = 200, age_s: int | None = None) -> None:
        """Finishes with a JSON body."""
        self.set_status(status)
        if age_s is not None:
            self.set_header("Age", str(age_s))
        self.finish(msgspec.json.encode(body))

    def set_default_headers(self) -> None:
        """JSON, and no word about the server."""
        self.clear_header("Server")
        self.set_header("Content-Type", JSON)
        self.set_header("X-Content-Type-Options", "nosniff")

    def compute_etag(self) -> str | None:
        """No ETag but our own: hashing each answer costs, and a poll's is known beforehand."""
        return None

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answers any exception in the contract's shape, without its text unless it was meant for clients."""
        error = _as_api_error(status_code, kwargs.get("exc_info", (None, None))[1], tuple(self.verbs))
        self._name_request()
        self._common_headers()
        self.set_status(error.status)
        for name, value in error.headers.items():
            self.set_header(name, value)
        self.finish(msgspec.json.encode({"error": error.code, "message": error.message}))

    def log_exception(self, kind: Any, error: Any, traceback: Any) -> None:
        """Logs what we didn't expect. Expected errors show in the request's own line."""
        log = structlog.get_logger("supportd.http")
        if isinstance(error, IntercomRefused):
            log.error("intercom refused a call", status=error.status, reason=error.code, route=self.route)
        elif not isinstance(error, ApiError | HTTPError):
            log.error("unhandled exception", exc_info=(kind, error, traceback), route=self.route)

    def on_connection_close(self) -> None:
        """The client left. If its body never came, the handler is never run, and this is its end."""
        came = self.request._body_future.done()  # noqa: SLF001 - as Tornado itself tells, and nothing else does
        super().on_connection_close()
        if not came:
            self._end()

    def on_finish(self) -> None:
        """Counts and logs the request: its route, never its URI."""
        self._end()
        status = self.get_status()
        method = self.request.method if self.request.method in self.SUPPORTED_METHODS else "other"
        took_s = max(0.0, self.web.clock.monotonic() - self._started_at - self.held_s)
        self.web.metrics.requests.labels(self.route, method, status).inc()
        self.web.metrics.request_seconds.labels(self.route).observe(took_s)
        log = structlog.get_logger("supportd.http")
        write = log.debug if self.route in {"poll", "health", "ready"} and status < 400 else log.info
        write(
            "request",
            request_id=self.request_id,
            route=self.route,
            method=method,
            status=status,
            duration_ms=round(took_s * 1000, 1),
            waited_ms=round(self.held_s * 1000),
            user=self.user_hash,
        )

    def _end(self) -> None:
        if not self._ended:
            self._ended = True
            self.web.lifecycle.leave()

    def _name_request(self) -> None:
        if not self.request_id:
            given = self.request.headers.get("X-Request-Id", "")
            self.request_id = given if REQUEST_ID.fullmatch(given) else uuid4().hex
            structlog.contextvars.clear_contextvars()
            structlog.contextvars.bind_contextvars(request_id=self.request_id)
        self.set_header("X-Request-Id", self.request_id)

    def _identify(self) -> None:
        self.caller = self.web.identifier.identify(self.request.headers.get("Authorization"))
        self.user_hash = self.caller.user_hash
        self._limiter = self.web.reads if self.request.method == "GET" else self.web.writes
        self._left = 0
        self._left = self._limiter.spend(self.caller.user_id)
        self.set_header("RateLimit", self._limiter.status(self._left))

    def _common_headers(self) -> None:
        if self.request.path.startswith("/api/"):
            limiter = self._limiter or (self.web.reads if self.request.method == "GET" else self.web.writes)
            self.set_header("Cache-Control", "private, no-store")
            self.set_header("RateLimit-Policy", limiter.policy)
            self.set_header("RateLimit", limiter.status(self._left))
        if self.web.lifecycle.stopping:
            self.set_header("Connection", "close")
        if self.web.cors_origins:
            self.set_header("Vary", "Origin")
        origin = self._allowed_origin()
        if origin is not None:
            self.set_header("Access-Control-Allow-Origin", origin)
            self.set_header("Access-Control-Expose-Headers", READ_HEADERS)

    def _allowed_origin(self) -> str | None:
        origin = self.request.headers.get("Origin")
        return origin if origin in self.web.cors_origins else None


class NotFoundHandler(BaseHandler):
    """Every path that no route has."""

    def prepare(self) -> None:
        """Answers 404, whatever the method."""
        super().prepare()
        raise NotFound


def _as_api_error(status: int, error: BaseException | None, allowed: tuple[str, ...]) -> ApiError:
    if isinstance(error, ApiError):
        return error
    if isinstance(error, IntercomRefused):
        return ServiceUnavailable()
    if isinstance(error, HTTPError) and status == 405:
        return MethodNotAllowed(allowed) if allowed else NotFound()
    if isinstance(error, HTTPError) and status == 404:
        return NotFound()
    if isinstance(error, HTTPError) and 400 <= status < 500:
        return BadRequest("The request can't be read")
    return ApiError("Something went wrong")
