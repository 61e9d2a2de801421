"""When a conversation was open, by every way that a close or a reopening is told."""

from typing import Any

import msgspec
import pytest

from supportd.conversations.durations import in_words
from supportd.conversations.projection import News, Origin, Projection, project
from supportd.conversations.state import FORMAT, Period, State, decode, encode
from supportd.intercom import wire
from tests.unit.talk import BEGAN, BEGAN_MS, full, known, part, told, webhook

P1 = part("p1", "<p>One</p>", at=1)


def turn(id_: str, at: int, part_type: str = "close", body: str | None = None) -> wire.Part:
    return part(id_, body, at=at, part_type=part_type)


def header(at: int, **fields: Any) -> News:
    return News(told(at=at, **fields), Origin.HEADER, heard_at=BEGAN_MS)


def since(*news: News) -> Projection:
    """What the last news brings to what the others made known."""
    return project(known(*news[:-1]) if news[:-1] else None, news[-1])


def ended(projection: Projection) -> list[tuple[int, int]]:
    """The periods that came to their end, in s since the conversation began."""
    return [(period.opened_at - BEGAN, (period.closed_at or 0) - BEGAN) for period in projection.ended]


def last_closed(at: int, count: int = 1) -> wire.Statistics:
    return wire.Statistics(count, BEGAN + at)


CLOSE = turn("p2", 60)
REOPEN = turn("p3", 100, "open")
AGAIN = turn("p4", 130)
ALL = (P1, CLOSE, REOPEN, AGAIN)


@pytest.mark.parametrize(
    "news",
    [
        pytest.param(full(P1, CLOSE, at=60, state="closed"), id="a load"),
        pytest.param(webhook(CLOSE, at=60, count=2, state="closed"), id="a webhook"),
        pytest.param(webhook(turn("p2", 60, body="Bye"), at=60, count=2, state="closed"), id="with a last word"),
        pytest.param(webhook(at=70, state="closed", statistics=last_closed(60)), id="told by the statistics alone"),
        pytest.param(full(P1, CLOSE, at=90, state="closed"), id="told late"),
        pytest.param(full(P1, CLOSE, at=90, state="closed", statistics=None), id="not counted"),
    ],
)
def test_a_close_ends_the_time_since_the_start(news: News) -> None:
    assert ended(since(full(P1, at=1), news)) == [(0, 60)]


def test_a_time_of_a_close_before_the_reopening_is_not_that_of_the_last() -> None:
    reopened = full(P1, CLOSE, REOPEN, at=100)
    stale = webhook(at=130, state="closed", statistics=last_closed(60, count=3))
    assert ended(since(full(P1, at=1), reopened, stale)) == [(100, 130)]


def test_without_anything_better_it_is_the_time_of_the_update() -> None:
    assert ended(since(full(P1, at=1), webhook(at=70, state="closed", statistics=None))) == [(0, 70)]


def test_a_close_in_the_second_of_the_start_took_no_time() -> None:
    assert ended(since(full(), full(turn("p1", 0), at=0, state="closed"))) == [(0, 0)]


@pytest.mark.parametrize(
    "news",
    [
        pytest.param(full(P1, CLOSE, at=60, state="closed"), id="a load"),
        pytest.param(full(P1, CLOSE, at=99, state="closed"), id="a later load"),
        pytest.param(webhook(CLOSE, at=60, count=2, state="closed"), id="a webhook"),
        pytest.param(webhook(P1, at=99, count=2, state="closed"), id="a tag"),
        pytest.param(full(P1, CLOSE, turn("p9", 99, "note"), at=99, state="closed"), id="a note"),
    ],
)
def test_a_close_is_told_once(news: News) -> None:
    assert ended(since(full(P1, at=1), full(P1, CLOSE, at=60, state="closed"), news)) == []


@pytest.mark.parametrize("how", ["open", "assign_and_reopen", "note_and_reopen", "snoozed"])
def test_a_second_close_ends_the_time_since_the_reopening(how: str) -> None:
    reopen = turn("p3", 100, how)
    before = (full(P1, at=1), webhook(CLOSE, at=60, count=2, state="closed"))
    assert ended(since(*before, webhook(reopen, at=100, count=3))) == []
    again = webhook(AGAIN, at=130, count=4, state="closed")
    assert ended(since(*before, webhook(reopen, at=100, count=3), again)) == [(100, 130)]


def test_the_users_reply_reopens() -> None:
    reply = part("p3", "<p>One more thing</p>", at=100, by="user", part_type="open")
    news = (full(P1, CLOSE, at=60, state="closed"), webhook(reply, at=100, count=3))
    assert ended(since(full(P1, at=1), *news, webhook(AGAIN, at=130, count=4, state="closed"))) == [(100, 130)]


def test_a_load_tells_all_that_was_missed() -> None:
    assert ended(since(full(P1, at=1), full(*ALL, at=130, state="closed"))) == [(0, 60), (100, 130)]


def test_a_load_puts_right_when_it_was_reopened() -> None:
    tagged = webhook(P1, at=120, count=3)  # its header says open again, nothing says since when
    state = known(full(P1, at=1), full(P1, CLOSE, at=60, state="closed"), tagged)
    assert state.period == Period(BEGAN + 120)
    assert known(full(P1, CLOSE, REOPEN, at=121)).period == Period(BEGAN + 100)
    assert ended(project(state, full(*ALL, at=130, state="closed"))) == [(100, 130)]


def test_a_time_that_was_guessed_is_guessed_once() -> None:
    """Each later load has a later update, if only by our own note."""
    first, second = full(P1, at=60, state="closed"), full(P1, at=90, state="closed")
    assert ended(since(full(P1, at=1), first)) == [(0, 60)]
    assert ended(since(full(P1, at=1), first, second)) == []
    assert ended(since(full(P1, at=1), first, second, full(P1, at=120, state="closed"))) == []


def test_a_snooze_is_no_end() -> None:
    snoozed = full(P1, turn("p2", 50, "snoozed"), at=50, state="snoozed", snoozed_until=BEGAN + 99)
    woken = full(P1, turn("p2", 50, "snoozed"), turn("p3", 99, "timer_unsnooze"), at=99)
    assert ended(since(full(P1, at=1), snoozed)) == []
    closed = full(P1, turn("p2", 50, "snoozed"), AGAIN, at=130, state="closed")
    assert ended(since(full(P1, at=1), snoozed, woken, closed)) == [(0, 130)]


def test_an_admin_who_opens_what_was_snoozed_begins_nothing_new() -> None:
    opened = full(P1, turn("p2", 50, "open"), at=50)
    assert ended(since(full(P1, at=1), opened, full(P1, AGAIN, at=130, state="closed"))) == [(0, 130)]


@pytest.mark.parametrize(
    "news",
    [
        pytest.param((full(*ALL, at=130, state="closed"),), id="a load"),
        pytest.param((header(130, state="closed"),), id="a search"),
        pytest.param((header(130, state="closed"), full(*ALL, at=130, state="closed")), id="a search, then a load"),
        pytest.param((header(140, state="closed"), full(*ALL, at=140, state="closed")), id="tagged since"),
        pytest.param((full(P1, CLOSE, REOPEN, at=100),), id="a load of one that was reopened"),
        pytest.param((header(110), full(P1, CLOSE, REOPEN, at=110)), id="a search, then a load, reopened"),
        pytest.param((webhook(CLOSE, at=60, count=1, state="closed"),), id="a webhook"),
    ],
)
def test_what_was_closed_before_it_was_first_seen_isnt_told(news: tuple[News, ...]) -> None:
    assert ended(since(*news)) == []


def test_what_is_closed_after_a_search_found_it_is_told() -> None:
    assert ended(since(header(110), full(*ALL, at=130, state="closed"))) == [(100, 130)]
    assert ended(since(header(130), full(*ALL, at=130, state="closed"))) == [(100, 130)]


def test_a_long_thread_of_which_a_load_brings_the_newest_parts_only() -> None:
    many = [part(f"{number}", None, at=1, part_type="note") for number in range(1000, 1500)]
    long = full(*many[1:], CLOSE, at=60, state="closed", count=501)
    assert ended(since(full(*many, at=1), long)) == [(0, 60)]
    reopened = full(*many[2:], CLOSE, REOPEN, at=100, count=502)
    closed = full(*many[2:], REOPEN, AGAIN, at=130, state="closed", count=503)
    assert ended(since(full(*many, at=1), long, reopened, closed)) == [(100, 130)]


def test_older_news_tells_nothing() -> None:
    reopened = full(P1, CLOSE, REOPEN, at=100)
    assert ended(since(full(P1, at=1), reopened, full(P1, CLOSE, at=60, state="closed"))) == []
    assert known(full(P1, at=1), reopened, full(P1, CLOSE, at=60, state="closed")).period == Period(BEGAN + 100)


def test_a_state_of_an_earlier_version_is_followed_from_now_on() -> None:
    assert b"period" in encode(known(full(P1, at=1)))
    old = _without_new_fields(known(full(P1, CLOSE, REOPEN, at=100)))
    assert (old.period, old.rated_by) == (None, {})
    assert ended(project(old, full(*ALL, at=130, state="closed"))) == [(100, 130)]
    assert ended(project(old, full(P1, CLOSE, REOPEN, at=101))) == []
    assert project(old, full(P1, CLOSE, REOPEN, at=101)).state.period == Period(BEGAN + 100)
    closed = _without_new_fields(known(full(P1, CLOSE, at=60, state="closed")))
    assert ended(project(closed, full(P1, CLOSE, at=99, state="closed"))) == []


def _without_new_fields(state: State) -> State:
    raw = msgspec.msgpack.decode(encode(state)[len(FORMAT) :])
    found = decode(FORMAT + msgspec.msgpack.encode({k: v for k, v in raw.items() if k not in ("period", "rated_by")}))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (3599, "59 min"),
        (3600, "1 h 0 min"),
        (7500, "2 h 5 min"),
        (86_399, "23 h 59 min"),
        (86_400, "1 d 0 h"),
        (30 * 86_400 + 3 * 3600, "30 d 3 h"),
    ],
)
def test_a_time_in_words(seconds: int, words: str) -> None:
    assert in_words(seconds) == words
