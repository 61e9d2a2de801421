"""The keeper of tickets: memory over snapshots over Intercom, and the one way by which news gets in.

A change is saved before it is shown, as with conversations.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import NamedTuple

import msgspec
import structlog
from cachetools import LRUCache, TTLCache

from supportd.clock import Clock
from supportd.conversations.age import confirmed_ago_s
from supportd.conversations.attachments import Home
from supportd.conversations.contacts import ContactBook
from supportd.conversations.messages import NO_FILES, Files
from supportd.conversations.sent_files import SentFiles
from supportd.conversations.state import Message
from supportd.errors import IntercomNotFound, NotFound, StorageUnavailable
from supportd.intercom import wire_tickets as wire
from supportd.intercom.budget import Priority
from supportd.intercom.clock import IntercomClock
from supportd.intercom.tickets import TicketClient
from supportd.metrics import Metrics
from supportd.stores.mongo import Overtaken
from supportd.stores.ratings import RatingStore
from supportd.stores.tickets import TicketSnapshot, TicketStore
from supportd.tasks import KeyedLocks, SingleFlight, give_way
from supportd.tickets.projection import deleted, project, project_part
from supportd.tickets.state import TicketState, decode, encode

ABSENT_FOR_S = 30
ABSENT_TRACKED = 100_000
UNKNOWN_REMEMBERED = 10_000
YOUNG_MS = 600_000


# Takes in what was known before and what will be: users are told of it once it is shown. Raises `StorageUnavailable`.
Announce = Callable[[TicketState | None, TicketState], Awaitable[None]]


class Applied(NamedTuple):
    """What news did: the ticket before and after, and whether the one after is saved."""

    before: TicketState | None
    after: TicketState
    saved: bool = True


class TicketKeeper:
    """Finds tickets and applies news to them, one piece of news of a ticket at a time."""

    def __init__(
        self,
        *,
        store: TicketStore,
        ratings: RatingStore,
        client: TicketClient,
        contacts: ContactBook,
        files: SentFiles,
        announce: Announce,
        max_tickets: int,
        clock: Clock,
        intercom_clock: IntercomClock,
        metrics: Metrics,
    ) -> None:
        self._store = store
        self._ratings = ratings
        self._client = client
        self._contacts = contacts
        self._files = files
        self._announce = announce
        self._clock = clock
        self._intercom_clock = intercom_clock
        self._metrics = metrics
        self._memory: LRUCache[str, TicketState] = LRUCache(max_tickets)
        self._locks = KeyedLocks()
        self._loading: SingleFlight[TicketState] = SingleFlight()
        self._absent: TTLCache[str, bool] = TTLCache(ABSENT_TRACKED, ABSENT_FOR_S, timer=clock.monotonic)
        self._counted: LRUCache[str, bool] = LRUCache(UNKNOWN_REMEMBERED)
        self._all_confirmed_at: float | None = None
        self._log = structlog.get_logger("supportd.tickets")

    async def get(self, ticket_id: str) -> TicketState:
        """The ticket from memory, a snapshot or Intercom; one load, however many wait for it.

        Raises:
            NotFound: there is none, or it belongs to no user of ours.
            ServiceUnavailable: it isn't in memory, and MongoDB or Intercom can't be asked.
        """
        ticket = self._memory.get(ticket_id)
        if ticket is not None:
            return ticket
        if ticket_id in self._absent:
            raise NotFound
        return await self._loading.run(ticket_id, lambda: self._load(ticket_id))

    async def apply(
        self, told: wire.Ticket, files: Files = NO_FILES, *, heard_at: int | None = None, history: bool = False
    ) -> Applied:
        """Applies a ticket that Intercom told, whole, by whatever way; `files` of ours are known to be in it.

        It counts as told at `heard_at` (ms), by default now. Users aren't told of `history`: they just asked for it.

        If MongoDB doesn't take the new state, nothing is shown and the answer says so: the reconciler comes to it.
        """
        async with self._locks.hold(str(told.id)):
            before = await self._known(str(told.id))
            version = before.version if before is not None else 0
            if before is not None and before.deleted:
                if told.updated_at <= before.updated_at:
                    return Applied(before, before)
                before = None
            known = before.parts if before is not None else ()
            place = Home.TICKET.place(str(told.id))
            files = await self._files.among(told.parts, of=place, known=known, given=files)
            projection = project(before, told, heard_at=heard_at or self._now_ms(), files=files)
            self._count(projection.unknown_parts)
            after = projection.ticket if before is not None else await self._with_ratings(projection.ticket)
            after = msgspec.structs.replace(after, version=version)
            return await self._keep(before, after, history=history)

    async def apply_reply(self, known: TicketState, part: wire.TicketPart, files: Files) -> Applied:
        """Applies Intercom's answer to a reply. It was sent, so MongoDB's absence doesn't fail it.

        What the caller knows counts where it is newer: it may be what couldn't be saved.
        """
        async with self._locks.hold(known.id):
            before = self._memory.get(known.id, known)
            if (before.updated_at, before.part_count) < (known.updated_at, known.part_count):
                before = known
            after = project_part(before, part, files=files)
            return await self._keep(before, after)

    async def refresh(self, ticket_id: str, *, priority: Priority) -> Applied | None:
        """Loads a ticket and applies it; None if neither we nor Intercom know it, or it belongs to no user of ours.

        One that we know and Intercom doesn't is deleted; but a young one may not have reached all of Intercom yet, and
        stays.
        """
        try:
            told = await self._client.ticket(ticket_id, priority=priority)
        except IntercomNotFound:
            before = await self._known(ticket_id)
            if before is None:
                return None
            if self._is_young(before):
                return Applied(before, before)
            return Applied(before, await self.delete(ticket_id) or before)
        return await self.apply(told) if await self.is_ours(told) else None

    async def messages_now(self, ticket_id: str) -> Iterable[Message]:
        """The messages with Intercom's addresses of files as they are just now.

        Raises:
            NotFound: the ticket is gone.
            ServiceUnavailable: Intercom can't be asked, or MongoDB what is known.
        """
        applied = await self.refresh(ticket_id, priority=Priority.COLD_LOAD)
        if applied is None:
            raise NotFound
        return [part.message for part in applied.after.parts]

    async def mark_rated(self, ticket_id: str, contact_id: str) -> None:
        """Records that the contact rated the ticket."""
        async with self._locks.hold(ticket_id):
            ticket = await self._known(ticket_id)
            if ticket is None or contact_id in ticket.rated_by:
                return
            ticket = msgspec.structs.replace(ticket, rated_by=(*ticket.rated_by, contact_id))
            self._memory[ticket_id] = await self._save(ticket)

    async def delete(self, ticket_id: str) -> TicketState | None:
        """Takes over that a ticket was deleted in Intercom; answers what is left, if it was known."""
        async with self._locks.hold(ticket_id):
            ticket = await self._known(ticket_id)
            if ticket is not None and not ticket.deleted:
                ticket = await self._save(deleted(ticket, at=int(self._intercom_clock.time())))
            self._memory.pop(ticket_id, None)
            self._absent[ticket_id] = True
        return ticket

    async def take_over(self, ticket_id: str, version: int | None) -> None:
        """Forgets what is older in memory than what another process stored; None: that is gone."""
        async with self._locks.hold(ticket_id):
            ticket = self._memory.get(ticket_id)
            if ticket is None or version is None or ticket.version < version:
                self._memory.pop(ticket_id, None)
                self._absent.pop(ticket_id, None)

    def forget_all(self) -> None:
        """Forgets what is in memory."""
        self._memory.clear()

    async def is_known(self, ticket_id: str) -> bool:
        """Whether it is known here, if only as deleted."""
        return await self._known(ticket_id) is not None

    async def is_ours(self, told: wire.Ticket) -> bool:
        """Whether it is known here or belongs to a user of ours."""
        return await self.is_known(str(told.id)) or bool(await self._contacts.known(told.contact_ids))

    def confirm_all(self, at: float) -> None:
        """Takes over that every ticket in Intercom was seen as of this time (s of the monotonic clock)."""
        self._all_confirmed_at = at

    def age_s(self, ticket: TicketState) -> int:
        """Seconds since Intercom last confirmed the ticket."""
        return confirmed_ago_s(ticket.confirmed_at, self._all_confirmed_at, self._clock)

    async def stop(self) -> None:
        """Ends loads under way."""
        await self._loading.stop()

    async def _load(self, ticket_id: str) -> TicketState:
        async with self._locks.hold(ticket_id):  # so that no older snapshot follows a newer state into memory
            stored = await self._known(ticket_id)
            if stored is not None and stored.deleted:
                raise NotFound
            if stored is not None:
                self._memory[ticket_id] = stored
                return stored
        try:
            told = await self._client.ticket(ticket_id, priority=Priority.COLD_LOAD)
        except IntercomNotFound:
            raise self._remember_absent(ticket_id) from None
        if str(told.id) != ticket_id or not await self._contacts.known(told.contact_ids):
            raise self._remember_absent(ticket_id)
        applied = await self.apply(told, history=True)
        if applied.after.deleted:  # meanwhile
            raise self._remember_absent(ticket_id)
        if not applied.saved:
            raise StorageUnavailable
        return applied.after

    async def _with_ratings(self, ticket: TicketState) -> TicketState:
        """With who rated it before, of which nothing but the record is left."""
        given = await self._ratings.of_ticket(ticket.id)
        return msgspec.structs.replace(ticket, rated_by=tuple(dict.fromkeys(rating.contact_id for rating in given)))

    def _remember_absent(self, ticket_id: str) -> NotFound:
        self._absent[ticket_id] = True
        return NotFound()

    async def known(self, ticket_id: str) -> TicketState | None:
        """What is shown of a ticket just now; None if it isn't known here. Raises `StorageUnavailable`."""
        return await self._known(ticket_id)

    async def _known(self, ticket_id: str) -> TicketState | None:
        ticket = self._memory.get(ticket_id)
        if ticket is not None:
            return ticket
        snapshot = await self._store.get(ticket_id)
        if snapshot is None:
            return None
        ticket = decode(snapshot.encoded)
        if ticket is None:
            self._log.warning("snapshot unreadable, loading again", ticket=ticket_id)
            await self._store.discard(ticket_id)
        return ticket

    async def _keep(self, before: TicketState | None, after: TicketState, *, history: bool = False) -> Applied:
        """Saves and shows a ticket, unless MongoDB doesn't take it."""
        if before != after:
            try:
                if not history:
                    await self._announce(before, after)  # before it is saved, so that a crash loses none
                await give_way()  # both what was done and what follows take as long as several polls
                after = await self._save(after)
            except StorageUnavailable:
                return Applied(before, after, saved=False)
            self._absent.pop(after.id, None)
            self._memory[after.id] = after
        return Applied(before, after, saved=True)

    async def _save(self, ticket: TicketState) -> TicketState:
        """Saves a ticket as the version after its own, and answers it so."""
        ticket = msgspec.structs.replace(ticket, version=ticket.version + 1)
        snapshot = TicketSnapshot(
            id=ticket.id,
            contact_ids=ticket.contact_ids,
            number=ticket.number,
            created_at=ticket.created_at,
            confirmed_at=ticket.confirmed_at,
            shown=ticket.shared and not ticket.deleted,
            open=ticket.state != "resolved" and not ticket.deleted,
            version=ticket.version,
            encoded=encode(ticket),
        )
        try:
            await self._store.save(snapshot)
        except Overtaken:  # by a save that was given up and came through: what it stored counts
            self._memory.pop(ticket.id, None)
            raise
        return ticket

    def _count(self, unknown_parts: tuple[str, ...]) -> None:
        for part_id in unknown_parts:
            if part_id not in self._counted:
                self._counted[part_id] = True
                self._metrics.hidden_parts.inc()

    def _is_young(self, ticket: TicketState) -> bool:
        return self._intercom_clock.time() * 1000 - ticket.created_at < YOUNG_MS

    def _now_ms(self) -> int:
        return int(self._clock.time() * 1000)
