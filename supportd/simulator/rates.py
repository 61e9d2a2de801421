"""Rate limits in 10-second windows, and calls counted (Intercom's docs, rate limiting; contract, part 1.3)."""

import math
from collections import Counter

from supportd.simulator.clock import ShiftedClock
from supportd.simulator.errors import ApiError
from supportd.simulator.faults import Faults

WINDOW_S = 10


class RateLimiter:
    """One app's budget: a sixth of the minute's in each window."""

    def __init__(self, *, clock: ShiftedClock, faults: Faults) -> None:
        self._clock = clock
        self._faults = faults
        self._window = -1
        self._used = 0

    @property
    def limit(self) -> int:
        """Calls allowed in one window."""
        return math.ceil(self._faults.now.rate_limit_per_minute * WINDOW_S / 60)

    def take(self) -> None:
        """Counts a call. Raises 429 over the limit."""
        window = self._clock.seconds() // WINDOW_S
        if window != self._window:
            self._window, self._used = window, 0
        self._used += 1
        if self._used > self.limit or self._faults.now.force_429:
            message = f"Exceeded rate limit of {self.limit} in 10_seconds"
            raise ApiError(429, "rate_limit_exceeded", message)

    def headers(self) -> dict[str, str]:
        """What each authenticated answer carries; the reset is in Unix seconds."""
        left = 0 if self._faults.now.force_429 else max(self.limit - self._used, 0)
        reset = (self._clock.seconds() // WINDOW_S + 1) * WINDOW_S
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(left),
            "X-RateLimit-Reset": str(reset),
        }


class CallCounter:
    """How often each operation of Intercom's API was called, refused calls included."""

    def __init__(self) -> None:
        self.by_operation: Counter[str] = Counter()

    def count(self, operation: str) -> None:
        """Notes one call."""
        self.by_operation[operation] += 1

    def clear(self) -> None:
        """Starts again from zero."""
        self.by_operation.clear()
