"""Adds parts to tickets and tells who listens: the search index and the webhooks."""

from collections.abc import Sequence
from typing import Protocol

from supportd.simulator.clock import ShiftedClock
from supportd.simulator.model import Attachment, Author, Reference
from supportd.simulator.recording import APP_PACKAGE_CODE
from supportd.simulator.ticket_model import Ticket, TicketPart
from supportd.simulator.world import World


class TicketListener(Protocol):
    """Hears of each change, after it."""

    def changed(self, ticket: Ticket) -> None:
        """The ticket isn't what it was."""

    def happened(self, topic: str, ticket: Ticket, part: TicketPart | None) -> None:
        """Something that Intercom has a webhook topic for."""

    def deleted(self, ticket: Ticket) -> None:
        """The ticket is gone."""


class TicketRecorder:
    """The one way in which a ticket changes."""

    def __init__(self, *, world: World, clock: ShiftedClock, listeners: Sequence[TicketListener]) -> None:
        self._world = world
        self._clock = clock
        self._listeners = listeners

    @property
    def now(self) -> int:
        """The time of what is recorded, in seconds."""
        return self._clock.seconds()

    def part(
        self,
        ticket: Ticket,
        part_type: str,
        author: Author,
        *,
        body: str | None = None,
        assigned_to: Reference | None = None,
        attachments: Sequence[Attachment] = (),
        created_at: int | None = None,
        via_api: bool = False,
    ) -> TicketPart:
        """Appends a part."""
        now = self.now
        part = TicketPart(
            id=self._world.ids.number("part"),
            part_type=part_type,
            body=body,
            created_at=now if created_at is None else created_at,
            updated_at=now,
            author=author,
            assigned_to=assigned_to,
            attachments=list(attachments),
            app_package_code=APP_PACKAGE_CODE if via_api else None,
        )
        ticket.parts.append(part)
        return part

    def announce(self, ticket: Ticket, part: TicketPart | None, *topics: str) -> None:
        """Ends a change: bumps `updated_at` and tells the listeners, topic by topic."""
        ticket.updated_at = self.now
        for listener in self._listeners:
            listener.changed(ticket)
        for topic in topics:
            self.mention(ticket, part, topic)

    def mention(self, ticket: Ticket, part: TicketPart | None, topic: str) -> None:
        """Tells of an event, changed or not."""
        for listener in self._listeners:
            listener.happened(topic, ticket, part)

    def forget(self, ticket: Ticket) -> None:
        """Deletes a ticket."""
        del self._world.workspace.tickets[ticket.id]
        self._world.snoozed_tickets.discard(ticket.id)
        for listener in self._listeners:
            listener.deleted(ticket)
