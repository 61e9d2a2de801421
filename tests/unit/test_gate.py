import asyncio

from supportd.clock import Clock
from supportd.push.gate import ALL_PAUSED_S, Pace, Pauses, Spacing
from tests.unit.driven import StillClock


def test_a_device_waits_as_long_as_was_said_and_the_others_for_a_while() -> None:
    clock = StillClock()
    pauses = Pauses(clock=clock)
    pauses.pause("a", 300)
    assert (pauses.left_s("a"), pauses.left_s("b")) == (300, ALL_PAUSED_S)
    clock.advance(ALL_PAUSED_S)
    assert (pauses.left_s("a"), pauses.left_s("b")) == (300 - ALL_PAUSED_S, 0)
    pauses.pause("b", 5)
    pauses.pause_all(2)
    assert pauses.left_s("c") == 5


def test_messages_to_one_recipient_keep_their_distance() -> None:
    clock = StillClock()
    spacing = Spacing(gap_s=1, clock=clock)
    assert (spacing.left_s("a"), spacing.left_s("b"), spacing.left_s("a")) == (0, 0, 1)
    clock.advance(0.75)
    assert spacing.left_s("a") == 0.25
    clock.advance(0.25)
    assert spacing.left_s("a") == 0


async def test_turns_come_at_a_steady_rate() -> None:
    clock = Clock()
    pace = Pace(per_second=200, clock=clock)
    began = clock.monotonic()
    await asyncio.gather(*(pace.turn() for _ in range(11)))
    assert clock.monotonic() - began >= 0.049
