"""A comparison and its repair, wired: the connections, and patience with an Intercom that is away."""

import asyncio
from typing import Any

from supportd.clock import Clock
from supportd.errors import IntercomUnavailable
from supportd.intercom.breaker import Breaker
from supportd.intercom.budget import Budget
from supportd.intercom.client import IntercomClient
from supportd.intercom.clock import IntercomClock
from supportd.intercom.tickets import TicketClient
from supportd.intercom.transport import Transport
from supportd.metrics import Metrics
from supportd.stores import mongo
from supportd.stores.comparison import ComparisonStore
from supportd.stores.stores import Stores
from supportd.upkeep.checkpoint import Checkpoint
from supportd.upkeep.comparing import Comparing
from supportd.upkeep.repairing import Repairing
from supportd.upkeep.reporting import Reporting

TRY_AGAIN_S = 5.0


class Reconciling:
    """One comparison of a database with a workspace, by way of the checkpoint. `share` is of the rate budget."""

    def __init__(
        self,
        settings: dict[str, Any],
        checkpoint: Checkpoint,
        *,
        settled_s: float,
        share: float,
        report: Reporting,
        clock: Clock,
    ) -> None:
        self._clock = clock
        self._heard_at = clock.monotonic()
        self._report = report
        self._mongo = mongo.connect(settings["mongo_uri"])
        database = self._mongo[settings["mongo_db"]]
        intercom_clock = IntercomClock(clock)
        self._transport = Transport(
            base_url=settings["intercom_base_url"],
            access_token=settings["intercom_access_token"],
            timeout_s=settings["intercom_timeout"],
            breaker=Breaker(clock=clock),
            budget=Budget(per_minute=settings["intercom_rate_per_minute"], clock=clock, share=share),
            clock=intercom_clock,
            metrics=Metrics("reconcile"),
        )
        stores, store = Stores(database), ComparisonStore(database)
        admin_id = settings["intercom_admin_id"]
        self._comparing = Comparing(
            stores=stores,
            store=store,
            client=IntercomClient(transport=self._transport, admin_id=admin_id),
            tickets=TicketClient(transport=self._transport, admin_id=admin_id),
            checkpoint=checkpoint,
            intercom_clock=intercom_clock,
            settled_s=settled_s,
            progress=self._progress,
        )
        self._repairing = Repairing(
            stores=stores, store=store, checkpoint=checkpoint, clock=clock, progress=report.progress
        )

    async def compare(self, *, patience_s: float) -> None:
        """Compares what is left, and waits for an Intercom that is away for at most `patience_s` at a time.

        Raises:
            ServiceUnavailable: Intercom or MongoDB is away; it may be run again and goes on where it was.
            IntercomRefused: the token isn't good for this.
        """
        while True:
            try:
                return await self._comparing.run()
            except IntercomUnavailable as error:
                left_s = self._heard_at + patience_s - self._clock.monotonic()
                if left_s <= 0:
                    raise
                self._report.progress("waiting for Intercom", int(left_s))
                await asyncio.sleep(min(left_s, error.retry_after or TRY_AGAIN_S))

    async def repair(self) -> None:
        """Queues the repair of what was found. Raises `StorageUnavailable`; it may be run again."""
        await self._repairing.run()

    async def close(self) -> None:
        """Closes the connections."""
        self._mongo.close()
        await self._transport.close()

    def _progress(self, words: str, done: int) -> None:
        self._heard_at = self._clock.monotonic()
        self._report.progress(words, done)
