"""A user's tickets: found once by a search, kept since by webhooks and the reconciler, read from the snapshots."""

from typing import NamedTuple

from supportd.conversations.contacts import ContactBook
from supportd.conversations.paging import Cursor, write_cursor
from supportd.errors import StorageUnavailable
from supportd.intercom.tickets import TicketClient
from supportd.stores.contacts import Contact
from supportd.stores.tickets import TicketStore
from supportd.tasks import SingleFlight
from supportd.tickets.keeper import TicketKeeper
from supportd.tickets.state import TicketState, decode

MAX_SEARCH_PAGES = 10


class Page(NamedTuple):
    """One page of tickets, and the cursor of the next."""

    tickets: list[TicketState]
    next_cursor: str | None


class TicketListing:
    """Lists a contact's tickets, the newest first."""

    def __init__(
        self, *, store: TicketStore, keeper: TicketKeeper, contacts: ContactBook, client: TicketClient
    ) -> None:
        self._store = store
        self._keeper = keeper
        self._contacts = contacts
        self._client = client
        self._searching: SingleFlight[None] = SingleFlight()

    async def page(self, contact: Contact, *, number_prefix: str, limit: int, before: Cursor | None) -> Page:
        """One page of those whose number begins so. The first ever costs a search in Intercom, every later one none.

        Raises:
            ServiceUnavailable: Intercom is needed and away, or MongoDB is.
        """
        if not contact.tickets_listed:
            await self._searching.run(contact.contact_id, lambda: self._search(contact))
        found = await self._store.page(contact.contact_id, number_prefix=number_prefix, before=before, limit=limit + 1)
        decoded = [decode(snapshot.encoded) for snapshot in found[:limit]]
        more = found[limit - 1] if len(found) > limit else None
        return Page(
            tickets=[ticket for ticket in decoded if ticket is not None],
            next_cursor=None if more is None else write_cursor(Cursor(more.created_at, more.id)),
        )

    async def stop(self) -> None:
        """Ends searches under way."""
        await self._searching.stop()

    async def _search(self, contact: Contact) -> None:
        async for told in self._client.tickets_of(contact.contact_id, max_pages=MAX_SEARCH_PAGES):
            applied = await self._keeper.apply(told, history=True)
            if not applied.saved:
                raise StorageUnavailable
        await self._contacts.mark_tickets_listed(contact)
