"""Who is looking: users whose client polls."""

from collections.abc import Callable

from cachetools import LRUCache

from supportd.clock import Clock

TRACKED = 200_000


class Presence:
    """When each user's client last polled, in memory. Bounded: who polled longest ago goes.

    `is_held` tells of a user whether a poll is being held.
    """

    def __init__(
        self, *, window_s: float, is_held: Callable[[str], bool], clock: Clock, tracked: int = TRACKED
    ) -> None:
        self._window_s = window_s
        self._is_held = is_held
        self._clock = clock
        self._seen: LRUCache[str, float] = LRUCache(tracked)

    def saw(self, user_id: str) -> None:
        """The user's client polled just now."""
        self._seen[user_id] = self._clock.monotonic()

    def is_here(self, user_id: str) -> bool:
        """Whether the user's client polled within the window, or has a poll held."""
        seen = self._seen.get(user_id)
        return self._is_held(user_id) or (seen is not None and self._clock.monotonic() - seen < self._window_s)
