"""The reconciler's stream of conversations.

A search lists what was updated since the watermark, with an overlap wider than the lag of the search index; what a full
load hasn't proven since is loaded. Search can miss a change and never reports a deletion: a few open conversations that
have long been quiet are read again in each run as well.
"""

import structlog

from supportd.clock import Clock
from supportd.conversations.contacts import ContactBook
from supportd.conversations.keeper import ConversationKeeper
from supportd.errors import IntercomRefused, StorageUnavailable
from supportd.intercom import wire
from supportd.intercom.budget import Priority
from supportd.intercom.client import IntercomClient
from supportd.stores.snapshots import SnapshotStore
from supportd.sync.drift import DriftLog, missed_topics
from supportd.sync.patience import Patience
from supportd.sync.watermark import Watermark
from supportd.tasks import gather_some

MAX_PAGES = 200
LOADS_AT_ONCE = 4
QUIET_S = 6 * 3600
QUIET_A_RUN = 10


class ConversationStream:
    """Keeps conversations in step with Intercom."""

    def __init__(
        self,
        *,
        client: IntercomClient,
        keeper: ConversationKeeper,
        contacts: ContactBook,
        snapshots: SnapshotStore,
        watermark: Watermark,
        drift: DriftLog,
        clock: Clock,
    ) -> None:
        self._client = client
        self._keeper = keeper
        self._contacts = contacts
        self._snapshots = snapshots
        self._watermark = watermark
        self._drift = drift
        self._clock = clock
        self._patience = Patience()
        self._log = structlog.get_logger("supportd.reconciler")

    async def run(self) -> int:
        """Brings every conversation of our users up to date; answers how many changes no webhook had told.

        Raises:
            ServiceUnavailable: Intercom or MongoDB is away; the watermark stays.
        """
        started_ms = int(self._clock.time() * 1000)
        since = await self._watermark.search_from()
        updated = [conversation async for conversation in self._client.updated_since(since, max_pages=MAX_PAGES)]
        found = await self._refresh(await self._unproven(updated))
        found += await self._refresh(await self._quiet())
        await self._watermark.advance(conversation.updated_at for conversation in updated)
        self._keeper.confirm_all(started_ms)
        return found

    async def _unproven(self, updated: list[wire.Conversation]) -> list[str]:
        """Of what was updated, what belongs to users of ours and may have changed since a full load proved it."""
        latest = {str(conversation.id): conversation for conversation in updated}
        proven = await self._snapshots.proven(latest)
        contact_ids = {contact_id for conversation in updated for contact_id in conversation.contact_ids}
        ours = await self._contacts.known(tuple(contact_ids))

        def is_unproven(conversation_id: str, conversation: wire.Conversation) -> bool:
            proven_at = proven.get(conversation_id)
            if proven_at is None:
                return not ours.isdisjoint(conversation.contact_ids)
            return conversation.updated_at > proven_at

        return [id_ for id_, conversation in latest.items() if is_unproven(id_, conversation)]

    async def _quiet(self) -> list[str]:
        before = int((self._clock.time() - QUIET_S) * 1000)
        return await self._snapshots.quiet(before=before, limit=QUIET_A_RUN)

    async def _refresh(self, ids: list[str]) -> int:
        """Loads the conversations, a few at once, and counts what was new in them."""
        found = 0
        results = await gather_some(self._refresh_one, ids, at_once=LOADS_AT_ONCE)
        for conversation_id, result in zip(ids, results, strict=True):
            if isinstance(result, BaseException):
                self._failed(conversation_id, result)
            else:
                self._patience.went_well(conversation_id)
                found += result
        return found

    def _failed(self, conversation_id: str, error: BaseException) -> None:
        """Ends the run, so that the next one covers the same time; but one conversation can't hold it up for ever."""
        if not self._patience.failed(conversation_id):
            raise error
        self._log.error("conversation can't be refreshed", conversation=conversation_id)

    async def _refresh_one(self, conversation_id: str) -> int:
        try:
            applied = await self._keeper.refresh(conversation_id, priority=Priority.RECONCILER)
        except IntercomRefused as refusal:  # one that Intercom won't give must not keep the rest from being seen
            self._log.error("conversation refused", conversation=conversation_id, status=refusal.status)
            return 0
        if applied is None:
            return 0
        if not applied.saved:
            raise StorageUnavailable
        topics = missed_topics(applied.before, applied.after)
        for topic in topics:
            self._drift.missed(topic)
        return len(topics)
