"""How many calls to Intercom there may be at once, and who waits for one of them to end."""

import asyncio
import heapq
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from supportd.errors import IntercomUnavailable
from supportd.intercom.budget import SHARE, Priority


class Slots:
    """`most` calls at once; `most_waiting` others wait, the most urgent first. Who finds both full is refused.

    As with the budget, the less urgent leave a part to the more urgent: where Intercom hangs, no call of theirs ends.
    """

    def __init__(self, *, most: int, most_waiting: int) -> None:
        self._most = most
        self._most_waiting = most_waiting
        self._taken = 0
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    @asynccontextmanager
    async def held(self, priority: Priority, *, wait_s: float) -> AsyncIterator[None]:
        """Surrounds a call.

        Raises:
            IntercomUnavailable: there was no slot within `wait_s`, or too many wait already.
        """
        await self._take(priority, wait_s)
        try:
            yield
        finally:
            self._taken -= 1
            self._pass_on()

    def stop(self) -> None:
        """Lets nobody wait any longer."""
        for _, _, turn in self._waiting:
            turn.cancel()

    async def _take(self, priority: Priority, wait_s: float) -> None:
        if self._may_take(priority) and not (self._waiting and self._waiting[0][0] <= priority):
            self._taken += 1
            return
        if len(self._waiting) >= self._most_waiting:
            raise IntercomUnavailable("no_budget", retry_after=1)
        turn = asyncio.get_running_loop().create_future()
        place = (priority, next(self._order), turn)
        heapq.heappush(self._waiting, place)
        try:
            await asyncio.wait_for(turn, wait_s)
        except TimeoutError:
            raise IntercomUnavailable("no_budget", retry_after=1) from None
        finally:
            if place in self._waiting:
                self._waiting.remove(place)
                heapq.heapify(self._waiting)

    def _may_take(self, priority: Priority) -> bool:
        return self._taken < max(1, self._most * SHARE[priority])

    def _pass_on(self) -> None:
        while self._waiting and self._may_take(Priority(self._waiting[0][0])):
            _, _, turn = heapq.heappop(self._waiting)
            if not turn.done():
                self._taken += 1
                turn.set_result(None)
