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


def test_turns_come_at_a_steady_rate() -> None:
    clock = StillClock()
    pace = Pace(per_second=4, clock=clock)
    assert [pace.take_turn() for _ in range(4)] == [0, 0.25, 0.5, 0.75]
    clock.advance(0.5)
    assert pace.take_turn() == 0.5
    clock.advance(60)
    assert [pace.take_turn() for _ in range(2)] == [0, 0.25]
