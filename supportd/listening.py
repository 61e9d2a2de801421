"""The sockets that clients come by, and how many connections there may be."""

import asyncio
import resource
import socket
from collections.abc import Callable
from itertools import takewhile
from typing import Any

from tornado.http1connection import HTTP1Connection
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPConnection, HTTPMessageDelegate
from tornado.iostream import IOStream
from tornado.netutil import bind_sockets

from supportd.clock import Clock
from supportd.errors import CannotListen

BACKLOG = 4096  # as many wait in the kernel while the process starts again; Linux allows no more unless told to
UNREAD_MS = 60_000  # for how long a client may take nothing of an answer
OTHER_FILES = 384  # open at most, beside connections and uploads: MongoDB's, Intercom's, S3's, logs
FEWEST = 64


class BoundedServer(HTTPServer):
    """An HTTP server that has so many connections; one that is too many is closed at once.

    Without a bound, accepting fails when the process has no more files, and is tried again without a pause.
    Idle connections are closed by `close_idle`, which has to be called now and then: Tornado would start a timer for
    each request, which costs a tenth of a poll.
    """

    max_connections = FEWEST
    on_refused: Callable[[], None]
    clock: Clock

    def initialize(self, *arguments: Any, **options: Any) -> None:
        """Tornado's way to make one."""
        super().initialize(*arguments, **options)
        self.conn_params.header_timeout = None
        self._latest: dict[object, tuple[float, HTTPConnection]] = {}

    def __len__(self) -> int:
        """How many connections are open."""
        return len(self._connections)

    def handle_stream(self, stream: IOStream, address: tuple[Any, ...]) -> None:
        """Takes a new connection."""
        if len(self) >= self.max_connections:
            self.on_refused()
            stream.close()
            return
        super().handle_stream(stream, address)

    def start_request(self, server_conn: object, request_conn: HTTPConnection) -> HTTPMessageDelegate:
        """Waits for the next request on a connection."""
        self._latest.pop(server_conn, None)  # so that who waits longest comes first
        self._latest[server_conn] = (self.clock.monotonic(), request_conn)
        return super().start_request(server_conn, request_conn)

    def on_close(self, server_conn: object) -> None:
        """A connection was closed."""
        self._latest.pop(server_conn, None)
        super().on_close(server_conn)

    async def close_idle(self, after_s: float) -> None:
        """Closes the connections that have waited so long for the head of a request."""
        before = self.clock.monotonic() - after_s
        longest = list(takewhile(lambda latest: latest[0] <= before, self._latest.values()))
        for _, request in longest:
            assert isinstance(request, HTTP1Connection)
            if request._request_start_line is None and request.stream is not None:  # noqa: SLF001 - nothing else tells
                request.stream.close()
                await asyncio.sleep(0)  # many may be due at once


def most_connections(*, uploads: int) -> int:
    """How many connections the open files suffice for, with so many uploads among them, which have a file each."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(FEWEST, files - OTHER_FILES - uploads)


def bound(host: str, port: int) -> list[socket.socket]:
    """Sockets that listen on an address. Raises `CannotListen`."""
    try:
        return [_guarded(each) for each in bind_sockets(port, host, backlog=BACKLOG)]
    except OSError as error:
        raise CannotListen(f"can't listen on {host}:{port}: {error.strerror}") from None


def inherited(fd: int) -> list[socket.socket]:
    """The socket of whoever started us, who keeps it open when we end: clients wait there until we are back.

    Raises:
        CannotListen: it isn't a socket, or nobody listens on it.
    """
    try:
        listening = socket.socket(fileno=fd)
        is_listening = listening.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError as error:
        raise CannotListen(f"can't listen on LISTEN_FD {fd}: {error.strerror}") from None
    if not is_listening:
        raise CannotListen(f"can't listen on LISTEN_FD {fd}: nobody listens on that socket")
    listening.setblocking(False)  # noqa: FBT003 - the standard library's own signature
    return [_guarded(listening)]


def _guarded(listening: socket.socket) -> socket.socket:
    """Lets the kernel end a connection whose client reads nothing, so that no answer is kept for ever.

    Connections take the option over from the socket that they come by (Linux, tcp(7), TCP_USER_TIMEOUT).
    """
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD_MS)
    return listening
