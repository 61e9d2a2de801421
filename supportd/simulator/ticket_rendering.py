"""The wire forms of tickets, their types and their states (contract, part 5)."""

from typing import Any

from supportd.simulator.model import Author
from supportd.simulator.rendering import NEWEST_PARTS, Json, applied_tag, attachment_json, reference_json
from supportd.simulator.ticket_book import TicketBook
from supportd.simulator.ticket_model import (
    DESCRIPTION,
    AttributeChange,
    Ticket,
    TicketAttribute,
    TicketPart,
    TicketState,
    TicketType,
)
from supportd.simulator.world import World


class TicketRenderer:
    """Renders from the workspace of the moment."""

    def __init__(self, *, world: World, book: TicketBook, app_id: str) -> None:
        self._world = world
        self._book = book
        self._app_id = app_id

    def ticket(self, ticket: Ticket) -> Json:
        """A ticket with its newest 500 parts. What isn't snoozed has no `snoozed_until`."""
        return self._ticket(ticket, ticket.parts[-NEWEST_PARTS:])

    def truth(self, ticket: Ticket) -> Json:
        """A ticket with all its parts, and with its tags, which Intercom's form of it lacks."""
        return self._ticket(ticket, ticket.parts) | {"tags": [applied_tag(each) for each in ticket.tags]}

    def type_with_states(self, kind: TicketType) -> Json:
        """A type as `GET /ticket_types` lists it."""
        states = [_state(each) for each in self._book.states_of(kind)]
        return self._type(kind) | {"ticket_states": {"type": "list", "data": states}}

    def state_with_types(self, state: TicketState) -> Json:
        """A state as `GET /ticket_states` lists it."""
        types = [each for each in self._world.workspace.ticket_types.values() if state.id in each.state_ids]
        listed = {"type": "list", "data": [_type_head(each) for each in types]}
        return _state(state) | {"ticket_types": listed, "archived": state.archived}

    def _ticket(self, ticket: Ticket, parts: list[TicketPart]) -> Json:
        contact = self._world.workspace.contacts[ticket.contact_id]
        kind = self._book.type_of(ticket)
        snooze = {} if ticket.snoozed_until is None else {"snoozed_until": ticket.snoozed_until}
        return {
            "type": "ticket",
            "id": ticket.id,
            "ticket_id": ticket.ticket_id,
            "ticket_attributes": dict(ticket.attributes),
            "ticket_state": _state(self._book.state_of(ticket)),
            "ticket_type": self._type(kind),
            "contacts": {
                "type": "contact.list",
                "contacts": [{"type": "contact", "id": contact.id, "external_id": contact.external_id}],
            },
            "admin_assignee_id": ticket.admin_assignee_id,
            "team_assignee_id": ticket.team_assignee_id,
            "created_at": ticket.created_at,
            "updated_at": ticket.updated_at,
            "ticket_parts": {
                "type": "ticket_part.list",
                "ticket_parts": [part_json(each) for each in parts],
                "total_count": len(parts),
            },
            "open": ticket.open,
            **snooze,
            "linked_objects": _linked_objects(ticket),
            "category": kind.category,
            "is_shared": ticket.is_shared,
        }

    def _type(self, kind: TicketType) -> Json:
        attributes = [self._attribute(each, kind, order) for order, each in enumerate(kind.attributes)]
        return _type_head(kind) | {
            "workspace_id": self._app_id,
            "created_at": kind.created_at,
            "updated_at": kind.created_at,
            "ticket_type_attributes": {"type": "list", "data": attributes},
        }

    def _attribute(self, attribute: TicketAttribute, kind: TicketType, order: int) -> Json:
        return {
            "type": "ticket_type_attribute",
            "id": attribute.id,
            "workspace_id": self._app_id,
            "name": attribute.name,
            "description": "",
            "data_type": attribute.data_type,
            "input_options": _input_options(attribute),
            "order": order,
            "required_to_create": False,
            "required_to_create_for_contacts": False,
            "visible_on_create": True,
            "visible_to_contacts": attribute.is_default,
            "default": attribute.is_default,
            "ticket_type_id": int(kind.id),
            "archived": False,
            "created_at": kind.created_at,
            "updated_at": kind.created_at,
        }


def part_json(part: TicketPart) -> Json:
    """A part. What would be null is left out."""
    full: dict[str, Any] = {
        "type": "ticket_part",
        "id": part.id,
        "part_type": part.part_type,
        "body": part.body,
        "ticket_state": part.ticket_state,
        "previous_ticket_state": part.previous_ticket_state,
        "created_at": part.created_at,
        "updated_at": part.updated_at,
        "assigned_to": reference_json(part.assigned_to) if part.assigned_to else None,
        "author": _author(part.author),
        "attachments": [attachment_json(each) for each in part.attachments],
        "redacted": part.redacted,
        "app_package_code": part.app_package_code,
        "updated_attribute_data": _change(part.attribute_change) if part.attribute_change else None,
    }
    return {key: value for key, value in full.items() if value is not None}


def _author(author: Author) -> Json:
    """Ticket parts know no leads: they come as users (openapi.yaml; live webhooks)."""
    kind = "user" if author.type in {"lead", "contact"} else author.type
    return {"id": author.id, "type": kind, "name": author.name, "email": author.email}


def _change(change: AttributeChange) -> Json:
    return {
        "attribute": {"type": "attribute", "id": change.attribute_id, "label": change.label},
        "value": {"type": "value", "id": change.value, "label": change.value_label},
    }


def _state(state: TicketState) -> Json:
    return {
        "type": "ticket_state",
        "id": state.id,
        "category": state.category,
        "internal_label": state.internal_label,
        "external_label": state.external_label,
    }


def _type_head(kind: TicketType) -> Json:
    return {
        "type": "ticket_type",
        "id": kind.id,
        "name": kind.name,
        "description": kind.description,
        "icon": kind.icon,
        "archived": kind.archived,
        "is_internal": False,
        "category": kind.category,
    }


def _input_options(attribute: TicketAttribute) -> Json:
    if attribute.data_type == "list":
        return {"list_options": [{"id": item, "label": label} for item, label in attribute.options.items()]}
    return {"multiline": attribute.name == DESCRIPTION}


def _linked_objects(ticket: Ticket) -> Json:
    linked = ticket.linked_conversation_id
    data = [] if linked is None else [{"type": "conversation", "id": linked, "category": None}]
    return {"type": "list", "data": data, "total_count": len(data), "has_more": False}
