"""CSAT: users rate conversations and tickets. Stored here; Intercom gets tags, and never a comment."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple
from uuid import uuid4

import structlog

from supportd.clock import Clock
from supportd.conversations import state
from supportd.conversations.contacts import ContactBook
from supportd.conversations.keeper import ConversationKeeper
from supportd.conversations.service import ConversationService
from supportd.errors import NotFound, StorageUnavailable
from supportd.identity import Identity
from supportd.stores.outbox import Job, Kind
from supportd.stores.ratings import Rating, RatingStore
from supportd.tickets.keeper import TicketKeeper
from supportd.tickets.service import TicketService

SWEEP_LIMIT = 500


class Given(NamedTuple):
    """What a user gives: one of both ids is there."""

    stars: int
    comment: str | None
    ticket_id: str | None
    conversation_id: str | None


class Csat:
    """Takes ratings.

    The stored rating is the record of what follows from it: it is shown, tags are put into the outbox, and then it is
    settled. What a crash or MongoDB's absence leaves unsettled, `sweep` settles; each step may be done again.
    `enqueue` raises `StorageUnavailable` where a job can't be stored.
    """

    def __init__(
        self,
        *,
        store: RatingStore,
        contacts: ContactBook,
        conversations: ConversationService,
        tickets: TicketService,
        conversation_keeper: ConversationKeeper,
        ticket_keeper: TicketKeeper,
        enqueue: Callable[[Job], Awaitable[None]],
        clock: Clock,
    ) -> None:
        self._store = store
        self._contacts = contacts
        self._conversations = conversations
        self._tickets = tickets
        self._conversation_keeper = conversation_keeper
        self._ticket_keeper = ticket_keeper
        self._enqueue = enqueue
        self._clock = clock
        self._log = structlog.get_logger("supportd.csat")

    async def rate(self, caller: Identity, given: Given) -> str | None:
        """Takes a rating and answers its id; None if the caller rated this before, and then nothing changes.

        Raises:
            NotFound: the conversation or the ticket isn't the caller's, or there is none.
            ServiceUnavailable: it isn't known here and Intercom is away, or MongoDB is. Nothing was stored.
        """
        rating = Rating(
            id=uuid4().hex,
            user_id=caller.user_id,
            contact_id=await self._contact_id(caller, given),
            stars=given.stars,
            comment=given.comment,
            rated_at=int(self._clock.time() * 1000),
            ticket_id=given.ticket_id,
            conversation_id=given.conversation_id,
        )
        if not await self._store.add(rating):
            return None
        try:
            await self._settle(rating)
        except StorageUnavailable:
            self._log.warning("rating not settled yet")
        return rating.id

    async def sweep(self) -> None:
        """Settles what is stored and not settled; one that can't be holds up no other.

        Raises:
            StorageUnavailable: MongoDB didn't take something; what is left is settled later.
        """
        failure: StorageUnavailable | None = None
        for rating in await self._store.unsettled(limit=SWEEP_LIMIT):
            try:
                await self._settle(rating)
            except StorageUnavailable as error:
                failure = error
        if failure is not None:
            raise failure

    async def _contact_id(self, caller: Identity, given: Given) -> str:
        """The caller's contact, once what is rated proved to be the caller's."""
        if given.conversation_id is not None:
            await self._conversations.find(caller, given.conversation_id)
        if given.ticket_id is not None:
            await self._tickets.find(caller, given.ticket_id)
        contact = await self._contacts.find(caller.user_id)
        if contact is None:
            raise NotFound
        return contact.contact_id

    async def _settle(self, rating: Rating) -> None:
        if rating.conversation_id is not None:
            shown = state.Rating(rating.stars, rating.comment, rating.rated_at)
            await self._conversation_keeper.rate(rating.conversation_id, rating.contact_id, shown)
        if rating.ticket_id is not None:
            await self._ticket_keeper.mark_rated(rating.ticket_id, rating.contact_id)
        for job in _jobs(rating):
            await self._enqueue(job)
        await self._store.settle(rating)


def _jobs(rating: Rating) -> list[Job]:
    """The tags for operators: on the conversation, or on the ticket where there is none."""
    kind, target = Kind.TAG, rating.conversation_id
    if target is None:
        kind, target = Kind.TICKET_TAG, rating.ticket_id or ""
    return [Job(f"{rating.id}:{tag}", kind, target, text=tag) for tag in ("csat", f"csat-{rating.stars}")]
