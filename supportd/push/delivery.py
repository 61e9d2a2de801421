"""The worker that tells devices what waits in the outbox of pushes.

At most once: that a device is being told is recorded right before it is, and taken back only if the service says that
it told nobody. So a crash in that moment, or an answer that never came, may cost a push and never makes a second one.
"""

import asyncio
import random
from collections.abc import Mapping
from contextlib import suppress

import structlog

from supportd.clock import Clock
from supportd.errors import StorageUnavailable
from supportd.metrics import Metrics, Pushed, Withheld
from supportd.push.announcer import Place
from supportd.push.audience import Audience
from supportd.push.channel import Channel, Fate, Note
from supportd.push.plan import Dispatch, Plan, plan
from supportd.push.stories import Story, Tell
from supportd.push.wording import Wording
from supportd.stores.devices import Platform
from supportd.stores.pushes import Push, PushStore

AT_ONCE = 16
HOLD_MS = 60_000  # longer than a round may take; after a crash what was held is taken up then
ROUND_S = 45.0
LOOK_AGAIN_MS = 3_000  # at what isn't shown yet
FIRST_RETRY_S = 5.0
LONGEST_RETRY_S = 600.0
# Clients poll every 4 s: so long after a start it isn't known yet who is looking.
UNSURE_S = 5.0
LAST_S = 2.0


class Delivery:
    """Tells what is due, a few conversations at once. A run doesn't wait for what it began."""

    def __init__(
        self,
        *,
        store: PushStore,
        stories: Mapping[Place, Tell],
        audience: Audience,
        channels: Mapping[Platform, Channel],
        wording: Wording,
        clock: Clock,
        rng: random.Random,
        metrics: Metrics,
    ) -> None:
        self._store = store
        self._stories = stories
        self._audience = audience
        self._channels = channels
        self._wording = wording
        self._clock = clock
        self._rng = rng
        self._metrics = metrics
        self._begins_at = clock.monotonic() + UNSURE_S
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._under_way: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._log = structlog.get_logger("supportd.push")

    async def work(self) -> None:
        """Begins what is due. Run again every second. Raises `StorageUnavailable`."""
        while not self._stopping and self._clock.monotonic() >= self._begins_at:
            await self._turns.acquire()
            push = None
            try:
                now = self._now_ms()
                push = await self._store.take(now=now, until=now + HOLD_MS)
            finally:
                if push is None:
                    self._turns.release()
            if push is None:
                break
            task = asyncio.create_task(self._deliver(push))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
        self._metrics.push_queue.set(await self._store.count())

    async def idle(self) -> None:
        """Waits until what was begun is done."""
        while self._under_way:
            await asyncio.wait(self._under_way)

    async def stop(self) -> None:
        """Begins nothing any more, and lets what is under way end, for a moment."""
        self._stopping = True
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=LAST_S)
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    async def _deliver(self, push: Push) -> None:
        try:
            async with asyncio.timeout(ROUND_S):
                await self._round(push)
        except (StorageUnavailable, TimeoutError):
            return  # it is taken up again when its time is over, and who was being told isn't told again
        except Exception:  # noqa: BLE001 - one that can't be told must not keep the others from being
            self._log.exception("push failed")
            await self._drop_overdue(push)
        finally:
            self._turns.release()

    async def _drop_overdue(self, push: Push) -> None:
        """What fails for an hour isn't tried any more."""
        now = self._now_ms()
        if overdue := [news.id for news in push.news if news.expires_at <= now]:
            self._metrics.pushes_withheld.labels(Withheld.FAILED).inc()
            with suppress(StorageUnavailable):  # then it is dropped the next time
                await self._store.finish(push, overdue, due_at=push.held_until)

    async def _round(self, push: Push) -> None:
        place, target = _address(push)
        story = await self._stories[place](target, [news.id for news in push.news])
        listeners = await self._audience.of(place, story.contact_ids)
        made = plan(push, story, listeners, now=self._now_ms())
        for listener in made.withheld:
            self._metrics.pushes_withheld.labels(listener.withheld).inc()
        fates = await asyncio.gather(*(self._tell(push, story, made, dispatch) for dispatch in made.dispatches))
        await self._settle(push, story, made, fates)

    async def _tell(self, push: Push, story: Story, made: Plan, dispatch: Dispatch) -> Fate:
        channel = self._channels[dispatch.device.platform]
        try:
            fate = await self._await_turn(channel, push, dispatch)
            if fate is None:
                mark = dispatch.device.mark
                if not await self._store.claim(push, mark, made.told[mark]):
                    return Fate(Pushed.RETRIED)  # by whoever holds it now
                fate = await self._send(channel, push, story, dispatch)
        except StorageUnavailable:
            return Fate(Pushed.RETRIED)
        self._metrics.pushes.labels(channel.name, fate.outcome).inc()
        return fate

    async def _await_turn(self, channel: Channel, push: Push, dispatch: Dispatch) -> Fate | None:
        """Waits until the device may be told, and looks once more whether it is to be: None if so."""
        if dispatch.expires_at <= self._now_ms():
            return Fate(Pushed.EXPIRED)
        device = dispatch.device
        wait_s = await channel.ready(device.token)
        if wait_s > 0:
            return Fate(Pushed.RETRIED, wait_s)
        if not await self._audience.still_has(dispatch.user_id, device):
            return Fate(Pushed.MOVED)
        place, _ = _address(push)
        withheld = await self._audience.withheld(place, dispatch.user_id)
        return None if withheld is None else Fate(Pushed.WITHHELD)

    async def _send(self, channel: Channel, push: Push, story: Story, dispatch: Dispatch) -> Fate:
        fate = await channel.send(self._note(push, story, dispatch))
        if fate.outcome is Pushed.GONE:
            with suppress(StorageUnavailable):  # then it goes the next time
                await self._audience.forget(dispatch.user_id, dispatch.device)
        return fate

    def _note(self, push: Push, story: Story, dispatch: Dispatch) -> Note:
        place, target = _address(push)
        language = dispatch.device.language
        text = self._wording.text(place, dispatch.line, reference=story.reference, language=language)
        return Note(dispatch.device.token, place, target, text, language, dispatch.expires_at // 1000)

    async def _settle(self, push: Push, story: Story, made: Plan, fates: list[Fate]) -> None:
        """Ends it, or has it tried again: for devices that couldn't be told, and for what isn't shown yet."""
        told = dict(made.told)
        waits_s = []
        for dispatch, fate in zip(made.dispatches, fates, strict=True):
            if fate.outcome is Pushed.RETRIED:
                told[dispatch.device.mark] = push.told.get(dispatch.device.mark, ())
                waits_s.append(self._wait_s(push, fate))
        if waits_s:
            await self._store.retry(push, told, due_at=self._now_ms() + int(min(waits_s) * 1000))
            return
        now = self._now_ms()
        waiting = {news.id for news in push.news if news.id in story.waiting and news.expires_at > now}
        done = [news.id for news in push.news if news.id not in waiting]
        if waiting and not done:
            await self._store.retry(push, told, due_at=now + LOOK_AGAIN_MS)
        else:
            await self._store.finish(push, done, due_at=now + LOOK_AGAIN_MS)

    def _wait_s(self, push: Push, fate: Fate) -> float:
        """Longer each time, with jitter, so that not all come back at once; and not before the service said."""
        longest = float(min(LONGEST_RETRY_S, FIRST_RETRY_S * 2 ** min(push.attempts - 1, 16)))
        return (fate.retry_after or 0.0) + longest * (0.5 + 0.5 * self._rng.random())

    def _now_ms(self) -> int:
        return int(self._clock.time() * 1000)


def _address(push: Push) -> tuple[Place, str]:
    place, _, target = push.id.partition(":")
    return Place(place), target
