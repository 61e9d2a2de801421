"""Free ports on loopback."""

import contextlib
import random
import socket

LOOPBACK = "127.0.0.1"
# Below the range that Linux gives to outgoing connections (from 32768), so that no client's own port is in the way of
# a server that starts again, and no client that retries connects to itself.
LOWEST, HIGHEST = 20_000, 32_000


def is_free(port: int) -> bool:
    """Whether a server could listen on it now."""
    with contextlib.closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def free_port(*offsets: int) -> int:
    """A free port such that `port + offset` is free too, for each of `offsets`. Raises `OSError` if there is none."""
    candidates = list(range(LOWEST, HIGHEST))
    random.shuffle(candidates)
    for port in candidates:
        if all(is_free(port + offset) for offset in (0, *offsets)):
            return port
    raise OSError("no free port")
