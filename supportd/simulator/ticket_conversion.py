"""A conversation becomes a ticket (contract, part 5.0; openapi.yaml)."""

from typing import Any

from supportd.simulator.annotations import source_as_part
from supportd.simulator.errors import invalid
from supportd.simulator.model import Conversation, Part
from supportd.simulator.recording import Recorder
from supportd.simulator.ticket_annotations import require_fitting
from supportd.simulator.ticket_messages import TicketMessages
from supportd.simulator.ticket_model import NOBODY, Ticket, TicketPart, TicketType
from supportd.simulator.world import World


class Conversion:
    """Makes tickets of conversations. Both exist from then on, under one id, and go on by themselves."""

    def __init__(self, *, world: World, messages: TicketMessages, recorder: Recorder) -> None:
        self._world = world
        self._messages = messages
        self._recorder = recorder

    def convert(self, conversation: Conversation, kind: TicketType, attributes: dict[str, Any]) -> Ticket:
        """The ticket, with the conversation's messages as its parts. Raises 400 unless it is one for customers."""
        if kind.category != "Customer":
            raise invalid("Ticket type is not a customer ticket type")
        if conversation.id in self._world.workspace.tickets:
            raise invalid("Conversation is already a ticket")
        require_fitting(kind, attributes)
        now = self._recorder.now
        ticket = Ticket(
            id=conversation.id,
            ticket_id=self._world.ids.small("ticket"),
            type_id=kind.id,
            state_id=kind.state_ids[0],
            contact_id=conversation.contact_id,
            created_at=conversation.created_at,
            updated_at=now,
            attributes={each.name: None for each in kind.attributes} | attributes,
            is_shared=True,
            admin_assignee_id=conversation.admin_assignee_id or NOBODY,
            team_assignee_id=conversation.team_assignee_id or NOBODY,
            parts=[_ticket_part(each) for each in (source_as_part(conversation), *conversation.parts)],
        )
        conversation.is_ticket = True
        self._recorder.announce(conversation, None)
        self._messages.add(ticket)
        return ticket


def _ticket_part(part: Part) -> TicketPart:
    return TicketPart(
        id=part.id,
        part_type=part.part_type,
        created_at=part.created_at,
        updated_at=part.updated_at,
        author=part.author,
        body=part.body,
        assigned_to=part.assigned_to,
        attachments=list(part.attachments),
        redacted=part.redacted,
        app_package_code=part.app_package_code,
    )
