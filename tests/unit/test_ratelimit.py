import pytest

from supportd.errors import RateLimited
from supportd.ratelimit import RateLimiter
from tests.unit.driven import Fixed, StillClock


def limiter(clock: StillClock, *, per_minute: int = 60, draw: float = 0.0, tracked: int = 100) -> RateLimiter:
    return RateLimiter("reads", per_minute=per_minute, clock=clock, rng=Fixed(draw), tracked=tracked)


def spend_all(limits: RateLimiter, user: str) -> int:
    spent = 0
    while True:
        try:
            limits.spend(user)
        except RateLimited:
            return spent
        spent += 1


def test_full_bucket_may_be_spent_at_once() -> None:
    limits = limiter(StillClock(), per_minute=3)
    assert [limits.spend("u") for _ in range(3)] == [2, 1, 0]
    with pytest.raises(RateLimited):
        limits.spend("u")


def test_bucket_refills_evenly_and_no_further_than_full() -> None:
    clock = StillClock()
    limits = limiter(clock)
    assert spend_all(limits, "u") == 60
    clock.advance(5)
    assert spend_all(limits, "u") == 5
    clock.advance(3600)
    assert spend_all(limits, "u") == 60


def test_refusals_cost_nothing() -> None:
    clock = StillClock()
    limits = limiter(clock)
    spend_all(limits, "u")
    for _ in range(50):
        with pytest.raises(RateLimited):
            limits.spend("u")
    clock.advance(1)
    assert limits.spend("u") == 0


def test_users_dont_share() -> None:
    limits = limiter(StillClock(), per_minute=1)
    limits.spend("a")
    assert limits.spend("b") == 0


@pytest.mark.parametrize(
    ("per_minute", "draw", "seconds"),
    [(60, 0.0, 1), (60, 0.99, 3), (6, 0.0, 10), (6, 0.6, 12), (1, 0.0, 60), (1_000_000, 0.0, 1)],
)
def test_retry_after_is_when_a_call_is_left_with_jitter(per_minute: int, draw: float, seconds: int) -> None:
    clock = StillClock()
    limits = limiter(clock, per_minute=per_minute, draw=draw)
    spend_all(limits, "u")
    with pytest.raises(RateLimited) as caught:
        limits.spend("u")
    assert caught.value.headers == {"Retry-After": str(seconds)}
    clock.advance(seconds)
    limits.spend("u")


def test_only_so_many_users_are_tracked() -> None:
    limits = limiter(StillClock(), per_minute=1, tracked=2)
    for user in ("a", "b", "c"):
        limits.spend(user)
    with pytest.raises(RateLimited):
        limits.spend("c")
    assert limits.spend("a") == 0  # forgotten, so full again


def test_fields_say_the_limit_and_what_is_left() -> None:
    limits = limiter(StillClock())
    assert limits.policy == '"reads";q=60;w=60'
    assert limits.status() == '"reads";r=60;t=0'
    assert limits.status(limits.spend("u")) == '"reads";r=59;t=1'
    assert limits.status(0) == '"reads";r=0;t=60'
