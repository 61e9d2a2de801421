"""The rate budget: what may be called when, so that Intercom never has to refuse us.

Intercom spreads a minute's allowance over windows of 10 seconds and refuses what goes over one (Intercom's docs, rate
limiting). All calls draw on one window; the less urgent leave a reserve for the more urgent.
"""

import asyncio
import heapq
import itertools
from enum import IntEnum

from supportd.clock import Clock
from supportd.errors import IntercomUnavailable

WINDOW_S = 10.0
WINDOWS_A_MINUTE = 6


class Priority(IntEnum):
    """Who waits for the call, the most urgent first."""

    USER_WRITE = 0
    COLD_LOAD = 1
    RECONCILER = 2
    OUTBOX = 3


# The part of a window that calls of a priority may have spent before they must wait.
SHARE = {
    Priority.USER_WRITE: 1.0,
    Priority.COLD_LOAD: 0.9,
    Priority.RECONCILER: 0.6,
    Priority.OUTBOX: 0.4,
}


class Budget:
    """Calls left in the current window. Waiters get the next window by priority, then by age.

    `share` is the part of each window that this process may spend itself, beside others that use the same token.
    Windows are counted on Intercom's own clock where its headers told it, else on ours.
    """

    def __init__(self, *, per_minute: int, clock: Clock, share: float = 1.0) -> None:
        self._limit = max(1, per_minute // WINDOWS_A_MINUTE)
        self._share = share
        self._clock = clock
        self._spent = 0
        self._own = 0
        self._window_ends = clock.monotonic() + WINDOW_S
        self._blocked_until = 0.0
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = itertools.count()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def left(self) -> int:
        """Calls left in this window for the most urgent."""
        self._roll()
        return 0 if self._blocked() else max(0, self._limit - self._spent)

    async def spend(self, priority: Priority, *, wait_s: float) -> None:
        """Takes one call, waiting at most `wait_s` for a new window.

        Raises:
            IntercomUnavailable: it couldn't be had in time; `retry_after` is when the next window begins.
        """
        self._roll()
        if self._may_spend(priority) and not self._must_queue(priority):
            self._spend()
            return
        opens_in = self._opens_in()
        if opens_in > wait_s:
            raise IntercomUnavailable("no_budget", retry_after=opens_in)
        turn = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (priority, next(self._order), turn))
        self._arm()
        try:
            await asyncio.wait_for(turn, wait_s)
        except TimeoutError:
            raise IntercomUnavailable("no_budget", retry_after=max(1.0, self._opens_in())) from None

    def correct(self, *, limit: int | None, remaining: int | None, resets_in: float | None) -> None:
        """Takes over what Intercom's `X-RateLimit-*` headers said: they count other apps' calls too.

        `limit` and `remaining` are of the current window, `resets_in` in seconds. Calls under way aren't in
        `remaining` yet, so that it may only lower what we think is left.
        """
        self._roll()
        if limit is not None and limit > 0:
            self._limit = limit
        if remaining is not None and resets_in != 0:  # else it is of a window that is over
            self._spent = max(self._spent, self._limit - remaining)
        if resets_in is not None and 0 < resets_in <= 2 * WINDOW_S:
            self._window_ends = self._clock.monotonic() + resets_in
            self._arm()

    def block(self, seconds: float) -> None:
        """Stops all calls for a while, at most two windows: Intercom said 429."""
        self._blocked_until = max(self._blocked_until, self._clock.monotonic() + min(seconds, 2 * WINDOW_S))

    def stop(self) -> None:
        """Lets nobody wait any longer."""
        if self._timer is not None:
            self._timer.cancel()
        for _, _, turn in self._waiting:
            turn.cancel()

    def _roll(self) -> None:
        now = self._clock.monotonic()
        if now >= self._window_ends:
            self._spent = self._own = 0
            self._window_ends = now + WINDOW_S

    def _blocked(self) -> bool:
        return self._clock.monotonic() < self._blocked_until

    def _spend(self) -> None:
        self._spent += 1
        self._own += 1

    def _may_spend(self, priority: Priority) -> bool:
        if self._blocked() or self._own >= max(1, self._limit * self._share):
            return False
        return self._spent < max(1, self._limit * SHARE[priority])

    def _must_queue(self, priority: Priority) -> bool:
        return bool(self._waiting) and self._waiting[0][0] <= priority

    def _opens_in(self) -> float:
        now = self._clock.monotonic()
        return max(self._blocked_until - now, self._window_ends - now, 0.0)

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiting:
            self._timer = asyncio.get_running_loop().call_later(self._opens_in(), self._open)

    def _open(self) -> None:
        self._timer = None
        self._roll()
        later = []
        while self._waiting:
            priority, order, turn = heapq.heappop(self._waiting)
            if turn.done():
                continue
            if self._may_spend(Priority(priority)):
                self._spend()
                turn.set_result(None)
            else:
                later.append((priority, order, turn))
        for item in later:
            heapq.heappush(self._waiting, item)
        self._arm()
