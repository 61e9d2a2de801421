"""Webhooks of tickets, applied. Most bring the whole ticket; of the others the id is enough to load it."""

from contextlib import suppress
from typing import Any

from supportd.errors import ServiceUnavailable
from supportd.intercom import wire_tickets as wire
from supportd.intercom.budget import Priority
from supportd.metrics import Processing
from supportd.stores.webhook_events import Event
from supportd.tickets.keeper import TicketKeeper


class TicketEvents:
    """Applies what a webhook tells of a ticket."""

    def __init__(self, *, keeper: TicketKeeper) -> None:
        self._keeper = keeper

    def key(self, item: dict[str, Any]) -> str | None:
        """What groups events of one ticket. A ticket may have the id of a conversation, so it is said which it is."""
        ticket_id = wire.ticket_id_in(item)
        return None if ticket_id is None else f"ticket:{ticket_id}"

    async def apply(self, _event: Event, item: dict[str, Any]) -> Processing:
        """Applies an event.

        Raises:
            IntercomRefused: Intercom won't give what is lacking.
            ServiceUnavailable: Intercom or MongoDB can't be asked: it must be tried again.
        """
        ticket_id = str(wire.ticket_id_in(item))
        told = wire.ticket_in(item)
        if told is not None and told.contact_ids and not await self._keeper.is_ours(told):
            return Processing.NOT_OURS
        whole = told if told is not None and _is_whole(told) else None
        if whole is None or not await self._keeper.is_known(ticket_id):
            # Of a ticket that isn't known, this may be late news, and nothing newer is here to show in its place.
            found = await self._keeper.refresh(ticket_id, priority=Priority.COLD_LOAD)
            if found is None or whole is None:
                return Processing.NOT_OURS if found is None else Processing.APPLIED
        await self._apply(whole)
        return Processing.APPLIED

    async def settle(self, item: dict[str, Any]) -> None:
        """Nothing is left to show of a ticket that could not be loaded: what a webhook had of it was applied."""

    async def _apply(self, told: wire.Ticket) -> None:
        applied = await self._keeper.apply(told)
        if not applied.saved:
            raise ServiceUnavailable
        if any(part.unformatted for part in applied.after.parts):
            with suppress(ServiceUnavailable):  # then it is shown without its formatting until the reconciler comes
                await self._keeper.refresh(applied.after.id, priority=Priority.COLD_LOAD)


def _is_whole(told: wire.Ticket) -> bool:
    """Whether the webhook says all that a ticket has; what it left out would else be taken for none."""
    return bool(told.contact_ids) and told.ticket_parts is not None and told.is_shared is not None
