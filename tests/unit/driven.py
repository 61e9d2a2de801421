"""A clock that stands still until a test moves it, and dice that always fall the same."""

import random

from supportd.clock import Clock


class StillClock(Clock):
    def __init__(self, at: float = 1_750_000_000.0) -> None:
        self.now = at

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


class Fixed(random.Random):
    """Always the same draw from 0 to 1."""

    def __init__(self, draw: float = 0.0) -> None:
        super().__init__(0)
        self.draw = draw

    def random(self) -> float:
        return self.draw
