"""The slow loop: what Intercom has long said nothing of is read again. Search misses changes and tells no deletion."""

from typing import Protocol

from supportd.clock import Clock
from supportd.stores.quiet import Quiet

A_RUN = 25  # at a run each 30 s, 10,000 in three and a half hours, for 50 calls a minute


class Ask(Protocol):
    """Finds what is quiet, the quietest first."""

    async def __call__(self, *, before: int, after: Quiet | None, limit: int) -> list[Quiet]:
        """What nothing was heard of since `before` (ms), beginning behind `after`."""


class QuietOnes:
    """Goes round what was quiet for `for_s`. What stays quiet since it can't be read doesn't hold up the rest."""

    def __init__(self, ask: Ask, *, for_s: int, clock: Clock) -> None:
        self._ask = ask
        self._for_s = for_s
        self._clock = clock
        self._after: Quiet | None = None

    async def next(self) -> list[str]:
        """The ids of the next few."""
        before = int((self._clock.time() - self._for_s) * 1000)
        found = await self._ask(before=before, after=self._after, limit=A_RUN)
        self._after = found[-1] if len(found) == A_RUN else None
        return [quiet.id for quiet in found]
