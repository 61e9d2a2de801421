import asyncio

from supportd.lifecycle import Lifecycle


async def test_a_request_that_begins_just_as_the_last_one_ends_is_waited_for_too() -> None:
    lifecycle = Lifecycle()
    lifecycle.enter()
    waiting = asyncio.create_task(lifecycle.idle(within_s=10))
    await asyncio.sleep(0)
    lifecycle.leave()
    lifecycle.enter()
    for _ in range(5):
        await asyncio.sleep(0)
    assert not waiting.done()
    lifecycle.leave()
    assert await waiting is True


async def test_a_cut_ends_the_wait() -> None:
    lifecycle = Lifecycle()
    lifecycle.enter()
    waiting = asyncio.create_task(lifecycle.idle(within_s=10))
    await asyncio.sleep(0)
    lifecycle.cut()
    assert await waiting is False


async def test_nothing_under_way_is_idle_at_once() -> None:
    assert await Lifecycle().idle(within_s=0) is True
