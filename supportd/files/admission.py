"""How much a user may upload: a few files at once, and so many bytes a day."""

import math
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from supportd.clock import Clock
from supportd.errors import RateLimited
from supportd.stores.files import FileStore

MOST_EACH = 10  # as many as a message may have
BUSY_S = 5
DAY_S = 86_400
FULL_S = 3600


class Slots:
    """How many uploads run at once, in all and for each user."""

    def __init__(self, *, most: int, rng: random.Random) -> None:
        self._most = most
        self._rng = rng
        self._taken: Counter[str] = Counter()

    @contextmanager
    def taken(self, user_id: str) -> Iterator[None]:
        """Holds a slot. Raises `RateLimited` if there is none."""
        if self._taken.total() >= self._most or self._taken[user_id] >= MOST_EACH:
            raise RateLimited(_jittered(BUSY_S, self._rng), "Too many uploads at once")
        self._taken[user_id] += 1
        try:
            yield
        finally:
            self._taken[user_id] -= 1
            self._taken += Counter()  # forgets who has none


class Quota:
    """How many bytes a user may store within 24 hours, files that are gone since not counted."""

    def __init__(self, *, store: FileStore, most_bytes: int, clock: Clock, rng: random.Random) -> None:
        self._store = store
        self._most_bytes = most_bytes
        self._clock = clock
        self._rng = rng

    async def check(self, user_id: str, *, more: int) -> None:
        """Finds out whether there is room for `more` bytes beside what is recorded.

        Raises:
            RateLimited: there isn't.
            StorageUnavailable: that can't be told.
        """
        since = datetime.fromtimestamp(self._clock.time() - DAY_S, UTC)
        if await self._store.bytes_of(user_id, since=since) + more > self._most_bytes:
            raise RateLimited(_jittered(FULL_S, self._rng), "Too many files today")


def _jittered(seconds: float, rng: random.Random) -> int:
    return math.ceil(seconds * (1 + rng.random()))
