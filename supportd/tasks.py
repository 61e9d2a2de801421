"""Work that outlives a request: periodic tasks, loads shared by their waiters, locks by key, the loop's fair share."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Generic, TypeVar

import structlog

T = TypeVar("T")

BACKOFF_MAX_S = 60.0
GIVE_WAY_S = 0.001
LAG_PROBE_S = 0.25
LAG_WARNING_S = 1.0


class Periodic:
    """One owned task that runs `work` each `interval_s`, never twice at once, until `stop`.

    A tenth of the interval is jitter, so that processes don't march in step. A failure is logged, passed to
    `on_error`; after the second in a row the pause is doubled each time, up to a minute (or the interval).
    Setting `wake` makes the next run come at once.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[], Awaitable[object]],
        *,
        interval_s: float,
        rng: random.Random,
        on_error: Callable[[], None] = lambda: None,
        wake: asyncio.Event | None = None,
    ) -> None:
        self._name = name
        self._work = work
        self._interval_s = interval_s
        self._rng = rng
        self._on_error = on_error
        self._wake = wake or asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._log = structlog.get_logger("supportd.tasks")

    def start(self) -> None:
        """Starts the task; its first run comes at once."""
        self._task = asyncio.create_task(self._run(), name=self._name)

    async def stop(self) -> None:
        """Cancels the task, also in mid-run, and waits until it is gone."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _run(self) -> None:
        failures = 0
        while True:
            self._wake.clear()
            try:
                await self._work()
                failures = 0
            except Exception as error:  # noqa: BLE001 - a periodic task survives whatever a run raises
                failures += 1
                self._on_error()
                self._log.warning("periodic task failed", task=self._name, error=type(error).__name__)
            await self._pause(failures)

    async def _pause(self, failures: int) -> None:
        longest = max(self._interval_s, BACKOFF_MAX_S)
        pause = min(self._interval_s * 2 ** min(max(0, failures - 1), 16), longest)
        pause *= 1 - 0.1 * self._rng.random()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), pause)


class SingleFlight(Generic[T]):
    """One running call per key, however many wait for it.

    Waiters are shielded: one that hangs up doesn't cancel the others'. All get the same result or error.
    """

    def __init__(self) -> None:
        self._running: dict[str, asyncio.Task[T]] = {}

    async def run(self, key: str, call: Callable[[], Awaitable[T]]) -> T:
        """The result of the call under way for `key`, or of a new one."""
        task = self._running.get(key)
        if task is None:
            task = asyncio.ensure_future(_awaited(call))
            self._running[key] = task
            task.add_done_callback(lambda done: self._forget(key, done))
        return await asyncio.shield(task)

    async def stop(self) -> None:
        """Cancels what still runs and waits for it."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _forget(self, key: str, task: "asyncio.Task[T]") -> None:
        if self._running.get(key) is task:
            del self._running[key]
        if not task.cancelled():
            task.exception()  # read, so that an error nobody waited for isn't reported at collection


async def _awaited(call: Callable[[], Awaitable[T]]) -> T:
    return await call()


class KeyedLocks:
    """A lock per key that exists only while somebody holds it or waits for it."""

    def __init__(self) -> None:
        self._locks: dict[str, tuple[asyncio.Lock, int]] = {}

    def __len__(self) -> int:
        """How many keys are locked now."""
        return len(self._locks)

    @contextlib.asynccontextmanager
    async def hold(self, key: str) -> AsyncIterator[None]:
        """Holds the lock of `key`, in order of asking."""
        lock, users = self._locks.get(key, (asyncio.Lock(), 0))
        self._locks[key] = (lock, users + 1)
        try:
            async with lock:
                yield
        finally:
            lock, users = self._locks[key]
            if users == 1:
                del self._locks[key]
            else:
                self._locks[key] = (lock, users - 1)


async def gather_some(
    call: Callable[[str], Awaitable[T]], keys: Iterable[str], *, at_once: int
) -> list[T | BaseException]:
    """Calls with each key, a few at once, and answers the results and errors in the keys' order."""
    turn = asyncio.Semaphore(at_once)

    async def one(key: str) -> T:
        async with turn:
            return await call(key)

    return await asyncio.gather(*map(one, keys), return_exceptions=True)


async def give_way() -> None:
    """Lets polls that came meanwhile be answered, in the midst of work that takes longer than a poll.

    A turn of the loop isn't enough: Tornado takes several for a request, and work that is ready would be between them.
    """
    await asyncio.sleep(GIVE_WAY_S)


async def watch_loop_lag(observe: Callable[[float], None], monotonic: Callable[[], float]) -> None:
    """Sleeps in short steps for ever and reports by how many seconds each overshot: the event loop's lag.

    A coroutine and no timer callback: what it measures is how late the loop gets to a task.
    """
    log = structlog.get_logger("supportd.tasks")
    while True:
        before = monotonic()
        await asyncio.sleep(LAG_PROBE_S)
        lag = max(0.0, monotonic() - before - LAG_PROBE_S)
        observe(lag)
        if lag > LAG_WARNING_S:
            log.warning("event loop blocked", lag_s=round(lag, 3))
