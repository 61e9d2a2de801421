"""How far a stream of changes is known: where the next search begins."""

from collections.abc import Iterable

from supportd.clock import Clock
from supportd.metrics import Metrics
from supportd.stores.watermarks import WatermarkStore

OVERLAP_S = 120  # more than Intercom's search index lags
FIRST_LOOK_BACK_S = 3600  # more than our clock and Intercom's can differ


class Watermark:
    """One stream's mark, in Intercom's time (s). It moves when a whole run went well, and never back."""

    def __init__(self, *, stream: str, store: WatermarkStore, clock: Clock, metrics: Metrics) -> None:
        self._stream = stream
        self._store = store
        self._clock = clock
        self._metrics = metrics

    async def search_from(self) -> int:
        """Since when (s) to ask. The first time ever, the mark is set an hour back."""
        mark = await self._store.get(self._stream)
        if mark is None:
            mark = int(self._clock.time()) - FIRST_LOOK_BACK_S
            await self._store.advance(self._stream, mark)
        self._show(mark)
        return mark - OVERLAP_S

    async def advance(self, updates: Iterable[int]) -> None:
        """Moves the mark to the newest of the updates (s) that were found, as far as they can be believed."""
        believable = int(self._clock.time()) + FIRST_LOOK_BACK_S
        mark = max((min(update, believable) for update in updates), default=None)
        if mark is not None:
            await self._store.advance(self._stream, mark)
            self._show(mark)

    def _show(self, mark: int) -> None:
        self._metrics.watermark.labels(self._stream).set(mark)
