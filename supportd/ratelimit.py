"""How often one user may call: a token bucket per user, one limiter for reads and one for writes."""

import math
import random

from cachetools import LRUCache
from msgspec import Struct

from supportd.clock import Clock
from supportd.errors import RateLimited

WINDOW_S = 60
TRACKED_USERS = 100_000
RETRY_JITTER_S = 2.0


class _Bucket(Struct, gc=False):
    tokens: float
    filled_at: float


class RateLimiter:
    """`per_minute` calls a user, refilled evenly; a full bucket may be spent at once.

    Buckets are bounded by count: the user seen longest ago is forgotten, which can only refill a bucket early.
    """

    def __init__(
        self, name: str, *, per_minute: int, clock: Clock, rng: random.Random, tracked: int = TRACKED_USERS
    ) -> None:
        self.policy = f'"{name}";q={per_minute};w={WINDOW_S}'
        self._name = name
        self._limit = per_minute
        self._rate = per_minute / WINDOW_S
        self._clock = clock
        self._rng = rng
        self._buckets: LRUCache[str, _Bucket] = LRUCache(tracked)

    def spend(self, user_id: str) -> int:
        """Takes one call from the user's bucket and answers how many are left.

        Raises:
            RateLimited: none was left; it says when to come back, with jitter, so that clients don't return at once.
        """
        left = self.take(user_id)
        if left is None:
            wait = (1 - self._buckets[user_id].tokens) / self._rate
            raise RateLimited(max(1, math.ceil(wait + self._rng.random() * RETRY_JITTER_S)))
        return left

    def take(self, user_id: str) -> int | None:
        """Takes one call from the user's bucket and answers how many are left; None if there was none."""
        now = self._clock.monotonic()
        bucket = self._buckets.get(user_id)
        if bucket is None:
            bucket = self._buckets[user_id] = _Bucket(tokens=self._limit, filled_at=now)
        else:
            bucket.tokens = min(self._limit, bucket.tokens + (now - bucket.filled_at) * self._rate)
            bucket.filled_at = now
        if bucket.tokens < 1:
            return None
        bucket.tokens -= 1
        return int(bucket.tokens)

    def status(self, left: int | None = None) -> str:
        """The `RateLimit` field (draft-ietf-httpapi-ratelimit-headers): calls left and seconds to a full bucket."""
        left = self._limit if left is None else left
        return f'"{self._name}";r={left};t={math.ceil((self._limit - left) / self._rate)}'
