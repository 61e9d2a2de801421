import asyncio

import pytest

from supportd.errors import IntercomUnavailable
from supportd.intercom.budget import Priority
from supportd.intercom.slots import Slots

WRITE, LOAD, RECONCILER, OUTBOX = Priority


async def call(slots: Slots, priority: Priority, ends: asyncio.Event, made: list[Priority]) -> None:
    async with slots.held(priority, wait_s=30):
        made.append(priority)
        await ends.wait()


async def begun(
    slots: Slots, ends: asyncio.Event, made: list[Priority], *priorities: Priority
) -> list["asyncio.Task[None]"]:
    tasks = [asyncio.create_task(call(slots, priority, ends, made)) for priority in priorities]
    await asyncio.sleep(0)
    return tasks


async def test_the_less_urgent_leave_room_for_the_more_urgent() -> None:
    slots, ends, made = Slots(most=10, most_waiting=20), asyncio.Event(), list[Priority]()
    tasks = await begun(slots, ends, made, *[OUTBOX] * 10, *[WRITE] * 6)
    assert (made.count(OUTBOX), made.count(WRITE)) == (4, 6)
    ends.set()
    await asyncio.gather(*tasks)
    assert made.count(OUTBOX) == 10


async def test_who_waits_goes_on_by_priority() -> None:
    slots, ends, made = Slots(most=1, most_waiting=20), asyncio.Event(), list[Priority]()
    tasks = await begun(slots, ends, made, WRITE, OUTBOX, RECONCILER, LOAD, WRITE)
    ends.set()
    await asyncio.gather(*tasks)
    assert made == [WRITE, WRITE, LOAD, RECONCILER, OUTBOX]


async def test_a_line_that_is_full_refuses_at_once() -> None:
    slots, ends, made = Slots(most=1, most_waiting=2), asyncio.Event(), list[Priority]()
    tasks = await begun(slots, ends, made, WRITE, WRITE, WRITE)
    for _ in range(100):
        with pytest.raises(IntercomUnavailable) as caught:
            await call(slots, WRITE, ends, made)
        assert caught.value.headers == {"Retry-After": "1"}
    tasks[1].cancel()
    await asyncio.gather(tasks[1], return_exceptions=True)
    tasks += await begun(slots, ends, made, WRITE)
    ends.set()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert len(made) == 3


async def test_who_waits_too_long_is_refused_and_takes_nothing() -> None:
    slots, ends, made = Slots(most=1, most_waiting=2), asyncio.Event(), list[Priority]()
    tasks = await begun(slots, ends, made, WRITE)
    with pytest.raises(IntercomUnavailable) as caught:
        async with slots.held(WRITE, wait_s=0):
            made.append(WRITE)
    assert (caught.value.reason, caught.value.sent) == ("no_budget", False)
    ends.set()
    await asyncio.gather(*tasks, *await begun(slots, ends, made, WRITE))
    assert made == [WRITE, WRITE]
