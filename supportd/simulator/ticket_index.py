"""The search index of tickets (contract, part 5.7)."""

from collections.abc import Iterable, Mapping

from supportd.simulator.clock import ShiftedClock
from supportd.simulator.faults import Faults
from supportd.simulator.lagging import LaggingHits
from supportd.simulator.paging import Hit
from supportd.simulator.search import Kind, Value
from supportd.simulator.ticket_book import TicketBook
from supportd.simulator.ticket_model import (
    DESCRIPTION,
    NOBODY,
    TITLE,
    Ticket,
    TicketCategory,
)
from supportd.simulator.ticket_rendering import TicketRenderer
from supportd.simulator.world import World

TICKET_FIELDS: Mapping[str, Kind] = {
    "id": "text",
    "created_at": "date",
    "updated_at": "date",
    "title": "text",
    "description": "text",
    "category": "text",
    "ticket_type_id": "text",
    "contact_ids": "ids",
    "teammate_ids": "ids",
    "admin_assignee_id": "text",
    "team_assignee_id": "text",
    "open": "flag",
    "state": "text",
    "snoozed_until": "date",
}
TERMS: Mapping[TicketCategory, str] = {"Customer": "request", "Back-office": "task", "Tracker": "tracker"}


class TicketIndex:
    """Tickets as they were `search_lag_s` ago, parts included. A listener of the recorder."""

    def __init__(
        self, *, world: World, book: TicketBook, renderer: TicketRenderer, clock: ShiftedClock, faults: Faults
    ) -> None:
        self._world = world
        self._book = book
        self._renderer = renderer
        self._hits = LaggingHits(clock=clock, faults=faults)
        self.rebuild()

    @property
    def fields(self) -> Mapping[str, Kind]:
        """What can be searched for: the standing fields, and each type's attributes by their ids."""
        types = self._world.workspace.ticket_types.values()
        attributes = [attribute for kind in types for attribute in kind.attributes]
        return {**TICKET_FIELDS, **{_field(each.id): "text" for each in attributes}}

    def rebuild(self) -> None:
        """Starts again from what is."""
        self._hits.replace(self._hit(each) for each in self._world.workspace.tickets.values())

    def changed(self, ticket: Ticket) -> None:
        """Notes the ticket's new form."""
        resolved = self._book.state_of(ticket).category == "resolved"
        self._hits.note(ticket.id, self._hit(ticket), closed=resolved)

    def happened(self, *_: object) -> None:
        """Topics don't matter here."""

    def deleted(self, ticket: Ticket) -> None:
        """Notes that it is gone."""
        self._hits.note(ticket.id, None)

    def hits(self) -> Iterable[Hit]:
        """What a search sees now."""
        return self._hits.now()

    def _hit(self, ticket: Ticket) -> Hit:
        kind = self._book.type_of(ticket)
        fields: dict[str, Value] = {
            "id": ticket.id,
            "created_at": ticket.created_at,
            "updated_at": ticket.updated_at,
            "title": ticket.attributes.get(TITLE),
            "description": ticket.attributes.get(DESCRIPTION),
            "category": TERMS[kind.category],
            "ticket_type_id": ticket.type_id,
            "contact_ids": [ticket.contact_id],
            "teammate_ids": _teammates(ticket),
            "admin_assignee_id": ticket.admin_assignee_id,
            "team_assignee_id": ticket.team_assignee_id,
            "open": ticket.open,
            "state": self._book.state_of(ticket).category,
            "snoozed_until": ticket.snoozed_until,
        }
        attributes = {_field(each.id): ticket.attributes.get(each.name) for each in kind.attributes}
        return Hit(ticket.id, fields | attributes, self._renderer.ticket(ticket))


def _field(attribute_id: str) -> str:
    return f"ticket_attribute.{attribute_id}"


def _teammates(ticket: Ticket) -> list[str]:
    wrote = {part.author.id for part in ticket.parts if part.author.type == "admin"}
    return sorted(wrote | {ticket.admin_assignee_id} - {NOBODY})
