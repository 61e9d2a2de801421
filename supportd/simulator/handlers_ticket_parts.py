"""What is added to tickets: replies and tags (contract, part 5.6)."""

from supportd.simulator.errors import resource_not_found, user_not_found
from supportd.simulator.handlers_base import ApiHandler
from supportd.simulator.handlers_parts import TagRequest
from supportd.simulator.model import Attachment
from supportd.simulator.rendering import applied_tag
from supportd.simulator.replies import ReplyBody
from supportd.simulator.ticket_model import Ticket, TicketPart
from supportd.simulator.ticket_rendering import part_json


class TicketReplyHandler(ApiHandler):
    """`POST /tickets/{id}/reply`."""

    async def post(self, ticket_id: str) -> None:
        """Adds the reply and answers with its part alone. Intercom words this 404 differently from the other routes."""
        body = self.body(ReplyBody)
        files = await self.services.depot.received(body.attachment_urls)
        ticket = self.world.workspace.tickets.get(ticket_id)
        if ticket is None:
            raise resource_not_found()
        add = self._admin_reply if body.type == "admin" else self._contact_reply
        self.answer(part_json(add(ticket, body, files)))

    def _contact_reply(self, ticket: Ticket, body: ReplyBody, files: list[Attachment]) -> TicketPart:
        contact = body.contact(self.world)
        if ticket.contact_id != contact.id:
            raise user_not_found()
        return self.services.tickets.messages.contact_reply(
            ticket,
            contact,
            body.text(),
            attachments=files,
            created_at=body.created_at,
            via_api=True,
        )

    def _admin_reply(self, ticket: Ticket, body: ReplyBody, files: list[Attachment]) -> TicketPart:
        messages, admin = self.services.tickets.messages, self.world.admin(str(body.admin_id))
        if body.message_type == "quick_reply":
            return messages.quick_reply(ticket, admin)
        if body.message_type == "note":
            return messages.note(ticket, admin, body.words(), via_api=True)
        return messages.admin_reply(
            ticket,
            admin,
            body.words(),
            attachments=files,
            created_at=body.created_at,
            via_api=True,
        )


class TicketTagsHandler(ApiHandler):
    """`POST /tickets/{id}/tags` and `DELETE /tickets/{id}/tags/{tag_id}`, both with a body."""

    def post(self, ticket_id: str) -> None:
        """Puts a tag on."""
        tickets = self.services.tickets
        ticket, body = tickets.book.ticket(ticket_id), self.body(TagRequest)
        tag = tickets.annotations.tag(ticket, self.world.admin(str(body.admin_id)), str(body.id))
        self.answer(applied_tag(tag))

    def delete(self, ticket_id: str, tag_id: str) -> None:
        """Takes it off."""
        tickets = self.services.tickets
        ticket, body = tickets.book.ticket(ticket_id), self.body(TagRequest)
        self.world.admin(str(body.admin_id))
        self.answer(applied_tag(tickets.annotations.untag(ticket, tag_id)))
