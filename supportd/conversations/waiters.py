"""Held polls: who waits for news of which conversation."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

MAX_WAITING = 20_000
MAX_PER_USER = 8


class Waiters:
    """One future a held poll, woken by the projection.

    Bounded in all and per user: past a bound a poll isn't held but answered at once.
    """

    def __init__(self, *, max_waiting: int = MAX_WAITING, max_per_user: int = MAX_PER_USER) -> None:
        self._max_waiting = max_waiting
        self._max_per_user = max_per_user
        self._waiting: defaultdict[str, set[asyncio.Future[None]]] = defaultdict(set)
        self._per_user: Counter[str] = Counter()
        self._count = 0
        self._closed = False

    def __len__(self) -> int:
        """How many wait."""
        return self._count

    @contextmanager
    def waiting(self, conversation_id: str, user_id: str) -> Iterator[asyncio.Future[None] | None]:
        """A future that is done once there is news; None where this poll may not wait. Released at the end."""
        if self._closed or self._count >= self._max_waiting or self._per_user[user_id] >= self._max_per_user:
            yield None
            return
        news = asyncio.get_running_loop().create_future()
        self._waiting[conversation_id].add(news)
        self._per_user[user_id] += 1
        self._count += 1
        try:
            yield news
        finally:
            self._release(conversation_id, user_id, news)

    def wake(self, conversation_id: str) -> None:
        """Tells those who wait for this conversation that there is news."""
        for news in self._waiting.get(conversation_id, ()):
            if not news.done():
                news.set_result(None)

    def close(self) -> None:
        """Wakes everybody and lets nobody wait any more: the server is stopping."""
        self._closed = True
        for conversation_id in list(self._waiting):
            self.wake(conversation_id)

    @property
    def closed(self) -> bool:
        """Whether the server is stopping."""
        return self._closed

    def _release(self, conversation_id: str, user_id: str, news: "asyncio.Future[None]") -> None:
        news.cancel()
        self._waiting[conversation_id].discard(news)
        if not self._waiting[conversation_id]:
            del self._waiting[conversation_id]
        self._per_user[user_id] -= 1
        if not self._per_user[user_id]:
            del self._per_user[user_id]
        self._count -= 1
