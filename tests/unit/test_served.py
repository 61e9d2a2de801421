import msgspec

from supportd.conversations.served import ServedCursors
from supportd.conversations.state import State
from tests.unit.talk import BEGAN_MS, CONTACT, full, known, part

# The operator writes at 5 s, the user at 9 s.
STATE = known(full(part("p1", "<p>Hi</p>", at=5), part("p2", "<p>Me</p>", at=9, by="user"), at=9))
HIS, MINE = BEGAN_MS + 5000, BEGAN_MS + 9000


def after_send(served: ServedCursors, session: str = "a", state: State = STATE) -> int:
    return served.after_send(session, state, sent=MINE)


def test_who_has_everything_goes_on_from_its_own_message() -> None:
    served = ServedCursors()
    served.note("a", "1", HIS)
    assert after_send(served) == MINE


def test_who_missed_a_message_goes_on_from_where_it_was() -> None:
    served = ServedCursors()
    served.note("a", "1", BEGAN_MS)
    assert after_send(served) == BEGAN_MS
    assert after_send(served) == BEGAN_MS


def test_sessions_are_apart() -> None:
    served = ServedCursors()
    served.note("a", "1", HIS)
    served.note("b", "1", BEGAN_MS)
    assert (after_send(served, "a"), after_send(served, "b")) == (MINE, BEGAN_MS)


def test_after_a_restart_it_is_the_beginning_whatever_the_user_has_read() -> None:
    read = msgspec.structs.replace(STATE, read={CONTACT: HIS})
    assert after_send(ServedCursors()) == BEGAN_MS
    assert after_send(ServedCursors(), state=read) == BEGAN_MS


def test_answer_to_the_send_is_what_was_given_last() -> None:
    served = ServedCursors()
    served.note("a", "1", HIS)
    after_send(served)
    assert after_send(served) == MINE


def test_bounded() -> None:
    served = ServedCursors(tracked=2)
    for session in "abc":
        served.note(session, "1", HIS)
    assert [after_send(served, session) for session in "cb"] == [MINE, MINE]
    assert after_send(served, "a") == BEGAN_MS
