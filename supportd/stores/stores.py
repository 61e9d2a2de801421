"""Every collection of the database."""

from supportd.stores.contacts import ContactStore
from supportd.stores.mongo import Database
from supportd.stores.outbox import OutboxStore
from supportd.stores.snapshots import SnapshotStore
from supportd.stores.topics import TopicStore
from supportd.stores.watermarks import WatermarkStore
from supportd.stores.webhook_events import WebhookEventStore


class Stores:
    """The stores, one a collection."""

    def __init__(self, database: Database) -> None:
        self.contacts = ContactStore(database["contacts"])
        self.outbox = OutboxStore(database["outbox"])
        self.snapshots = SnapshotStore(database["snapshots"])
        self.topics = TopicStore(database["topics"])
        self.watermarks = WatermarkStore(database["watermarks"])
        self.webhook_events = WebhookEventStore(database["webhook_events"])

    async def ensure_indexes(self) -> None:
        """Makes the indexes that aren't there. Raises `StorageUnavailable`."""
        for store in (self.contacts, self.outbox, self.snapshots, self.topics, self.webhook_events):
            await store.ensure_indexes()
