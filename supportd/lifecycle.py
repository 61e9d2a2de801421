"""Whether the server is stopping, and how many requests are under way."""

import asyncio


class Lifecycle:
    """Counts requests from their first line to their last byte, so that a stop can wait for them.

    `linger_s` is how long a stop goes on answering on open connections, and telling clients to make new ones.
    """

    def __init__(self, *, linger_s: float = 0.0) -> None:
        self.linger_s = linger_s
        self.stopping = False
        self._under_way = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._cut = asyncio.Event()

    @property
    def under_way(self) -> int:
        """Requests being answered now."""
        return self._under_way

    def enter(self) -> None:
        """A request began."""
        self._under_way += 1
        self._idle.clear()

    def leave(self) -> None:
        """A request ended, also by its client's leaving."""
        self._under_way -= 1
        if self._under_way == 0:
            self._idle.set()

    def cut(self) -> None:
        """Whoever waits for requests to end waits no longer."""
        self._cut.set()

    async def idle(self, *, within_s: float) -> bool:
        """Waits until no request is under way; False if that took longer, or was cut."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within_s
        cut = asyncio.ensure_future(self._cut.wait())
        while self._under_way and not self._cut.is_set() and loop.time() < deadline:
            idle = asyncio.ensure_future(self._idle.wait())
            await asyncio.wait([idle, cut], timeout=deadline - loop.time(), return_when=asyncio.FIRST_COMPLETED)
            idle.cancel()  # and look again: a request may have come in on an open connection meanwhile
        cut.cancel()
        return self._under_way == 0
