from collections.abc import Callable

import pytest

from supportd.errors import IntercomUnavailable
from supportd.intercom.breaker import OPEN_S, OUTAGES_TO_OPEN, Breaker, BreakerState
from tests.unit.driven import StillClock

CLOSED, OPEN, HALF_OPEN = BreakerState.CLOSED, BreakerState.OPEN, BreakerState.HALF_OPEN


def opened(clock: StillClock, on_change: Callable[[BreakerState], None] = lambda _: None) -> Breaker:
    breaker = Breaker(clock=clock, on_change=on_change)
    for _ in range(OUTAGES_TO_OPEN):
        breaker.admit()
        breaker.failed()
    return breaker


def on_trial(clock: StillClock) -> Breaker:
    breaker = opened(clock)
    clock.advance(OPEN_S)
    breaker.admit()
    return breaker


def is_refused(breaker: Breaker) -> bool:
    try:
        breaker.admit()
    except IntercomUnavailable:
        return True
    return False


def test_three_outages_in_a_row_open_it_for_half_a_minute() -> None:
    assert (OUTAGES_TO_OPEN, OPEN_S) == (3, 30.0)
    clock = StillClock()
    breaker = Breaker(clock=clock)
    for _ in range(2):
        breaker.failed()
        assert not is_refused(breaker)
    breaker.failed()
    assert breaker.state is OPEN
    clock.advance(29.9)
    assert is_refused(breaker)
    clock.advance(0.1)
    assert not is_refused(breaker)


def test_an_answer_in_between_starts_the_count_anew() -> None:
    breaker = Breaker(clock=StillClock())
    for _ in range(5):
        breaker.failed()
        breaker.failed()
        breaker.succeeded()
    assert breaker.state is CLOSED


def test_refusal_says_when_to_come_back() -> None:
    clock = StillClock()
    breaker = opened(clock)
    clock.advance(10)
    with pytest.raises(IntercomUnavailable) as caught:
        breaker.admit()
    assert caught.value.reason == "breaker_open"
    assert not caught.value.sent
    assert caught.value.headers == {"Retry-After": "20"}
    assert breaker.opens_in() == 20


def test_one_trial_at_a_time() -> None:
    breaker = on_trial(StillClock())
    assert breaker.state is HALF_OPEN
    with pytest.raises(IntercomUnavailable) as caught:
        breaker.admit()
    assert caught.value.headers == {"Retry-After": "1"}


def test_trial_that_is_answered_closes_it() -> None:
    breaker = on_trial(StillClock())
    breaker.succeeded()
    assert breaker.state is CLOSED
    assert breaker.opens_in() == 0
    breaker.failed()
    assert breaker.state is CLOSED  # the count began anew


def test_trial_that_fails_opens_it_for_as_long_again() -> None:
    clock = StillClock()
    breaker = on_trial(clock)
    breaker.failed()
    assert breaker.state is OPEN
    assert breaker.opens_in() == OPEN_S
    clock.advance(OPEN_S)
    assert not is_refused(breaker)


def test_abandoned_trial_is_given_back_at_once() -> None:
    breaker = on_trial(StillClock())
    breaker.abandoned()
    assert breaker.state is OPEN
    assert not is_refused(breaker)
    assert breaker.state is HALF_OPEN


@pytest.mark.parametrize("failed", [False, True], ids=["closed", "open"])
def test_a_call_given_up_says_nothing_of_intercom(failed: bool) -> None:
    breaker = opened(StillClock()) if failed else Breaker(clock=StillClock())
    before = breaker.state
    breaker.abandoned()
    assert breaker.state is before


def test_each_change_is_told_once() -> None:
    seen: list[BreakerState] = []
    clock = StillClock()
    breaker = opened(clock, seen.append)
    breaker.failed()
    clock.advance(OPEN_S)
    breaker.admit()
    breaker.succeeded()
    breaker.succeeded()
    assert seen == [OPEN, HALF_OPEN, CLOSED]
