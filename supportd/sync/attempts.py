"""What a run of the reconciler brings up to date, one thing at a time, and what it does about those that fail."""

from collections.abc import Awaitable, Callable, Mapping

import structlog

from supportd.errors import IntercomRefused, IntercomUnavailable
from supportd.metrics import Outcome
from supportd.sync.patience import Patience
from supportd.tasks import gather_some

AT_ONCE = 4

# Failures that say nothing of the thing that was asked for: Intercom is away, or we may not ask it now.
NOT_ITS_OWN = frozenset({Outcome.NO_BUDGET.value, Outcome.BREAKER_OPEN.value, "rate_limited"})

Bring = Callable[[], Awaitable[int]]


class Attempts:
    """One run's attempts at things of a kind. `found` counts what no webhook had told.

    A failure doesn't keep the rest from being tried; `failure`, the first, ends the run.
    """

    def __init__(self, kind: str, *, patience: Patience) -> None:
        self.found = 0
        self.failure: BaseException | None = None
        self._kind = kind
        self._patience = patience
        self._log = structlog.get_logger("supportd.reconciler")

    async def make(self, brings: Mapping[str, Bring]) -> None:
        """Makes each of the attempts, by the ids of what they bring, a few at once."""
        results = await gather_some(lambda item_id: brings[item_id](), brings, at_once=AT_ONCE)
        for item_id, result in zip(brings, results, strict=True):
            if isinstance(result, BaseException):
                self._failed(item_id, result)
            else:
                self._patience.went_well(item_id)
                self.found += result

    def _failed(self, item_id: str, error: BaseException) -> None:
        """Ends the run, so that the next one covers the same time; but one thing can't hold it up for ever."""
        if isinstance(error, IntercomRefused):  # one that Intercom won't give must not keep the rest from being seen
            if self._patience.give_up(item_id):
                self._log.error(f"{self._kind} refused", status=error.status, **{self._kind: item_id})
        elif not _is_its_own(error) or not self._patience.failed(item_id):
            self.failure = self.failure or error
        else:
            self._log.error(f"{self._kind} can't be refreshed", exc_info=error, **{self._kind: item_id})


def _is_its_own(error: BaseException) -> bool:
    return not (isinstance(error, IntercomUnavailable) and error.reason in NOT_ITS_OWN)
