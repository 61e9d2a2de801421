"""Which webhooks were processed, written to MongoDB many at once.

A crash loses the marks of the last moment. Those webhooks are applied once more at the next start, which changes
nothing: the projection takes news doubled.
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Callable, Iterable

from supportd.errors import ServiceUnavailable
from supportd.metrics import Processing
from supportd.stores.webhook_events import WebhookEventStore

WITHIN_S = 0.25


class Marks:
    """Marks that wait to be written. `written` is told whose were, or couldn't be: those stay pending in MongoDB."""

    def __init__(self, store: WebhookEventStore, *, written: Callable[[Iterable[str]], None]) -> None:
        self._store = store
        self._written = written
        self._marks: defaultdict[Processing, list[str]] = defaultdict(list)
        self._task: asyncio.Task[None] | None = None
        self._writing = asyncio.Lock()

    def add(self, event_id: str, outcome: Processing) -> None:
        """Marks an event as processed, within a moment."""
        self._marks[outcome].append(event_id)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._write_soon(), name="inbox marks")

    async def write(self) -> None:
        """Writes what waits, and waits for what is being written."""
        async with self._writing:
            while self._marks:
                await self._write(*self._marks.popitem())

    async def stop(self) -> None:
        """Writes nothing any more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _write_soon(self) -> None:
        while self._marks:
            await asyncio.sleep(WITHIN_S)
            await self.write()

    async def _write(self, outcome: Processing, event_ids: list[str]) -> None:
        try:
            with contextlib.suppress(ServiceUnavailable):
                await self._store.mark_done(event_ids, outcome=outcome.value)
        finally:
            self._written(event_ids)
