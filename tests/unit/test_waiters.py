import asyncio
from contextlib import ExitStack

from supportd.conversations.waiters import Waiters


async def test_news_wakes_those_of_the_conversation() -> None:
    waiters = Waiters()
    with waiters.waiting("1", "a") as one, waiters.waiting("1", "b") as two, waiters.waiting("2", "a") as other:
        assert one is not None
        assert two is not None
        assert other is not None
        waiters.wake("1")
        waiters.wake("1")
        assert (one.done(), two.done(), other.done()) == (True, True, False)


async def test_whoever_leaves_is_released() -> None:
    waiters = Waiters(max_per_user=1)
    for _ in range(3):
        with waiters.waiting("1", "a") as news:
            assert news is not None
            assert len(waiters) == 1
        assert news.done()
        assert len(waiters) == 0
    waiters.wake("1")


async def test_released_after_an_error_or_a_cancellation() -> None:
    waiters = Waiters()

    async def hold() -> None:
        with waiters.waiting("1", "a") as news:
            assert news is not None
            await news

    task = asyncio.create_task(hold())
    await asyncio.sleep(0)
    assert len(waiters) == 1
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert len(waiters) == 0


async def test_a_user_holds_only_so_many() -> None:
    waiters = Waiters(max_per_user=2)
    with waiters.waiting("1", "a"), waiters.waiting("2", "a"), waiters.waiting("3", "a") as third:
        assert third is None
        with waiters.waiting("3", "b") as others:
            assert others is not None
        assert len(waiters) == 2
    with waiters.waiting("3", "a") as later:
        assert later is not None


async def test_all_together_hold_only_so_many() -> None:
    waiters = Waiters(max_waiting=3)
    with ExitStack() as stack:
        held = [stack.enter_context(waiters.waiting("1", user)) for user in "abcd"]
        assert [news is not None for news in held] == [True, True, True, False]
    assert len(waiters) == 0


async def test_stopping_wakes_everybody_and_holds_nobody() -> None:
    waiters = Waiters()
    with waiters.waiting("1", "a") as one, waiters.waiting("2", "b") as two:
        waiters.close()
        assert waiters.closed
        assert one is not None
        assert two is not None
        assert one.done()
        assert two.done()
        with waiters.waiting("1", "c") as late:
            assert late is None
