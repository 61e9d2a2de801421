"""Schedules of faults: a seed repeats them, and they leave no part out."""

from itertools import pairwise

from supportd.simulator.faults import FaultSettings
from tests.soak.schedule import LANES, SHORT_S, SHORT_SEEDS, Fault, Part, schedule

LONG_S = 2000.0


def test_the_same_seed_makes_the_same_schedule() -> None:
    assert schedule(7, 30.0) == schedule(7, 30.0)
    assert schedule(7, 30.0) != schedule(8, 30.0)


def test_each_fault_is_over_when_the_run_is() -> None:
    faults = schedule(7, 30.0)
    assert faults == sorted(faults, key=lambda fault: fault.at_s)
    assert all(fault.at_s > 0 and fault.at_s + fault.for_s <= 30.01 for fault in faults)


def test_one_part_has_one_fault_at_a_time() -> None:
    for part in Part:
        of_part = [fault for fault in schedule(7, LONG_S) if fault.part is part]
        assert all(before.at_s + before.for_s < after.at_s for before, after in pairwise(of_part))


def test_everything_goes_wrong_in_the_long_run_and_in_the_short_ones_together() -> None:
    everything = {(part, kind.name) for part, lane in LANES.items() for kind in lane.kinds}
    at_once = {(part, kind.name) for part, lane in LANES.items() for kind in lane.kinds if not kind.longest_s}
    short = [fault for seed in SHORT_SEEDS for fault in schedule(seed, SHORT_S)]
    for faults in (schedule(7, LONG_S), short):
        happened = {(fault.part, fault.kind) for fault in faults if fault.for_s > 0.3}
        assert happened | at_once == everything


def test_the_simulator_knows_each_switch() -> None:
    switched = {name for fault in schedule(7, LONG_S) for name in fault.switches}
    assert switched <= set(FaultSettings.__struct_fields__)


def test_a_fault_can_be_read() -> None:
    killed = Fault(3.21, Part.MONGODB, "killed", 1.5)
    late = Fault(4, Part.WEBHOOKS, "late", 2, {"webhook_delay_s": 0.5})
    assert str(killed) == "t=3.2 s: mongod killed for 1.5 s"
    assert str(late) == "t=4.0 s: webhooks late (webhook_delay_s=0.5) for 2.0 s"
