"""Polls beneath `RequestHandler`: the commonest request, answered as soon as it is in.

A poll that is plain in every way is answered here, without a handler, a future or an await: its caller and its
conversation are in memory, nothing has to be waited for, and calls are left. Every other request, and every poll that
ends in an error, goes on to the application, where `PollHandler` follows the same rules.
"""

import re
from collections.abc import Awaitable
from email.utils import formatdate
from uuid import uuid4

from tornado.httputil import (
    HTTPConnection,
    HTTPHeaders,
    HTTPMessageDelegate,
    HTTPServerConnectionDelegate,
    RequestStartLine,
    ResponseStartLine,
)

from supportd.conversations.cache import Entry
from supportd.conversations.service import ConversationService
from supportd.handlers import polling
from supportd.handlers.base import JSON, PRIVATE, REQUEST_ID
from supportd.handlers.web import Web
from supportd.identity import Identity
from supportd.metrics import Poll

ROUTE = "poll"
PLAIN = re.compile(r"/api/conversations/([A-Za-z0-9_-]{1,128})/poll(?:\?since=([0-9]{1,17}))?")
HOST = re.compile(r"[A-Za-z0-9.-]+(?::[0-9]+)?")  # as nearly all clients send it; the application judges the others
STATUS = {200: "200 OK", 304: "304 Not Modified"}


class QuickPolls(HTTPServerConnectionDelegate):
    """Takes every request; answers the plain polls and leaves the others to the application."""

    def __init__(
        self, application: HTTPServerConnectionDelegate, *, web: Web, conversations: ConversationService
    ) -> None:
        self._application = application
        self._web = web
        self._conversations = conversations
        self._outcomes = {outcome: web.metrics.polls.labels(outcome) for outcome in Poll}
        self._requests = {status: web.metrics.requests.labels(ROUTE, "GET", status) for status in STATUS}
        self._seconds = web.metrics.request_seconds.labels(ROUTE)
        self._second = 0
        self._date = ""

    def start_request(self, server_conn: object, request_conn: HTTPConnection) -> HTTPMessageDelegate:
        """A request begins: what it is shows when its headers are in."""
        return _Request(self, server_conn, request_conn)

    def pass_on(self, server_conn: object, request_conn: HTTPConnection) -> HTTPMessageDelegate:
        """What the application makes of the request."""
        return self._application.start_request(server_conn, request_conn)

    def answer(self, line: RequestStartLine, headers: HTTPHeaders) -> bytes | None:
        """The whole answer to a plain poll, its head included; None if the application is to answer."""
        web = self._web
        began_at = web.clock.monotonic()
        asked = PLAIN.fullmatch(line.path)
        if asked is None or web.lifecycle.stopping or not _is_plain(line, headers):
            return None
        caller = web.identifier.known(headers.get("Authorization"))
        entry = None if caller is None else self._entry(caller, asked[1])
        left = None if caller is None or entry is None else web.reads.take(caller.user_id)
        if caller is None or entry is None or left is None:
            return None
        since = polling.cursor_ms(int(asked[2] or 0))
        outcome, body = polling.answer(entry, since, headers.get("If-None-Match"))
        self._conversations.note_served(caller, entry.state)
        status = 304 if outcome is Poll.NOT_MODIFIED else 200
        head = self._head(status, len(body), entry, left, headers)
        self._outcomes[outcome].inc()
        self._requests[status].inc()
        self._seconds.observe(max(0.0, web.clock.monotonic() - began_at))
        return head + body

    def _entry(self, caller: Identity, conversation_id: str) -> Entry | None:
        try:
            return self._conversations.cached(caller, conversation_id)
        except Exception:  # noqa: BLE001 - whatever it is: the application comes to it too, and answers it
            return None

    def _head(self, status: int, length: int, entry: Entry, left: int, headers: HTTPHeaders) -> bytes:
        """The status line and headers, as `BaseHandler` and `PollHandler` set them."""
        given = headers.get("X-Request-Id", "")
        request_id = given if REQUEST_ID.fullmatch(given) else uuid4().hex
        reads = self._web.reads
        lines = (
            f"HTTP/1.1 {STATUS[status]}\r\n"
            f"Date: {self._now()}\r\n"
            "X-Content-Type-Options: nosniff\r\n"
            f"X-Request-Id: {request_id}\r\n"
            f"Cache-Control: {PRIVATE}\r\n"
            f"RateLimit-Policy: {reads.policy}\r\n"
            f"RateLimit: {reads.status(left)}\r\n"
            f"Etag: {entry.etag}\r\n"
            f"Age: {self._conversations.age_s(entry)}\r\n"
        )
        if status == 200:
            lines += f"Content-Type: {JSON}\r\nContent-Length: {length}\r\n"
        for name, value in self._web.cors.of_answer(headers.get("Origin")).items():
            lines += f"{name}: {value}\r\n"
        return f"{lines}\r\n".encode("latin-1")

    def _now(self) -> str:
        """The time as `Date` has it, formatted once a second."""
        second = int(self._web.clock.time())
        if second != self._second:
            self._second, self._date = second, formatdate(second, usegmt=True)
        return self._date


class _Request(HTTPMessageDelegate):
    """One request, until it is known who answers it."""

    def __init__(self, polls: QuickPolls, server: object, connection: HTTPConnection) -> None:
        self._polls = polls
        self._server = server
        self._connection = connection
        self._answer: bytes | None = None
        self._application: HTTPMessageDelegate | None = None

    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> Awaitable[None] | None:
        assert isinstance(start_line, RequestStartLine)
        self._answer = self._polls.answer(start_line, headers)
        if self._answer is not None:
            return None
        self._application = self._polls.pass_on(self._server, self._connection)
        return self._application.headers_received(start_line, headers)

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        return None if self._application is None else self._application.data_received(chunk)

    def finish(self) -> None:
        if self._application is not None:
            self._application.finish()
        elif self._answer is not None:
            self._connection.write(self._answer)  # with its head: see `HTTP1Connection.write`
            self._connection.finish()

    def on_connection_close(self) -> None:
        if self._application is not None:
            self._application.on_connection_close()


def _is_plain(line: RequestStartLine, headers: HTTPHeaders) -> bool:
    """Whether it is a GET by HTTP/1.1 on a connection that stays open. A body has no meaning, and is dropped."""
    return (
        line.method == "GET"
        and line.version == "HTTP/1.1"
        and HOST.fullmatch(headers.get("Host", "")) is not None
        and headers.get("Connection", "").lower() in {"", "keep-alive"}
    )
