from supportd.sync.bodies import Bodies


def test_a_body_is_kept_until_it_is_taken() -> None:
    bodies = Bodies(max_bytes=10)
    bodies.keep("e1", b"body")
    assert bodies.take("e1") == b"body"
    assert bodies.take("e1") is None
    assert bodies.take("never seen") is None


def test_what_is_over_the_bound_is_not_kept() -> None:
    bodies = Bodies(max_bytes=10)
    bodies.keep("e1", b"12345")
    bodies.keep("too large", b"123456")
    bodies.keep("e2", b"12345")
    bodies.keep("one more", b"1")
    assert [bodies.take(id_) for id_ in ("e1", "too large", "e2", "one more")] == [b"12345", None, b"12345", None]


def test_room_that_is_given_back_is_room_again() -> None:
    bodies = Bodies(max_bytes=10)
    for number in range(5):
        bodies.keep(f"e{number}", b"0123456789")
        assert bodies.take(f"e{number}") == b"0123456789"
