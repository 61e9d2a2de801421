"""Free ports on loopback, each handed out once within a minute: to a server that takes a moment until it listens."""

import contextlib
import os
import random
import socket
import tempfile
import time
from pathlib import Path

LOOPBACK = "127.0.0.1"
# Below the range that Linux gives to outgoing connections (from 32768), so that no client's own port is in the way of
# a server that starts again, and no client that retries connects to itself.
LOWEST, HIGHEST = 20_000, 32_000
HELD_S = 60


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
    """A free port such that `port + offset` is free too, for each of `offsets`. Raises `OSError` if there is none.

    No other call of this user's, in whatever process, is given one of them for the next minute.
    """
    held = Path(tempfile.gettempdir()) / f"supportd-ports-{os.getuid()}"
    held.mkdir(mode=0o700, exist_ok=True)
    candidates = list(range(LOWEST, HIGHEST))
    random.shuffle(candidates)
    for port in candidates:
        if all(is_free(port + offset) and _hold(held / str(port + offset)) for offset in (0, *offsets)):
            return port
    raise OSError("no free port")


def _hold(file: Path) -> bool:
    """Holds a port by a file in its name; False if somebody holds it."""
    with contextlib.suppress(FileNotFoundError):
        if time.time() - file.stat().st_mtime > HELD_S:
            file.unlink()
    try:
        file.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True
