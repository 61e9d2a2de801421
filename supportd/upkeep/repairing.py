"""Repairs what a comparison found, by putting it into the queues of `serve`: only that writes what users see.

A conversation or ticket is put into the inbox as a webhook that names it and says nothing else, so that it is loaded;
a rating counts as unsettled again, so that its tags are put once more.
"""

from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from supportd.clock import Clock
from supportd.stores.comparison import ComparisonStore
from supportd.stores.outbox import Job
from supportd.stores.outbox import Kind as JobKind
from supportd.stores.stores import Stores
from supportd.stores.webhook_events import Event
from supportd.upkeep.checkpoint import Checkpoint
from supportd.upkeep.differences import Difference, Kind, What

CONVERSATION_TOPIC = "conversation.read"
TICKET_TOPIC = "ticket.attribute.updated"

Progress = Callable[[str, int], None]


class Repairing:
    """Queues repairs. Each may be queued again after a crash, and is then done once."""

    def __init__(
        self, *, stores: Stores, store: ComparisonStore, checkpoint: Checkpoint, clock: Clock, progress: Progress
    ) -> None:
        self._stores = stores
        self._store = store
        self._checkpoint = checkpoint
        self._clock = clock
        self._progress = progress

    async def run(self) -> None:
        """Queues the repair of each difference that isn't yet. Raises `StorageUnavailable`; it may be run again."""
        for number, difference in enumerate(self._checkpoint.differences(unrepaired=True), 1):
            await self._repair(difference)
            self._checkpoint.repaired(difference)
            self._progress("repairing", number)

    async def _repair(self, difference: Difference) -> None:
        match difference.kind:
            case Kind.CONTACT:
                await self._map(difference)
            case Kind.CONVERSATION:
                item = {"type": "conversation", "id": difference.id}
                await self._load(difference.id, CONVERSATION_TOPIC, item)
            case Kind.TICKET:
                await self._load(f"ticket:{difference.id}", TICKET_TOPIC, {"type": "ticket", "id": difference.id})
            case Kind.RATING if difference.what is What.TAG_MISSING:
                for rating in await self._stores.ratings.of_conversation(difference.id):
                    await self._stores.ratings.unsettle(rating, at=int(self._clock.time() * 1000))
            case Kind.RATING:
                job_id = f"{self._checkpoint.id}:{difference.id}:{difference.detail}"
                job = Job(job_id, JobKind.UNTAG, difference.id, text=difference.detail)
                await self._stores.outbox.add(job, due_at=self._now())

    async def _map(self, difference: Difference) -> None:
        """Takes over who a user is in Intercom, or forgets it; where another has changed it meanwhile, that counts."""
        for contact in await self._stores.contacts.users([difference.id]):
            if difference.what is What.OTHER_ID:
                await self._stores.contacts.put(contact.user_id, difference.detail)
            else:
                await self._store.forget_contact(contact)

    async def _load(self, key: str, topic: str, item: dict[str, str]) -> None:
        event = Event(f"reconcile:{self._checkpoint.id}:{key}", key, topic)
        body = msgspec.json.encode({"topic": topic, "id": event.id, "data": {"item": item}})
        await self._stores.webhook_events.add(event, body, received_at=self._now())

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.time(), UTC)
