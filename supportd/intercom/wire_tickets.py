"""Intercom's tickets as they come over the wire, version 2.15, read as tolerantly as `wire` reads conversations."""

from typing import Any

import msgspec
from msgspec import Struct

from supportd.intercom.wire import ContactList, Id, Pages, Part, cursor_of, id_order, lenient


class TicketPart(Part):
    """One part of a ticket. Keys that would be null are left out. States are categories."""

    ticket_state: str | None = None
    previous_ticket_state: str | None = None


class TicketPartList(Struct):
    """The newest 500 parts."""

    ticket_parts: list[TicketPart] | None = None
    total_count: int | None = None


class TypeRef(Struct):
    """The type of a ticket."""

    id: Id
    archived: bool | None = None


class TypeList(Struct):
    """The types that a state belongs to."""

    data: list[TypeRef] | None = None


class TicketState(Struct):
    """A state, custom ones included: `category` is one of Intercom's four."""

    id: Id | None = None
    category: str = ""
    archived: bool | None = None
    ticket_types: TypeList | None = None


class TicketStateList(Struct):
    """The states of the workspace."""

    data: list[TicketState] | None = None


class Ticket(Struct):
    """A ticket with its parts. `ticket_id` is the number that people see; calls take `id`.

    `ticket_state` is a plain word in payloads of old versions.
    """

    id: Id
    created_at: int
    updated_at: int
    ticket_id: Id | None = None
    category: str = ""
    is_shared: bool | None = None
    ticket_attributes: dict[str, Any] | None = None
    ticket_state: TicketState | str | None = None
    ticket_type: TypeRef | None = None
    contacts: ContactList | None = None
    ticket_parts: TicketPartList | None = None

    @property
    def contact_ids(self) -> tuple[str, ...]:
        """The ids of its contacts."""
        refs = (self.contacts and self.contacts.contacts) or []
        return tuple(str(ref.id) for ref in refs)

    @property
    def parts(self) -> list[TicketPart]:
        """The parts that came along, oldest first."""
        found = (self.ticket_parts and self.ticket_parts.ticket_parts) or []
        return sorted(found, key=lambda part: (part.created_at, id_order(part.id)))

    @property
    def state_category(self) -> str:
        """The category of its state."""
        state = self.ticket_state
        return state.category if isinstance(state, TicketState) else state or ""

    @property
    def title(self) -> str | None:
        """Its title, an attribute that every type has."""
        title = (self.ticket_attributes or {}).get("_default_title_")
        return title if isinstance(title, str) else None


class TicketPage(Struct):
    """One page of found tickets, with their parts."""

    tickets: list[Ticket] = []
    pages: Pages | None = None

    @property
    def found(self) -> list[Ticket]:
        """The tickets."""
        return self.tickets

    @property
    def cursor(self) -> str | None:
        """The cursor of the next page."""
        return cursor_of(self.pages)


def ticket_in(item: dict[str, Any]) -> Ticket | None:
    """The ticket in a webhook's item, or None if it can't be read: its id is enough to load it."""
    try:
        return lenient(raw_ticket(item), Ticket)
    except msgspec.ValidationError:
        return None


def ticket_id_in(item: dict[str, Any]) -> str | None:
    """The id of the ticket that a webhook is about."""
    ticket = raw_ticket(item)
    found = ticket.get("id") if ticket is not item or item.get("type") == "ticket" else None
    return str(found) if isinstance(found, str | int) and found else None


def raw_ticket(item: dict[str, Any]) -> dict[str, Any]:
    """Some topics have the ticket as their item, others beneath it (Intercom's docs, webhook models)."""
    inner = item.get("ticket")
    return inner if isinstance(inner, dict) else item
