"""Polls beneath `RequestHandler`, where most of Tornado's time goes.

Every request comes here first. A plain poll is answered as soon as it is in, without a handler, a task or an await; one
that is to wait costs a callback while it does. Every other request goes on to the application.
"""

from collections.abc import Awaitable
from functools import partial

from tornado.http1connection import HTTP1Connection
from tornado.httputil import (
    HTTPConnection,
    HTTPHeaders,
    HTTPMessageDelegate,
    HTTPServerConnectionDelegate,
    RequestStartLine,
    ResponseStartLine,
)

from supportd.conversations.cache import Entry
from supportd.conversations.waiters import Held, Waiters
from supportd.handlers import polling
from supportd.handlers.plain_polls import PlainPoll, PlainPolls
from supportd.lifecycle import Lifecycle


class QuickPolls(HTTPServerConnectionDelegate):
    """Answers the plain polls, and leaves all else to the application."""

    def __init__(
        self,
        application: HTTPServerConnectionDelegate,
        *,
        polls: PlainPolls,
        waiters: Waiters,
        lifecycle: Lifecycle,
    ) -> None:
        self.application = application
        self.polls = polls
        self.waiters = waiters
        self.lifecycle = lifecycle

    def start_request(self, server_conn: object, request_conn: HTTPConnection) -> HTTPMessageDelegate:
        """A request begins: what it is shows when its headers are in."""
        assert isinstance(request_conn, HTTP1Connection)
        return _Request(self, server_conn, request_conn)


class _Request(HTTPMessageDelegate):
    """One request, until it is answered or known to be the application's."""

    __slots__ = ("_application", "_connection", "_headers", "_held", "_line", "_poll", "_quick", "_server")

    def __init__(self, quick: QuickPolls, server: object, connection: HTTP1Connection) -> None:
        self._quick = quick
        self._server = server
        self._connection = connection
        self._poll: PlainPoll | None = None
        self._held: Held | None = None
        self._application: HTTPMessageDelegate | None = None

    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> Awaitable[None] | None:
        assert isinstance(start_line, RequestStartLine)
        self._line, self._headers = start_line, headers
        self._poll = self._quick.polls.find(start_line, headers)
        if self._poll is not None:
            return None
        self._application = self._quick.application.start_request(self._server, self._connection)
        return self._application.headers_received(start_line, headers)

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        return None if self._application is None else self._application.data_received(chunk)

    def finish(self) -> None:
        if self._application is not None:
            self._application.finish()
        elif self._poll is not None and not self._hold(self._poll):
            self._answer(self._poll, self._poll.entry)

    def on_connection_close(self) -> None:
        if self._application is not None:
            self._application.on_connection_close()

    def _hold(self, poll: PlainPoll) -> bool:
        """Holds the poll, if it wants to wait and may."""
        entry = self._quick.polls.entry_of(poll.caller, poll.entry.id) if poll.wait_s else None
        if entry is None or polling.has_news(entry, poll.since, poll.known):
            return False
        over = partial(self._held_no_more, poll)
        self._held = self._quick.waiters.hold(poll.entry.id, poll.caller.user_id, within_s=poll.wait_s, then=over)
        if self._held is None:
            return False
        self._quick.lifecycle.enter()
        self._connection.set_close_callback(self._client_left)
        return True

    def _held_no_more(self, poll: PlainPoll) -> None:
        self._quick.lifecycle.leave()
        self._connection.set_close_callback(None)
        entry = self._quick.polls.entry_of(poll.caller, poll.entry.id)
        if entry is None:
            self._leave_to_application(poll)
        else:
            self._answer(poll, entry)

    def _client_left(self) -> None:
        if self._held is not None:
            self._held.release()
            self._quick.lifecycle.leave()

    def _answer(self, poll: PlainPoll, entry: Entry) -> None:
        held_s = 0.0 if self._held is None else self._held.held_s
        self._connection.write(self._quick.polls.answer(poll, entry, self._headers, held_s=held_s))  # with its head
        self._connection.finish()

    def _leave_to_application(self, poll: PlainPoll) -> None:
        """While it was held, its conversation left the memory, or is the caller's no more."""
        line = self._line._replace(path=f"{poll.path}?since={poll.since}")
        self._application = self._quick.application.start_request(self._server, self._connection)
        self._application.headers_received(line, self._headers)
        self._application.finish()
