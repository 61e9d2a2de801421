"""New tickets, and what people write in them (contract, parts 5.3, 5.6 and 9.5)."""

from collections.abc import Sequence
from typing import Any

from supportd.simulator import richtext
from supportd.simulator.errors import ApiError
from supportd.simulator.model import Admin, Attachment, Contact, Reference
from supportd.simulator.ticket_book import TicketBook
from supportd.simulator.ticket_model import NOBODY, Ticket, TicketPart, TicketType
from supportd.simulator.ticket_recording import TicketRecorder
from supportd.simulator.world import World, admin_author, contact_author


class TicketMessages:
    """Writes messages. None of them moves the ticket's state: whether one does in Intercom isn't documented."""

    def __init__(self, *, world: World, book: TicketBook, recorder: TicketRecorder) -> None:
        self._world = world
        self._book = book
        self._recorder = recorder

    def create(
        self,
        contact: Contact,
        kind: TicketType,
        attributes: dict[str, Any],
        *,
        created_at: int | None = None,
        is_shared: bool | None = None,
        linked_conversation_id: str | None = None,
    ) -> Ticket:
        """A new ticket, shared with the customer if it is of a customers' type."""
        now = self._recorder.now
        ticket = Ticket(
            id=self._world.ids.number("conversation"),
            ticket_id=self._world.ids.small("ticket"),
            type_id=kind.id,
            state_id=kind.state_ids[0],
            contact_id=contact.id,
            created_at=now if created_at is None else created_at,
            updated_at=now,
            attributes={each.name: None for each in kind.attributes} | attributes,
            is_shared=kind.category == "Customer" if is_shared is None else is_shared,
            linked_conversation_id=linked_conversation_id,
        )
        self.add(ticket)
        return ticket

    def add(self, ticket: Ticket) -> None:
        """Puts a ticket in, with the bot's part for the state that it begins with."""
        self._world.workspace.tickets[ticket.id] = ticket
        part = self._recorder.part(ticket, "ticket_state_updated_by_admin", self._world.bot)
        part.ticket_state = part.previous_ticket_state = self._book.state_of(ticket).category
        self._recorder.announce(ticket, part, "ticket.created", "ticket.state.updated")

    def contact_reply(
        self,
        ticket: Ticket,
        contact: Contact,
        text: str,
        *,
        attachments: Sequence[Attachment] = (),
        created_at: int | None = None,
        via_api: bool = False,
    ) -> TicketPart:
        """A contact's reply, plain text. Raises 400 `parameter_mismatch` on a Back-office ticket."""
        if self._book.type_of(ticket).category == "Back-office":
            raise ApiError(400, "parameter_mismatch", "User replies are not allowed on Backoffice tickets")
        part = self._recorder.part(
            ticket,
            "comment",
            contact_author(contact),
            body=richtext.from_text(text),
            attachments=attachments,
            created_at=created_at,
            via_api=via_api,
        )
        contact.last_replied_at = part.created_at
        self._recorder.announce(ticket, part, "ticket.contact.replied")
        return part

    def admin_reply(
        self,
        ticket: Ticket,
        admin: Admin,
        body: str,
        *,
        assign: bool = False,
        attachments: Sequence[Attachment] = (),
        created_at: int | None = None,
        via_api: bool = False,
    ) -> TicketPart:
        """A teammate's reply, HTML. With `assign` one part, of type `assignment`, makes two notifications."""
        topics = ["ticket.admin.replied"]
        if assign:
            topics.append("ticket.admin.assigned")
            ticket.admin_assignee_id, ticket.team_assignee_id = admin.id, NOBODY
        part = self._recorder.part(
            ticket,
            "assignment" if assign else "comment",
            admin_author(admin),
            body=richtext.from_operator(body),
            assigned_to=Reference("admin", admin.id) if assign else None,
            attachments=attachments,
            created_at=created_at,
            via_api=via_api,
        )
        self._recorder.announce(ticket, part, *topics)
        return part

    def quick_reply(self, ticket: Ticket, admin: Admin) -> TicketPart:
        """A teammate's question with ready answers: the part has no body, and on tickets no metadata."""
        part = self._recorder.part(ticket, "quick_reply", admin_author(admin))
        self._recorder.announce(ticket, part, "ticket.admin.replied")
        return part

    def bot_reply(self, ticket: Ticket, body: str, *, topic: str) -> TicketPart:
        """What Fin or a workflow says, HTML. No topic of its own is documented, so the caller names one."""
        part = self._recorder.part(ticket, "comment", self._world.bot, body=richtext.from_operator(body))
        self._recorder.announce(ticket, part, topic)
        return part

    def note(self, ticket: Ticket, admin: Admin, body: str, *, via_api: bool = False) -> TicketPart:
        """An internal note, HTML."""
        html = richtext.from_operator(body)
        part = self._recorder.part(ticket, "note", admin_author(admin), body=html, via_api=via_api)
        self._recorder.announce(ticket, part, "ticket.note.created")
        return part
