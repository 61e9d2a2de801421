"""How far a stream of changes is known: where the next search begins.

A search begins before the mark, since Intercom's search index lags, and not by the same time for everything: two
minutes before it in most runs, an hour each ten minutes. Both are longer by the time since the stream was last read to
its end: after an outage, ours or Intercom's, the index may lag by as much, and may go on doing so. So for as long again
as an outage lasted, the far looks back reach over it.
"""

import structlog

from supportd.clock import Clock
from supportd.metrics import Metrics
from supportd.stores.watermarks import Mark, WatermarkStore

OVERLAP_S = 120
FAR_OVERLAP_S = 3600
FAR_EVERY_S = 600
WIDEST_S = 86400  # what an outage adds at most
FIRST_LOOK_BACK_S = 3600  # more than our clock and Intercom's can differ


class Watermark:
    """One stream's mark, in Intercom's time (s). It moves as far as was read, and never back."""

    def __init__(self, *, stream: str, store: WatermarkStore, clock: Clock, metrics: Metrics) -> None:
        self._stream = stream
        self._store = store
        self._clock = clock
        self._metrics = metrics
        self._reached: Mark | None = None
        self._read_at: float | None = None  # s of the monotonic clock
        self._looked_far_at: float | None = None
        self._ended_at = clock.monotonic()  # or when this began
        self._away_s = 0
        self._outage_s = 0
        self._outage_counts_until = 0.0
        self.looks_far = False
        self._log = structlog.get_logger("supportd.reconciler")
        metrics.reconciler_age.labels(stream).set_function(lambda: clock.monotonic() - self._ended_at)

    async def search_from(self) -> int:
        """Since when (s) to ask. A run that was cut off goes on where it was. The first one begins an hour ago."""
        self._show(stored := await self._stored())
        mark = self._reached or stored
        self._away_s = min(max(0, self._unread_s(mark)), WIDEST_S)
        if self._away_s > FAR_EVERY_S:
            self._log.info("search overlaps by the length of the outage", seconds=self._away_s)
        if self._reached is not None:
            return mark.seconds - self._away_s - OVERLAP_S
        self.looks_far = self._is_far_due()
        return mark.seconds - self._away_s - (self._far_overlap_s() if self.looks_far else OVERLAP_S)

    async def reached(self, seconds: int) -> None:
        """Takes over that every update up to this second was read and taken in."""
        await self._store.advance(self._stream, seconds)
        self._reached = Mark(seconds, self._now())
        self._read_at = self._clock.monotonic()

    async def ended(self) -> None:
        """Takes over that the stream was read to its end."""
        await self._store.end(self._stream, at=self._now())
        self._read_at = self._ended_at = self._clock.monotonic()
        if self.looks_far:
            self._looked_far_at = self._clock.monotonic()
        if self._away_s > FAR_EVERY_S:
            self._outage_s = self._away_s
            self._outage_counts_until = self._clock.monotonic() + self._away_s
        self._reached = None
        self.looks_far = False
        self._show(await self._stored())

    async def _stored(self) -> Mark:
        mark = await self._store.get(self._stream)
        if mark is None:
            mark = Mark(self._now() - FIRST_LOOK_BACK_S, self._now())
            await self._store.advance(self._stream, mark.seconds)
            await self._store.end(self._stream, at=mark.ended_at)
        return mark

    def _unread_s(self, mark: Mark) -> int:
        """For how long nothing was read. The system's clock may jump: it only tells what an earlier process read."""
        return self._now() - mark.ended_at if self._read_at is None else int(self._clock.monotonic() - self._read_at)

    def _is_far_due(self) -> bool:
        return self._looked_far_at is None or self._clock.monotonic() - self._looked_far_at >= FAR_EVERY_S

    def _far_overlap_s(self) -> int:
        counts = self._clock.monotonic() < self._outage_counts_until
        return FAR_OVERLAP_S + (self._outage_s if counts else 0)

    def _show(self, mark: Mark) -> None:
        self._metrics.watermark.labels(self._stream).set(mark.seconds)

    def _now(self) -> int:
        return int(self._clock.time())
