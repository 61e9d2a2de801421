"""The ticket calls of the Intercom REST API, version 2.15."""

from collections.abc import AsyncIterator
from urllib.parse import quote

from supportd.intercom import wire_tickets as wire
from supportd.intercom.budget import Priority
from supportd.intercom.enclosed import Enclosed, ReplyBody
from supportd.intercom.search import Batch, Search
from supportd.intercom.transport import Transport


class TicketClient:
    """The calls. `admin_id` acts where Intercom lets only an admin act (changing a ticket's state)."""

    def __init__(self, *, transport: Transport, admin_id: str) -> None:
        self._transport = transport
        self._admin_id = admin_id
        self._tickets: Search[wire.Ticket] = Search(
            transport=transport, operation="search_tickets", path="/tickets/search", page=wire.TicketPage
        )

    async def ticket(self, ticket_id: str, *, priority: Priority) -> wire.Ticket:
        """A ticket with its newest 500 parts, bodies as HTML. Raises `IntercomNotFound` where there is none."""
        path = f"/tickets/{quote(ticket_id, safe='')}"
        reply = await self._transport.call("get_ticket", "GET", path, kind=wire.Ticket, priority=priority)
        return reply.value

    async def reply(self, ticket_id: str, contact_id: str, text: str, files: Enclosed) -> wire.TicketPart:
        """Sends a message as the contact; files by address only. Intercom answers with the part only."""
        words = {"message_type": "comment", "type": "user", "intercom_user_id": contact_id, "body": text}
        body = ReplyBody(words, files)
        path = f"/tickets/{ticket_id}/reply"
        reply = await self._transport.call(
            "ticket_reply", "POST", path, body, kind=wire.TicketPart, priority=Priority.USER_WRITE
        )
        return reply.value

    async def set_state(self, ticket_id: str, state_id: str) -> wire.Ticket:
        """Gives a ticket a state and opens it. Raises `IntercomRefused` where its type doesn't have that state."""
        body = {"ticket_state_id": state_id, "open": True, "admin_id": self._admin_id}
        path = f"/tickets/{ticket_id}"
        reply = await self._transport.call(
            "update_ticket", "PUT", path, body, kind=wire.Ticket, priority=Priority.USER_WRITE
        )
        return reply.value

    async def states(self) -> list[wire.TicketState]:
        """Every state that the workspace has, with the types that each belongs to."""
        reply = await self._transport.call(
            "ticket_states", "GET", "/ticket_states", kind=wire.TicketStateList, priority=Priority.USER_WRITE
        )
        return reply.value.data or []

    def tickets_of(self, contact_id: str, *, max_pages: int) -> AsyncIterator[wire.Ticket]:
        """A contact's tickets with their parts, the most recently updated first, repeats left out."""
        return self._tickets.of_contact(contact_id, max_pages=max_pages)

    def updated_since(self, since: int) -> AsyncIterator[Batch[wire.Ticket]]:
        """Tickets updated at or after `since` (s), with their parts, oldest update first, repeats left out."""
        return self._tickets.updated_since(since)
