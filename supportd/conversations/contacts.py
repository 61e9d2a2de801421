"""Who a user is in Intercom: the contact whose `external_id` is the user id."""

import asyncio
import re

import msgspec
import structlog
from cachetools import LRUCache, TTLCache

from supportd.clock import Clock
from supportd.errors import IntercomNotFound, IntercomRefused
from supportd.intercom.budget import Priority
from supportd.intercom.client import IntercomClient
from supportd.stores.contacts import Contact, ContactStore
from supportd.tasks import SingleFlight

CACHED = 100_000
ABSENT_FOR_S = 30
CONFLICT_RETRIES_S = (0.2, 0.5, 1.0)

# A conflict names the contact in its text only, and says whether it is archived (Intercom's OpenAPI file, issue 543).
_CONFLICT_ID = re.compile(r"\bid=([0-9a-f]{24})\b")


class ContactBook:
    """The mapping: in memory, beneath it in MongoDB, beneath that in Intercom. Reading never creates a contact."""

    def __init__(self, *, store: ContactStore, client: IntercomClient, clock: Clock, cached: int = CACHED) -> None:
        self._store = store
        self._client = client
        self._known: LRUCache[str, Contact] = LRUCache(cached)
        self._absent: TTLCache[str, bool] = TTLCache(cached, ABSENT_FOR_S, timer=clock.monotonic)
        self._finding: SingleFlight[Contact | None] = SingleFlight()

    def cached(self, user_id: str) -> str | None:
        """The contact id of the user, if it is in memory."""
        contact = self._known.get(user_id)
        return None if contact is None else contact.contact_id

    async def find(self, user_id: str) -> Contact | None:
        """The user's contact, or None if Intercom has none. Asked of Intercom at most twice a minute."""
        known = self._known.get(user_id)
        if known is not None or user_id in self._absent:
            return known
        return await self._finding.run(user_id, lambda: self._find(user_id))

    async def ensure(self, user_id: str) -> Contact:
        """The user's contact, made if there is none."""
        known = self._known.get(user_id) or await self._store.get(user_id)
        if known is not None:
            return self._remember(known)
        try:
            contact_id = (await self._client.find_contact(user_id, priority=Priority.USER_WRITE)).id
        except IntercomNotFound:
            contact_id = await self._create(user_id)
        return self._remember(await self._store.put(user_id, contact_id))

    async def replace(self, stale: Contact) -> Contact:
        """The user's contact anew, after Intercom didn't know the mapped one: it was merged, or deleted for good."""
        self._known.pop(stale.user_id, None)
        try:
            contact_id = (await self._client.find_contact(stale.user_id, priority=Priority.USER_WRITE)).id
        except IntercomNotFound:
            contact_id = await self._create(stale.user_id)
        return self._remember(await self._store.put(stale.user_id, contact_id))

    async def mark_listed(self, contact: Contact) -> None:
        """Records that all conversations of the contact are known."""
        await self._store.mark_listed(contact.user_id, contact.contact_id)
        self._update(contact, listed=True)

    async def mark_tickets_listed(self, contact: Contact) -> None:
        """Records that all tickets of the contact are known."""
        await self._store.mark_tickets_listed(contact.user_id, contact.contact_id)
        self._update(contact, tickets_listed=True)

    async def known(self, contact_ids: tuple[str, ...]) -> set[str]:
        """Those of the contacts that belong to a user of ours."""
        return await self._store.known(contact_ids) if contact_ids else set()

    async def stop(self) -> None:
        """Ends look-ups under way."""
        await self._finding.stop()

    async def _find(self, user_id: str) -> Contact | None:
        known = await self._store.get(user_id)
        if known is not None:
            return self._remember(known)
        try:
            found = await self._client.find_contact(user_id, priority=Priority.COLD_LOAD)
        except IntercomNotFound:
            self._absent[user_id] = True
            return None
        return self._remember(await self._store.put(user_id, found.id))

    async def _create(self, user_id: str) -> str:
        try:
            return (await self._client.create_contact(user_id)).id
        except IntercomRefused as refusal:
            if refusal.status != 409:
                raise
            return await self._resolve_conflict(user_id, refusal)

    async def _resolve_conflict(self, user_id: str, refusal: IntercomRefused) -> str:
        """The contact that was in the way: made by somebody else just now, or archived."""
        named = _CONFLICT_ID.search(refusal.detail)
        if named is not None:
            if "archived" in refusal.detail.lower():
                await self._client.unarchive_contact(named[1])
            return named[1]
        for pause in CONFLICT_RETRIES_S:
            try:
                return (await self._client.find_contact(user_id, priority=Priority.USER_WRITE)).id
            except IntercomNotFound:
                await asyncio.sleep(pause)
        structlog.get_logger("supportd.contacts").warning("contact conflict unresolved")
        raise refusal

    def _update(self, contact: Contact, **changes: bool) -> None:
        """Changes what is remembered of a contact, unless the user has another one by now."""
        known = self._known.get(contact.user_id)
        if known is not None and known.contact_id == contact.contact_id:
            self._remember(msgspec.structs.replace(known, **changes))

    def _remember(self, contact: Contact) -> Contact:
        self._known[contact.user_id] = contact
        self._absent.pop(contact.user_id, None)
        return contact
