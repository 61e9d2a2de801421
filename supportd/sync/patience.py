"""How often one thing that can't be refreshed may end a run, before the stream goes on without it."""

from cachetools import LRUCache

RUNS = 4
TRACKED = 10_000


class Patience:
    """Counts failures by id: the run ends, so that the next one covers the same time, but not for ever."""

    def __init__(self, *, runs: int = RUNS) -> None:
        self._runs = runs
        self._failures: LRUCache[str, int] = LRUCache(TRACKED)

    def failed(self, item_id: str) -> bool:
        """Counts a failure; answers whether to go on without this one."""
        self._failures[item_id] = self._failures.get(item_id, 0) + 1
        return self._failures[item_id] >= self._runs

    def went_well(self, item_id: str) -> None:
        """Forgets its failures."""
        self._failures.pop(item_id, None)
