"""Delivers notifications: in order, one at a time, one retry, and with the faults that are switched on."""

import asyncio
import random
import ssl
from collections import deque
from dataclasses import dataclass
from typing import Any

import httpx

from supportd.simulator.config import SimulatorConfig
from supportd.simulator.errors import ControlError
from supportd.simulator.faults import Faults
from supportd.simulator.notifications import Notification, Stamp
from supportd.simulator.world import World

PING = {"type": "ping", "message": "something something interzen"}
REMEMBERED = 1000
STALE_AFTER_RETRIES = 120


@dataclass(slots=True)
class Tally:
    """What became of notifications: `sent` counts attempts, `failed` those given up on."""

    sent: int = 0
    delivered: int = 0
    failed: int = 0
    dropped: int = 0


class Webhooks:
    """The subscription and its queue. `start` and `stop` own the worker."""

    def __init__(
        self, *, config: SimulatorConfig, world: World, faults: Faults, chance: random.Random, stamp: Stamp
    ) -> None:
        self._config = config
        self._world = world
        self._faults = faults
        self._chance = chance
        self._stamp = stamp
        self.tally = Tally()
        self._ready: deque[Notification] = deque()
        self._held: list[Notification] = []
        self._in_hand = 0
        self._retries: set[asyncio.Task[None]] = set()
        self._recent: deque[Notification] = deque(maxlen=REMEMBERED)
        self._arrived = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    async def start(self) -> None:
        """Starts delivering, over plain HTTP: loading certificates would cost each test 20 ms."""
        self._client = httpx.AsyncClient(
            timeout=self._config.webhook_timeout_s,
            limits=httpx.Limits(max_keepalive_connections=0),
            verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
            trust_env=False,
        )
        self._worker = asyncio.create_task(self._work())

    async def stop(self) -> None:
        """Stops delivering; what is queued is lost."""
        tasks = [self._worker, *self._retries]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._client.aclose()

    @property
    def url(self) -> str | None:
        """Where notifications go; none before registration and after a 410."""
        return self._world.workspace.webhook_url

    @property
    def pending(self) -> int:
        """How many notifications wait, for their turn, a flush or a retry."""
        return len(self._ready) + len(self._held) + len(self._retries) + self._in_hand

    async def register(self, url: str) -> None:
        """Subscribes a URL once it has answered HEAD with 2xx. Raises `ControlError` if it doesn't."""
        try:
            answer = await self._client.head(url)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            message = f"HEAD {url} failed: {error}"
            raise ControlError(message) from error
        if not answer.is_success:
            message = f"HEAD {url} answered {answer.status_code}, not 2xx"
            raise ControlError(message)
        self._world.workspace.webhook_url = url

    def unregister(self) -> None:
        """Ends the subscription; what waits is dropped."""
        self._world.workspace.webhook_url = None
        self.clear()

    def clear(self) -> None:
        """Drops what waits."""
        retries = self._retries - {asyncio.current_task()}
        self.tally.dropped += len(self._ready) + len(self._held) + len(retries)
        self._ready.clear()
        self._held.clear()
        for task in retries:
            task.cancel()

    def forget(self) -> None:
        """Drops what waits, and what is known of the past."""
        self.clear()
        self._recent.clear()
        self.tally = Tally()

    def emit(self, topic: str, item: dict[str, Any]) -> None:
        """Queues a notification, unless nobody subscribes."""
        if self.url is None:
            return
        notification = self._stamp.notification(topic, item, emitted_at=_monotonic())
        switches = self._faults.now
        self._recent.append(notification)
        if self._chance.random() < switches.webhook_drop:
            self.tally.dropped += 1
            return
        copies = 2 if self._chance.random() < switches.webhook_duplicate else 1
        self._queue([notification] * copies)

    def ping(self) -> None:
        """Sends a ping."""
        self.emit("ping", PING)

    def redeliver(self, topic: str | None) -> None:
        """Sends the last notification, of a topic where one is named, once more with its id."""
        last = next((each for each in reversed(self._recent) if topic in (None, each.topic)), None)
        if last is None:
            message = "no such notification was sent"
            raise ControlError(message)
        self._queue([last])

    async def flush(self) -> None:
        """Releases what is held, and waits until everything queued was attempted once."""
        self.release()
        await self._idle.wait()

    def release(self) -> None:
        """Queues what was held, in the order that the faults ask for."""
        held, self._held = self._held, []
        if self._faults.now.webhook_reorder == "shuffle":
            self._chance.shuffle(held)
        elif self._faults.now.webhook_reorder:
            held.reverse()
        self._enqueue(held)

    def faults_changed(self) -> None:
        """Releases what nothing holds any more."""
        if not self._holding:
            self.release()

    @property
    def _holding(self) -> bool:
        return self._faults.now.webhook_hold or bool(self._faults.now.webhook_reorder)

    def _queue(self, notifications: list[Notification]) -> None:
        if self._holding:
            self._held.extend(notifications)
        else:
            self._enqueue(notifications)

    def _enqueue(self, notifications: list[Notification]) -> None:
        self._ready.extend(notifications)
        if self._ready:
            self._idle.clear()
            self._arrived.set()

    async def _work(self) -> None:
        while True:
            await self._arrived.wait()
            while self._ready:
                notification = self._ready.popleft()
                self._in_hand = 1
                await self._first_attempt(notification)
                self._in_hand = 0
            self._arrived.clear()
            self._idle.set()

    async def _first_attempt(self, notification: Notification) -> None:
        await asyncio.sleep(notification.emitted_at + self._faults.now.webhook_delay_s - _monotonic())
        status = await self._attempt(notification)
        if status == 429:
            await self._throttle(notification)
        elif status is not None and not 200 <= status < 300:
            task = asyncio.create_task(self._retry(notification))
            self._retries.add(task)
            task.add_done_callback(self._retries.discard)

    async def _throttle(self, notification: Notification) -> None:
        """After a 429 everything waits, and what grew too old is dropped (Intercom: a minute, two hours)."""
        await asyncio.sleep(self._config.webhook_retry_s)
        if _monotonic() - notification.emitted_at > STALE_AFTER_RETRIES * self._config.webhook_retry_s:
            self.tally.dropped += 1
        else:
            self._ready.appendleft(notification)

    async def _retry(self, notification: Notification) -> None:
        await asyncio.sleep(self._config.webhook_retry_s)
        status = await self._attempt(notification)
        if status is not None and not 200 <= status < 300:
            self.tally.failed += 1

    async def _attempt(self, notification: Notification) -> int | None:
        """Posts once. The answer's status, 0 for none, None where nobody subscribes any more."""
        url = self.url
        if url is None:
            self.tally.dropped += 1
            return None
        notification.attempts += 1
        body, headers = self._stamp.request(notification, falsify=self._faults.now.webhook_bad_signature)
        self.tally.sent += 1
        status = await self._post(url, body, headers)
        if 200 <= status < 300:
            self.tally.delivered += 1
        elif status == 410:
            self.tally.failed += 1
            self.unregister()
            return None
        return status

    async def _post(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        try:
            async with asyncio.timeout(self._config.webhook_timeout_s):
                answer = await self._client.post(url, content=body, headers=headers)
        except (httpx.HTTPError, TimeoutError):
            return 0
        return answer.status_code


def _monotonic() -> float:
    return asyncio.get_running_loop().time()
