"""The inbox: webhooks are stored, then answered, then processed; in order per conversation or ticket.

What a crash leaves stored and not processed is processed at the next start. What can't be processed now, since
Intercom is needed and away, waits and is tried again. In memory an event of a backlog is but its id and where it
belongs: its body is read back when its turn comes, so a backlog takes little, however large its events are.
"""

import asyncio
import contextlib
import hashlib
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import msgspec
import structlog

from supportd.clock import Clock
from supportd.errors import BadRequest, IntercomRefused, ServiceUnavailable
from supportd.intercom import wire
from supportd.metrics import Metrics, Processing, Receipt
from supportd.stores.webhook_events import Event, WebhookEventStore
from supportd.sync.bodies import Bodies
from supportd.sync.drift import DriftLog
from supportd.sync.marks import Marks
from supportd.sync.topics import PING
from supportd.tasks import give_way

LANES_AT_ONCE = 16
MAX_IN_MEMORY = 10_000
SWEEP_S = 5.0
SWEPT_IN_MEMORY = 1_000  # a backlog may take so many places, so that what just came doesn't wait behind all of it
FIRST_RETRY_S = 5
LONGEST_RETRY_S = 600
MAX_ATTEMPTS = 12


class Events(Protocol):
    """The webhooks of one kind of thing: conversations, or tickets."""

    def key(self, item: dict[str, Any]) -> str | None:
        """What groups the events that must be processed in order; None where the item isn't of this kind."""

    async def apply(self, event: Event, item: dict[str, Any]) -> Processing:
        """Applies an event. Raises `ServiceUnavailable` where it must be tried again, `IntercomRefused`."""

    async def settle(self, item: dict[str, Any]) -> None:
        """Shows an event that can't be completed as far as it goes. Raises `ServiceUnavailable`."""


class Inbox:
    """Takes verified webhooks in and applies them, by the kind that their topic is of.

    Each conversation or ticket has a lane, worked on by one task while it has events; a few lanes run at once. What
    doesn't fit into memory, or failed, is picked up from MongoDB by `sweep`.
    """

    def __init__(
        self,
        *,
        store: WebhookEventStore,
        events: Mapping[str, Events],
        drift: DriftLog,
        clock: Clock,
        intercom_clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._store = store
        self._events = events
        self._drift = drift
        self._clock = clock
        self._intercom_clock = intercom_clock
        self._metrics = metrics
        self._lanes: dict[str, deque[Event]] = {}
        self._queued: set[str] = set()  # until it is marked as processed, so that no sweep takes it meanwhile
        self._bodies = Bodies()
        self._marks = Marks(store, written=self._queued.difference_update)
        self._tasks: set[asyncio.Task[None]] = set()
        self._at_once = asyncio.Semaphore(LANES_AT_ONCE)
        self._stopped = False
        self._log = structlog.get_logger("supportd.inbox")

    async def receive(self, body: bytes) -> Receipt:
        """Stores a webhook whose signature held; it is processed later.

        Raises:
            BadRequest: it isn't a notification.
            StorageUnavailable: it couldn't be stored; Intercom sends it again if it is answered with a 503.
        """
        notification = _read(body)
        if notification.topic == PING:
            return Receipt.PING
        events = self._events.get(notification.topic)
        key = events.key(notification.item) if events is not None else None
        if key is None:
            self._log.info("webhook of unknown topic")
            return Receipt.UNKNOWN_TOPIC
        event = Event(
            id=notification.id or hashlib.sha256(body).hexdigest(),
            key=key,
            topic=notification.topic,
        )
        if not await self._store.add(event, body, received_at=datetime.fromtimestamp(self._clock.time(), UTC)):
            return Receipt.DUPLICATE
        self._drift.arrived(event.topic)
        self._metrics.topics.labels(event.topic).inc()
        self._enqueue(event, body)
        return Receipt.STORED

    async def sweep(self) -> None:
        """Queues what is stored, not processed, and not queued: after a start, an overflow or a failure."""
        await self._marks.write()
        now = datetime.fromtimestamp(self._clock.time(), UTC)
        latest = now + timedelta(seconds=LONGEST_RETRY_S)
        async for event in self._store.pending(now=now, latest=latest, limit=SWEPT_IN_MEMORY):
            if len(self._queued) >= SWEPT_IN_MEMORY:
                break
            self._enqueue(event)
        self._metrics.backlog.set(await self._store.count_pending())

    async def drain(self) -> None:
        """Waits until everything queued was tried, and marked where it was processed."""
        while self._tasks:
            await asyncio.gather(*self._tasks)
        await self._marks.write()

    async def stop(self) -> None:
        """Stops processing, also of what comes in from now on. What is left stays stored."""
        self._stopped = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._marks.stop()

    def _enqueue(self, event: Event, body: bytes | None = None) -> None:
        if self._stopped or event.id in self._queued or len(self._queued) >= MAX_IN_MEMORY:
            return
        self._queued.add(event.id)
        if body is not None:
            self._bodies.keep(event.id, body)
        lane = self._lanes.get(event.key)
        if lane is not None:
            lane.append(event)
            return
        self._lanes[event.key] = deque([event])
        task = asyncio.create_task(self._work(event.key), name=f"inbox {event.key}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self, key: str) -> None:
        lane = self._lanes[key]
        try:
            while lane:
                async with self._at_once:
                    await give_way()
                    await self._process(lane.popleft())
        finally:
            del self._lanes[key]
            self._queued.difference_update(event.id for event in lane)

    async def _process(self, event: Event) -> None:
        outcome: Processing | None
        try:
            outcome = await self._apply(event)
        except ServiceUnavailable:
            outcome = await self._try_again(event)
        except IntercomRefused as refusal:
            self._log.error("webhook can't be processed", topic=event.topic, status=refusal.status)
            outcome = Processing.FAILED
        except Exception:  # noqa: BLE001 - one bad event must not stop the lane; the reconciler makes up for it
            self._log.exception("webhook can't be processed", topic=event.topic)
            outcome = Processing.FAILED
        if outcome is not None:
            self._metrics.processed.labels(outcome.value).inc()
        if outcome is None or outcome is Processing.RETRIED:
            self._queued.discard(event.id)
        else:
            self._marks.add(event.id, outcome)

    async def _apply(self, event: Event) -> Processing | None:
        """Applies an event; None where it was done meanwhile."""
        body = self._bodies.take(event.id) or await self._store.body(event.id)
        if body is None:
            return None
        told = _read(body)
        item = told.item
        if event.attempts < MAX_ATTEMPTS:
            outcome = await self._events[event.topic].apply(event, item)
        else:
            outcome = await self._apply_or_settle(event, item)
        if outcome is Processing.APPLIED and told.created_at is not None:
            lag_s = self._intercom_clock.time() - told.created_at
            self._metrics.webhook_lag_seconds.observe(max(0.0, lag_s))
        return outcome

    async def _apply_or_settle(self, event: Event, item: dict[str, Any]) -> Processing:
        """The last attempt: an event that still can't be completed is shown as far as it goes."""
        try:
            return await self._events[event.topic].apply(event, item)
        except ServiceUnavailable:
            await self._events[event.topic].settle(item)
        self._log.error("webhook given up", topic=event.topic, attempts=event.attempts)
        return Processing.FAILED

    async def _try_again(self, event: Event) -> Processing:
        """Puts an event off, each time for longer. Where that can't be stored, it is due as before."""
        pause_s = min(FIRST_RETRY_S * 2**event.attempts, LONGEST_RETRY_S)
        due_at = datetime.fromtimestamp(self._clock.time() + pause_s, UTC)
        with contextlib.suppress(ServiceUnavailable):
            await self._store.retry(event.id, due_at=due_at)
        return Processing.RETRIED


def _read(body: bytes) -> wire.Notification:
    try:
        return wire.read(body, wire.Notification)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise BadRequest("The body is not a notification") from None
