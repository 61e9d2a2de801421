"""The reconciler's stream of tickets. A search brings them whole, so what it finds is applied as it is.

Search never reports a deletion: a few tickets that have long been quiet are read again in each run as well, resolved
ones much later than open ones.
"""

from collections.abc import Awaitable, Callable
from functools import partial

import structlog

from supportd.clock import Clock
from supportd.conversations.contacts import ContactBook
from supportd.errors import IntercomRefused, StorageUnavailable
from supportd.intercom import wire_tickets as wire
from supportd.intercom.budget import Priority
from supportd.intercom.tickets import TicketClient
from supportd.stores.tickets import TicketStore
from supportd.sync.drift import DriftLog, missed_ticket_topics
from supportd.sync.patience import Patience
from supportd.sync.watermark import Watermark
from supportd.tickets.keeper import Applied, TicketKeeper

MAX_PAGES = 200
QUIET_S = 6 * 3600
RESOLVED_QUIET_S = 7 * 86400
QUIET_A_RUN = 10


class TicketStream:
    """Keeps tickets in step with Intercom."""

    def __init__(
        self,
        *,
        client: TicketClient,
        keeper: TicketKeeper,
        contacts: ContactBook,
        store: TicketStore,
        watermark: Watermark,
        drift: DriftLog,
        clock: Clock,
    ) -> None:
        self._client = client
        self._keeper = keeper
        self._contacts = contacts
        self._store = store
        self._watermark = watermark
        self._drift = drift
        self._clock = clock
        self._refused = False
        self._patience = Patience()
        self._log = structlog.get_logger("supportd.reconciler")

    async def run(self) -> int:
        """Brings every ticket of our users up to date; answers how many changes no webhook had told.

        Raises:
            ServiceUnavailable: Intercom or MongoDB is away; the watermark stays.
        """
        started_ms = int(self._clock.time() * 1000)
        since = await self._watermark.search_from()
        try:
            updated = [ticket async for ticket in self._client.updated_since(since, max_pages=MAX_PAGES)]
        except IntercomRefused as refusal:  # a token without the permission to read tickets must not spoil the rest
            self._tell_refused(refusal)
            return 0
        self._refused = False
        found = 0
        for ticket in await self._ours(updated):
            found += await self._bring(str(ticket.id), partial(self._keeper.apply, ticket))
        found += await self._reread_quiet()
        await self._watermark.advance(ticket.updated_at for ticket in updated)
        self._keeper.confirm_all(started_ms)
        return found

    async def _ours(self, updated: list[wire.Ticket]) -> list[wire.Ticket]:
        contact_ids = {contact_id for ticket in updated for contact_id in ticket.contact_ids}
        ours = await self._contacts.known(tuple(contact_ids))
        known = await self._store.known(str(ticket.id) for ticket in updated)
        return [t for t in updated if str(t.id) in known or not ours.isdisjoint(t.contact_ids)]

    async def _reread_quiet(self) -> int:
        found = 0
        for ticket_id in [*await self._quiet(QUIET_S, open=True), *await self._quiet(RESOLVED_QUIET_S, open=False)]:
            found += await self._bring(
                ticket_id, partial(self._keeper.refresh, ticket_id, priority=Priority.RECONCILER)
            )
        return found

    async def _quiet(self, for_s: int, *, open: bool) -> list[str]:  # noqa: A002 - as the store calls it
        before = int((self._clock.time() - for_s) * 1000)
        return await self._store.quiet(open=open, before=before, limit=QUIET_A_RUN)

    async def _bring(self, ticket_id: str, act: Callable[[], Awaitable[Applied | None]]) -> int:
        """Brings one ticket up to date. One that can't be ends the run, but can't hold up the others for ever."""
        try:
            applied = await act()
            found = 0 if applied is None else self._count(applied)
        except IntercomRefused as refusal:
            self._log.error("ticket refused", ticket=ticket_id, status=refusal.status)
            return 0
        except Exception:
            if not self._patience.failed(ticket_id):
                raise
            self._log.exception("ticket can't be refreshed", ticket=ticket_id)
            return 0
        self._patience.went_well(ticket_id)
        return found

    def _count(self, applied: Applied) -> int:
        if not applied.saved:
            raise StorageUnavailable
        topics = missed_ticket_topics(applied.before, applied.after)
        for topic in topics:
            self._drift.missed(topic)
        return len(topics)

    def _tell_refused(self, refusal: IntercomRefused) -> None:
        if not self._refused:
            self._refused = True
            self._log.error("tickets refused: may the access token read them?", status=refusal.status)
