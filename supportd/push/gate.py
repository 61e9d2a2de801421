"""When a service may be called: not while it is down, nor before the time that it named, nor faster than it takes."""

from cachetools import LRUCache

from supportd.clock import Clock

ALL_PAUSED_S = 30.0  # at most: the services don't say whether they mean one device or everything
TRACKED = 10_000


class Pauses:
    """Waiting that a service asked for. The device waits for as long as it said, and all others for a while."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._all_until = 0.0
        self._until: LRUCache[str, float] = LRUCache(TRACKED)

    def left_s(self, token: str) -> float:
        """Seconds until the device may be tried; 0 if now."""
        return max(0.0, max(self._all_until, self._until.get(token, 0.0)) - self._clock.monotonic())

    def pause(self, token: str, seconds: float) -> None:
        """The service asked for this."""
        now = self._clock.monotonic()
        self._until[token] = now + seconds
        self._all_until = max(self._all_until, now + min(seconds, ALL_PAUSED_S))

    def pause_all(self, seconds: float) -> None:
        """Nothing can be sent for a while, whatever the device."""
        self._all_until = max(self._all_until, self._clock.monotonic() + seconds)


class Pace:
    """Turns at a steady rate, for as many as ask at once."""

    def __init__(self, *, per_second: float, clock: Clock) -> None:
        self._gap_s = 1 / per_second
        self._clock = clock
        self._next = 0.0

    def take_turn(self) -> float:
        """Takes the next turn, and says in how many seconds it is; 0 if now."""
        now = self._clock.monotonic()
        mine = max(self._next, now)
        self._next = mine + self._gap_s
        return mine - now


class Spacing:
    """A least distance between two messages to the same recipient."""

    def __init__(self, *, gap_s: float, clock: Clock) -> None:
        self._gap_s = gap_s
        self._clock = clock
        self._free_at: LRUCache[str, float] = LRUCache(TRACKED)

    def left_s(self, token: str) -> float:
        """Seconds until the recipient may be sent to; if now, that is taken as done."""
        now = self._clock.monotonic()
        left = self._free_at.get(token, 0.0) - now
        if left > 0:
            return left
        self._free_at[token] = now + self._gap_s
        return 0.0
