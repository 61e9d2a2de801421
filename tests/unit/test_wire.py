from typing import Any, cast

import msgspec
import pytest

from supportd.errors import BadRequest
from supportd.intercom import wire
from supportd.sync.inbox import Inbox
from tests.unit.talk import BEGAN, part, told

DAMAGED = [
    pytest.param(b"", id="empty"),
    pytest.param(b"<html>502</html>", id="HTML"),
    pytest.param(b'{"topic":"ping"', id="cut"),
    pytest.param(b'{"topic":5,"id":5}', id="another type"),
    pytest.param(b"[]", id="a list"),
    pytest.param(b'{"topic":"\xff","id":"\xff"}', id="not UTF-8"),
    pytest.param(b'{"topic":"t","id":"1","data":' + b'{"a":' * 100_000, id="nested too deep"),
]


@pytest.mark.parametrize("body", DAMAGED)
async def test_a_webhook_that_cant_be_read_is_a_bad_request(body: bytes) -> None:
    nothing: dict[str, Any] = dict.fromkeys(("store", "events", "drift", "clock", "intercom_clock", "metrics"), None)
    with pytest.raises(BadRequest):
        await Inbox(**nothing).receive(body)


def test_parts_are_in_order_of_time_then_number() -> None:
    found = told(part("10", "d", at=1), part("9", "c", at=1), part("a", "b", at=1), part("11", "a", at=0))
    assert [item.id for item in found.parts] == ["11", "a", "9", "10"]


@pytest.mark.parametrize(
    ("item", "conversation_id"),
    [
        ({"type": "conversation", "id": "5"}, "5"),
        ({"type": "conversation", "id": 5}, "5"),
        ({"type": "conversation", "conversation_id": "5"}, "5"),
        ({"type": "conversation", "id": ""}, None),
        ({"type": "conversation", "id": ["5"]}, None),
        ({"type": "conversation"}, None),
        ({"type": "ticket", "id": "5"}, None),
        ({}, None),
        (None, None),
        ("conversation", None),
    ],
)
def test_which_conversation_a_webhook_is_about(item: object, conversation_id: str | None) -> None:
    found = msgspec.convert({"topic": "t", "data": {"item": item}}, wire.Notification)
    assert wire.conversation_id_in(found.item) == conversation_id


def test_objects_are_read_tolerantly() -> None:
    sparse = wire.conversation_of({"id": 1, "created_at": BEGAN, "updated_at": BEGAN, "tags": None, "surprise": [1]})
    assert sparse is not None
    assert (sparse.contact_ids, sparse.parts, sparse.part_count) == ((), [], None)
    empty = {"contacts": {"contacts": None}, "conversation_parts": {"conversation_parts": None}, "statistics": {}}
    bare = wire.conversation_of({"id": "1", "created_at": BEGAN, "updated_at": BEGAN, **cast("dict[str, Any]", empty)})
    assert bare is not None
    assert (bare.contact_ids, bare.parts, bare.part_count) == ((), [], None)


@pytest.mark.parametrize("item", [{}, {"id": "1"}, {"id": "1", "created_at": "yesterday", "updated_at": BEGAN}])
def test_a_webhook_whose_conversation_cant_be_read_is_told(item: dict[str, Any]) -> None:
    assert wire.conversation_of(item) is None


GOOD = {"type": "conversation", "id": "1", "created_at": BEGAN, "updated_at": BEGAN, "state": "open"}
PART = {"id": "7", "created_at": BEGAN, "part_type": "comment", "body": "<p>Hi</p>", "author": {"type": "admin"}}


@pytest.mark.parametrize(
    "odd",
    [
        {"state": None}, {"tags": []}, {"contacts": []}, {"source": []}, {"conversation_parts": []},
        {"snoozed_until": "soon"}, {"statistics": {"count_conversation_parts": "many"}}, {"title": 5},
        {"conversation_rating": {"rating": 4.5, "created_at": "2026-01-10T07:56:29.000Z"}},
        {"tags": {"tags": [{"name": "vip", "applied_at": "2020"}]}}, {"contacts": {"contacts": [{"id": None}]}},
        {"conversation_parts": {"conversation_parts": [{**PART, "attachments": {}}]}},
        {"conversation_parts": {"conversation_parts": [{**PART, "author": {"type": None}}]}},
        {"conversation_parts": {"conversation_parts": [{"part_type": "comment"}, PART]}},
        {"conversation_parts": {"conversation_parts": [{**PART, "attachments": [{"url": "u", "filesize": "big"}]}]}},
    ],
    ids=str,
)  # fmt: skip
def test_an_odd_field_costs_that_field_only(odd: dict[str, Any]) -> None:
    found = wire.read(msgspec.json.encode({**GOOD, **odd}), wire.Conversation)
    assert (found.id, found.updated_at) == ("1", BEGAN)
    if odd.get("conversation_parts"):
        assert [item.body for item in found.parts] == ["<p>Hi</p>"]


def test_numbers_may_come_as_text() -> None:
    odd = {**GOOD, "updated_at": str(BEGAN), "statistics": {"count_conversation_parts": "3"}}
    found = wire.read(msgspec.json.encode(odd), wire.Conversation)
    assert (found.updated_at, found.part_count) == (BEGAN, 3)


def test_half_an_emoji_is_replaced() -> None:
    body = msgspec.json.encode({**GOOD, "title": "TITLE"}).replace(
        b"TITLE", rb"cut \ud83d and \ude00 but not \ud83d\ude00"
    )
    assert wire.read(body, wire.Conversation).title == "cut \ufffd and \ufffd but not \U0001f600"


def test_one_unreadable_hit_does_not_hide_the_others() -> None:
    page = wire.read(msgspec.json.encode({"conversations": [{"id": "2"}, GOOD, 5]}), wire.ConversationPage)
    assert [found.id for found in page.conversations] == ["1"]
