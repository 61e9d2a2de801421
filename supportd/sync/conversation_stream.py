"""The reconciler's stream of conversations.

A search lists what was updated since the watermark, with an overlap wider than the lag of the search index; what a full
load hasn't proven since is loaded. Search can miss a change and never reports a deletion: a few open conversations that
have long been quiet are read again in each run as well.
"""

from functools import partial

from supportd.clock import Clock
from supportd.conversations.contacts import ContactBook
from supportd.conversations.keeper import ConversationKeeper
from supportd.errors import StorageUnavailable
from supportd.intercom import wire
from supportd.intercom.budget import Priority
from supportd.intercom.client import IntercomClient
from supportd.stores.snapshots import SnapshotStore
from supportd.sync.attempts import Attempts
from supportd.sync.drift import DriftLog, missed_topics
from supportd.sync.patience import Patience
from supportd.sync.quiet import QuietOnes
from supportd.sync.watermark import Watermark

QUIET_S = 6 * 3600


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
        self._quiet = QuietOnes(snapshots.quiet, for_s=QUIET_S, clock=clock)
        self._patience = Patience()

    async def run(self) -> int:
        """Brings every conversation of our users up to date; answers how many changes no webhook had told.

        Raises:
            ServiceUnavailable: Intercom or MongoDB is away; the watermark stays where all was well.
        """
        started_at = self._clock.monotonic()
        attempts = Attempts("conversation", patience=self._patience)
        async for batch in self._client.updated_since(await self._watermark.search_from()):
            await self._refresh(attempts, await self._unproven(batch.items))
            if attempts.failure is None and batch.read_to is not None:
                await self._watermark.reached(batch.read_to)
        if self._watermark.looks_far:
            await self._refresh(attempts, self._patience.left_behind)
        if attempts.failure is None:
            await self._watermark.ended()
            self._keeper.confirm_all(started_at)
        await self._refresh(attempts, await self._quiet.next())
        if attempts.failure is not None:
            raise attempts.failure
        return attempts.found

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

    async def _refresh(self, attempts: Attempts, ids: list[str]) -> None:
        await attempts.make({id_: partial(self._refresh_one, id_) for id_ in ids})

    async def _refresh_one(self, conversation_id: str) -> int:
        """Loads a conversation and counts what was new in it."""
        applied = await self._keeper.refresh(conversation_id, priority=Priority.RECONCILER)
        if applied is None:
            return 0
        if not applied.saved:
            raise StorageUnavailable
        topics = missed_topics(applied.before, applied.after)
        for topic in topics:
            self._drift.missed(topic)
        return len(topics)
