import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from supportd.tasks import KeyedLocks, Periodic, SingleFlight, gather_some, watch_loop_lag
from tests.unit.driven import Fixed
from tests.waiting import eventually


def others() -> set["asyncio.Task[object]"]:
    """Every task but the test's own."""
    return asyncio.all_tasks() - {asyncio.current_task()}


@asynccontextmanager
async def running(task: Periodic) -> AsyncIterator[None]:
    task.start()
    try:
        yield
    finally:
        await task.stop()


class Work:
    """Counts its runs, each held until it is let go; may be told to fail."""

    def __init__(self) -> None:
        self.runs = self.at_once = self.most_at_once = 0
        self.go = asyncio.Event()
        self.fails = False

    async def __call__(self) -> None:
        self.runs += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await self.go.wait()
            if self.fails:
                raise RuntimeError("no luck")
        finally:
            self.at_once -= 1


def periodic(work: Work, *, interval_s: float, on_error: Callable[[], None] = lambda: None) -> Periodic:
    return Periodic("work", work, interval_s=interval_s, rng=Fixed(), on_error=on_error)


async def test_periodic_runs_at_once_and_again() -> None:
    work = Work()
    work.go.set()
    async with running(periodic(work, interval_s=0.001)):
        await eventually(lambda: work.runs >= 3)


async def test_periodic_never_overlaps_itself() -> None:
    work = Work()
    async with running(periodic(work, interval_s=0)):
        await eventually(lambda: work.runs == 1)
        for _ in range(20):
            await asyncio.sleep(0)
        assert work.runs == 1
        work.go.set()
        await eventually(lambda: work.runs >= 3)
    assert work.most_at_once == 1


@pytest.mark.logs("periodic task failed")
async def test_periodic_survives_an_error_and_counts_it() -> None:
    work = Work()
    work.fails = True
    work.go.set()
    errors: list[int] = []
    async with running(periodic(work, interval_s=0.001, on_error=lambda: errors.append(1))):
        await eventually(lambda: len(errors) >= 2)
        work.fails = False
        seen = work.runs
        await eventually(lambda: work.runs > seen)


async def test_stop_during_a_run_leaves_no_task() -> None:
    work = Work()
    task = periodic(work, interval_s=3600)
    task.start()
    await eventually(lambda: work.at_once == 1)
    await task.stop()
    assert work.at_once == 0
    assert others() == set()
    await task.stop()


async def test_stop_between_runs_leaves_no_task() -> None:
    work = Work()
    work.go.set()
    task = periodic(work, interval_s=3600)
    task.start()
    await eventually(lambda: work.runs == 1 and work.at_once == 0)
    await task.stop()
    assert others() == set()


async def test_wake_makes_the_next_run_come_at_once_also_if_set_during_a_run() -> None:
    work = Work()
    wake = asyncio.Event()
    async with running(Periodic("work", work, interval_s=3600, rng=Fixed(), wake=wake)):
        await eventually(lambda: work.runs == 1)
        wake.set()
        work.go.set()
        await eventually(lambda: work.runs == 2 and work.at_once == 0)
        wake.set()
        await eventually(lambda: work.runs == 3)


@pytest.mark.logs("periodic task failed")
async def test_periodic_backs_off_after_the_second_failure_in_a_row() -> None:
    waits: list[float] = []

    class Watching(Periodic):
        async def _pause(self, failures: int) -> None:
            waits.append(failures)
            await super()._pause(failures)

    work = Work()
    work.fails = True
    work.go.set()
    async with running(Watching("work", work, interval_s=0, rng=Fixed())):
        await eventually(lambda: len(waits) >= 3)
    assert waits[:3] == [1, 2, 3]


async def test_one_call_for_a_hundred_waiters() -> None:
    flights: SingleFlight[int] = SingleFlight()
    work = Work()

    async def call() -> int:
        await work()
        return 7

    waiters = [asyncio.create_task(flights.run("key", call)) for _ in range(100)]
    await eventually(lambda: work.runs == 1)
    work.go.set()
    assert await asyncio.gather(*waiters) == [7] * 100
    assert work.runs == 1


async def test_first_caller_hanging_up_cancels_nobody_else() -> None:
    flights: SingleFlight[str] = SingleFlight()
    go = asyncio.Event()

    async def call() -> str:
        await go.wait()
        return "loaded"

    first, second = (asyncio.create_task(flights.run("key", call)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    go.set()
    assert first.cancelled()
    assert await second == "loaded"


async def test_error_is_shared_and_the_next_call_is_new() -> None:
    flights: SingleFlight[str] = SingleFlight()
    calls = 0

    async def call() -> str:
        nonlocal calls
        calls += 1
        await asyncio.sleep(0)
        raise KeyError(calls)

    results = await asyncio.gather(*(flights.run("key", call) for _ in range(3)), return_exceptions=True)
    assert [repr(result) for result in results] == ["KeyError(1)"] * 3
    with pytest.raises(KeyError, match="2"):
        await flights.run("key", call)


async def test_keys_dont_wait_for_each_other() -> None:
    flights: SingleFlight[str] = SingleFlight()
    never = asyncio.Event()

    async def stuck() -> str:
        await never.wait()
        return ""

    async def quick() -> str:
        return "quick"

    waiter = asyncio.create_task(flights.run("a", stuck))
    await asyncio.sleep(0)
    assert await flights.run("b", quick) == "quick"
    await flights.stop()
    await asyncio.gather(waiter, return_exceptions=True)
    assert waiter.cancelled()


async def test_a_call_nobody_waits_for_ends_in_silence(caplog: pytest.LogCaptureFixture) -> None:
    flights: SingleFlight[str] = SingleFlight()
    go = asyncio.Event()

    async def call() -> str:
        await go.wait()
        raise KeyError

    waiter = asyncio.create_task(flights.run("key", call))
    await asyncio.sleep(0)
    waiter.cancel()
    await asyncio.gather(waiter, return_exceptions=True)
    go.set()
    await eventually(lambda: others() == set())
    gc.collect()
    assert caplog.records == []


async def test_lock_is_held_by_one_in_order_of_asking_and_gone_after() -> None:
    locks = KeyedLocks()
    order: list[str] = []

    async def hold(name: str) -> None:
        async with locks.hold("key"):
            order.append(f"{name} in")
            await asyncio.sleep(0)
            order.append(f"{name} out")

    await asyncio.gather(*(hold(name) for name in "abc"))
    assert order == ["a in", "a out", "b in", "b out", "c in", "c out"]
    assert len(locks) == 0


async def test_other_keys_lock_is_free() -> None:
    locks = KeyedLocks()
    async with locks.hold("a"), locks.hold("b"):
        assert len(locks) == 2
    assert len(locks) == 0


async def test_lock_is_given_back_after_an_error_or_a_cancelled_wait() -> None:
    locks = KeyedLocks()

    async def fail() -> None:
        async with locks.hold("key"):
            raise KeyError

    async with locks.hold("key"):
        waiter = asyncio.create_task(fail())
        await asyncio.sleep(0)
        waiter.cancel()
        await asyncio.gather(waiter, return_exceptions=True)
    assert len(locks) == 0
    for _ in range(2):
        with pytest.raises(KeyError):
            await fail()
    assert len(locks) == 0


async def test_gather_some_keeps_order_and_bound_and_hands_errors_back() -> None:
    at_once = most = 0

    async def call(key: str) -> str:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0)
        at_once -= 1
        if key == "3":
            raise KeyError(key)
        return key

    results = await gather_some(call, map(str, range(8)), at_once=3)
    assert most == 3
    assert isinstance(results[3], KeyError)
    assert [result for result in results if isinstance(result, str)] == ["0", "1", "2", "4", "5", "6", "7"]


async def test_loop_lag_is_what_a_sleep_overshot() -> None:
    times = iter([10.0, 10.25, 20.0, 20.75])
    seen: list[float] = []

    def observe(lag: float) -> None:
        seen.append(lag)
        if len(seen) == 2:
            raise KeyError

    with pytest.raises(KeyError):
        await watch_loop_lag(observe, lambda: next(times))
    assert seen == [0.0, 0.5]
