"""Time as a dependency, so that tests drive it instead of sleeping."""

import time


class Clock:
    """The system's clocks. A test passes one of its own with the same two methods."""

    def time(self) -> float:
        """Seconds since the epoch; may jump when an operator sets the clock."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds that only ever grow; for durations."""
        return time.monotonic()
