"""What every handler shares: identity, limits, bodies, errors, and one log line a request."""

import asyncio
import re
from collections.abc import Awaitable, Mapping
from typing import Any, TypeVar
from uuid import uuid4

import msgspec
import structlog
from tornado.httputil import HTTPServerRequest
from tornado.web import Application, RequestHandler, stream_request_body

from supportd.errors import ApiError, MethodNotAllowed, NotFound
from supportd.handlers import bodies
from supportd.handlers.failures import as_api_error, log_unexpected
from supportd.handlers.record import Record
from supportd.handlers.web import Auth, Web
from supportd.identity import Identity
from supportd.ratelimit import RateLimiter

JSON = "application/json; charset=utf-8"
PRIVATE = "private, no-store"
MAX_JSON_BYTES = 64 * 1024
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")

T = TypeVar("T")


class PartingHandler(RequestHandler):
    """While the server stops, each answer is the last on its connection, also one that was held."""

    web: Web

    def flush(self, include_footers: bool = False) -> "asyncio.Future[None]":  # noqa: FBT001, FBT002 - Tornado's
        """Sends what there is, the headers first."""
        if self.web.lifecycle.stopping:
            self.set_header("Connection", "close")
        return super().flush(include_footers)


@stream_request_body
class BaseHandler(PartingHandler):
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
        self._limiter: RateLimiter = web.reads if request.method in {"GET", "HEAD"} else web.writes
        self._left: int | None = None
        self._body = bodies.Body(self.max_body_bytes)
        self._ended = False
        self._started_at = web.clock.monotonic()
        super().__init__(application, request, **services)
        web.lifecycle.enter()

    def prepare(self) -> Awaitable[None] | None:
        """Names the request, finds out who is calling, and counts the call against the caller's limit."""
        self._name_request()
        method = self.request.method or ""
        if self.verbs and method not in self.verbs and method != "OPTIONS":
            raise MethodNotAllowed(tuple(self.verbs))
        if self.verbs.get(method) is Auth.BEARER:
            self._identify()
        self._common_headers()
        return None

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        """Takes the next bytes of the body."""
        self._body.add(chunk)
        return None

    def options(self, *_: str) -> None:
        """Answers a preflight."""
        self.set_header("Allow", ", ".join(self.verbs))
        self._add_headers(self.web.cors.of_preflight(self.request.headers.get("Origin"), self.verbs))
        self.set_status(204)
        self.finish()

    def body(self) -> bytes:
        """The raw body. Raises `BadRequest` if it is too large."""
        return self._body.read()

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
        error = as_api_error(status_code, kwargs.get("exc_info", (None, None))[1], tuple(self.verbs))
        self.finish(self.told(error))

    def told(self, error: ApiError) -> bytes:
        """Sets the status and headers of an error's answer; its body."""
        self._name_request()
        self._common_headers()
        self.set_status(error.status)
        self._add_headers(error.headers)
        return msgspec.json.encode({"error": error.code, "message": error.message})

    def log_exception(self, kind: Any, error: Any, traceback: Any) -> None:
        """Logs what we didn't expect. Expected errors show in the request's own line."""
        log_unexpected(kind, error, traceback, route=self.route)

    def on_connection_close(self) -> None:
        """The client left. If its body never came, the handler is never run, and this is its end."""
        came = self.request._body_future.done()  # noqa: SLF001 - as Tornado itself tells, and nothing else does
        super().on_connection_close()
        if not came:
            self._end()

    def on_finish(self) -> None:
        """Counts and logs the request."""
        self._end()
        method = self.request.method or ""
        Record(
            request_id=self.request_id,
            route=self.route,
            method=method if method in self.SUPPORTED_METHODS else "other",
            status=self.get_status(),
            took_s=max(0.0, self.web.clock.monotonic() - self._started_at - self.held_s),
            held_s=self.held_s,
            user_hash=self.user_hash,
        ).tell(self.web.metrics)

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
        self._left = 0
        self._left = self._limiter.spend(self.caller.user_id)

    def _common_headers(self) -> None:
        if self.request.path.startswith("/api/"):
            self.set_header("Cache-Control", PRIVATE)
            self.set_header("RateLimit-Policy", self._limiter.policy)
            self.set_header("RateLimit", self._limiter.status(self._left))
        self._add_headers(self.web.cors.of_answer(self.request.headers.get("Origin")))

    def _add_headers(self, headers: Mapping[str, str]) -> None:
        for name, value in headers.items():
            self.set_header(name, value)


class NotFoundHandler(BaseHandler):
    """Every path that no route has."""

    def prepare(self) -> None:
        """Answers 404, whatever the method."""
        super().prepare()
        raise NotFound
