"""A user's list: found once by a search, kept since by webhooks and the reconciler, read from the snapshots."""

from typing import NamedTuple

from supportd.conversations.contacts import ContactBook
from supportd.conversations.keeper import ConversationKeeper
from supportd.conversations.paging import Cursor, write_cursor
from supportd.conversations.state import State, decode
from supportd.errors import IntercomRefused, IntercomUnavailable
from supportd.intercom import wire
from supportd.intercom.budget import Priority
from supportd.intercom.client import IntercomClient
from supportd.stores.contacts import Contact
from supportd.stores.snapshots import SnapshotStore
from supportd.tasks import SingleFlight, gather_some

MAX_SEARCH_PAGES = 10
NEWEST_LOADED = 5
MOST_LOADED = 20
LOADS_AT_ONCE = 4


class Page(NamedTuple):
    """One page of conversations, and the cursor of the next."""

    states: list[State]
    next_cursor: str | None


class Listing:
    """Lists a contact's conversations, most recently updated first."""

    def __init__(
        self, *, snapshots: SnapshotStore, keeper: ConversationKeeper, contacts: ContactBook, client: IntercomClient
    ) -> None:
        self._snapshots = snapshots
        self._keeper = keeper
        self._contacts = contacts
        self._client = client
        self._searching: SingleFlight[None] = SingleFlight()

    async def page(self, contact: Contact, *, limit: int, before: Cursor | None) -> Page:
        """One page. The first ever costs a search in Intercom, every later one none.

        Raises:
            ServiceUnavailable: Intercom is needed and away, or MongoDB is.
        """
        await self._search_once(contact)
        found = await self._snapshots.page(contact.contact_id, before=before, limit=limit + 1)
        decoded = [decode(snapshot.encoded) for snapshot in found[:limit]]
        more = found[limit - 1] if len(found) > limit else None
        return Page(
            states=[state for state in decoded if state is not None],
            next_cursor=None if more is None else write_cursor(Cursor(more.changed_at, more.id)),
        )

    async def newest_open(self, contact: Contact) -> str | None:
        """The id of the conversation that isn't closed and changed last. Raises as `page` does."""
        await self._search_once(contact)
        return await self._snapshots.newest_open(contact.contact_id)

    async def stop(self) -> None:
        """Ends searches under way."""
        await self._searching.stop()

    async def _search_once(self, contact: Contact) -> None:
        if not contact.listed:
            await self._searching.run(contact.contact_id, lambda: self._search(contact))

    async def _search(self, contact: Contact) -> None:
        found = [
            conversation
            async for conversation in self._client.conversations_of(contact.contact_id, max_pages=MAX_SEARCH_PAGES)
        ]
        for conversation in found:
            await self._keeper.apply_header(conversation)
        await self._load_some(found)
        await self._contacts.mark_listed(contact)

    async def _load_some(self, found: list[wire.Conversation]) -> None:
        """Loads what the user will look at first. The rest is loaded when it is opened."""
        wanted = [
            str(conversation.id)
            for place, conversation in enumerate(found)
            if place < NEWEST_LOADED or conversation.state != "closed"
        ]

        async def load(conversation_id: str) -> None:
            await self._keeper.refresh(conversation_id, priority=Priority.COLD_LOAD)

        results = await gather_some(load, wanted[:MOST_LOADED], at_once=LOADS_AT_ONCE)
        for result in results:
            if isinstance(result, BaseException) and not isinstance(result, IntercomUnavailable | IntercomRefused):
                raise result
