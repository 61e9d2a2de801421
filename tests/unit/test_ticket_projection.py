from typing import Any

import pytest

from supportd.intercom import wire, wire_tickets
from supportd.tickets.projection import deleted, project, project_part
from supportd.tickets.state import FORMAT, TicketState, decode, encode

BEGAN = 1_700_000_000
BEGAN_MS = BEGAN * 1000
CONTACT = "6762f1571bb69f9f2193bbbb"


def comment(id_: str, body: str, *, at: int, by: str = "admin", **more: Any) -> wire_tickets.TicketPart:
    fields: dict[str, Any] = {"part_type": "comment", **more}
    author = wire.Author(type=by, id="1", name="Ciaran")
    return wire_tickets.TicketPart(id=id_, created_at=BEGAN + at, body=body, author=author, **fields)


def change(id_: str, before: str, after: str, *, at: int, by: str = "admin") -> wire_tickets.TicketPart:
    return wire_tickets.TicketPart(
        id=id_,
        created_at=BEGAN + at,
        part_type=f"ticket_state_updated_by_{by}",
        ticket_state=after,
        previous_ticket_state=before,
        author=wire.Author(type="bot", name="Fin"),
    )


CREATED = change("1", "submitted", "submitted", at=0)


def told(*parts: wire_tickets.TicketPart, at: int = 0, state: str = "submitted", **more: Any) -> wire_tickets.Ticket:
    fields: dict[str, Any] = {
        "ticket_id": "33",
        "category": "Customer",
        "is_shared": True,
        "ticket_attributes": {"_default_title_": "Lost card"},
        "ticket_state": wire_tickets.TicketState(id="1", category=state),
        "contacts": wire.ContactList([wire.ContactRef(CONTACT)]),
        "ticket_parts": wire_tickets.TicketPartList(list(parts), len(parts)),
        **more,
    }
    return wire_tickets.Ticket(id="626", created_at=BEGAN, updated_at=BEGAN + at, **fields)


def known(*tickets: wire_tickets.Ticket) -> TicketState:
    found: TicketState | None = None
    for ticket in tickets:
        found = project(found, ticket, heard_at=BEGAN_MS).ticket
    assert found is not None
    return found


def words(ticket: TicketState) -> list[str]:
    return [part.message.body for part in ticket.parts]


def timeline(ticket: TicketState) -> list[tuple[str, int]]:
    return [(step.state, step.at - BEGAN_MS) for step in ticket.timeline()]


@pytest.mark.parametrize(
    ("category", "state"),
    [
        ("submitted", "submitted"),
        ("in_progress", "in_progress"),
        ("waiting_on_customer", "awaiting_reply"),
        ("resolved", "resolved"),
    ],
)
def test_the_four_categories_of_states(category: str, state: str) -> None:
    assert known(told(CREATED, state=category)).state == state
    assert known(told(CREATED, ticket_state=category)).state == state


@pytest.mark.parametrize("state", [None, "", "on_holiday"])
def test_a_state_that_is_unknown_changes_nothing(state: str | None) -> None:
    ticket = known(told(CREATED, state="in_progress"), told(CREATED, at=5, ticket_state=state))
    assert ticket.state == "in_progress"


def test_the_timeline_is_rebuilt_from_the_parts() -> None:
    ticket = known(
        told(
            CREATED,
            change("2", "submitted", "in_progress", at=60),
            comment("3", "<p>On it</p>", at=61),
            change("4", "in_progress", "in_progress", at=70),
            change("5", "in_progress", "waiting_on_customer", at=80, by="workflow"),
            change("6", "waiting_on_customer", "resolved", at=90, by="user"),
            at=90,
            state="resolved",
        )
    )
    assert timeline(ticket) == [
        ("submitted", 0),
        ("in_progress", 60_000),
        ("awaiting_reply", 80_000),
        ("resolved", 90_000),
    ]
    assert words(ticket) == ["On it"]


def test_the_timeline_begins_with_the_ticket() -> None:
    assert timeline(known(told(state="in_progress"))) == [("in_progress", 0)]
    assert timeline(known(told(change("9", "in_progress", "resolved", at=9)))) == [
        ("in_progress", 0),
        ("resolved", 9000),
    ]


def test_what_is_internal_is_never_shown() -> None:
    ticket = known(
        told(
            comment("1", "<p>secret</p>", at=1, part_type="note"),
            comment("2", "<p>secret</p>", at=2, part_type="ticket_attribute_updated_by_admin"),
            comment("3", "<p>secret</p>", at=3, part_type="brand_new_type"),
            comment("4", "<p>Hello</p>", at=4, by="user"),
        )
    )
    assert words(ticket) == ["Hello"]


def test_parts_of_unknown_types_are_told() -> None:
    parts = [CREATED, comment("3", "<p>x</p>", at=3, part_type="brand_new_type"), comment("4", "<p>y</p>", at=4)]
    assert project(None, told(*parts), heard_at=BEGAN_MS).unknown_parts == ("3",)


@pytest.mark.parametrize(
    "header",
    [
        pytest.param({"is_shared": False}, id="not shared"),
        pytest.param({"is_shared": None}, id="not said to be shared"),
        pytest.param({"category": "Back-office"}, id="back office"),
        pytest.param({"category": "Tracker"}, id="tracker"),
    ],
)
def test_what_users_may_not_see(header: dict[str, Any]) -> None:
    assert not known(told(CREATED, **header)).shared
    assert not known(told(CREATED), told(CREATED, at=1, **header)).shared


def test_who_was_taken_off_sees_it_no_more() -> None:
    assert known(told(CREATED), told(CREATED, at=1, contacts=wire.ContactList([]))).contact_ids == ()
    assert known(told(CREATED), told(CREATED, at=1, contacts=None)).contact_ids == (CONTACT,)


def test_messages_of_one_second_have_their_order() -> None:
    ticket = known(told(comment("10", "b", at=1), comment("9", "a", at=1), comment("11", "c", at=1), at=1))
    assert words(ticket) == ["a", "b", "c"]
    assert [part.message.created_at - BEGAN_MS for part in ticket.parts] == [1000, 1001, 1002]


def test_older_news_takes_nothing_back() -> None:
    newer = told(CREATED, comment("2", "x", at=5), at=5, state="resolved")
    ticket = known(newer, told(CREATED, at=1, ticket_attributes={"_default_title_": "Old"}))
    assert (ticket.state, ticket.title, words(ticket)) == ("resolved", "Lost card", ["x"])


def test_of_one_second_the_one_with_more_parts_is_newer() -> None:
    first = told(CREATED, at=5, state="in_progress")
    second = told(CREATED, change("2", "in_progress", "resolved", at=5), at=5, state="resolved")
    assert known(first, second).state == known(second, first).state == "resolved"


def test_a_long_ticket_stays_whole_though_intercom_has_its_newest_parts_only() -> None:
    ticket = known(told(CREATED, comment("2", "a", at=1), at=1), told(comment("3", "b", at=2), at=2))
    assert words(ticket) == ["a", "b"]
    assert timeline(ticket) == [("submitted", 0)]


def test_a_redaction_is_shown_in_its_place() -> None:
    before = told(comment("2", "<p>wrong</p>", at=1), comment("3", "<p>right</p>", at=2), at=2)
    after = told(comment("2", "<p>x</p>", at=1, redacted=True), comment("3", "<p>right</p>", at=2), at=3)
    ticket = known(before, after, before)
    assert [(part.message.id, part.message.redacted) for part in ticket.parts] == [("2", True), ("3", False)]


def test_a_reply_is_shown_before_intercom_says_more_and_once() -> None:
    sent = comment("2", "<p>Hello?</p>", at=9, by="user")
    ticket = project_part(known(told(CREATED)), sent)
    assert words(ticket) == ["Hello?"]
    assert ticket.changed_at == BEGAN_MS + 9000
    again = project(ticket, told(CREATED, sent, at=9), heard_at=BEGAN_MS).ticket
    assert again.parts == ticket.parts


def test_it_changed_when_a_user_would_see_it() -> None:
    ticket = known(told(CREATED))
    noted = known(told(CREATED), told(CREATED, comment("2", "psst", at=60, part_type="note"), at=60))
    assert noted.changed_at == ticket.changed_at
    assert known(told(CREATED), told(CREATED, at=70, state="resolved")).changed_at == BEGAN_MS + 70_000


def test_titles_are_as_they_were_typed() -> None:
    assert known(told(ticket_attributes={"_default_title_": "Tom &amp; Jerry"})).title == "Tom & Jerry"
    assert known(told(ticket_attributes={"_default_title_": ["x"]})).title is None
    assert known(told(ticket_attributes=None)).title is None
    assert len(known(told(ticket_attributes={"_default_title_": "x" * 9000})).title or "") == 500


def test_a_number_that_is_missing_is_the_id() -> None:
    assert known(told(ticket_id=None)).number == "626"
    assert known(told(), told(at=1, ticket_id=None)).number == "33"


def test_of_a_deleted_ticket_only_that_is_left() -> None:
    left = deleted(known(told(CREATED, comment("2", "x", at=1))), at=BEGAN + 60)
    assert (left.deleted, left.shared, left.parts, left.title) == (True, False, (), None)
    assert left.updated_at == BEGAN + 60


def test_a_ticket_survives_encoding() -> None:
    ticket = known(told(CREATED, comment("2", "<p>Zoë</p>", at=1), change("3", "submitted", "resolved", at=2)))
    assert decode(encode(ticket)) == ticket


@pytest.mark.parametrize("encoded", [b"", b"0", FORMAT, FORMAT + b"\x81\xa2id", b"9" + b"\x80"])
def test_what_cant_be_decoded_is_loaded_again(encoded: bytes) -> None:
    assert decode(encoded) is None
