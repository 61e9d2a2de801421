"""Held polls: who waits for news of which conversation."""

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import Callable
from functools import partial

from supportd.clock import Clock
from supportd.metrics import Metrics

MAX_WAITING = 20_000
MAX_PER_USER = 8
JITTER = 0.1


class Held:
    """A poll that is held: until there is news, its time is over, the server stops, or its client leaves."""

    __slots__ = ("_began_at", "_then", "_timer", "_waiters", "conversation_id", "held_s", "user_id")

    def __init__(
        self, waiters: "Waiters", conversation_id: str, user_id: str, *, at_most_s: float, then: Callable[[], None]
    ) -> None:
        self.conversation_id = conversation_id
        self.user_id = user_id
        self.held_s = 0.0
        self._waiters = waiters
        self._then: Callable[[], None] | None = then
        self._began_at = waiters.clock.monotonic()
        self._timer = asyncio.get_running_loop().call_later(at_most_s, self.end)

    def end(self, *, woken: bool = False) -> None:
        """Lets it go and calls what comes then; does nothing if it was let go before."""
        then = self._then
        if then is not None:
            self.release(woken=woken)
            then()

    def release(self, *, woken: bool = False) -> None:
        """Lets it go, and nothing comes then."""
        if self._then is not None:
            self._then = None
            self._timer.cancel()
            self.held_s = self._waiters.clock.monotonic() - self._began_at
            self._waiters.released(self, woken=woken)


class Waiters:
    """A callback a held poll, woken by the projection.

    Bounded in all and per user: past a bound a poll isn't held but answered at once. The times end jittered, so that
    polls which were held together don't come back together.
    """

    def __init__(
        self,
        *,
        metrics: Metrics,
        clock: Clock,
        rng: random.Random,
        max_waiting: int = MAX_WAITING,
        max_per_user: int = MAX_PER_USER,
    ) -> None:
        self.clock = clock
        self._metrics = metrics
        self._rng = rng
        self._max_waiting = max_waiting
        self._max_per_user = max_per_user
        self._waiting: defaultdict[str, set[Held]] = defaultdict(set)
        self._per_user: Counter[str] = Counter()
        self._count = 0
        self._closed = False

    def __len__(self) -> int:
        """How many wait."""
        return self._count

    def hold(self, conversation_id: str, user_id: str, *, within_s: float, then: Callable[[], None]) -> Held | None:
        """Calls `then` once there is news, or `within_s` are nearly over; None where this poll may not wait."""
        if self._closed or self._count >= self._max_waiting or self._per_user[user_id] >= self._max_per_user:
            return None
        at_most_s = within_s * (1 - JITTER * self._rng.random())
        held = Held(self, conversation_id, user_id, at_most_s=at_most_s, then=then)
        self._waiting[conversation_id].add(held)
        self._per_user[user_id] += 1
        self._counted(1)
        return held

    def wake(self, conversation_id: str) -> None:
        """Tells those who wait for this conversation that there is news."""
        loop = asyncio.get_running_loop()
        for held in self._waiting.get(conversation_id, ()):
            loop.call_soon(partial(held.end, woken=not self._closed))

    def holds(self, user_id: str) -> bool:
        """Whether a poll of the user's is held."""
        return user_id in self._per_user

    def close(self) -> None:
        """Wakes everybody and lets nobody wait any more: the server is stopping."""
        self._closed = True
        for conversation_id in list(self._waiting):
            self.wake(conversation_id)

    def released(self, held: Held, *, woken: bool) -> None:
        """One was let go."""
        if woken:
            self._metrics.polls_woken.inc()
        self._metrics.held_seconds.observe(held.held_s)
        self._waiting[held.conversation_id].discard(held)
        if not self._waiting[held.conversation_id]:
            del self._waiting[held.conversation_id]
        self._per_user[held.user_id] -= 1
        if not self._per_user[held.user_id]:
            del self._per_user[held.user_id]
        self._counted(-1)

    def _counted(self, change: int) -> None:
        self._count += change
        self._metrics.held_polls.set(self._count)
