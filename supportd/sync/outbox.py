"""The outbox: what follows a write and isn't the write. It is stored, then done, with retries; no request waits."""

import asyncio
import contextlib
import html
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import msgspec
import structlog
from cachetools import LRUCache

from supportd.clock import Clock
from supportd.conversations.richtext import as_text
from supportd.errors import IntercomNotFound, IntercomRefused, IntercomUnavailable, StorageUnavailable
from supportd.intercom.budget import Priority
from supportd.intercom.client import IntercomClient
from supportd.metrics import Metrics, Outcome
from supportd.stores.outbox import Job, Kind, OutboxStore, UnreadableJob

LEASE_S = 120
FIRST_RETRY_S = 5
LONGEST_RETRY_S = 3600
TAGS_REMEMBERED = 1_000

# Our token, or what it may do, is being changed: a person puts that right, and then the jobs are still wanted.
NOT_YET = frozenset({401, 403})
MOST_REFUSALS = 180  # about a week
MOST_FAILURES = 12  # about two hours; of jobs that fail by a fault of ours

# Intercom was asked for nothing, or took nothing from anybody: the job wasn't tried, and the rest waits too.
NOT_TRIED = frozenset({Outcome.BREAKER_OPEN.value, Outcome.NO_BUDGET.value, Outcome.RATE_LIMITED.value})


class Outbox:
    """Does the jobs that are due, oldest first.

    What Intercom refuses is given up and counted; what our token may not do, after a week. While Intercom is away a job
    is tried again, however long that is. One bad job holds up no other.
    """

    def __init__(self, *, store: OutboxStore, client: IntercomClient, clock: Clock, metrics: Metrics) -> None:
        self._store = store
        self._client = client
        self._clock = clock
        self._metrics = metrics
        self._tag_ids: LRUCache[str, str] = LRUCache(TAGS_REMEMBERED)
        self.added = asyncio.Event()
        self._log = structlog.get_logger("supportd.outbox")

    async def ensure(self, job: Job) -> None:
        """Stores a job. Raises `StorageUnavailable`: for callers that come again."""
        await self._store.add(job, due_at=self._now())
        self.added.set()

    async def add(self, job: Job) -> None:
        """Stores a job. Never fails the write that it follows: one that can't be stored is logged and lost."""
        try:
            await self.ensure(job)
        except StorageUnavailable:
            self._metrics.outbox_jobs.labels(job.kind.value, Outcome.OUTAGE).inc()
            self._log.error("job lost", kind=job.kind.value)

    async def work(self) -> None:
        """Does what is due, one job at a time, for as long as Intercom takes any.

        Run again at intervals, or at once when `added` says so.
        """
        self.added.clear()
        goes_on = True
        while goes_on:
            now = self._now()
            try:
                job = await self._store.take(now=now, again_at=now + timedelta(seconds=LEASE_S))
            except UnreadableJob:
                self._log.error("job unreadable")
                continue
            goes_on = job is not None and await self._do(job)

    async def measure(self) -> None:
        """Shows how many jobs wait, and for how long. Raises `StorageUnavailable`."""
        waiting = await self._store.backlog()
        age_s = (self._now() - waiting.oldest).total_seconds() if waiting.oldest else 0.0
        self._metrics.outbox_waiting.set(waiting.jobs)
        self._metrics.outbox_oldest_seconds.set(max(0.0, age_s))

    async def _do(self, job: Job) -> bool:
        """Does a job, and says whether to go on with the next."""
        try:
            await self._carry_out(job)
            await self._end(job, Outcome.OK)
        except IntercomRefused as refusal:
            await self._refused(job, refusal)
        except IntercomUnavailable as error:
            if error.reason in NOT_TRIED:
                untried = msgspec.structs.replace(job, attempts=job.attempts - 1)
                await self._store.retry(untried, due_at=self._now())
                return False
            await self._put_off(job)
        except StorageUnavailable:
            raise
        except Exception:  # noqa: BLE001 - one bad job must not keep the others from being done
            self._log.exception("job failed", kind=job.kind.value)
            if job.attempts < MOST_FAILURES:
                await self._put_off(job)
            else:
                await self._end(job, Outcome.REFUSED)
        return True

    async def _refused(self, job: Job, refusal: IntercomRefused) -> None:
        self._log.warning("job refused", kind=job.kind.value, status=refusal.status)
        if refusal.status in NOT_YET and job.refusals < MOST_REFUSALS:
            await self._put_off(msgspec.structs.replace(job, refusals=job.refusals + 1))
        else:
            await self._end(job, Outcome.REFUSED)

    async def _end(self, job: Job, outcome: Outcome) -> None:
        await self._store.remove(job.id)
        self._metrics.outbox_jobs.labels(job.kind.value, outcome.value).inc()

    async def _put_off(self, job: Job) -> None:
        await self._store.retry(job, due_at=self._now() + timedelta(seconds=_retry_after_s(job.attempts)))

    async def _carry_out(self, job: Job) -> None:
        if job.kind is Kind.NOTE:
            if not await self._has_note(job):
                await self._client.note(job.target, f"<p>{html.escape(job.text)}</p>")
        elif job.kind is Kind.TAG:
            await self._tag(job, self._client.tag)
        elif job.kind is Kind.TICKET_TAG:
            await self._tag(job, self._client.tag_ticket)
        elif job.kind is Kind.UNTAG:
            with contextlib.suppress(IntercomNotFound):  # it is off already
                await self._client.untag(job.target, await self._tag_id(job.text))
        else:
            await self._client.set_attributes(job.target, job.attributes)

    async def _tag(self, job: Job, put: Callable[[str, str], Awaitable[None]]) -> None:
        remembered = job.text in self._tag_ids
        try:
            await put(job.target, await self._tag_id(job.text))
        except IntercomNotFound:
            if not remembered:
                raise
            self._tag_ids.pop(job.text, None)  # the tag was deleted in Intercom since
            await put(job.target, await self._tag_id(job.text))

    async def _has_note(self, job: Job) -> bool:
        """Whether it is there already: by an attempt of which we never heard, or a job that was added twice."""
        loaded = await self._client.conversation(job.target, priority=Priority.OUTBOX)
        parts = loaded.conversation.parts
        notes = [part for part in parts if part.part_type == "note" and part.created_at >= job.since]
        return any(as_text(note.body or "") == job.text for note in notes)

    async def _tag_id(self, name: str) -> str:
        if name not in self._tag_ids:
            self._tag_ids[name] = await self._client.tag_id(name)
        return self._tag_ids[name]

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.time(), UTC)


def _retry_after_s(attempts: int) -> float:
    return float(min(LONGEST_RETRY_S, FIRST_RETRY_S * 2 ** min(attempts - 1, 16)))
