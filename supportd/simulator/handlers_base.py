"""What all handlers of Intercom's API share: the way in, bodies, and the error list."""

import asyncio
from typing import Any, TypeVar

import msgspec
from tornado.httputil import format_timestamp
from tornado.web import HTTPError, RequestHandler

from supportd.simulator.errors import ApiError, Cut, invalid, resource_not_found, user_not_found
from supportd.simulator.services import Services
from supportd.simulator.world import World

T = TypeVar("T")
Id = str | int

WRITES = frozenset({"POST", "PUT", "DELETE"})


class ApiHandler(RequestHandler):
    """Base of the REST handlers. `path` is the route as Intercom's documentation writes it."""

    def initialize(self, *, path: str, services: Services) -> None:
        """Takes the simulator's parts."""
        self.path = path
        self.services = services
        self.gone = asyncio.Event()
        self.authenticated = False

    @property
    def world(self) -> World:
        """The workspace."""
        return self.services.world

    def set_default_headers(self) -> None:
        """JSON always."""
        self.set_header("Content-Type", "application/json; charset=utf-8")

    async def prepare(self) -> None:
        """Passes the gate; then what fell due meanwhile happens first."""
        gate = self.services.gate
        await gate.endure(f"{self.request.method} {self.path}", self.gone)
        gate.authenticate(self.request.headers)
        self.authenticated = True
        gate.limit()
        gate.authorize(self.request.path)
        gate.check(self.request.headers)
        self.services.wake_due()

    def on_connection_close(self) -> None:
        """Frees a call that an outage keeps waiting."""
        self.gone.set()

    def body(self, kind: type[T]) -> T:
        """The body. Raises 400 `parameter_invalid` where it isn't JSON or doesn't fit."""
        try:
            return msgspec.json.decode(self.request.body or b"{}", type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise invalid(f"Invalid request body: {error}") from error

    def refuse_new_contacts(self) -> None:
        """Raises 404 as often as the faults ask: Intercom may not know a new contact for a while."""
        if self.services.faults.now.write_404_times:
            self.services.faults.now.write_404_times -= 1
            raise user_not_found()

    def answer(self, payload: dict[str, Any]) -> None:
        """Answers 200, unless a fault spoils it."""
        switches = self.services.faults.now
        if self._is_write and switches.cut_after_write:
            switches.cut_after_write -= 1
            raise Cut
        encoded = msgspec.json.encode(payload)
        if switches.garbage == "not_json":
            encoded = b"<html><body>Bad gateway</body></html>"
        elif switches.garbage == "half":
            encoded = encoded[: len(encoded) // 2]
        self._finish(encoded)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """The error list. A cut connection gets no answer at all."""
        error = kwargs["exc_info"][1] if "exc_info" in kwargs else None
        if isinstance(error, Cut):
            self.cut()
            return
        if isinstance(error, HTTPError) and status_code in {404, 405}:
            error = resource_not_found()
        if not isinstance(error, ApiError):
            error = ApiError(status_code, "server_error", "Server error")
        item = {"code": error.code, "message": error.message}
        if error.field is not None:
            item["field"] = error.field
        self.set_status(error.status)
        payload = {"type": "error.list", "request_id": self.world.ids.request(), "errors": [item]}
        self._finish(msgspec.json.encode(payload))

    def cut(self) -> None:
        """Drops the connection without a word."""
        self.gone.set()
        self.detach().close()

    def log_exception(self, *exc_info: Any) -> None:
        """Keeps Intercom's own refusals out of the log; a bug in the simulator is logged."""
        if not isinstance(exc_info[1], ApiError | Cut | HTTPError):
            super().log_exception(*exc_info)

    @property
    def _is_write(self) -> bool:
        return self.request.method in WRITES and not self.path.endswith("/search")

    def _finish(self, encoded: bytes) -> None:
        self.set_header("Date", format_timestamp(self.services.clock.time()))
        if self.authenticated:
            for name, value in self.services.gate.rate_headers().items():
                self.set_header(name, value)
        self.finish(encoded)


class UnknownRoute(ApiHandler):
    """Any path that Intercom doesn't have, or that the simulator doesn't play."""

    async def prepare(self) -> None:
        """Refuses, after the gate."""
        await super().prepare()
        raise resource_not_found()
