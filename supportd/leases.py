"""Work that is one process's only for as long as it can say so."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

RENEWED_PER_LEASE = 3

Renew = Callable[[], Awaitable[bool | None]]


@asynccontextmanager
async def held(renew: Renew, *, since: float, lease_s: float, at_most_s: float) -> AsyncIterator[None]:
    """Surrounds work under a lease that was taken at `since` (the event loop's time, s), and renews the lease.

    `renew` says whether the lease is still ours, None if it couldn't ask. The loop's time goes on while the process is
    stopped, and due timers come before anything else: who wakes up too late doesn't go on with the work.

    Raises:
        TimeoutError: the lease is lost, or the work took `at_most_s`; the work was cancelled.
    """
    async with asyncio.timeout(at_most_s), asyncio.timeout_at(since + lease_s) as lease:
        renewing = asyncio.create_task(_keep(lease, renew, lease_s))
        try:
            yield
        finally:
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)


async def _keep(lease: asyncio.Timeout, renew: Renew, lease_s: float) -> None:
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(lease_s / RENEWED_PER_LEASE)
        began = loop.time()
        is_ours = await renew()
        if lease.expired() or is_ours is None:
            continue
        lease.reschedule(began + lease_s if is_ours else began)
