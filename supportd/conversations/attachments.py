"""The addresses of files and images in messages, as clients get them: signed, of our own, and made when they are shown.

A file that was sent through us is served by us. Whatever else is on a message is Intercom's, whose own addresses expire
after about half an hour (Intercom's help, attachments): its link names the place in the message, and who opens it is
sent to the address that Intercom has for it then.
"""

import re
import string
from collections.abc import Awaitable, Callable, Iterable, Mapping
from enum import StrEnum
from typing import NamedTuple
from urllib.parse import quote

import msgspec
from cachetools import TTLCache

from supportd.clock import Clock
from supportd.conversations import richtext
from supportd.conversations.state import Attachment, Message
from supportd.errors import NotFound
from supportd.files.signing import FileLinks, Purpose, Signer
from supportd.tasks import SingleFlight

FRESH_S = 60  # how long an address of Intercom's is handed out, also if what it leads to was redacted meanwhile
REMEMBERED = 1000  # conversations and tickets
VISIBLE = string.ascii_letters + string.digits + string.punctuation
IMAGE = "i"
PLACE = re.compile(r"(?P<kind>conversations|tickets)_(?P<id>[^_]+)_(?P<message>[^_]+)_(?P<place>i?[0-9]{1,4})")


class Home(StrEnum):
    """What messages are in."""

    CONVERSATION = "conversations"
    TICKET = "tickets"

    def place(self, id_: str) -> str:
        """How a claim of files names what they are sent to."""
        return f"{self}/{id_}"


class Place(NamedTuple):
    """Where something is: the number of an attachment, or of an image after an `i`, in a message."""

    kind: Home
    id: str
    message_id: str
    place: str

    def name(self) -> str:
        """The place as a link names it."""
        return "_".join(self)


class AttachmentLinks:
    """Puts links in the place of Intercom's addresses."""

    def __init__(self, *, links: FileLinks, public_url: str) -> None:
        self._links = links
        self._public_url = public_url

    def shown(self, message: Message, kind: Home, of: str) -> Message:
        """The message as a client gets it."""
        html = message.html
        pictured = html is not None and "<img" in html
        if not message.attachments and not pictured:
            return message

        def link(place: str) -> str:
            return self._link(link_name(Place(kind, of, message.id, place).name()))

        files = tuple(self._attachment(file, link(str(n))) for n, file in enumerate(message.attachments))
        if html is not None:
            html = richtext.with_images(html, lambda n: link(f"{IMAGE}{n}"))
        return msgspec.structs.replace(message, attachments=files, html=html)

    def all_shown(self, messages: Iterable[Message], kind: Home, of: str) -> tuple[Message, ...]:
        """The messages as a client gets them."""
        return tuple(self.shown(message, kind, of) for message in messages)

    def _attachment(self, file: Attachment, link: str) -> Attachment:
        url = link if file.file_id is None else self._link(file.file_id)
        return msgspec.structs.replace(file, url=url, file_id=None)

    def _link(self, name: str) -> str:
        return f"{self._public_url}{self._links.path(name, Purpose.CLIENT)}"


def link_name(place: str) -> str:
    """What a link to a place is signed for. No file's id looks like it."""
    return f"attachments/{place}"


Load = Callable[[str], Awaitable[Iterable[Message]]]


class Addresses:
    """Where links lead: Intercom's addresses, asked anew where what is known may have expired, once for all who ask."""

    def __init__(self, *, loads: Mapping[Home, Load], signer: Signer, clock: Clock) -> None:
        self._loads = loads
        self._signer = signer
        self._known: TTLCache[str, dict[str, str]] = TTLCache(REMEMBERED, FRESH_S, timer=clock.monotonic)
        self._loading: SingleFlight[dict[str, str]] = SingleFlight()

    async def current(self, name: str, token: str) -> str:
        """Where the file or image is just now, for the name and the token of a link.

        Raises:
            NotFound: the link isn't ours or expired, or what it leads to isn't there (any more).
            ServiceUnavailable: Intercom can't be asked.
        """
        found = PLACE.fullmatch(name)
        if found is None or not self._signer.verify(token, link_name(name), Purpose.CLIENT):
            raise NotFound
        of = f"{found['kind']}_{found['id']}"
        known = self._known.get(of)
        if known is None:
            known = await self._loading.run(of, lambda: self._load(Home(found["kind"]), found["id"]))
            self._known[of] = known
        address = known.get(f"{found['message']}_{found['place']}", "")
        if not address.lower().startswith(("http://", "https://")):
            raise NotFound
        return quote(address, safe=VISIBLE)

    async def stop(self) -> None:
        """Ends what is under way."""
        await self._loading.stop()

    async def _load(self, kind: Home, id_: str) -> dict[str, str]:
        addresses = {}
        for message in await self._loads[kind](id_):
            for n, file in enumerate(message.attachments):
                addresses[f"{message.id}_{n}"] = file.url
            for n, image in enumerate(richtext.images(message.html)):
                addresses[f"{message.id}_{IMAGE}{n}"] = image
        return addresses
