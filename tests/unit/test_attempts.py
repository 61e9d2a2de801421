"""What becomes of a run of the reconciler when some of it fails."""

from collections.abc import Awaitable, Callable

import pytest

from supportd.errors import IntercomRefused, IntercomUnavailable
from supportd.sync.attempts import Attempts
from supportd.sync.patience import Patience


def failing(error: Exception) -> Callable[[], Awaitable[int]]:
    async def bring() -> int:
        raise error

    return bring


async def finding() -> int:
    return 1


async def run(patience: Patience, **brings: Callable[[], Awaitable[int]]) -> Attempts:
    attempts = Attempts("conversation", patience=patience)
    await attempts.make(brings)
    return attempts


async def test_a_failure_keeps_nothing_else_from_being_tried_and_ends_the_run() -> None:
    error = IntercomUnavailable("http_500")
    attempts = await run(Patience(), a=finding, b=failing(error), c=finding)
    assert (attempts.found, attempts.failure) == (2, error)


@pytest.mark.logs("conversation can't be refreshed")
async def test_many_that_fail_end_no_more_runs_than_one() -> None:
    patience = Patience(runs=3)
    brings = {f"c{number}": failing(IntercomUnavailable("http_500")) for number in range(20)}
    ended = [(await run(patience, **brings)).failure is not None for _ in range(4)]
    assert ended == [True, True, False, False]
    assert len(patience.left_behind) == 20


@pytest.mark.parametrize("reason", ["no_budget", "breaker_open", "rate_limited"])
async def test_while_intercom_is_away_nothing_is_left_behind(reason: str) -> None:
    patience = Patience(runs=2)
    for _ in range(5):
        assert (await run(patience, a=failing(IntercomUnavailable(reason)))).failure is not None
    assert patience.left_behind == []


@pytest.mark.logs("conversation refused")
async def test_what_is_refused_ends_no_run_and_is_remembered() -> None:
    patience = Patience()
    for _ in range(2):
        assert (await run(patience, a=failing(IntercomRefused(403, "", "")))).failure is None
    assert patience.left_behind == ["a"]
