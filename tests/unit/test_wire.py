from typing import Any, cast

import msgspec
import pytest

from supportd.errors import BadRequest, IntercomUnavailable
from supportd.intercom import wire
from supportd.intercom.transport import Reply
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
def test_an_answer_that_cant_be_read_is_an_outage(body: bytes) -> None:
    outages: list[int] = []
    with pytest.raises(IntercomUnavailable):
        Reply(body=body, observed_at=0, unreadable=lambda: outages.append(1)).decode(wire.Contact)
    assert outages == [1]


@pytest.mark.parametrize("body", DAMAGED)
async def test_a_webhook_that_cant_be_read_is_a_bad_request(body: bytes) -> None:
    nothing: dict[str, Any] = dict.fromkeys(("store", "keeper", "drift", "clock", "metrics"), None)
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
    assert found.conversation_id == conversation_id


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
