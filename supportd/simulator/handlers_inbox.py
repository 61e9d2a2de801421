"""`GET /_sim/inbox`: what the inbox page shows beside the one conversation or ticket that is open."""

from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

from supportd.simulator import richtext
from supportd.simulator.faults import FaultSettings
from supportd.simulator.handlers_control import ControlHandler
from supportd.simulator.model import Author, Conversation
from supportd.simulator.ticket_model import DESCRIPTION, TITLE, Ticket
from supportd.simulator.webhooks import Tally

MOST_ROWS = 200
PREVIEW_CHARS = 100


class Row(Struct):
    """A conversation or ticket in the list. `waits` says that the last word is the contact's; times are in s."""

    kind: Literal["conversations", "tickets"]
    id: str
    title: str
    contact: str
    state: str
    updated_at: int
    preview: str
    waits: bool


class Inbox(Struct):
    """The list, the last changed first, and the troubles that are switched on. `now` is Intercom's time in s."""

    now: int
    rows: list[Row]
    faults: FaultSettings
    webhooks: Tally


class InboxHandler(ControlHandler):
    """`GET /_sim/inbox`."""

    def get(self) -> None:
        """At most 200 rows."""
        rows = sorted(self._rows(), key=lambda row: (row.updated_at, row.id), reverse=True)
        self.answer(
            Inbox(
                self.services.clock.seconds(), rows[:MOST_ROWS], self.services.faults.now, self.services.webhooks.tally
            )
        )

    def _rows(self) -> Iterator[Row]:
        workspace = self.services.world.workspace
        yield from map(self._conversation, workspace.conversations.values())
        yield from map(self._ticket, workspace.tickets.values())

    def _conversation(self, conversation: Conversation) -> Row:
        said = [(part.author, part.body) for part in conversation.parts if part.body and part.part_type != "note"]
        author, body = said[-1] if said else (conversation.source.author, conversation.source.body)
        return Row(
            kind="conversations",
            id=conversation.id,
            title=conversation.title or "",
            contact=self._contact(conversation.contact_id),
            state=conversation.state,
            updated_at=conversation.updated_at,
            preview=_preview(body),
            waits=_is_contact(author) and conversation.state != "closed",
        )

    def _ticket(self, ticket: Ticket) -> Row:
        said = [(part.author, part.body) for part in ticket.parts if part.body and part.part_type != "note"]
        state = self.services.tickets.book.state_of(ticket).category
        return Row(
            kind="tickets",
            id=ticket.id,
            title=str(ticket.attributes.get(TITLE) or ticket.ticket_id),
            contact=self._contact(ticket.contact_id),
            state=state,
            updated_at=ticket.updated_at,
            preview=_preview(said[-1][1] if said else str(ticket.attributes.get(DESCRIPTION) or "")),
            waits=bool(said) and _is_contact(said[-1][0]) and state != "resolved",
        )

    def _contact(self, contact_id: str) -> str:
        contact = self.services.world.workspace.contacts[contact_id]
        return contact.name or contact.external_id or contact.id


def _preview(html: str | None) -> str:
    return " ".join(richtext.to_text(html or "").split())[:PREVIEW_CHARS]


def _is_contact(author: Author) -> bool:
    return author.type in {"user", "lead", "contact"}
