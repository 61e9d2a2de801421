"""The bodies of webhooks that wait, as far as memory is given to them."""

MAX_BYTES = 4 * 1024 * 1024


class Bodies:
    """Bodies by event id, bounded in bytes: what is over the bound isn't kept, and must be read from MongoDB."""

    def __init__(self, *, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._bodies: dict[str, bytes] = {}
        self._bytes = 0

    def keep(self, event_id: str, body: bytes) -> None:
        """Keeps a body if there is room for it."""
        if self._bytes + len(body) <= self._max_bytes:
            self._bodies[event_id] = body
            self._bytes += len(body)

    def take(self, event_id: str) -> bytes | None:
        """The body, which isn't kept from now on; None if it wasn't."""
        body = self._bodies.pop(event_id, None)
        if body is not None:
            self._bytes -= len(body)
        return body
