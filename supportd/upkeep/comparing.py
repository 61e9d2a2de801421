"""The full comparison of MongoDB with Intercom: contacts, conversations, tickets, and the tags of ratings.

Intercom's side is read by searches, page by page, from the oldest change on; what no page had is then asked for one by
one. Nothing is changed, here or there.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from supportd.conversations.state import decode
from supportd.errors import IntercomNotFound
from supportd.intercom import wire, wire_tickets
from supportd.intercom.budget import Priority
from supportd.intercom.client import MOST_FOUND, IntercomClient
from supportd.intercom.clock import IntercomClock
from supportd.intercom.search import Batch
from supportd.intercom.tickets import TicketClient
from supportd.stores.comparison import ComparisonStore, Stored, Things
from supportd.stores.contacts import Contact
from supportd.stores.stores import Stores
from supportd.tickets.state import decode as decode_ticket
from supportd.upkeep.checkpoint import Advance, Checkpoint
from supportd.upkeep.differences import Difference, Kind, What, of_conversation, of_ratings, of_ticket, tags_of

READ_AT_ONCE = 500
FIRST_S = 1  # Intercom's time: everything was updated since then

Progress = Callable[[str, int], None]
Told = wire.Conversation | wire_tickets.Ticket


@dataclass(frozen=True)
class _Sort:
    """One sort of thing: where it is here, how Intercom is asked for it, and what counts as a difference."""

    kind: Kind
    things: Things
    updated_since: Callable[[int], AsyncIterator[Batch[Any]]]
    load: Callable[[str], Awaitable[Any]]
    decode: Callable[[bytes], Any]
    compare: Callable[[Any, Any], What | None]


class Comparing:
    """The steps of a comparison, each from where the checkpoint has it.

    What changed at Intercom within the last `settled_s` seconds is left out: its webhook may be on its way.
    """

    def __init__(
        self,
        *,
        stores: Stores,
        store: ComparisonStore,
        client: IntercomClient,
        tickets: TicketClient,
        checkpoint: Checkpoint,
        intercom_clock: IntercomClock,
        settled_s: float,
        progress: Progress,
    ) -> None:
        self._stores = stores
        self._store = store
        self._client = client
        self._conversations = _conversations(client)
        self._tickets = _tickets(tickets)
        self._checkpoint = checkpoint
        self._clock = intercom_clock
        self._settled_s = settled_s
        self._progress = progress

    async def run(self) -> None:
        """Does what is left to compare.

        Raises:
            ServiceUnavailable: Intercom or MongoDB is away; it may be run again and goes on where it was.
            IntercomRefused: the token isn't good for this.
        """
        steps: dict[str, Callable[[str], Awaitable[None]]] = {
            "contacts": self._contacts,
            "conversations": partial(self._at_intercom, sort=self._conversations),
            "tickets": partial(self._at_intercom, sort=self._tickets),
            "conversations here": partial(self._here, sort=self._conversations),
            "tickets here": partial(self._here, sort=self._tickets),
        }
        for name, take in steps.items():
            if not self._checkpoint.is_done(name):
                await take(name)
                self._checkpoint.end(name)

    async def _contacts(self, step: str) -> None:
        while contacts := await self._store.contacts_after(self._checkpoint.position(step), limit=MOST_FOUND):
            told = await self._client.users_among([contact.user_id for contact in contacts])
            found = {contact.external_id: contact.id for contact in told}
            unlike = [each for each in contacts if found.get(each.user_id) != each.contact_id]
            differences = [difference for each in unlike for difference in await self._contact(each)]
            self._advance(step, Kind.CONTACT, Advance(contacts[-1].user_id, len(contacts), (), differences))

    async def _contact(self, known: Contact) -> list[Difference]:
        """How one differs that the search doesn't show as it is here: the search may lag, this doesn't."""
        try:
            told = await self._client.find_contact(known.user_id, priority=Priority.RECONCILER)
        except IntercomNotFound:
            return [Difference(Kind.CONTACT, known.contact_id, What.NOT_AT_INTERCOM)]
        if told.id == known.contact_id:
            return []
        return [Difference(Kind.CONTACT, known.contact_id, What.OTHER_ID, told.id)]

    async def _at_intercom(self, step: str, sort: _Sort) -> None:
        """Reads all that Intercom has, and compares what is a user's of ours."""
        since = int(self._checkpoint.position(step) or FIRST_S)
        async for batch in sort.updated_since(since):
            known = await self._store.among(sort.things, [str(told.id) for told in batch.items])
            ours = await self._ours(batch.items)
            compared = [told for told in batch.items if str(told.id) in known or not ours.isdisjoint(told.contact_ids)]
            settled = [told for told in compared if self._is_settled(told)]
            differences = await self._confirmed(sort, await self._unlike(sort, settled, known), known)
            since = since if batch.read_to is None else batch.read_to
            seen = [str(told.id) for told in compared]
            fresh = len(self._checkpoint.unseen(sort.kind, seen))  # a page may repeat what one before it had
            self._advance(step, sort.kind, Advance(str(since), fresh, seen, differences))

    async def _unlike(self, sort: _Sort, told: Sequence[Told], known: Mapping[str, Stored]) -> list[Difference]:
        found = [(str(each.id), _how(sort, each, known.get(str(each.id)))) for each in told]
        differences = [Difference(sort.kind, id_, what) for id_, what in found if what is not None]
        if sort.kind is Kind.CONVERSATION:
            differences += await self._unlike_tags([each for each in told if isinstance(each, wire.Conversation)])
        return differences

    async def _confirmed(
        self, sort: _Sort, suspected: Sequence[Difference], known: Mapping[str, Stored]
    ) -> list[Difference]:
        """Those that Intercom itself confirms: what a search shows may be old, long after a change."""
        differences: list[Difference] = []
        gone_here = {each.id for each in suspected if each.what is What.DELETED_HERE}
        for id_ in dict.fromkeys(each.id for each in suspected):
            try:
                told = await sort.load(id_)
            except IntercomNotFound:
                is_shown = id_ in known and id_ not in gone_here
                differences += [Difference(sort.kind, id_, What.NOT_AT_INTERCOM)] if is_shown else []
            else:
                differences += await self._unlike(sort, [told] if self._is_settled(told) else [], known)
        return differences

    async def _unlike_tags(self, told: Sequence[wire.Conversation]) -> list[Difference]:
        """Of ratings that supportd had the time to tag."""
        latest = (self._clock.time() - self._settled_s) * 1000
        given = await self._stores.ratings.of_conversations(str(each.id) for each in told)
        fresh = {rating.conversation_id for rating in given if rating.rated_at > latest}
        differences: list[Difference] = []
        for each in told:
            its = [rating for rating in given if rating.conversation_id == str(each.id)]
            if str(each.id) not in fresh:
                differences += of_ratings(str(each.id), tags_of(each), its)
        return differences

    async def _ours(self, told: Sequence[Told]) -> set[str]:
        contact_ids = {contact_id for each in told for contact_id in each.contact_ids}
        return await self._stores.contacts.known(contact_ids) | (self._checkpoint.new_contacts() & contact_ids)

    async def _here(self, step: str, sort: _Sort) -> None:
        """Asks Intercom for what is here and no search showed."""
        while page := await self._page(step, sort.things):
            unseen = sorted(self._checkpoint.unseen(sort.kind, page))
            found = [(id_, await self._unseen(sort, page[id_])) for id_ in unseen]
            differences = [Difference(sort.kind, id_, what) for id_, what in found if what is not None]
            self._advance(step, sort.kind, Advance(max(page), len(unseen), (), differences))

    async def _unseen(self, sort: _Sort, stored: Stored) -> What | None:
        known = sort.decode(stored.encoded)
        if known is None:
            return What.UNREADABLE
        if known.deleted or not self._is_old(known.created_at):
            return None
        try:
            told = await sort.load(stored.id)
        except IntercomNotFound:
            return What.NOT_AT_INTERCOM
        return sort.compare(told, known) if self._is_settled(told) else None

    async def _page(self, step: str, things: Things) -> dict[str, Stored]:
        page = await self._store.after(things, self._checkpoint.position(step), limit=READ_AT_ONCE)
        return {stored.id: stored for stored in page}

    def _advance(self, step: str, kind: Kind, to: Advance) -> None:
        self._checkpoint.advance(step, kind, to)
        self._progress(f"comparing {step}", self._checkpoint.compared()[step])

    def _is_settled(self, told: Told) -> bool:
        return told.updated_at <= self._clock.time() - self._settled_s

    def _is_old(self, created_at: int) -> bool:
        """Whether what was made then (ms) has surely reached all of Intercom."""
        return created_at / 1000 <= self._clock.time() - self._settled_s


def _how(sort: _Sort, told: Told, stored: Stored | None) -> What | None:
    """How what Intercom told differs from what is stored of it."""
    if stored is None:
        return What.MISSING
    known = sort.decode(stored.encoded)
    return What.UNREADABLE if known is None else sort.compare(told, known)


def _conversations(client: IntercomClient) -> _Sort:
    async def load(id_: str) -> wire.Conversation:
        return (await client.conversation(id_, priority=Priority.RECONCILER)).conversation

    return _Sort(Kind.CONVERSATION, Things.CONVERSATIONS, client.updated_since, load, decode, of_conversation)


def _tickets(client: TicketClient) -> _Sort:
    load = partial(client.ticket, priority=Priority.RECONCILER)
    return _Sort(Kind.TICKET, Things.TICKETS, client.updated_since, load, decode_ticket, of_ticket)
