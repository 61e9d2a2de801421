"""Intercom's clock. Ours may be minutes off, or jump: what is compared with Intercom's times is taken from here."""

from supportd.clock import Clock


class IntercomClock(Clock):
    """Intercom's time as its last answer told it, carried on by our monotonic clock; until the first answer, ours."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ahead_s: float | None = None  # of our monotonic clock

    def time(self) -> float:
        return self._clock.time() if self._ahead_s is None else self._clock.monotonic() + self._ahead_s

    def monotonic(self) -> float:
        return self._clock.monotonic()

    def told(self, seconds: int) -> None:
        """Takes over the time (s since the epoch) of an answer that just came."""
        self._ahead_s = seconds - self._clock.monotonic()
