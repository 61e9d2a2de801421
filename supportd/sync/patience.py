"""How often one thing that can't be refreshed may end a run, before the stream goes on without it."""

from cachetools import LRUCache

RUNS = 4
TRACKED = 10_000


class Patience:
    """Counts failures by id: the run ends, so that the next one covers the same time, but not for ever.

    What the stream went on without is remembered, to be tried again now and then.
    """

    def __init__(self, *, runs: int = RUNS) -> None:
        self._runs = runs
        self._failures: LRUCache[str, int] = LRUCache(TRACKED)

    @property
    def left_behind(self) -> list[str]:
        """What the stream went on without, and has not been refreshed since."""
        return [item_id for item_id, failures in self._failures.items() if failures >= self._runs]

    def failed(self, item_id: str) -> bool:
        """Counts a failure; answers whether to go on without this one."""
        self._failures[item_id] = self._failures.get(item_id, 0) + 1
        return self._failures[item_id] >= self._runs

    def give_up(self, item_id: str) -> bool:
        """Goes on without this one at once; answers whether that is new."""
        is_new = self._failures.get(item_id, 0) < self._runs
        self._failures[item_id] = self._runs
        return is_new

    def went_well(self, item_id: str) -> None:
        """Forgets its failures."""
        self._failures.pop(item_id, None)
