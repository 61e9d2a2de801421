"""The ticket types and states that a workspace begins with."""

from supportd.simulator.ids import Ids
from supportd.simulator.ticket_model import (
    DESCRIPTION,
    TITLE,
    StateCategory,
    TicketAttribute,
    TicketCategory,
    TicketState,
    TicketType,
)
from supportd.simulator.workspace import Workspace

STANDARD: tuple[tuple[StateCategory, str, str], ...] = (
    ("submitted", "Submitted", "Submitted"),
    ("in_progress", "In progress", "In progress"),
    ("waiting_on_customer", "Waiting on customer", "Waiting on you"),
    ("resolved", "Resolved", "Resolved"),
)
CUSTOM: tuple[StateCategory, str, str] = ("in_progress", "With the dev team", "In progress")

TYPES: tuple[tuple[TicketCategory, str, str, str], ...] = (
    ("Customer", "Support request", "A customer's question that takes longer", "🎟"),
    ("Back-office", "Internal task", "Work that customers don't see", "🗂"),
    ("Tracker", "Incident", "One problem of many customers", "🔥"),
)
PRIORITIES = ("Low", "High")


def furnish(workspace: Workspace, ids: Ids, *, now: int) -> None:
    """Adds them where the workspace has no types yet. The custom state and the list attribute are the customers'."""
    if workspace.ticket_types:
        return
    standard = [_add_state(workspace, ids, *state) for state in STANDARD]
    custom = _add_state(workspace, ids, *CUSTOM)
    for category, name, description, icon in TYPES:
        of_customers = category == "Customer"
        added = TicketType(
            id=ids.number("ticket_type"),
            name=name,
            description=description,
            icon=icon,
            category=category,
            created_at=now,
            state_ids=[*standard, custom] if of_customers else list(standard),
            attributes=_attributes(ids, with_priority=of_customers),
        )
        workspace.ticket_types[added.id] = added


def _add_state(workspace: Workspace, ids: Ids, category: StateCategory, internal: str, external: str) -> str:
    state_id = ids.number("ticket_state")
    workspace.ticket_states[state_id] = TicketState(
        id=state_id, category=category, internal_label=internal, external_label=external
    )
    return state_id


def _attributes(ids: Ids, *, with_priority: bool) -> list[TicketAttribute]:
    attributes = [TicketAttribute(id=ids.number("ticket_attribute"), name=name) for name in (TITLE, DESCRIPTION)]
    if with_priority:
        options = {ids.option(): label for label in PRIORITIES}
        attributes.append(
            TicketAttribute(id=ids.number("ticket_attribute"), name="Priority", data_type="list", options=options)
        )
    return attributes
