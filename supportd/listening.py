"""The sockets that clients come by, and how many connections there may be."""

import resource
import socket
from collections.abc import Callable
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.iostream import IOStream
from tornado.netutil import bind_sockets

from supportd.errors import CannotListen

BACKLOG = 4096  # as many wait in the kernel while the process starts again; Linux allows no more unless told to
UNREAD_MS = 60_000  # for how long a client may take nothing of an answer
OTHER_FILES = 384  # open at most, beside connections and uploads: MongoDB's, Intercom's, S3's, logs
FEWEST = 64


class BoundedServer(HTTPServer):
    """An HTTP server that has so many connections; one that is too many is closed at once.

    Without a bound, accepting fails when the process has no more files, and is tried again without a pause.
    """

    max_connections = FEWEST
    on_refused: Callable[[], None]

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
