"""Putting a resolved ticket back to work: which of the workspace's states that is."""

import structlog
from cachetools import TTLCache

from supportd.clock import Clock
from supportd.errors import IntercomRefused
from supportd.intercom import wire_tickets as wire
from supportd.intercom.tickets import TicketClient

KEPT_S = 600
IN_PROGRESS = "in_progress"
STALE = "ticket_state_id_invalid"


class Reopening:
    """Gives a ticket the first state of its type that means "in progress". Workspaces name and change their states."""

    def __init__(self, *, client: TicketClient, clock: Clock) -> None:
        self._client = client
        self._states: TTLCache[str, list[wire.TicketState]] = TTLCache(1, KEPT_S, timer=clock.monotonic)
        self._log = structlog.get_logger("supportd.tickets")

    async def reopen(self, ticket: wire.Ticket) -> wire.Ticket:
        """The ticket as it is then; as it was, with a line in the log, where its type has no such state.

        Raises:
            IntercomRefused, IntercomUnavailable: the ticket is as it was.
        """
        remembered = bool(self._states)
        state_id = await self._state_for(ticket)
        if state_id is None and remembered:
            self._states.clear()
            state_id = await self._state_for(ticket)
        if state_id is None:
            self._log.error("ticket type has no state in progress", ticket=str(ticket.id))
            return ticket
        try:
            return await self._client.set_state(str(ticket.id), state_id)
        except IntercomRefused as refusal:
            self._states.clear()
            if refusal.code != STALE or not remembered:
                raise
        return await self.reopen(ticket)

    async def _state_for(self, ticket: wire.Ticket) -> str | None:
        if not self._states:
            self._states["all"] = await self._client.states()
        fitting = (state for state in self._states["all"] if _fits(state, ticket))
        return next((str(state.id) for state in fitting), None)


def _fits(state: wire.TicketState, ticket: wire.Ticket) -> bool:
    if state.category != IN_PROGRESS or state.archived or state.id is None or ticket.ticket_type is None:
        return False
    types = (state.ticket_types and state.ticket_types.data) or []
    return str(ticket.ticket_type.id) in {str(kind.id) for kind in types}
