"""The lag of a search index, by itself."""

import itertools

from supportd.clock import Clock
from supportd.simulator.clock import ShiftedClock
from supportd.simulator.faults import Faults
from supportd.simulator.lagging import LaggingHits
from supportd.simulator.paging import Hit


class RunningClock(ShiftedClock):
    """It is later each time that it is looked at, as clocks are."""

    def __init__(self) -> None:
        super().__init__(Clock())
        self._seconds = itertools.count()

    def time(self) -> float:
        return float(next(self._seconds))


def test_what_falls_due_while_the_index_is_read_is_not_lost() -> None:
    faults = Faults()
    faults.merge({"search_lag_s": 5})
    index = LaggingHits(clock=RunningClock(), faults=faults)
    for number in range(20):
        index.note(str(number), Hit(str(number), {}, {}))
    for _ in range(20):
        index.now()
    assert {hit.id for hit in index.now()} == {str(number) for number in range(20)}
