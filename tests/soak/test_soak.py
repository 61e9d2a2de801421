"""The model-based soak: users, operators and faults for a while, and then nothing is lost, doubled or out of order.

`make soak SEED=7` repeats the schedule of a seed; see CONTRIBUTING.md.
"""

import os
import random
from pathlib import Path

import pytest

from tests.soak.running import soak
from tests.soak.schedule import SHORT_S, SHORT_SEEDS
from tests.soak.sends import Fate

LONG_S = float(os.environ.get("SOAK_SECONDS") or 600)


async def nothing_is_wrong(folder: Path, *, seed: int, length_s: float, restart_at_end: bool) -> None:
    outcome = await soak(folder, seed=seed, length_s=length_s, restart_at_end=restart_at_end)
    heading = f"seed {seed}, {length_s:g} s: {outcome.counts}; repeat it with `make soak SEED={seed}`"
    print(heading)  # noqa: T201 - what a soak reports
    if outcome.journal.wrongs:
        pytest.fail(outcome.journal.report(heading, outcome.faults), pytrace=False)
    assert outcome.counts["faults"] == len(outcome.faults)
    assert outcome.counts[Fate.TOLD.value] > 0


@pytest.mark.timeout(400)
@pytest.mark.parametrize("seed", SHORT_SEEDS)
async def test_nothing_is_lost_doubled_or_out_of_order(seed: int, tmp_path: Path) -> None:
    await nothing_is_wrong(tmp_path, seed=seed, length_s=SHORT_S, restart_at_end=True)


@pytest.mark.soak
@pytest.mark.timeout(LONG_S + 600)
async def test_nothing_is_lost_doubled_or_out_of_order_for_long(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = int(os.environ.get("SOAK_SEED") or random.randrange(10**6))
    with capsys.disabled():
        print(f"\nsoak: seed {seed}, {LONG_S:g} s")  # noqa: T201 - so that it is known whatever happens
    await nothing_is_wrong(tmp_path, seed=seed, length_s=LONG_S, restart_at_end=False)
