"""What the workspace holds of tickets. Times are Unix seconds; bodies are HTML."""

from typing import Any, Literal

from msgspec import Struct, field

from supportd.simulator.model import AppliedTag, Attachment, Author, Reference

TicketCategory = Literal["Customer", "Back-office", "Tracker"]
StateCategory = Literal["submitted", "in_progress", "waiting_on_customer", "resolved"]
AttributeKind = Literal["string", "list"]

TITLE = "_default_title_"
DESCRIPTION = "_default_description_"
NOBODY = "0"


class TicketState(Struct, kw_only=True):
    """A state. Several can share a category; users are shown the external label."""

    id: str
    category: StateCategory
    internal_label: str
    external_label: str
    archived: bool = False


class TicketAttribute(Struct, kw_only=True):
    """A field of a type's tickets. `options` maps a list's item ids to their labels."""

    id: str
    name: str
    data_type: AttributeKind = "string"
    options: dict[str, str] = field(default_factory=dict)

    @property
    def is_default(self) -> bool:
        """Whether every type has it."""
        return self.name in {TITLE, DESCRIPTION}


class TicketType(Struct, kw_only=True):
    """A kind of ticket: its fields, and the states that it can be in, the first being the one it begins with."""

    id: str
    name: str
    description: str
    icon: str
    category: TicketCategory
    created_at: int
    state_ids: list[str]
    attributes: list[TicketAttribute]
    archived: bool = False


class AttributeChange(Struct):
    """What a part says of a changed attribute."""

    attribute_id: str
    label: str
    value: Any
    value_label: str


class TicketPart(Struct, kw_only=True):
    """A message, a note or an event of a ticket. States are categories."""

    id: str
    part_type: str
    created_at: int
    updated_at: int
    author: Author
    body: str | None = None
    ticket_state: StateCategory | None = None
    previous_ticket_state: StateCategory | None = None
    assigned_to: Reference | None = None
    attribute_change: AttributeChange | None = None
    attachments: list[Attachment] = field(default_factory=list)
    redacted: bool = False
    app_package_code: str | None = None


class Ticket(Struct, kw_only=True):
    """A ticket with all its parts, oldest first. People know it by `ticket_id`, calls by `id`."""

    id: str
    ticket_id: str
    type_id: str
    state_id: str
    contact_id: str
    created_at: int
    updated_at: int
    attributes: dict[str, Any]
    is_shared: bool
    open: bool = True
    snoozed_until: int | None = None
    admin_assignee_id: str = NOBODY
    team_assignee_id: str = NOBODY
    linked_conversation_id: str | None = None
    tags: list[AppliedTag] = field(default_factory=list)
    parts: list[TicketPart] = field(default_factory=list)
