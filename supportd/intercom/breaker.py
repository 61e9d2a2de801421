"""The circuit breaker: after a few outages in a row, no call waits for a dead upstream."""

from collections.abc import Callable
from enum import StrEnum

from supportd.clock import Clock
from supportd.errors import IntercomUnavailable

OUTAGES_TO_OPEN = 3
OPEN_S = 30.0


class BreakerState(StrEnum):
    """As `/ready` shows it."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Breaker:
    """Opens after three outages in a row for 30 s, then lets one trial call through.

    An outage is a network error, a time-out or a 5xx. A 4xx is an answer: Intercom is up.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        open_s: float = OPEN_S,
        on_change: Callable[[BreakerState], None] = lambda _: None,
    ) -> None:
        self._clock = clock
        self._open_s = open_s
        self._on_change = on_change
        self._outages = 0
        self._opened_at = 0.0
        self._state = BreakerState.CLOSED

    @property
    def state(self) -> BreakerState:
        """The state now. An open breaker is half open once its time is over and a trial is under way."""
        return self._state

    def admit(self) -> bool:
        """Lets a call through, or not; True if the call is the trial.

        Raises:
            IntercomUnavailable: the breaker is open, or another call is its trial.
        """
        if self._state is BreakerState.CLOSED:
            return False
        left = self.opens_in()
        if self._state is BreakerState.HALF_OPEN or left > 0:
            raise IntercomUnavailable("breaker_open", retry_after=max(left, 1.0))
        self._change(BreakerState.HALF_OPEN)
        return True

    def succeeded(self) -> None:
        """Intercom answered the call."""
        self._outages = 0
        self._change(BreakerState.CLOSED)

    def failed(self) -> None:
        """The call met an outage."""
        self._outages += 1
        if self._state is BreakerState.HALF_OPEN or self._outages >= OUTAGES_TO_OPEN:
            self._opened_at = self._clock.monotonic()
            self._change(BreakerState.OPEN)

    def abandoned(self) -> None:
        """The trial was cancelled before anything was learnt: the next call is the trial."""
        if self._state is BreakerState.HALF_OPEN:
            self._change(BreakerState.OPEN)

    def opens_in(self) -> float:
        """Seconds until a call may go through again; 0 if now."""
        if self._state is BreakerState.CLOSED:
            return 0.0
        return max(0.0, self._opened_at + self._open_s - self._clock.monotonic())

    def _change(self, state: BreakerState) -> None:
        if state is not self._state:
            self._state = state
            self._on_change(state)
