"""Work under a lease: it goes on while the lease is renewed, and ends when that can't be said any more."""

import asyncio

import pytest

from supportd.leases import held

LEASE_S = 0.1
LONG_S = 30.0


def now() -> float:
    return asyncio.get_running_loop().time()


async def forever() -> None:
    await asyncio.Event().wait()


async def test_work_goes_on_while_the_lease_is_renewed() -> None:
    renewed = 0
    long_enough = asyncio.Event()

    async def renew() -> bool:
        nonlocal renewed
        renewed += 1
        if now() - began > 4 * LEASE_S:
            long_enough.set()
        return True

    began = now()
    async with held(renew, since=began, lease_s=LEASE_S, at_most_s=LONG_S):
        await long_enough.wait()
    assert renewed > 4


async def test_who_lost_the_lease_stops_at_once() -> None:
    async def renew() -> bool:
        return False

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(LONG_S), held(renew, since=now(), lease_s=3.0, at_most_s=LONG_S):
            await forever()


async def test_who_cannot_ask_stops_when_the_lease_is_over() -> None:
    async def renew() -> None:
        return None

    began = now()
    with pytest.raises(TimeoutError):
        async with held(renew, since=began, lease_s=LEASE_S, at_most_s=LONG_S):
            await forever()
    assert now() >= began + LEASE_S


async def test_who_waits_for_an_answer_stops_when_the_lease_is_over() -> None:
    async def renew() -> bool:
        await forever()
        return True

    with pytest.raises(TimeoutError):
        async with held(renew, since=now(), lease_s=LEASE_S, at_most_s=LONG_S):
            await forever()


async def test_work_ends_after_its_time_though_the_lease_is_renewed() -> None:
    async def renew() -> bool:
        return True

    with pytest.raises(TimeoutError):
        async with held(renew, since=now(), lease_s=LEASE_S, at_most_s=3 * LEASE_S):
            await forever()


async def test_a_lease_that_is_over_when_the_work_begins_lets_it_get_nowhere() -> None:
    async def renew() -> bool:
        return True

    steps: list[str] = []
    answered = asyncio.Event()

    async def work() -> None:
        asyncio.get_running_loop().call_soon(answered.set)  # as by an answer that came while it slept
        await answered.wait()
        steps.append("sent")

    with pytest.raises(TimeoutError):
        async with held(renew, since=now() - 2 * LEASE_S, lease_s=LEASE_S, at_most_s=LONG_S):
            await work()
    assert (answered.is_set(), steps) == (True, [])


async def test_nothing_is_renewed_after_the_work() -> None:
    renewing = 0

    async def renew() -> bool:
        nonlocal renewing
        renewing += 1
        try:
            await forever()
        finally:
            renewing -= 1
        return True

    before = asyncio.all_tasks()
    async with held(renew, since=now(), lease_s=3.0, at_most_s=LONG_S):
        pass
    assert (renewing, asyncio.all_tasks()) == (0, before)
