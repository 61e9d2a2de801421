"""Files of messages: fetched or taken along, kept, and served under addresses that expire (contract, part 6).

Intercom keeps a copy of what it fetched. What can't be fetched is missing from the message, and nobody is told. Its
documentation doesn't say what happens then, so the faults offer a refusal too.
"""

import asyncio
import base64
import binascii
import hashlib
import hmac
import ssl
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

import httpx
from msgspec import Struct

from supportd.simulator.clock import ShiftedClock
from supportd.simulator.config import SimulatorConfig
from supportd.simulator.errors import ApiError, invalid
from supportd.simulator.faults import Faults
from supportd.simulator.model import Attachment
from supportd.simulator.workspace import Copy
from supportd.simulator.world import World

MAX_ATTACHMENTS = 10
MAX_BYTES = 100 * 2**20
FETCH_S = 10.0
MOST_REDIRECTS = 3
VALID_S = 1800


class UploadedFile(Struct):
    """A file sent along as base64."""

    name: str
    content_type: str
    data: str


class Depot:
    """The copies. `start` and `stop` own its connections; `base_url` is where it serves them."""

    def __init__(self, *, config: SimulatorConfig, world: World, clock: ShiftedClock, faults: Faults) -> None:
        self._config = config
        self._world = world
        self._clock = clock
        self._faults = faults
        self._generation = 0
        self.base_url = ""

    def start(self, base_url: str) -> None:
        """Opens the client, which speaks plain HTTP."""
        self.base_url = base_url
        self._client = httpx.AsyncClient(
            timeout=FETCH_S,
            follow_redirects=True,
            max_redirects=MOST_REDIRECTS,
            verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
            trust_env=False,
        )

    async def stop(self) -> None:
        """Closes the client."""
        await self._client.aclose()

    async def received(self, urls: Sequence[str], files: Sequence[UploadedFile] = ()) -> list[Attachment]:
        """What a message gets of its files. Raises 400 for more than ten, for bad base64, or where faults say so."""
        _require_few(urls)
        _require_few(files)
        mode = self._faults.now.attachments
        if mode == "refuse" and (urls or files):
            raise invalid("attachments could not be fetched", field="attachment_urls")
        if mode == "drop_silently":
            return []
        uploaded = [self.keep(file) for file in files]
        fetched = await asyncio.gather(*map(self._fetch, urls))
        return [each for each in fetched if each is not None] + uploaded

    def keep(self, file: UploadedFile) -> Attachment:
        """Takes a file that was sent along. Raises 400 for bad base64."""
        try:
            content = base64.b64decode(file.data, validate=True)
        except binascii.Error as error:
            raise invalid("data must be base64", field="attachment_files") from error
        return self._kept(file.name, file.content_type, content)

    def renew(self, attachments: Iterable[Attachment]) -> None:
        """Signs the addresses of copies anew, as Intercom does in each answer."""
        for each in attachments:
            if each.copy_id:
                each.url = self._address(each.copy_id)

    def expire(self) -> None:
        """Makes every address given so far useless."""
        self._generation += 1

    def read(self, copy_id: str, *, expires: str, signature: str) -> Copy:
        """A copy. Raises 403 for an address that expired or was made up."""
        signed = hmac.compare_digest(self._signature(copy_id, expires).encode(), signature.encode())
        copy = self._world.workspace.copies.get(copy_id)
        if copy is None or not signed or int(expires) <= self._clock.seconds():
            raise ApiError(403, "forbidden", "The address has expired")
        return copy

    async def _fetch(self, url: str) -> Attachment | None:
        content = bytearray()
        try:
            async with asyncio.timeout(FETCH_S), self._client.stream("GET", url) as answer:
                if not answer.is_success:
                    return None
                async for chunk in answer.aiter_bytes():
                    content += chunk
                    if len(content) > MAX_BYTES:
                        return None
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError):
            return None
        name = PurePosixPath(unquote(urlsplit(url).path)).name or "file"
        content_type = answer.headers.get("Content-Type", "application/octet-stream").partition(";")[0]
        return self._kept(name, content_type, bytes(content))

    def _kept(self, name: str, content_type: str, content: bytes) -> Attachment:
        copy_id = self._world.ids.number("upload")
        self._world.workspace.copies[copy_id] = Copy(name, content_type, content)
        return Attachment(name, self._address(copy_id), content_type, len(content), copy_id)

    def _address(self, copy_id: str) -> str:
        expires = str(self._clock.seconds() + VALID_S)
        query = f"expires={expires}&signature={self._signature(copy_id, expires)}"
        return f"{self.base_url}/sim-attachments/{copy_id}?{query}"

    def _signature(self, copy_id: str, expires: str) -> str:
        signed = f"{copy_id} {expires} {self._generation}"
        return hmac.new(self._config.client_secret.encode(), signed.encode(), hashlib.sha256).hexdigest()


def _require_few(things: Sequence[object]) -> None:
    if len(things) > MAX_ATTACHMENTS:
        raise invalid(f"at most {MAX_ATTACHMENTS} attachments are allowed")
