from typing import Any

import pytest

from supportd.conversations.messages import REDACTED_BODY, author_of, first_message, is_unknown, message_of
from supportd.conversations.state import Attachment, Author, Message
from supportd.intercom import wire
from tests.unit.talk import BEGAN, CONTACT, part, told

# Part 8.2 of the contract with Intercom, row by row: shown if it says something, or never.
SHOWN = [
    "comment",
    "open",
    "close",
    "assignment",
    "assign_and_reopen",
    "assign_and_unsnooze",
    "quick_reply",
    "channel_and_reply_time_expectation",
]
HIDDEN = [
    "note",
    "note_and_reopen",
    "snoozed",
    "unsnoozed",
    "timer_unsnooze",
    "away_mode_assignment",
    "default_assignment",
    "balanced_assignment",
    "participant_added",
    "participant_removed",
    "conversation_rating_changed",
    "conversation_rating_remark_added",
    "conversation_attribute_updated_by_admin",
    "conversation_attribute_updated_by_workflow",
    "conversation_attribute_updated_by_user",
    "custom_action_started",
    "custom_action_finished",
    "operator_workflow_event",
    "attribute_collector",
    "attribute_collected",
    "language_detection_details",
    "title_changed",
    "conversation_tags_updated",
    "priority_changed",
    "conversation_sla_applied_by_admin",
    "conversation_sla_target_missed",
    "call_summary",
    "merged_primary_conversation",
]
UNKNOWN = ["", "brand_new_type", "Comment", "notes", "comment "]

FILE = wire.Attachment("a.png", "https://files.example/a", "image/png", 9)


def shown(body: str | None, **more: Any) -> Message:
    found = message_of(part("p1", body, **more))
    assert found is not None
    return found.message


@pytest.mark.parametrize("kind", SHOWN)
def test_shown_if_it_says_something(kind: str) -> None:
    assert shown("<p>Hi</p>", part_type=kind).body == "Hi"
    assert shown(None, part_type=kind, attachments=[FILE]).attachments[0].name == "a.png"
    for empty in (None, "", "  ", "<p></p>", "<p> <br></p>", "\x00"):
        assert message_of(part("p1", empty, part_type=kind)) is None
    assert not is_unknown(kind)


@pytest.mark.parametrize("kind", HIDDEN)
def test_never_shown(kind: str) -> None:
    assert message_of(part("p1", "<p>Secret</p>", part_type=kind, attachments=[FILE])) is None
    assert not is_unknown(kind)


@pytest.mark.parametrize("kind", UNKNOWN)
def test_unknown_is_hidden_and_counts_as_unknown(kind: str) -> None:
    assert message_of(part("p1", "<p>Hi</p>", part_type=kind)) is None
    assert is_unknown(kind)


@pytest.mark.parametrize(
    ("type_", "author"),
    [
        ("user", "user"),
        ("lead", "user"),
        ("contact", "user"),
        ("admin", "operator"),
        ("team", "operator"),
        ("bot", "bot"),
        ("something_new", "operator"),
        ("", "operator"),
    ],
)
def test_author(type_: str, author: str) -> None:
    assert author_of(wire.Author(type_, "1", "X&amp;Y&#39;s")) == Author(author, "X&Y's")  # type: ignore[arg-type]


def test_author_without_a_name_or_at_all() -> None:
    assert author_of(None) == Author("operator", None)
    assert author_of(wire.Author("admin", "1", None)).name is None
    assert author_of(wire.Author("admin", "1", "")).name is None
    assert len(author_of(wire.Author("admin", "1", "x" * 999)).name or "") == 200


@pytest.mark.parametrize(
    ("by", "html"), [("admin", True), ("bot", True), ("team", True), ("user", False), ("lead", False)]
)
def test_html_is_for_what_a_user_didnt_write(by: str, html: bool) -> None:
    said = shown("<p>Hi <b>you</b></p>", by=by)
    assert said.body == "Hi you"
    assert said.html == ("<p>Hi <b>you</b></p>" if html else None)


def test_html_is_sanitised() -> None:
    assert shown("<p onclick=x()>Hi<script>x()</script></p>").html == "<p>Hi</p>"


@pytest.mark.parametrize(
    ("body", "by", "unformatted"),
    [
        ("Hi", "admin", True),
        ("Hi", "bot", True),
        ("<p>Hi</p>", "admin", False),
        ("Hi", "user", False),
        (None, "admin", False),
    ],
)
def test_an_operators_plain_text_may_lack_its_formatting(body: str | None, by: str, unformatted: bool) -> None:
    found = message_of(part("p1", body, by=by, attachments=[FILE]))
    assert found is not None
    assert found.unformatted is unformatted
    assert found.message.html is None or not unformatted


def test_redacted_says_so_and_nothing_else() -> None:
    said = shown("<p>Secret</p>", redacted=True, attachments=[FILE])
    assert (said.body, said.html, said.attachments, said.redacted) == (REDACTED_BODY, None, (), True)
    assert shown(None, redacted=True).redacted  # Intercom empties it; it was a message once


def test_ids_are_text_and_times_ms() -> None:
    found = message_of(wire.Part(id=7, created_at=BEGAN, part_type="comment", body="x"))
    assert found is not None
    assert (found.message.id, found.message.created_at) == ("7", BEGAN * 1000)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(FILE, Attachment("a.png", "https://files.example/a", "image/png", 9), id="all"),
        pytest.param(
            wire.Attachment(url="https://files.example/a"),
            Attachment("file", "https://files.example/a", "application/octet-stream", None),
            id="address alone",
        ),
        pytest.param(
            wire.Attachment("n" * 999, "u" * 9999, "t" * 999),
            Attachment("n" * 200, "u" * 4096, "t" * 200, None),
            id="cut",
        ),
    ],
)
def test_attachment(given: wire.Attachment, expected: Attachment) -> None:
    assert shown("x", attachments=[given]).attachments == (expected,)


def test_attachment_without_an_address_is_none() -> None:
    assert shown("x", attachments=[wire.Attachment("a.png", None)]).attachments == ()


def test_first_message_is_in_the_source() -> None:
    found = first_message(told())
    assert found is not None
    assert (found.message.id, found.message.body, found.message.author.type) == ("s1", "Hello", "user")
    assert found.message.created_at == BEGAN * 1000


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(None, id="none"),
        pytest.param(wire.Source(body="x"), id="no id"),
        pytest.param(wire.Source(id="s1", author=wire.Author("user", CONTACT)), id="says nothing"),
    ],
)
def test_source_that_is_no_message(source: wire.Source | None) -> None:
    assert first_message(told(source=source)) is None
