"""What is done to a ticket besides talking: attributes, tags, redaction, deletion."""

from typing import Any

from supportd.simulator.annotations import DELETED_BODY, message_not_found, tag_not_found
from supportd.simulator.errors import invalid
from supportd.simulator.model import Admin, AppliedTag, Author, Reference
from supportd.simulator.ticket_book import TicketBook
from supportd.simulator.ticket_model import AttributeChange, Ticket, TicketAttribute, TicketType
from supportd.simulator.ticket_recording import TicketRecorder
from supportd.simulator.world import World


class TicketAnnotations:
    """Actions of the contract, parts 5.3 and 5.5, and of the tags' routes."""

    def __init__(self, *, world: World, book: TicketBook, recorder: TicketRecorder) -> None:
        self._world = world
        self._book = book
        self._recorder = recorder

    def set_attributes(self, ticket: Ticket, values: dict[str, Any], actor: Author) -> None:
        """Sets what differs, a part and a notification for each. Raises as `require_fitting` does."""
        kind = self._book.type_of(ticket)
        require_fitting(kind, values)
        for attribute in kind.attributes:
            if attribute.name in values and values[attribute.name] != ticket.attributes.get(attribute.name):
                self._set(ticket, attribute, values[attribute.name], actor)

    def tag(self, ticket: Ticket, admin: Admin, tag_id: str) -> AppliedTag:
        """Puts a tag on; one that is there stays as it is. Raises 404 `tag_not_found` for an unknown id."""
        name = self._world.workspace.tags.get(tag_id)
        if name is None:
            raise tag_not_found()
        present = next((tag for tag in ticket.tags if tag.id == tag_id), None)
        if present is not None:
            return present
        tag = AppliedTag(tag_id, name, self._recorder.now, Reference("admin", admin.id))
        ticket.tags.append(tag)
        self._recorder.announce(ticket, None)
        return tag

    def untag(self, ticket: Ticket, tag_id: str) -> AppliedTag:
        """Takes a tag off. Raises 404 `tag_not_found` where it isn't on."""
        tag = next((tag for tag in ticket.tags if tag.id == tag_id), None)
        if tag is None:
            raise tag_not_found()
        ticket.tags.remove(tag)
        self._recorder.announce(ticket, None)
        return tag

    def redact(self, ticket: Ticket, part_id: str) -> None:
        """Deletes a part's text for good. Raises 404 for an unknown id. No topic is documented."""
        part = next((each for each in ticket.parts if each.id == part_id and each.body is not None), None)
        if part is None:
            raise message_not_found()
        part.redacted, part.body, part.attachments = True, DELETED_BODY, []
        part.updated_at = self._recorder.now
        self._recorder.announce(ticket, part)

    def raw_part(self, ticket: Ticket, *, part_type: str, body: str | None, author: Author, topic: str | None) -> None:
        """A part of any type whatever, to meet readers with what they don't know."""
        part = self._recorder.part(ticket, part_type, author, body=body)
        self._recorder.announce(ticket, part, *([topic] if topic else []))

    def emit(self, ticket: Ticket, topic: str) -> None:
        """A notification under any topic whatever, with the newest part where it carries one, and without a change."""
        self._recorder.mention(ticket, ticket.parts[-1], topic)

    def delete(self, ticket: Ticket) -> None:
        """Removes the ticket; a later GET is 404. Intercom has no topic for it."""
        self._recorder.forget(ticket)

    def _set(self, ticket: Ticket, attribute: TicketAttribute, value: Any, actor: Author) -> None:
        ticket.attributes[attribute.name] = value
        part = self._recorder.part(ticket, "ticket_attribute_updated_by_admin", actor)
        label = attribute.options.get(str(value), "" if value is None else str(value))
        part.attribute_change = AttributeChange(attribute.id, attribute.name, value, label)
        self._recorder.announce(ticket, part, "ticket.attribute.updated")


def require_fitting(kind: TicketType, values: dict[str, Any]) -> None:
    """Raises 400 for an attribute that the type hasn't, or a value that doesn't fit it."""
    known = {attribute.name: attribute for attribute in kind.attributes}
    for name, value in values.items():
        attribute = known.get(name)
        if attribute is None:
            raise invalid(f"Ticket attribute {name} doesn't exist on the ticket type", field="ticket_attributes")
        if attribute.data_type == "list" and value is not None and value not in attribute.options:
            raise invalid(f"{name} needs the id of a list item", field="ticket_attributes")
        if attribute.data_type == "string" and not isinstance(value, str | None):
            raise invalid(f"{name} needs a string", field="ticket_attributes")
