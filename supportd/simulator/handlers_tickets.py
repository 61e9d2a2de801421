"""Tickets, made, converted, read, changed and searched (contract, parts 5.0, 5.3 to 5.5 and 5.7)."""

from typing import Any

from msgspec import UNSET, Struct, UnsetType

from supportd.simulator.errors import ApiError, invalid, user_not_found
from supportd.simulator.handlers_base import ApiHandler, Id
from supportd.simulator.model import Author, Contact
from supportd.simulator.paging import cut
from supportd.simulator.search import Dialect, compile_query
from supportd.simulator.search_request import SearchBody
from supportd.simulator.ticket_annotations import require_fitting
from supportd.simulator.ticket_model import NOBODY, Ticket
from supportd.simulator.world import admin_author

DEFAULT_PAGE = 20


class TicketContact(Struct):
    """Whose ticket it is, in one of three ways; an unknown email makes a contact."""

    id: Id | None = None
    external_id: Id | None = None
    email: str | None = None


class Assignment(Struct):
    """Who gets a new ticket."""

    admin_assignee_id: Id | None = None
    team_assignee_id: Id | None = None


class CreateBody(Struct):
    """A new ticket."""

    ticket_type_id: Id
    contacts: list[TicketContact]
    ticket_attributes: dict[str, Any] = {}
    assignment: Assignment | None = None
    conversation_to_link_id: Id | None = None
    created_at: int | None = None


class UpdateBody(Struct):
    """What can be changed of a ticket, and by whom: the bot, unless an admin is named."""

    ticket_attributes: dict[str, Any] = {}
    ticket_state_id: Id | None = None
    open: bool | UnsetType = UNSET
    is_shared: bool | UnsetType = UNSET
    snoozed_until: int | None = None
    admin_id: Id | None = None
    assignee_id: Id | None = None


class TicketHandler(ApiHandler):
    """Base of the routes that answer with one ticket."""

    def answer_ticket(self, ticket: Ticket) -> None:
        """Answers with it and its newest 500 parts."""
        for part in ticket.parts:
            self.services.depot.renew(part.attachments)
        self.answer(self.services.tickets.renderer.ticket(ticket))


class TicketsHandler(TicketHandler):
    """`POST /tickets`."""

    def post(self) -> None:
        """Makes a ticket, for exactly one contact."""
        body, tickets = self.body(CreateBody), self.services.tickets
        self.refuse_new_contacts()
        kind = tickets.book.type(str(body.ticket_type_id))
        require_fitting(kind, body.ticket_attributes)
        assignment = body.assignment or Assignment()
        admin_id = str(assignment.admin_assignee_id or NOBODY)
        tickets.lifecycle.require_admin(admin_id)
        linked = None if body.conversation_to_link_id is None else str(body.conversation_to_link_id)
        if linked is not None:
            self.world.conversation(linked)
        ticket = tickets.messages.create(
            self._contact(body.contacts),
            kind,
            body.ticket_attributes,
            created_at=body.created_at,
            linked_conversation_id=linked,
        )
        if assignment.team_assignee_id is not None:
            team_id = str(assignment.team_assignee_id)
            tickets.lifecycle.assign_team(ticket, self.world.bot, team_id=team_id)
        elif admin_id != NOBODY:
            tickets.lifecycle.assign(ticket, self.world.bot, admin_id=admin_id)
        self.answer_ticket(ticket)

    def _contact(self, contacts: list[TicketContact]) -> Contact:
        if len(contacts) != 1:
            raise invalid("exactly one contact is needed", field="contacts")
        given = contacts[0]
        if given.id is not None:
            return self.world.contact(str(given.id))
        if given.external_id is not None:
            found = self.world.contact_by_external_id(str(given.external_id))
        elif given.email is not None:
            found = self.world.user_by_email(given.email)
            found = found or self.world.add_contact(external_id=None, email=given.email)
        else:
            raise invalid("a contact needs an id, an external_id or an email", field="contacts")
        if found is None or found.archived:
            raise user_not_found()
        return found


class ConvertBody(Struct):
    """Which kind of ticket a conversation is to be."""

    ticket_type_id: Id
    attributes: dict[str, Any] = {}


class ConvertHandler(TicketHandler):
    """`POST /conversations/{id}/convert`."""

    def post(self, conversation_id: str) -> None:
        """Makes a ticket of the conversation, under the same id."""
        conversation, body = self.world.conversation(conversation_id), self.body(ConvertBody)
        kind = self.services.tickets.book.type(str(body.ticket_type_id))
        self.answer_ticket(self.services.conversion.convert(conversation, kind, body.attributes))


class TicketByIdHandler(TicketHandler):
    """`GET`, `PUT` and `DELETE /tickets/{id}`."""

    def get(self, ticket_id: str) -> None:
        """The ticket, as it is now."""
        self.answer_ticket(self.services.tickets.book.ticket(ticket_id))

    def put(self, ticket_id: str) -> None:
        """Changes it, all of it or nothing."""
        tickets = self.services.tickets
        ticket, body = tickets.book.ticket(ticket_id), self.body(UpdateBody)
        actor = self._actor(body.admin_id)
        self._require_possible(ticket, body)
        tickets.annotations.set_attributes(ticket, body.ticket_attributes, actor)
        if body.open is not UNSET:
            (tickets.lifecycle.open if body.open else tickets.lifecycle.close)(ticket, actor)
        if body.ticket_state_id is not None:
            state = tickets.book.state_by_id(ticket, str(body.ticket_state_id))
            tickets.lifecycle.enter(ticket, state, actor, via_api=True)
        if body.assignee_id is not None:
            tickets.lifecycle.assign(ticket, actor, admin_id=str(body.assignee_id))
        if body.snoozed_until is not None:
            tickets.lifecycle.snooze(ticket, actor, until=body.snoozed_until)
        if body.is_shared is not UNSET:
            tickets.lifecycle.share(ticket, shared=body.is_shared)
        self.answer_ticket(ticket)

    def delete(self, ticket_id: str) -> None:
        """Deletes it."""
        tickets = self.services.tickets
        tickets.annotations.delete(tickets.book.ticket(ticket_id))
        self.answer({"id": ticket_id, "object": "ticket", "deleted": True})

    def _actor(self, admin_id: Id | None) -> Author:
        """Intercom words the 404 for an unknown actor as it does for an unknown assignee."""
        if admin_id is None:
            return self.world.bot
        found = self.world.workspace.admins.get(str(admin_id))
        if found is None:
            raise ApiError(404, "assignee_not_found", "Assignee not found")
        return admin_author(found)

    def _require_possible(self, ticket: Ticket, body: UpdateBody) -> None:
        tickets = self.services.tickets
        require_fitting(tickets.book.type_of(ticket), body.ticket_attributes)
        if body.ticket_state_id is not None:
            tickets.book.state_by_id(ticket, str(body.ticket_state_id))
        if body.assignee_id is not None:
            tickets.lifecycle.require_admin(str(body.assignee_id))
        if body.snoozed_until is not None:
            tickets.lifecycle.require_future(body.snoozed_until)


class TicketSearchHandler(ApiHandler):
    """`POST /tickets/search`."""

    def post(self) -> None:
        """A page of those that match, with their parts. Sorting is as in conversations' search."""
        body, index = self.body(SearchBody), self.services.tickets.index
        fields = index.fields
        matches = compile_query(body.query, Dialect(fields, strict=self.services.faults.now.strict_search))
        request = body.page(default_size=DEFAULT_PAGE, fields=fields)
        drift = self.services.faults.now.search_drift
        page = cut([hit for hit in index.hits() if matches(hit.fields)], request, by_position=drift > 0)
        for item in page.items[:drift] if "next" in page.pages else ():
            self.services.tickets.messages.note(
                self.services.tickets.book.ticket(item["id"]), self.world.service_admin, "Meanwhile"
            )
        answer = {"type": "ticket.list", "tickets": page.items, "total_count": page.total_count}
        self.answer(answer | {"pages": page.pages})
