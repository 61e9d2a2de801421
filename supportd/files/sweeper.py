"""Takes away what nothing will use: files that were never attached, and what a failure or a crash left half stored."""

from datetime import UTC, datetime

from supportd.clock import Clock
from supportd.errors import ServiceUnavailable
from supportd.files.storage import FileStorage
from supportd.stores.files import FileRecord, FileStore

SWEEP_S = 600.0
UNUSED_S = 24 * 3600
UNFINISHED_S = 3600  # longer than any upload takes to be stored
AT_ONCE = 100


class Sweeper:
    """Deletes the bytes first, then the record: what is cut off is done by the next run."""

    def __init__(self, *, store: FileStore, storage: FileStorage, clock: Clock) -> None:
        self._store = store
        self._storage = storage
        self._clock = clock

    async def run(self) -> None:
        """Removes all there is to remove.

        Raises:
            StorageUnavailable, FileStorageUnavailable: something is left. One file that can't be deleted doesn't keep
                the others.
        """
        failed: ServiceUnavailable | None = None
        found = await self._left_over()
        while found:
            for record in found:
                try:
                    await self._storage.delete(record.key)
                    await self._store.forget(record.id)
                except ServiceUnavailable as error:
                    failed = error
            if failed is not None:
                raise failed
            found = await self._left_over()

    async def _left_over(self) -> list[FileRecord]:
        now = self._clock.time()
        unused, unfinished = (datetime.fromtimestamp(now - age_s, UTC) for age_s in (UNUSED_S, UNFINISHED_S))
        return await self._store.take_left_over(unused=unused, unfinished=unfinished, limit=AT_ONCE)
