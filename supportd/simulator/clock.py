"""The simulator's own clock: the real one, shifted on demand."""

from supportd.clock import Clock


class ShiftedClock:
    """Time since the epoch plus an offset that the control API moves."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.offset = 0.0

    def time(self) -> float:
        """Seconds since the epoch as Intercom sees them."""
        return self._clock.time() + self.offset

    def seconds(self) -> int:
        """The same in whole seconds, which is all that Intercom's REST times have."""
        return int(self.time())
