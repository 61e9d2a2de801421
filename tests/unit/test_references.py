import pytest

from supportd.tickets.references import References, Wanted


def test_the_reference_of_a_number() -> None:
    assert References("AW").of("123") == "AW-123"


@pytest.mark.parametrize("typed", ["AW-123", "aw-123", "Aw-123", "123"])
def test_a_reference_as_people_type_it(typed: str) -> None:
    assert References("AW").wanted(typed) == Wanted("123")


@pytest.mark.parametrize("typed", ["A", "a", "AW", "aw", "AW-", "aw-"])
def test_the_beginning_of_the_prefix_fits_every_ticket(typed: str) -> None:
    assert References("AW").wanted(typed) == Wanted("")


@pytest.mark.parametrize(
    "typed", ["W", "AX-1", "AW-1x", "AW--1", "AW 1", "1-AW", "-1", "1.5", "AW-.*", ".*", "^1", "\u0661\u0662", "AWAW-1"]
)
def test_what_no_reference_begins_with(typed: str) -> None:
    assert References("AW").wanted(typed) is None
