from supportd.conversations.presence import Presence
from tests.unit.driven import StillClock


def test_a_user_is_here_for_the_window_after_a_poll_or_while_one_is_held() -> None:
    clock, held = StillClock(), set[str]()
    presence = Presence(window_s=20, is_held=held.__contains__, clock=clock)
    assert not presence.is_here("alice")
    presence.saw("alice")
    clock.advance(19.9)
    assert (presence.is_here("alice"), presence.is_here("bob")) == (True, False)
    clock.advance(0.1)
    assert not presence.is_here("alice")
    held.add("alice")
    assert presence.is_here("alice")


def test_it_is_bounded_and_who_polled_longest_ago_goes() -> None:
    presence = Presence(window_s=20, is_held=lambda _: False, clock=StillClock(), tracked=2)
    for user in ("alice", "bob", "alice", "carol"):
        presence.saw(user)
    assert [presence.is_here(user) for user in ("alice", "bob", "carol")] == [True, False, True]
