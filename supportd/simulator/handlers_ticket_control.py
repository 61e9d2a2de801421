"""`/_sim/tickets...`: plays the operator and the contact on tickets, and tells the truth about them."""

from msgspec import Struct

from supportd.simulator.errors import ApiError, ControlError
from supportd.simulator.handlers_control import ControlHandler
from supportd.simulator.ticket_actions import TICKET_ACTIONS
from supportd.simulator.ticket_model import DESCRIPTION, TITLE, Ticket


class TicketControlHandler(ControlHandler):
    """Base of those that are about one ticket."""

    def answer_ticket(self, ticket: Ticket) -> None:
        """Answers with the ticket, all its parts and its tags."""
        for part in ticket.parts:
            self.services.depot.renew(part.attachments)
        self.answer(self.services.tickets.renderer.truth(ticket))

    def find_ticket(self, ticket_id: str) -> Ticket:
        """The ticket by id, or the newest for `last`."""
        if ticket_id != "last":
            return self.services.tickets.book.ticket(ticket_id)
        newest = self.services.tickets.book.newest()
        if newest is None:
            message = "there is no ticket yet"
            raise ControlError(message)
        return newest


class TicketBody(Struct, forbid_unknown_fields=True):
    """A ticket that the team makes for a user. `type` is a category or a type's id."""

    external_id: str
    title: str
    description: str = ""
    type: str = "Customer"
    is_shared: bool | None = None


class TicketsHandler(TicketControlHandler):
    """`GET` and `POST /_sim/tickets`."""

    def get(self) -> None:
        """All of them, oldest first."""
        tickets = self.services.world.workspace.tickets.values()
        self.answer({"tickets": [self.services.tickets.renderer.truth(each) for each in tickets]})

    def post(self) -> None:
        """Makes it; an unknown contact is made."""
        body, tickets = self.body(TicketBody), self.services.tickets
        kind = tickets.book.type_called(body.type)
        if kind is None:
            message = f"there is no ticket type {body.type}"
            raise ControlError(message)
        attributes = {TITLE: body.title, DESCRIPTION: body.description}
        contact = self.contact(body.external_id)
        self.answer_ticket(tickets.messages.create(contact, kind, attributes, is_shared=body.is_shared))


class TicketHandler(TicketControlHandler):
    """`GET` and `DELETE /_sim/tickets/{id}`."""

    def get(self, ticket_id: str) -> None:
        """The truth, with all parts."""
        self.answer_ticket(self.find_ticket(ticket_id))

    def delete(self, ticket_id: str) -> None:
        """Deletes it."""
        ticket = self.find_ticket(ticket_id)
        self.services.tickets.annotations.delete(ticket)
        self.answer({"id": ticket.id, "object": "ticket", "deleted": True})


class TicketActionHandler(TicketControlHandler):
    """`POST /_sim/tickets/{id}/{action}`."""

    def post(self, ticket_id: str, action: str) -> None:
        """Does it, and answers with the whole ticket."""
        kind = TICKET_ACTIONS.get(action)
        if kind is None:
            message = f"no action {action}; there are {', '.join(TICKET_ACTIONS)}"
            raise ApiError(404, "not_found", message)
        ticket = self.find_ticket(ticket_id)
        self.body(kind).apply(ticket, self.services)
        self.answer_ticket(ticket)


class TicketTagHandler(TicketControlHandler):
    """`DELETE /_sim/tickets/{id}/tags/{name}`."""

    def delete(self, ticket_id: str, name: str) -> None:
        """Takes a tag off by its name."""
        ticket = self.find_ticket(ticket_id)
        self.services.tickets.annotations.untag(ticket, self.services.world.tag_id(name))
        self.answer_ticket(ticket)
