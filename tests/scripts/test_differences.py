"""What counts as a difference, by itself."""

from typing import Any

import msgspec
import pytest

from supportd.conversations.state import State
from supportd.intercom import wire, wire_tickets
from supportd.stores.ratings import Rating
from supportd.tickets.state import TicketState
from supportd.upkeep.differences import What, of_conversation, of_ratings, of_ticket

KNOWN = State(
    id="1",
    contact_ids=("a", "b"),
    state="open",
    created_at=1000,
    changed_at=1000,
    latest=1000,
    updated_at=50,
    proven_at=50,
    part_count=3,
)
TICKET = TicketState(
    id="1",
    number="1",
    contact_ids=("a",),
    state="awaiting_reply",
    created_at=1000,
    changed_at=1000,
    latest=1000,
    updated_at=50,
    part_count=1,
)


def contacts(*ids: str) -> wire.ContactList:
    return wire.ContactList([wire.ContactRef(id_) for id_ in ids])


def told(**changes: Any) -> wire.Conversation:
    counted = wire.Statistics(count_conversation_parts=changes.pop("parts", 3))
    same = wire.Conversation("1", 1, 50, "open", contacts=contacts("b", "a"), statistics=counted)
    return msgspec.structs.replace(same, **changes)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({}, None),
        ({"updated_at": 51}, What.OLDER),
        ({"updated_at": 49, "state": "closed"}, None),  # the search lags
        ({"state": "closed"}, What.OTHER_STATE),
        ({"state": "a new one"}, None),
        ({"contacts": contacts("a")}, What.OTHER_CONTACTS),
        ({"contacts": None}, None),
        ({"parts": 4}, What.FEWER_PARTS),
        ({"parts": 2}, None),
        ({"statistics": None}, None),
    ],
)
def test_a_conversation(changes: dict[str, Any], what: What | None) -> None:
    assert of_conversation(told(**changes), KNOWN) is what


@pytest.mark.parametrize(("updated_at", "what"), [(50, None), (51, What.DELETED_HERE)])
def test_a_deletion_is_refuted_by_what_happened_since_only(updated_at: int, what: What | None) -> None:
    gone = msgspec.structs.replace(KNOWN, deleted=True)
    assert of_conversation(told(updated_at=updated_at), gone) is what
    ticket = wire_tickets.Ticket("1", 1, updated_at)
    assert of_ticket(ticket, msgspec.structs.replace(TICKET, deleted=True)) is what


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({}, None),
        ({"updated_at": 51}, What.OLDER),
        ({"updated_at": 49, "ticket_state": "resolved"}, None),
        ({"ticket_state": "resolved"}, What.OTHER_STATE),
        ({"contacts": contacts("b")}, What.OTHER_CONTACTS),
        (
            {"ticket_parts": wire_tickets.TicketPartList([wire_tickets.TicketPart(n, 1) for n in (1, 2)])},
            What.FEWER_PARTS,
        ),
    ],
)
def test_a_ticket(changes: dict[str, Any], what: What | None) -> None:
    same = wire_tickets.Ticket("1", 1, 50, ticket_state="waiting_on_customer", contacts=contacts("a"))
    assert of_ticket(msgspec.structs.replace(same, **changes), TICKET) is what


@pytest.mark.parametrize(
    ("tags", "stars", "differences"),
    [
        (["CSAT", "Csat-4", "vip"], [4], set()),
        (["csat-4"], [4], {("tag missing", "csat")}),
        (["csat", "csat-1"], [4], {("tag missing", "csat-4"), ("tag too many", "csat-1")}),
        (["csat", "csat-1", "csat-4"], [1, 4], set()),  # two users' conversation
        (["csat", "csat-1"], [], set()),  # set by hand
    ],
)
def test_tags(tags: list[str], stars: list[int], differences: set[tuple[str, str]]) -> None:
    given = [Rating(id="r", user_id="u", contact_id="c", stars=each, comment=None, rated_at=0) for each in stars]
    assert {(each.what, each.detail) for each in of_ratings("1", tags, given)} == differences
