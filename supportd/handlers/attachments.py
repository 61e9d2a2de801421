"""`/files/attachments/:id?t=`: what is on a message and is Intercom's, at the address that it has just now.

The link is all that is needed, as an image's address in HTML: a browser sends no token for it.
"""

from supportd.conversations.attachments import Addresses
from supportd.handlers.base import BaseHandler

MAX_AGE_S = 60


class AttachmentHandler(BaseHandler):
    """An attachment or an image of a message."""

    def initialize(self, *, addresses: Addresses) -> None:
        """Takes what knows where links lead."""
        self.addresses = addresses

    def set_default_headers(self) -> None:
        """Errors aren't kept by caches."""
        super().set_default_headers()
        self.set_header("Cache-Control", "no-store")

    async def get(self, place: str) -> None:
        """Sends the caller on. supportd itself never fetches what Intercom names."""
        given = self.request.query_arguments.get("t", [])
        token = given[0].decode("latin-1") if len(given) == 1 else ""
        address = await self.addresses.current(place, token)
        self.clear_header("Content-Type")
        self.set_header("Location", address)
        self.set_header("Cache-Control", f"private, max-age={MAX_AGE_S}")
        self.set_header("Referrer-Policy", "no-referrer")
        self.set_status(302)
        self.finish()

    async def head(self, place: str) -> None:
        """The same; an answer to HEAD has no body anyway."""
        await self.get(place)
