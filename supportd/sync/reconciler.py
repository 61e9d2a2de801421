"""The reconciler: asks Intercom what changed, and refreshes what differs from what is known here.

Webhooks get lost, and Intercom sends each at most twice. So every interval the streams, one of conversations and one of
tickets, search for what was updated since their watermarks.
"""

from collections.abc import Sequence
from typing import Protocol

import structlog

from supportd.errors import IntercomUnavailable
from supportd.metrics import Metrics, Outcome


class Stream(Protocol):
    """One kind of thing that is kept in step."""

    async def run(self) -> int:
        """Brings everything of the kind up to date; answers how many changes no webhook had told."""


class Reconciler:
    """One run at a time, started by a periodic task; `run` is all it does."""

    def __init__(self, *, streams: Sequence[Stream], metrics: Metrics) -> None:
        self._streams = streams
        self._metrics = metrics
        self._log = structlog.get_logger("supportd.reconciler")

    async def run(self) -> int:
        """Brings everything of our users up to date and answers how many changes no webhook had told.

        A stream that fails doesn't keep the next from running.

        Raises:
            ServiceUnavailable: Intercom or MongoDB is away; a watermark stays, so that the next run covers the gap.
            IntercomRefused: Intercom doesn't let us search.
        """
        found = 0
        failure: Exception | None = None
        for stream in self._streams:
            try:
                found += await stream.run()
            except Exception as error:  # noqa: BLE001 - raised below, once the other streams have run
                failure = failure or error
        self._metrics.reconciler_runs.labels(_outcome(failure)).inc()
        if found:
            self._log.info("reconciler found changes that no webhook had told", count=found)
        if failure is not None:
            raise failure
        return found


def _outcome(failure: Exception | None) -> str:
    if failure is None:
        return Outcome.OK.value
    reason = failure.reason if isinstance(failure, IntercomUnavailable) else ""
    return reason if reason in {Outcome.NO_BUDGET, Outcome.BREAKER_OPEN} else Outcome.OUTAGE.value
