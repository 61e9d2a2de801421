"""Tickets as supportd handles them, driven by Intercom's own client."""

import pytest
from intercom import (
    AdminReplyTicketRequest,
    ContactReplyTicketUserIdRequest,
    CreateContactRequestWithExternalId,
    CreateTicketRequestAssignment,
    CreateTicketRequestContactsItemId,
    MultipleFilterSearchRequest,
    SingleFilterSearchRequest,
    StartingAfterPaging,
)
from intercom.errors import BadRequestError, NotFoundError
from intercom.tickets.types import Ticket

from tests.simulator.helpers import ADMIN_ID, Playground, playing


async def created(play: Playground) -> Ticket:
    """A ticket of a contact's."""
    contact = await play.official.contacts.create(request=CreateContactRequestWithExternalId(external_id="u-1"))
    assert contact.id is not None
    ticket = await play.official.tickets.create(
        ticket_type_id=await play.type_id(),
        contacts=[CreateTicketRequestContactsItemId(id=contact.id)],
        assignment=CreateTicketRequestAssignment(admin_assignee_id=ADMIN_ID),
    )
    assert ticket is not None
    return ticket


def id_of(ticket: Ticket) -> str:
    assert ticket.id is not None
    return str(ticket.id)


async def test_types_and_states() -> None:
    async with playing() as play:
        types = await play.official.ticket_types.list()
        assert [each and each.category for each in types.data or []] == ["Customer", "Back-office", "Tracker"]
        states = await play.official.ticket_states.list_ticket_states()
        assert [each and each.category for each in states.data or []] == [
            *("submitted", "in_progress", "waiting_on_customer", "resolved"),
            "in_progress",
        ]


async def test_created_read_and_deleted() -> None:
    async with playing() as play:
        ticket = await created(play)
        assert (ticket.ticket_id, ticket.category, ticket.is_shared) == ("1", "Customer", True)
        assert ticket.admin_assignee_id == ADMIN_ID
        read = await play.official.tickets.get(id_of(ticket))
        assert read == ticket
        assert ticket.ticket_parts is not None
        parts = ticket.ticket_parts.ticket_parts
        assert [part.part_type for part in parts] == ["ticket_state_updated_by_admin", "assignment"]
        gone = await play.official.tickets.delete_ticket(id_of(ticket))
        assert (gone.id, gone.deleted) == (ticket.id, True)


async def test_updated() -> None:
    async with playing() as play:
        ticket, states = await created(play), await play.states()
        changed = await play.official.tickets.update(
            id_of(ticket),
            ticket_attributes={"_default_title_": "Lost"},
            ticket_state_id=states["Resolved"],
            admin_id=int(ADMIN_ID),
            assignee_id="0",
            is_shared=False,
            open=True,
        )
        assert changed is not None
        assert changed.ticket_state is not None
        assert (changed.ticket_state.category, changed.is_shared) == ("resolved", False)
        assert (changed.ticket_attributes or {})["_default_title_"] == "Lost"
        assert changed.admin_assignee_id == "0"
        with pytest.raises(BadRequestError):
            await play.official.tickets.update(id_of(ticket), ticket_state_id="0")
        with pytest.raises(NotFoundError):
            await play.official.tickets.update(id_of(ticket), assignee_id="1")


async def test_replies_and_tags() -> None:
    async with playing() as play:
        ticket_id = id_of(await created(play))
        said = await play.official.tickets.reply(
            ticket_id,
            request=ContactReplyTicketUserIdRequest(message_type="comment", type="user", user_id="u-1", body="Here"),
        )
        assert (said.part_type, said.body) == ("comment", "<p>Here</p>")
        noted = await play.official.tickets.reply(
            ticket_id,
            request=AdminReplyTicketRequest(message_type="note", type="admin", admin_id=ADMIN_ID, body="psst"),
        )
        assert noted.part_type == "note"
        tag = await play.api("POST", "/tags", {"name": "csat-5"})
        tagged = await play.official.tags.tag_ticket(ticket_id, tag_id=tag["id"], admin_id=ADMIN_ID)
        untagged = await play.official.tags.untag_ticket(ticket_id, tag["id"], admin_id=ADMIN_ID)
        assert tagged.name == untagged.name == "csat-5"


async def test_search_and_its_pages() -> None:
    async with playing() as play:
        first, second = await play.ticket("u-1"), await play.ticket("u-1")
        await play.ticket("u-2", type="Back-office")
        mine = MultipleFilterSearchRequest(
            operator="AND",
            value=[
                SingleFilterSearchRequest(field="category", operator="=", value="request"),
                SingleFilterSearchRequest(
                    field="contact_ids", operator="=", value=first["contacts"]["contacts"][0]["id"]
                ),
            ],
        )
        page = await play.official.tickets.search(query=mine, pagination=StartingAfterPaging(per_page=1))
        assert page.has_next
        assert page.response.pages is not None
        rest = await play.official.tickets.search(query=mine, pagination=page.response.pages.next)
        assert not rest.has_next
        found = [each for each in (page.items or []) + (rest.items or []) if each]
        assert {each.id for each in found} == {first["id"], second["id"]}
        assert all(each.ticket_parts and each.ticket_parts.total_count == 1 for each in found)


async def test_conversations_become_tickets() -> None:
    async with playing() as play:
        conversation = await play.conversation(body="It never came")
        ticket = await play.official.conversations.convert_to_ticket(
            int(conversation["id"]), ticket_type_id=await play.type_id()
        )
        assert ticket is not None
        assert ticket.id == conversation["id"]
