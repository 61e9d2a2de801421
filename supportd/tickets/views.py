"""A ticket as the API shows it to one contact."""

from msgspec import Struct

from supportd.conversations.attachments import AttachmentLinks, Home
from supportd.conversations.state import Message
from supportd.tickets.references import References
from supportd.tickets.state import StateName, TicketState


class Ticket(Struct, rename="camel", kw_only=True):
    """A ticket in a list."""

    id: str
    reference: str
    title: str | None
    state: StateName
    rated: bool
    created_at: int
    updated_at: int


class TimelineStep(Struct):
    """A state, and since when (ms)."""

    state: StateName
    at: int


class TicketDetail(Ticket, rename="camel", kw_only=True):
    """A ticket in full."""

    messages: tuple[Message, ...]
    timeline: list[TimelineStep]


class TicketList(Struct, rename="camel"):
    """One page of tickets."""

    tickets: list[Ticket]
    next_cursor: str | None


def ticket(state: TicketState, contact_id: str, references: References) -> Ticket:
    """The ticket in short, as the contact sees it."""
    return Ticket(
        id=state.id,
        reference=references.of(state.number),
        title=state.title,
        state=state.state,
        rated=contact_id in state.rated_by,
        created_at=state.created_at,
        updated_at=state.changed_at,
    )


def detail(state: TicketState, contact_id: str, references: References, links: AttachmentLinks) -> TicketDetail:
    """The whole ticket, as the contact sees it."""
    short = ticket(state, contact_id, references)
    return TicketDetail(
        **{name: getattr(short, name) for name in Ticket.__struct_fields__},
        messages=links.all_shown((part.message for part in state.parts), Home.TICKET, state.id),
        timeline=[TimelineStep(*step) for step in state.timeline()],
    )
