"""What becomes of files that were claimed for a reply of which nobody says any more whether it was sent."""

from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import groupby

from supportd.clock import Clock
from supportd.conversations.attachments import Home, Load
from supportd.errors import NotFound, ServiceUnavailable
from supportd.stores.files import FileRecord, FileStore

UNSETTLED_S = 24 * 3600  # as long as keys are kept: nobody can try the reply again
AT_ONCE = 100


class ClaimSweeper:
    """Looks whether such a reply was sent. If no message shows its files they are free, and go like any unused file."""

    def __init__(self, *, store: FileStore, loads: Mapping[Home, Load], clock: Clock) -> None:
        self._store = store
        self._loads = loads
        self._clock = clock

    async def run(self) -> None:
        """Settles the oldest claims.

        Raises:
            ServiceUnavailable: some couldn't be settled. They don't keep the others.
        """
        failed: ServiceUnavailable | None = None
        before = datetime.fromtimestamp(self._clock.time() - UNSETTLED_S, UTC)
        records = await self._store.unsettled(before=before, limit=AT_ONCE)
        for claim, files in groupby(sorted(records, key=_claim), _claim):
            try:
                if await self._is_sent(claim, {file.id for file in files}):
                    await self._store.settle(claim)
                else:
                    await self._store.expire(claim, before=before)
            except ServiceUnavailable as error:
                failed = error
        if failed is not None:
            raise failed

    async def _is_sent(self, claim: str, file_ids: set[str]) -> bool:
        place = claim.rpartition("/")[0]
        kind, _, id_ = place.partition("/")
        try:
            messages = await self._loads[Home(kind)](id_)
        except NotFound:
            return False
        return any(file.file_id in file_ids for message in messages for file in message.attachments)


def _claim(record: FileRecord) -> str:
    return record.attached_to or ""
