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
from supportd.sync.attempts import Attempts
from supportd.sync.drift import DriftLog, missed_ticket_topics
from supportd.sync.patience import Patience
from supportd.sync.quiet import QuietOnes
from supportd.sync.watermark import Watermark
from supportd.tickets.keeper import Applied, TicketKeeper

QUIET_S = 6 * 3600
RESOLVED_QUIET_S = 7 * 86400


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
        self._quiet = QuietOnes(partial(store.quiet, open=True), for_s=QUIET_S, clock=clock)
        self._quiet_resolved = QuietOnes(partial(store.quiet, open=False), for_s=RESOLVED_QUIET_S, clock=clock)
        self._patience = Patience()
        self._log = structlog.get_logger("supportd.reconciler")

    async def run(self) -> int:
        """Brings every ticket of our users up to date; answers how many changes no webhook had told.

        Raises:
            ServiceUnavailable: Intercom or MongoDB is away; the watermark stays where all was well.
        """
        started_at = self._clock.monotonic()
        attempts = Attempts("ticket", patience=self._patience)
        try:
            async for batch in self._client.updated_since(await self._watermark.search_from()):
                await self._take_in(attempts, await self._ours(batch.items))
                if attempts.failure is None and batch.read_to is not None:
                    await self._watermark.reached(batch.read_to)
        except IntercomRefused as refusal:  # a token without the permission to read tickets must not spoil the rest
            self._tell_refused(refusal)
            return 0
        self._refused = False
        if self._watermark.looks_far:
            await self._refresh(attempts, self._patience.left_behind)
        if attempts.failure is None:
            await self._watermark.ended()
            self._keeper.confirm_all(started_at)
        await self._refresh(attempts, [*await self._quiet.next(), *await self._quiet_resolved.next()])
        if attempts.failure is not None:
            raise attempts.failure
        return attempts.found

    async def _ours(self, updated: list[wire.Ticket]) -> list[wire.Ticket]:
        contact_ids = {contact_id for ticket in updated for contact_id in ticket.contact_ids}
        ours = await self._contacts.known(tuple(contact_ids))
        known = await self._store.known(str(ticket.id) for ticket in updated)
        return [t for t in updated if str(t.id) in known or not ours.isdisjoint(t.contact_ids)]

    async def _take_in(self, attempts: Attempts, tickets: list[wire.Ticket]) -> None:
        await attempts.make({str(ticket.id): partial(self._bring, partial(self._apply, ticket)) for ticket in tickets})

    async def _apply(self, ticket: wire.Ticket) -> Applied:
        """Applies what a search brought. It isn't news of now: an index may go on showing what is no more."""
        return await self._keeper.apply(ticket, heard_at=ticket.updated_at * 1000)

    async def _refresh(self, attempts: Attempts, ids: list[str]) -> None:
        refresh = partial(self._keeper.refresh, priority=Priority.RECONCILER)
        await attempts.make({id_: partial(self._bring, partial(refresh, id_)) for id_ in ids})

    async def _bring(self, act: Callable[[], Awaitable[Applied | None]]) -> int:
        """Brings one ticket up to date and counts what was new in it."""
        applied = await act()
        return 0 if applied is None else self._count(applied)

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
