import asyncio
from collections.abc import Callable

import pytest

from supportd.conversations.waiters import Waiters
from supportd.metrics import Metrics
from tests.unit.driven import Fixed, StillClock

LONG_S = 3600


def made(metrics: Metrics | None = None, draw: float = 0.0, **bounds: int) -> Waiters:
    return Waiters(metrics=metrics or Metrics("1"), clock=StillClock(), rng=Fixed(draw), **bounds)


def nothing() -> None:
    pass


class Calls:
    """Counts calls by name."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def of(self, name: str) -> Callable[[], None]:
        return lambda: self.names.append(name)


async def test_news_wakes_those_of_the_conversation_once() -> None:
    waiters, calls = made(), Calls()
    for conversation_id, user in (("1", "a"), ("1", "b"), ("2", "a")):
        waiters.hold(conversation_id, user, within_s=LONG_S, then=calls.of(conversation_id + user))
    waiters.wake("1")
    waiters.wake("1")
    await asyncio.sleep(0)
    assert sorted(calls.names) == ["1a", "1b"]
    assert len(waiters) == 1
    waiters.close()
    await asyncio.sleep(0)


async def test_whoever_leaves_is_released_and_not_called() -> None:
    waiters, calls = made(max_per_user=1), Calls()
    for _ in range(3):
        held = waiters.hold("1", "a", within_s=LONG_S, then=calls.of("a"))
        assert held is not None
        assert len(waiters) == 1
        waiters.wake("1")
        held.release()
        held.release()
        held.end()
        assert len(waiters) == 0
    await asyncio.sleep(0)
    assert calls.names == []


async def test_a_user_holds_only_so_many() -> None:
    waiters = made(max_per_user=2)
    first = waiters.hold("1", "a", within_s=LONG_S, then=nothing)
    assert waiters.hold("2", "a", within_s=LONG_S, then=nothing) is not None
    assert waiters.hold("3", "a", within_s=LONG_S, then=nothing) is None
    assert waiters.hold("3", "b", within_s=LONG_S, then=nothing) is not None
    assert first is not None
    first.release()
    assert waiters.hold("3", "a", within_s=LONG_S, then=nothing) is not None
    waiters.close()
    await asyncio.sleep(0)


async def test_all_together_hold_only_so_many() -> None:
    waiters = made(max_waiting=3)
    held = [waiters.hold("1", user, within_s=LONG_S, then=nothing) for user in "abcd"]
    assert [one is not None for one in held] == [True, True, True, False]
    waiters.close()
    await asyncio.sleep(0)


async def test_the_end_of_the_server_wakes_all_and_holds_none() -> None:
    waiters, calls = made(), Calls()
    for conversation_id in "12":
        waiters.hold(conversation_id, "a", within_s=LONG_S, then=calls.of(conversation_id))
    waiters.close()
    await asyncio.sleep(0)
    assert sorted(calls.names) == ["1", "2"]
    assert waiters.hold("1", "a", within_s=LONG_S, then=nothing) is None


@pytest.mark.parametrize(("draw", "longest_s"), [(0.0, 20.0), (0.5, 19.0), (1.0, 18.0)])
async def test_the_wait_ends_by_itself_a_little_before_its_time(
    monkeypatch: pytest.MonkeyPatch, draw: float, longest_s: float
) -> None:
    timers: list[float] = []
    loop = asyncio.get_running_loop()
    real = loop.call_later

    def soon(delay: float, callback: Callable[..., object]) -> asyncio.TimerHandle:
        timers.append(delay)
        return real(0, callback)

    monkeypatch.setattr(loop, "call_later", soon)
    over = asyncio.Event()
    waiters = made(draw=draw)
    waiters.hold("1", "a", within_s=20, then=over.set)
    await over.wait()
    assert timers[0] == pytest.approx(longest_s)
    assert len(waiters) == 0


async def test_what_is_held_is_shown() -> None:
    metrics = Metrics("1")
    waiters = made(metrics)
    held = waiters.hold("1", "a", within_s=LONG_S, then=nothing)
    assert metrics.registry.get_sample_value("supportd_held_polls") == 1
    assert held is not None
    held.end()
    assert metrics.registry.get_sample_value("supportd_held_polls") == 0
    assert metrics.registry.get_sample_value("supportd_poll_held_seconds_count") == 1
