import json
import tracemalloc
from typing import Any

import msgspec
import pytest

from supportd.conversations.cache import Entry, PollCache
from supportd.conversations.deliveries import Deliveries
from supportd.conversations.projection import News
from supportd.conversations.state import State, decode_own, encode
from supportd.metrics import Metrics
from tests.unit.driven import StillClock
from tests.unit.talk import BEGAN, BEGAN_MS, attachment_links, full, known, part, webhook

THREAD = [part("p1", "<p>One</p>", at=1), part("p2", "<p>Two</p>", at=1), part("p3", "<p>Three</p>", at=5)]


def cache(most: int = 10, metrics: Metrics | None = None) -> PollCache:
    metrics = metrics or Metrics("1")
    deliveries = Deliveries(clock=StillClock(BEGAN + 60), metrics=metrics)
    return PollCache(max_conversations=most, links=attachment_links(), deliveries=deliveries, metrics=metrics)


def entry(*news: News) -> Entry:
    return cache().put(known(*news))


def polled(served: Entry, since: int) -> Any:
    return json.loads(served.poll(since))


def sizes(metrics: Metrics) -> tuple[float | None, float | None]:
    names = ("supportd_cached_conversations", "supportd_cache_evictions_total")
    cached, evicted = (metrics.registry.get_sample_value(name) for name in names)
    return cached, evicted


def state(id_: str) -> State:
    return State(id=id_, contact_ids=("c",), state="open", created_at=0, changed_at=0, latest=0)


def test_answer_has_the_five_keys_in_the_contracts_spelling() -> None:
    answer = polled(entry(full(*THREAD, at=5, state="snoozed", snoozed_until=1_700_009_000)), 0)
    messages = answer.pop("messages")
    assert answer == {
        "latestTimestamp": BEGAN_MS + 5000,
        "state": "snoozed",
        "snoozedUntil": 1_700_009_000_000,
        "rated": False,
    }
    assert messages[1] == {
        "id": "p1",
        "author": {"type": "operator", "name": "Ciaran", "avatarUrl": None},
        "body": "One",
        "html": "<p>One</p>",
        "attachments": [],
        "createdAt": BEGAN_MS + 1000,
        "redacted": False,
    }


@pytest.mark.parametrize(
    ("since", "ids"),
    [
        (0, ["s1", "p1", "p2", "p3"]),
        (BEGAN_MS, ["p1", "p2", "p3"]),
        (BEGAN_MS + 1000, ["p2", "p3"]),
        (BEGAN_MS + 1001, ["p3"]),
        (BEGAN_MS + 5000, []),
        (BEGAN_MS + 9000, []),
    ],
)
def test_poll_brings_what_came_after_the_cursor_in_the_threads_order(since: int, ids: list[str]) -> None:
    served = entry(full(*THREAD, at=5))
    assert [message["id"] for message in polled(served, since)["messages"]] == ids
    assert served.has_news(since) is bool(ids)


def test_redacted_message_comes_again_in_its_place() -> None:
    gone = [THREAD[0], part("p2", "", at=1, redacted=True), THREAD[2]]
    served = entry(full(*THREAD, at=5), full(*gone, at=9))
    assert [message["id"] for message in polled(served, BEGAN_MS + 5000)["messages"]] == ["p2"]
    assert [message["id"] for message in polled(served, 0)["messages"]] == ["s1", "p1", "p2", "p3"]


def test_nothing_new_is_the_same_bytes_each_time() -> None:
    served = entry(full(*THREAD, at=5))
    assert served.poll(served.state.latest) is served.poll(served.state.latest + 1) is served.quiet


def test_etag_is_quoted_and_the_same_for_the_same_content_in_any_process() -> None:
    tag = entry(full(*THREAD, at=5)).etag
    assert tag[0] == tag[-1] == '"'
    assert entry(full(*THREAD, at=5)).etag == tag
    assert entry(full(*THREAD, at=5), full(*THREAD, at=7)).etag == tag  # nothing that a user sees


@pytest.mark.parametrize(
    "news",
    [
        pytest.param(webhook(part("p4", "<p>Four</p>", at=6), at=6, count=4), id="a message"),
        pytest.param(full(part("p1", "", at=1, redacted=True), *THREAD[1:], at=6), id="a redaction"),
        pytest.param(full(*THREAD, at=6, state="closed"), id="closed"),
        pytest.param(full(*THREAD, at=6, state="snoozed", snoozed_until=1_700_009_000), id="snoozed"),
    ],
)
def test_etag_changes_with_what_a_poll_shows(news: News) -> None:
    before = full(*THREAD, at=5)
    assert entry(before, news).etag != entry(before).etag


def test_bounded_and_the_one_used_longest_ago_goes() -> None:
    metrics = Metrics("1")
    small = cache(2, metrics)
    small.put(state("1"))
    small.put(state("2"))
    assert small.get("1") is not None
    small.put(state("3"))
    assert [small.get(id_) is not None for id_ in "123"] == [True, False, True]
    assert sizes(metrics) == (2.0, 1.0)


def test_a_new_state_takes_the_place_of_the_old() -> None:
    metrics = Metrics("1")
    small = cache(1, metrics)
    small.put(state("1"))
    latest = small.put(state("1"))
    assert small.get("1") is latest
    assert sizes(metrics) == (1.0, 0.0)


def test_dropped_is_gone() -> None:
    metrics = Metrics("1")
    small = cache(2, metrics)
    small.put(state("1"))
    small.drop("1")
    small.drop("1")
    assert small.get("1") is None
    assert sizes(metrics) == (0.0, 0.0)


def measured(metrics: Metrics) -> tuple[float | None, float | None]:
    names = ("supportd_delivery_seconds_count", "supportd_delivery_seconds_sum")
    count, seconds = (metrics.registry.get_sample_value(name) for name in names)
    return count, seconds


def test_a_delivery_is_measured_at_the_first_poll_that_gives_a_message() -> None:
    metrics = Metrics("1")
    served = cache(metrics=metrics)
    served.put(known(full(*THREAD, at=5)))
    news = served.put(known(full(*THREAD, part("p4", "<p>Four</p>", at=50), at=50)))
    news.poll(news.state.latest)
    assert measured(metrics) == (0.0, 0.0)
    news.poll(BEGAN_MS + 5000)
    news.poll(BEGAN_MS + 5000)
    assert measured(metrics) == (1.0, 10.0)
    again = served.put(known(full(*THREAD, part("p4", "<p>Four</p>", at=50), at=50, state="closed")))
    again.poll(0)
    assert measured(metrics) == (1.0, 10.0)


def test_no_delivery_is_measured_of_what_may_have_been_given_before() -> None:
    metrics = Metrics("1")
    loaded = cache(metrics=metrics).put(known(full(*THREAD, at=5)))
    loaded.poll(0)
    assert measured(metrics) == (0.0, 0.0)


def test_the_users_own_words_and_redactions_are_no_deliveries() -> None:
    metrics = Metrics("1")
    served = cache(metrics=metrics)
    served.put(known(full(*THREAD, at=5)))
    own = part("p4", "<p>Mine</p>", at=50, by="user")
    served.put(known(full(*THREAD, own, at=50))).poll(BEGAN_MS + 5000)
    redacted = full(part("p1", "", at=1, redacted=True), *THREAD[1:], own, at=55)
    served.put(known(full(*THREAD, own, at=50), redacted)).poll(BEGAN_MS + 50_000)
    assert measured(metrics) == (0.0, 0.0)


def test_a_conversation_takes_hardly_more_memory_than_its_messages_as_json() -> None:
    words = "Thank you for waiting. The transfer has arrived, and your balance is right again. "
    thread = [part(f"p{number}", f"<p>{words}{number}</p>", at=number) for number in range(20)]
    thread_of = encode(known(full(*thread, at=20)))
    kept = cache(most=400)
    states = [msgspec.structs.replace(decode_own(thread_of), id=f"conversation-{number}") for number in range(400)]
    as_json = sum(len(msgspec.json.encode([one.message for one in state.parts])) for state in states)
    tracemalloc.start()
    try:
        while states:
            kept.put(states.pop())
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken <= 1.5 * as_json
