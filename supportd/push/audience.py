"""Who is to be told: the users behind contacts, where they are reached, and whether they want to be."""

from collections.abc import Collection
from dataclasses import dataclass

from supportd.conversations.presence import Presence
from supportd.metrics import Withheld
from supportd.push.announcer import Place
from supportd.stores.contacts import ContactStore
from supportd.stores.devices import Device, DeviceStore, Platform
from supportd.stores.preferences import PreferenceStore


@dataclass(frozen=True)
class Listener:
    """A user, with the devices and, where it isn't to be told, the reason."""

    user_id: str
    contact_id: str
    devices: tuple[Device, ...]
    withheld: Withheld | None


class Audience:
    """Asks at the moment of sending: preferences, presence and owners of devices change."""

    def __init__(
        self,
        *,
        platforms: Collection[Platform],
        contacts: ContactStore,
        devices: DeviceStore,
        preferences: PreferenceStore,
        presence: Presence,
    ) -> None:
        self._platforms = platforms
        self._contacts = contacts
        self._devices = devices
        self._preferences = preferences
        self._presence = presence

    async def of(self, place: Place, contact_ids: tuple[str, ...]) -> list[Listener]:
        """The users of ours among the contacts who have devices that we have a way to. Raises `StorageUnavailable`."""
        listeners = []
        for contact in await self._contacts.users(contact_ids):
            found = await self._devices.of_user(contact.user_id)
            devices = [device for device in found if device.platform in self._platforms]
            if devices:
                withheld = await self.withheld(place, contact.user_id)
                listeners.append(Listener(contact.user_id, contact.contact_id, tuple(devices), withheld))
        return listeners

    async def still_has(self, user_id: str, device: Device) -> bool:
        """Whether the device is the user's just now. Raises `StorageUnavailable`."""
        return await self._devices.owner(device.token) == user_id

    async def forget(self, user_id: str, device: Device) -> None:
        """Forgets a device that can't be reached any more, unless it was registered anew meanwhile."""
        await self._devices.forget(user_id, device)

    async def withheld(self, place: Place, user_id: str) -> Withheld | None:
        """Why the user isn't to be told just now, if so. Raises `StorageUnavailable`."""
        if self._presence.is_here(user_id):
            return Withheld.PRESENT
        preferences = await self._preferences.get(user_id)
        wanted = preferences.chat_messages if place is Place.CHAT else preferences.ticket_updates
        return None if wanted else Withheld.PREFERENCE
