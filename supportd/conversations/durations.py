"""How long conversations were open: recorded at each close, told to the operators if they want it."""

from collections.abc import Awaitable, Callable

from supportd.conversations.state import Period
from supportd.metrics import Metrics
from supportd.stores.durations import Duration, DurationStore
from supportd.stores.outbox import Job, Kind

MINUTE_S = 60
HOUR_S = 3600
DAY_S = 86400


class Durations:
    """Records each close once, however often and by whichever way it is told.

    `enqueue` raises `StorageUnavailable` where a job can't be stored: who tells of a close comes again.
    """

    def __init__(
        self, *, store: DurationStore, enqueue: Callable[[Job], Awaitable[None]], with_note: bool, metrics: Metrics
    ) -> None:
        self._store = store
        self._enqueue = enqueue
        self._with_note = with_note
        self._metrics = metrics

    async def record(self, conversation_id: str, ended: Period) -> None:
        """Records that a conversation was closed. Raises `StorageUnavailable`.

        The note goes first: a crash in between makes the job again, and the outbox sees a note that is there.
        """
        if ended.closed_at is None:
            return
        duration = Duration(conversation_id, ended.opened_at, ended.closed_at)
        if await self._store.has(duration):
            return
        if self._with_note:
            text = f"Closed after {in_words(duration.seconds)}"
            await self._enqueue(
                Job(f"{duration.id}:duration-note", Kind.NOTE, conversation_id, text=text, since=ended.closed_at)
            )
        if await self._store.add(duration):
            self._metrics.conversation_seconds.observe(duration.seconds)


def in_words(seconds: int) -> str:
    """A time as people say it, by its two largest units: `40 s`, `5 min`, `2 h 5 min`, `3 d 4 h`."""
    if seconds < MINUTE_S:
        return f"{seconds} s"
    if seconds < HOUR_S:
        return f"{seconds // MINUTE_S} min"
    if seconds < DAY_S:
        return f"{seconds // HOUR_S} h {seconds % HOUR_S // MINUTE_S} min"
    return f"{seconds // DAY_S} d {seconds % DAY_S // HOUR_S} h"
