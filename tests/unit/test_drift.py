import pytest
from structlog.testing import capture_logs

from supportd.conversations.projection import News
from supportd.intercom import wire
from supportd.metrics import Metrics
from supportd.sync.drift import WARN_AT, DriftLog, missed_topics
from supportd.sync.topics import CONVERSATION_TOPICS
from tests.unit.talk import full, known, part, tags

BASE = full(part("p1", "<p>Hi</p>", at=1), at=1)
P1 = part("p1", "<p>Hi</p>", at=1)


@pytest.mark.parametrize(
    ("news", "topics"),
    [
        pytest.param(full(P1, at=5), [], id="nothing"),
        pytest.param(full(P1, part("p2", "x", at=5), at=5), ["conversation.admin.replied"], id="an operator"),
        pytest.param(full(P1, part("p2", "x", at=5, by="bot"), at=5), ["conversation.operator.replied"], id="a bot"),
        pytest.param(full(P1, part("p2", "x", at=5, by="user"), at=5), ["conversation.user.replied"], id="a user"),
        pytest.param(full(part("p1", "", at=1, redacted=True), at=5), ["conversation_part.redacted"], id="redacted"),
        pytest.param(full(P1, at=5, tags=tags("vip")), ["conversation_part.tag.created"], id="a tag"),
        pytest.param(full(P1, at=5, tags=tags("csat-5")), ["conversation_part.tag.created"], id="a rating by tag"),
        pytest.param(full(P1, at=5, conversation_rating=wire.Rating(5)), ["conversation.rating.added"], id="a rating"),
        pytest.param(full(P1, at=5, state="closed"), ["conversation.admin.closed"], id="closed"),
        pytest.param(
            full(P1, at=5, state="snoozed", snoozed_until=1_700_009_000), ["conversation.admin.snoozed"], id="snoozed"
        ),
    ],
)
def test_each_difference_has_the_topic_that_should_have_told_it(news: News, topics: list[str]) -> None:
    before = known(BASE)
    found = missed_topics(before, known(BASE, news))
    assert found == topics
    assert set(found) <= CONVERSATION_TOPICS


@pytest.mark.parametrize(
    ("state", "reopened", "topic"),
    [
        ("closed", "open", "conversation.admin.opened"),
        ("snoozed", "open", "conversation.admin.unsnoozed"),
        ("snoozed", "closed", "conversation.admin.closed"),
    ],
)
def test_state_changes(state: str, reopened: str, topic: str) -> None:
    until = 1_700_009_000 if state == "snoozed" else None
    base = full(P1, at=1, state=state, snoozed_until=until)
    assert missed_topics(known(base), known(base, full(P1, at=5, state=reopened))) == [topic]


def test_a_users_reply_that_reopens_is_one_topic() -> None:
    base = full(P1, at=1, state="closed")
    after = known(base, full(P1, part("p2", "x", at=5, by="user", part_type="open"), at=5))
    assert missed_topics(known(base), after) == ["conversation.user.replied"]


def test_a_conversation_nobody_told_of() -> None:
    assert missed_topics(None, known(BASE)) == ["conversation.user.created"]


def test_differences_are_counted_and_a_topic_that_never_comes_is_warned_of_once() -> None:
    metrics = Metrics("1")
    drift = DriftLog(metrics=metrics)
    drift.arrived("conversation.user.replied")
    with capture_logs() as logs:
        for _ in range(WARN_AT + 2):
            drift.missed("conversation.user.replied")
            drift.missed("conversation.admin.replied")
    assert [log["topic"] for log in logs if log["log_level"] == "warning"] == ["conversation.admin.replied"]
    for topic in ("conversation.user.replied", "conversation.admin.replied"):
        assert metrics.registry.get_sample_value("supportd_reconciler_drift_total", {"topic": topic}) == WARN_AT + 2
