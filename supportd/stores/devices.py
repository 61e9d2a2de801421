"""`devices`: where a user is reached by push."""

from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256
from uuid import uuid4

from msgspec import Struct

from supportd.stores.mongo import Collection, Document, translated, upsert

MAX_DEVICES = 20  # a user's (the API contract, part B, limits)
SILENT_DAYS = 270  # a device that wasn't registered for so long is gone: Google's docs, FCM, stale tokens
YOUNGEST_FIRST = [("registered_at", -1), ("_id", -1)]


class Platform(StrEnum):
    """What a token is for: an app on a phone, or a Telegram mini app (the API contract, part A)."""

    MOBILE = "mobile"
    TMA = "tma"


class Device(Struct, frozen=True):
    """A user's device. `id` is what clients know it by; `registered_at` is when its token was last registered.

    `language` is what its app asked for then, such as `en`, where it did.
    """

    id: str
    platform: Platform
    token: str
    registered_at: datetime
    language: str | None = None

    @property
    def mark(self) -> str:
        """Tells devices apart by their tokens: the same for one that was removed and registered anew."""
        return sha256(self.token.encode()).hexdigest()[:32]


class DeviceStore:
    """One document a token, which is its `_id`: so a token has one owner, also before any index was made."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection

    async def ensure_indexes(self) -> None:
        """A user's devices by when they were registered; gone when that is too long ago."""
        with translated("devices.ensure_indexes"):
            await self._collection.create_index([("user_id", 1), ("registered_at", -1), ("_id", -1)])
            await self._collection.create_index(
                "registered_at", expireAfterSeconds=SILENT_DAYS * 86400, name="kept_270_days"
            )

    async def register(
        self, user_id: str, platform: Platform, token: str, *, at: datetime, language: str | None = None
    ) -> str:
        """Makes the token this user's, whoever had it before, and answers the device's id: random, and kept.

        Of a user's devices the ones registered longest ago go when there are more than `MAX_DEVICES`.
        """
        change = {
            "$set": {"user_id": user_id, "platform": platform.value, "registered_at": at, "language": language},
            "$setOnInsert": {"id": uuid4().hex},
        }
        with translated("devices.register"):
            registered = await upsert(self._collection, {"_id": token}, change)
            await self._drop_surplus(user_id)
        return str(registered["id"])

    async def remove(self, user_id: str, device_id: str) -> bool:
        """Forgets a device of the user. False if the user has none with this id."""
        with translated("devices.remove"):
            removed = await self._collection.delete_one({"user_id": user_id, "id": device_id})
        return removed.deleted_count == 1

    async def of_user(self, user_id: str) -> list[Device]:
        """The user's devices, the youngest first, never more than `MAX_DEVICES`."""
        with translated("devices.of_user"):
            found = self._collection.find({"user_id": user_id}).sort(YOUNGEST_FIRST).limit(MAX_DEVICES)
            return [_device(document) async for document in found]

    async def owner(self, token: str) -> str | None:
        """Whose the token is."""
        with translated("devices.owner"):
            found = await self._collection.find_one({"_id": token}, {"user_id": 1})
        return None if found is None else str(found["user_id"])

    async def forget(self, user_id: str, device: Device) -> None:
        """Forgets a device as it was seen: one that was registered again meanwhile, or moved, stays."""
        with translated("devices.forget"):
            seen = {"_id": device.token, "user_id": user_id, "registered_at": device.registered_at}
            await self._collection.delete_one(seen)

    async def _drop_surplus(self, user_id: str) -> None:
        """Each registration does it after its own write, so the last of many at once sees all of them.

        A device is dropped only as it was seen: one that was registered again meanwhile, or moved, stays.
        """
        surplus = self._collection.find({"user_id": user_id}).sort(YOUNGEST_FIRST).skip(MAX_DEVICES)
        async for document in surplus:
            seen = {name: document[name] for name in ("_id", "user_id", "registered_at")}
            await self._collection.delete_one(seen)


def _device(document: Document) -> Device:
    return Device(
        id=document["id"],
        platform=Platform(document["platform"]),
        token=document["_id"],
        registered_at=document["registered_at"].replace(tzinfo=UTC),  # as MongoDB keeps every time
        language=document.get("language"),
    )
