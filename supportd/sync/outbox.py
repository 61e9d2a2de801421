"""The outbox: what follows a write and isn't the write. It is stored, then done, with retries; no request waits."""

import asyncio
import html
from datetime import UTC, datetime, timedelta

import structlog
from cachetools import LRUCache

from supportd.clock import Clock
from supportd.conversations.richtext import as_text
from supportd.errors import IntercomNotFound, IntercomRefused, IntercomUnavailable, StorageUnavailable
from supportd.intercom.budget import Priority
from supportd.intercom.client import IntercomClient
from supportd.metrics import Metrics, Outcome
from supportd.stores.outbox import Job, Kind, OutboxStore

LEASE_S = 120
FIRST_RETRY_S = 5
LONGEST_RETRY_S = 3600
MAX_ATTEMPTS = 30
TAGS_REMEMBERED = 1_000


class Outbox:
    """Does the jobs that are due, oldest first. What Intercom refuses is given up and counted."""

    def __init__(self, *, store: OutboxStore, client: IntercomClient, clock: Clock, metrics: Metrics) -> None:
        self._store = store
        self._client = client
        self._clock = clock
        self._metrics = metrics
        self._tag_ids: LRUCache[str, str] = LRUCache(TAGS_REMEMBERED)
        self.added = asyncio.Event()
        self._log = structlog.get_logger("supportd.outbox")

    async def add(self, job: Job) -> None:
        """Stores a job. Never fails the write that it follows: one that can't be stored is logged and lost."""
        try:
            await self._store.add(job, due_at=self._now())
        except StorageUnavailable:
            self._metrics.outbox_jobs.labels(job.kind.value, Outcome.OUTAGE).inc()
            self._log.error("job lost", kind=job.kind.value)
        self.added.set()

    async def work(self) -> None:
        """Does everything that is due. Run again at intervals, or at once when `added` says so."""
        self.added.clear()
        while True:
            now = self._now()
            job = await self._store.take(now=now, again_at=now + timedelta(seconds=LEASE_S))
            if job is None:
                return
            await self._do(job)

    async def _do(self, job: Job) -> None:
        try:
            await self._carry_out(job)
            outcome = Outcome.OK
        except IntercomRefused as refusal:
            self._log.warning("job refused", kind=job.kind.value, status=refusal.status)
            outcome = Outcome.REFUSED
        except IntercomUnavailable:
            if job.attempts < MAX_ATTEMPTS:
                await self._store.retry(job.id, due_at=self._now() + timedelta(seconds=_retry_after_s(job.attempts)))
                return
            self._log.error("job given up", kind=job.kind.value, attempts=job.attempts)
            outcome = Outcome.OUTAGE
        await self._store.remove(job.id)
        self._metrics.outbox_jobs.labels(job.kind.value, outcome.value).inc()

    async def _carry_out(self, job: Job) -> None:
        if job.kind is Kind.NOTE:
            if not await self._has_note(job):
                await self._client.note(job.target, f"<p>{html.escape(job.text)}</p>")
        elif job.kind is Kind.TAG:
            await self._tag(job)
        else:
            await self._client.set_attributes(job.target, job.attributes)

    async def _tag(self, job: Job) -> None:
        remembered = job.text in self._tag_ids
        try:
            await self._client.tag(job.target, await self._tag_id(job.text))
        except IntercomNotFound:
            if not remembered:
                raise
            del self._tag_ids[job.text]  # the tag was deleted in Intercom since
            await self._client.tag(job.target, await self._tag_id(job.text))

    async def _has_note(self, job: Job) -> bool:
        """Whether it is there already: by an attempt of which we never heard, or a job that was added twice."""
        loaded = await self._client.conversation(job.target, priority=Priority.OUTBOX)
        notes = [part for part in loaded.conversation.parts if part.part_type == "note"]
        return any(as_text(note.body or "") == job.text for note in notes)

    async def _tag_id(self, name: str) -> str:
        if name not in self._tag_ids:
            self._tag_ids[name] = await self._client.tag_id(name)
        return self._tag_ids[name]

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.time(), UTC)


def _retry_after_s(attempts: int) -> float:
    return float(min(LONGEST_RETRY_S, FIRST_RETRY_S * 2 ** min(attempts - 1, 16)))
