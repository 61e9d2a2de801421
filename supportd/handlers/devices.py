"""`/api/devices`: where the caller is reached by push."""

from datetime import UTC, datetime

from msgspec import Struct

from supportd.config import LANGUAGES
from supportd.errors import NotFound
from supportd.handlers import bodies
from supportd.handlers.base import BaseHandler
from supportd.handlers.languages import preferred
from supportd.stores.devices import DeviceStore, Platform

MAX_TOKEN_CHARS = 4096


class RegisterBody(Struct):
    """The body of a registration."""

    platform: Platform
    token: str


class DevicesHandler(BaseHandler):
    """A handler that acts on the caller's devices."""

    def initialize(self, *, devices: DeviceStore) -> None:
        """Takes the store."""
        self.devices = devices


class RegisterHandler(DevicesHandler):
    """Registers a device, on each start of the app."""

    async def post(self) -> None:
        """Makes the token the caller's; the same token has the same id each time. It is told things in its language."""
        given = self.json_body(RegisterBody)
        token = bodies.text("token", given.token, most=MAX_TOKEN_CHARS)
        now = datetime.fromtimestamp(self.web.clock.time(), UTC)
        language = preferred(self.request.headers.get("Accept-Language", ""), among=LANGUAGES)
        device_id = await self.devices.register(self.caller.user_id, given.platform, token, at=now, language=language)
        self.answer({"id": device_id})


class DeviceHandler(DevicesHandler):
    """One device."""

    async def delete(self, device_id: str) -> None:
        """Unregisters it, on logout."""
        if not await self.devices.remove(self.caller.user_id, device_id):
            raise NotFound
        self.answer({"ok": True})
