"""A way to devices: what one is told, and what became of that."""

from typing import NamedTuple, Protocol

from supportd.metrics import PushChannel, Pushed
from supportd.push.announcer import Place
from supportd.push.wording import Text


class Note(NamedTuple):
    """One notification to one device. It is of no use after `expires_at` (s since the epoch)."""

    token: str
    place: Place
    target: str
    text: Text
    language: str | None
    expires_at: int


class Fate(NamedTuple):
    """What became of a notification, and how long (s) the service asked us to wait, where it did."""

    outcome: Pushed
    retry_after: float | None = None


class Channel(Protocol):
    """FCM or Telegram."""

    name: PushChannel

    async def ready(self, token: str) -> float:
        """Waits its turn, and gets what a call needs; else how long (s) the device can't be told yet. 0: go on."""
        ...

    async def send(self, note: Note) -> Fate:
        """Tells one device, once. It raises nothing."""
        ...

    async def close(self) -> None:
        """Closes the connections."""
        ...
