import asyncio

import pytest

from supportd.errors import IntercomUnavailable
from supportd.intercom.budget import WINDOW_S, Budget, Priority
from tests.unit.driven import StillClock

WRITE, LOAD, RECONCILER, OUTBOX = Priority
ALMOST = WINDOW_S - 0.001


def budget(clock: StillClock, *, window: int = 10) -> Budget:
    return Budget(per_minute=window * 6, clock=clock)


async def spend_all(calls: Budget, priority: Priority = WRITE) -> int:
    spent = 0
    while True:
        try:
            await calls.spend(priority, wait_s=0)
        except IntercomUnavailable:
            return spent
        spent += 1


async def test_window_holds_a_sixth_of_the_minute() -> None:
    clock = StillClock()
    calls = Budget(per_minute=1000, clock=clock)
    assert await spend_all(calls) == 166
    clock.advance(ALMOST)
    assert await spend_all(calls) == 0
    clock.advance(0.001)
    assert calls.left == 166


async def test_a_share_bounds_what_one_process_spends_itself() -> None:
    clock = StillClock()
    calls = Budget(per_minute=600, clock=clock, share=0.25)
    assert [await spend_all(calls, priority) for priority in (RECONCILER, WRITE)] == [25, 0]
    clock.advance(WINDOW_S)
    calls.correct(limit=100, remaining=45, resets_in=None)  # others have spent 55 of the window
    assert await spend_all(calls, RECONCILER) == 5


@pytest.mark.parametrize(("priority", "share"), [(WRITE, 10), (LOAD, 9), (RECONCILER, 6), (OUTBOX, 4)])
async def test_less_urgent_leaves_a_reserve(priority: Priority, share: int) -> None:
    calls = budget(StillClock())
    assert await spend_all(calls, priority) == share
    assert calls.left == 10 - share
    assert await spend_all(calls, WRITE) == 10 - share


async def test_smallest_budget_still_lets_everybody_through() -> None:
    for priority in Priority:
        assert await spend_all(Budget(per_minute=6, clock=StillClock()), priority) == 1


async def test_what_cant_run_in_time_fails_at_once() -> None:
    clock = StillClock()
    calls = budget(clock)
    await spend_all(calls)
    clock.advance(3)
    with pytest.raises(IntercomUnavailable) as caught:
        await calls.spend(WRITE, wait_s=6.9)
    assert caught.value.reason == "no_budget"
    assert not caught.value.sent
    assert caught.value.headers == {"Retry-After": "7"}


async def waiting(calls: Budget, *priorities: Priority) -> tuple[list[Priority], list["asyncio.Task[None]"]]:
    """A call waiting for each priority, in this order, and the order in which they are served."""
    served: list[Priority] = []

    async def call(priority: Priority) -> None:
        await calls.spend(priority, wait_s=30)
        served.append(priority)

    tasks = [asyncio.create_task(call(priority)) for priority in priorities]
    await asyncio.sleep(0)
    return served, tasks


async def test_waiters_get_the_next_window_by_priority() -> None:
    clock = StillClock()
    calls = budget(clock, window=20)
    await spend_all(calls)
    clock.advance(ALMOST)
    served, tasks = await waiting(calls, OUTBOX, LOAD, WRITE, RECONCILER, WRITE)
    assert served == []
    clock.advance(0.001)
    await asyncio.gather(*tasks)
    assert served == [WRITE, WRITE, LOAD, RECONCILER, OUTBOX]
    assert calls.left == 15


async def test_waiters_that_dont_fit_wait_for_the_window_after() -> None:
    clock = StillClock()
    calls = budget(clock, window=2)
    await spend_all(calls)
    clock.advance(ALMOST)
    served, tasks = await waiting(calls, WRITE, OUTBOX, WRITE)
    clock.advance(0.001)
    await asyncio.gather(tasks[0], tasks[2])
    assert served == [WRITE, WRITE]
    assert not tasks[1].done()
    calls.stop()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert tasks[1].cancelled()


async def test_a_waiter_that_leaves_takes_nothing() -> None:
    clock = StillClock()
    calls = budget(clock, window=2)
    await spend_all(calls)
    clock.advance(ALMOST)
    served, tasks = await waiting(calls, WRITE, WRITE, WRITE)
    tasks[0].cancel()
    clock.advance(0.001)
    await asyncio.gather(*tasks[1:])
    assert served == [WRITE, WRITE]
    assert calls.left == 0


async def test_a_waiter_whose_time_is_over_is_told_when_to_come_back() -> None:
    clock = StillClock()
    calls = budget(clock)
    await spend_all(calls)
    clock.advance(ALMOST)
    with pytest.raises(IntercomUnavailable) as caught:
        await calls.spend(WRITE, wait_s=0.002)  # the clock stands still, so the window never comes
    calls.stop()
    assert caught.value.headers == {"Retry-After": "1"}


@pytest.mark.parametrize(
    ("limit", "remaining", "left"),
    [
        pytest.param(20, 15, 15, id="a larger window, partly spent by others"),
        pytest.param(5, 1, 1, id="a smaller window"),
        pytest.param(10, 0, 0, id="nothing left"),
        pytest.param(10, 10, 7, id="our calls under way aren't counted yet"),
        pytest.param(None, None, 7, id="no headers"),
        pytest.param(0, None, 7, id="a limit that can't be"),
    ],
)
async def test_headers_correct_the_count(limit: int | None, remaining: int | None, left: int) -> None:
    calls = budget(StillClock())
    for _ in range(3):
        await calls.spend(WRITE, wait_s=0)
    calls.correct(limit=limit, remaining=remaining, resets_in=None)
    assert calls.left == left


@pytest.mark.parametrize(
    ("resets_in", "opens_after"), [(4.0, 4), (12.0, 12), (0.0, 10), (21.0, 10), (-5.0, 10), (None, 10)]
)
async def test_headers_tell_when_the_window_ends(resets_in: float | None, opens_after: int) -> None:
    clock = StillClock()
    calls = budget(clock)
    await spend_all(calls)
    calls.correct(limit=None, remaining=None, resets_in=resets_in)
    clock.advance(opens_after - 0.001)
    assert calls.left == 0
    clock.advance(0.001)
    assert calls.left == 10


async def test_a_429_stops_all_calls_for_a_while() -> None:
    clock = StillClock()
    calls = budget(clock)
    calls.block(12)
    calls.block(3)
    assert calls.left == 0
    with pytest.raises(IntercomUnavailable) as caught:
        await calls.spend(WRITE, wait_s=11)
    assert caught.value.headers == {"Retry-After": "12"}
    clock.advance(12)
    assert await spend_all(calls) == 10
