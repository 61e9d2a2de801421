"""What a search index shows, which with a lag isn't yet what is."""

from collections.abc import Iterable
from dataclasses import dataclass

from supportd.simulator.clock import ShiftedClock
from supportd.simulator.faults import Faults
from supportd.simulator.paging import Hit


@dataclass(frozen=True, slots=True)
class _Pending:
    recorded_at: float
    item_id: str
    hit: Hit | None


class LaggingHits:
    """Items as they were `search_lag_s` ago."""

    def __init__(self, *, clock: ShiftedClock, faults: Faults) -> None:
        self._clock = clock
        self._faults = faults
        self._visible: dict[str, Hit] = {}
        self._pending: list[_Pending] = []

    def replace(self, hits: Iterable[Hit]) -> None:
        """Starts again with these, seen at once."""
        self._visible = {hit.id: hit for hit in hits}
        self._pending = []

    def note(self, item_id: str, hit: Hit | None, *, closed: bool = False) -> None:
        """Notes an item's new form, or that it is gone."""
        if closed and self._faults.now.search_misses_closes:
            return
        self._pending.append(_Pending(self._clock.time(), item_id, hit))
        self._settle()

    def now(self) -> Iterable[Hit]:
        """What a search sees now."""
        self._settle()
        return self._visible.values()

    def _settle(self) -> None:
        now = self._clock.time()  # read once: what falls due between two looks would be lost
        waiting, self._pending = self._pending, []
        for each in waiting:
            if not self._is_due(each, now):
                self._pending.append(each)
            elif each.hit is None:
                self._visible.pop(each.item_id, None)
            else:
                self._visible[each.item_id] = each.hit

    def _is_due(self, pending: _Pending, now: float) -> bool:
        faults = self._faults.now
        lags = int(pending.item_id) % faults.search_lag_one_in == 0
        return not lags or pending.recorded_at <= now - faults.search_lag_s
