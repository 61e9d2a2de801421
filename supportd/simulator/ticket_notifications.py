"""Webhook notifications of tickets (contract, part 9.5). Their bodies are HTML at any version."""

from typing import Any

from supportd.simulator.faults import Faults
from supportd.simulator.notifications import Outlet
from supportd.simulator.ticket_model import Ticket, TicketPart
from supportd.simulator.ticket_rendering import TicketRenderer, part_json
from supportd.simulator.world import World

WITH_PART = frozenset(
    {
        "ticket.admin.replied",
        "ticket.contact.replied",
        "ticket.note.created",
        "ticket.attribute.updated",
        "ticket.admin.assigned",
        "ticket.team.assigned",
    }
)


class TicketNotifier:
    """Turns what the recorder reports into notifications."""

    def __init__(self, *, world: World, renderer: TicketRenderer, faults: Faults, outlet: Outlet) -> None:
        self._world = world
        self._renderer = renderer
        self._faults = faults
        self._outlet = outlet

    def changed(self, ticket: Ticket) -> None:
        """Only events with a topic are sent."""

    def happened(self, topic: str, ticket: Ticket, part: TicketPart | None) -> None:
        """Sends the whole ticket: alone, beside the part that made the event, or within an object."""
        item = self._renderer.ticket(ticket)
        if topic in WITH_PART and part is not None:
            self._outlet.emit(topic, {"type": "ticket_ticket_part", "ticket": item, "ticket_part": part_json(part)})
        elif topic in {"ticket.resolved", "ticket.closed"}:
            self._ended(topic, ticket, item)
        else:
            self._outlet.emit(topic, item)

    def deleted(self, ticket: Ticket) -> None:
        """Intercom has no topic for it."""

    def _ended(self, topic: str, ticket: Ticket, item: dict[str, Any]) -> None:
        """Before 2.15 `ticket.closed` is flat and also tells that a ticket was resolved, once for both."""
        if self._faults.now.webhook_version == "2.14":
            if topic == "ticket.closed" or ticket.open:
                self._outlet.emit("ticket.closed", item | {"contacts": self._bare_contacts(ticket)})
        elif topic == "ticket.closed":
            self._outlet.emit(topic, {"ticket": item})
        else:
            self._outlet.emit(topic, item)

    def _bare_contacts(self, ticket: Ticket) -> dict[str, Any]:
        contact = self._world.workspace.contacts[ticket.contact_id]
        return {"type": "contact.list", "contacts": [{"id": contact.id, "role": contact.role}]}
