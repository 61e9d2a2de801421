from supportd.sync.patience import Patience


def test_one_thing_ends_a_few_runs_and_then_no_more() -> None:
    patience = Patience(runs=3)
    assert [patience.failed("a"), patience.failed("b"), patience.failed("a"), patience.failed("a")] == [
        False, False, False, True,
    ]  # fmt: skip


def test_what_went_well_begins_anew() -> None:
    patience = Patience(runs=2)
    patience.failed("a")
    patience.went_well("a")
    assert not patience.failed("a")


def test_what_was_left_behind_is_known_until_it_goes_well() -> None:
    patience = Patience(runs=2)
    patience.failed("once")
    assert (patience.failed("twice"), patience.failed("twice")) == (False, True)
    assert (patience.give_up("refused"), patience.give_up("refused")) == (True, False)
    assert patience.left_behind == ["twice", "refused"]
    patience.went_well("twice")
    assert patience.left_behind == ["refused"]
