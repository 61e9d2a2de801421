"""Every collection of the database."""

from supportd.stores.complaints import ComplaintStore
from supportd.stores.contacts import ContactStore
from supportd.stores.devices import DeviceStore
from supportd.stores.durations import DurationStore
from supportd.stores.files import FileStore
from supportd.stores.idempotency import IdempotencyStore
from supportd.stores.mongo import Database
from supportd.stores.outbox import OutboxStore
from supportd.stores.preferences import PreferenceStore
from supportd.stores.pushes import PushStore
from supportd.stores.ratings import RatingStore
from supportd.stores.snapshots import SnapshotStore
from supportd.stores.tickets import TicketStore
from supportd.stores.topics import TopicStore
from supportd.stores.watermarks import WatermarkStore
from supportd.stores.webhook_events import WebhookEventStore


class Stores:
    """The stores, one a collection."""

    def __init__(self, database: Database) -> None:
        self.complaints = ComplaintStore(database["complaints"])
        self.contacts = ContactStore(database["contacts"])
        self.devices = DeviceStore(database["devices"])
        self.durations = DurationStore(database["durations"])
        self.files = FileStore(database["files"])
        self.idempotency = IdempotencyStore(database["idempotency"])
        self.outbox = OutboxStore(database["outbox"])
        self.preferences = PreferenceStore(database["preferences"])
        self.pushes = PushStore(database["pushes"])
        self.ratings = RatingStore(database["ratings"])
        self.snapshots = SnapshotStore(database["snapshots"])
        self.tickets = TicketStore(database["tickets"])
        self.topics = TopicStore(database["topics"])
        self.watermarks = WatermarkStore(database["watermarks"])
        self.webhook_events = WebhookEventStore(database["webhook_events"])

    async def ensure_indexes(self) -> None:
        """Makes the indexes that aren't there. Raises `StorageUnavailable`."""
        for store in (
            self.complaints,
            self.contacts,
            self.devices,
            self.durations,
            self.files,
            self.idempotency,
            self.outbox,
            self.pushes,
            self.ratings,
            self.snapshots,
            self.tickets,
            self.topics,
            self.webhook_events,
        ):
            await store.ensure_indexes()
