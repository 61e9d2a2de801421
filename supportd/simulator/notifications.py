"""Webhook notifications: what an event becomes on the wire (contract, parts 9.2 to 9.5)."""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from supportd.simulator.clock import ShiftedClock
from supportd.simulator.config import SimulatorConfig
from supportd.simulator.faults import Faults
from supportd.simulator.model import Conversation, Part
from supportd.simulator.rendering import Form, conversation_with
from supportd.simulator.world import World


@dataclass(slots=True)
class Notification:
    """An event on its way to the subscriber; `emitted_at` is in seconds of the event loop's clock."""

    id: str | None
    topic: str
    item: dict[str, Any]
    created_at: int
    emitted_at: float
    attempts: int = 0
    first_sent_at: int = 0

    def encode(self, app_id: str) -> bytes:
        """The body of this attempt, as compact as Intercom's: the signature is over these bytes."""
        envelope = {
            "type": "notification_event",
            "app_id": app_id,
            "data": {"type": "notification_event_data", "item": self.item},
            "links": {},
            "id": self.id,
            "topic": self.topic,
            "delivery_status": "pending",
            "delivery_attempts": self.attempts,
            "delivered_at": 0,
            "first_sent_at": self.first_sent_at,
            "created_at": self.created_at,
            "self": None,
        }
        return msgspec.json.encode(envelope)


class Outlet(Protocol):
    """Takes notifications to the subscriber."""

    def emit(self, topic: str, item: dict[str, Any]) -> None:
        """Sends, some time."""


class Notifier:
    """Turns what the recorder reports into notifications."""

    def __init__(self, *, world: World, faults: Faults, outlet: Outlet) -> None:
        self._world = world
        self._faults = faults
        self._outlet = outlet

    def changed(self, conversation: Conversation) -> None:
        """Only events with a topic are sent."""

    def happened(self, topic: str, conversation: Conversation, part: Part | None) -> None:
        """Sends the conversation's header with the one part that made the event, never the thread."""
        switches = self._faults.now
        old = switches.webhook_version == "2.14"
        form = Form(plaintext=not old, statistics=switches.statistics, iso_dates=old)
        contact = self._world.workspace.contacts[conversation.contact_id]
        parts = [part] if part is not None else []
        self._outlet.emit(topic, conversation_with(conversation, contact, parts, form))

    def deleted(self, conversation: Conversation) -> None:
        """A deletion's item names the conversation under another key, and nothing else."""
        item = {"type": "conversation", "conversation_id": conversation.id}
        self._outlet.emit("conversation.deleted", item)


class Stamp:
    """Makes notifications and signs them."""

    def __init__(self, *, config: SimulatorConfig, world: World, clock: ShiftedClock) -> None:
        self._config = config
        self._world = world
        self._clock = clock

    def notification(self, topic: str, item: dict[str, Any], *, emitted_at: float) -> Notification:
        """A new notification; a ping has no id."""
        notification_id = None if topic == "ping" else self._world.ids.notification()
        return Notification(notification_id, topic, item, self._clock.seconds(), emitted_at)

    def request(self, notification: Notification, *, falsify: bool) -> tuple[bytes, dict[str, str]]:
        """Body and headers of one attempt. `falsify` signs with another secret."""
        notification.first_sent_at = notification.first_sent_at or self._clock.seconds()
        body = notification.encode(self._config.app_id)
        secret = self._config.client_secret + ("-not" if falsify else "")
        signature = hmac.new(secret.encode(), body, hashlib.sha1).hexdigest()
        headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "User-Agent": "intercom-parrot-service-client/1.0",
            "X-Hub-Signature": f"sha1={signature}",
        }
        return body, headers
