"""`POST /api/files/upload`: a file in, chunk by chunk.

What is refused is refused at once. Then the rest of the body is read and dropped for a while: a client that still sends
when its connection is closed may never see the answer (RFC 9112, 9.6).
"""

import asyncio
import re
import sys
from collections.abc import Awaitable
from contextlib import ExitStack

from msgspec import Struct

from supportd.errors import ApiError, BadRequest, RateLimited, ServiceUnavailable
from supportd.files.multipart import TooLarge
from supportd.files.service import FileService, NotAccepted
from supportd.files.upload import Upload
from supportd.handlers.base import BaseHandler
from supportd.handlers.connection import connection_of
from supportd.metrics import UploadRefusal
from supportd.stores.files import FileRecord

UPLOAD_S = 600  # for a body to come in: 20 MB by a phone at 300 kbit/s
STALL_S = 30  # without a byte
DRAIN_BYTES = 64 * 2**20


class File(Struct, frozen=True, rename="camel"):
    """The contract's File; `created_at` in ms."""

    id: str
    name: str
    content_type: str
    size: int
    created_at: int


class UploadHandler(BaseHandler):
    """Takes one file."""

    def initialize(self, *, files: FileService) -> None:
        """Takes the service."""
        self.files = files
        self._upload: Upload | None = None
        self._held: ExitStack | None = None
        self._stalled: asyncio.TimerHandle | None = None
        self._refused = False
        self._received = 0
        self._dropped = 0

    async def prepare(self) -> None:
        """Refuses what can be refused before the body comes."""
        if self.request.method != "POST":
            super().prepare()
            return
        connection_of(self.request).set_max_body_size(sys.maxsize)  # the bounds here are stricter, and answer
        self._watch()
        try:
            super().prepare()
            await self._begin()
        except ApiError as error:
            self._refuse(error)

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        """Takes the next bytes of the body, and no more until they are on the disk."""
        self._watch()
        self._received += len(chunk)
        if self._refused or self._upload is None:
            self._drop(chunk)
            return None
        return self._feed(self._upload, chunk)

    async def post(self) -> None:
        """Keeps the file."""
        self._watch(on=False)
        if self._refused:
            self.finish()
            return
        assert self._upload is not None, "prepare made it"
        try:
            record = await self.files.keep(self.caller, self._upload)
        except ApiError as error:
            self._count(error)
            raise
        self.answer(_file(record), status=201)

    def on_connection_close(self) -> None:
        """The client left; if it was answered before, the answer is counted now."""
        came = self.request._body_future.done()  # noqa: SLF001 - see the base
        super().on_connection_close()
        if self._refused and not self._finished:
            self.finish()
        elif self._upload is not None and not came:
            self.web.metrics.uploads_refused.labels(UploadRefusal.CLIENT_LEFT.value).inc()

    async def _begin(self) -> None:
        self._held = ExitStack()
        if self.request.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise BadRequest("The body must not be compressed (Content-Encoding)")
        length = _length(self.request.headers.get("Content-Length", ""))
        content_type = self.request.headers.get("Content-Type", "")
        receiving = self.files.receiving(self.caller, content_type=content_type, length=length)
        self._upload = self._held.enter_context(receiving)
        await self.files.admit(self.caller, length=length)
        connection_of(self.request).set_body_timeout(UPLOAD_S)

    async def _feed(self, upload: Upload, chunk: bytes) -> None:
        try:
            await upload.feed(chunk)
        except ApiError as error:
            self._refuse(error)

    def _refuse(self, error: ApiError) -> None:
        self._count(error)
        self._refused = True
        self._release()
        body = self.told(error)
        self.set_header("Connection", "close")
        if self.request.headers.get("Expect", "").lower() == "100-continue" and not self._received:
            self.finish(body)  # the body won't be sent
            return
        self.set_header("Content-Length", str(len(body)))
        self.write(body)
        self.flush()

    def _drop(self, chunk: bytes) -> None:
        self._dropped += len(chunk)
        if self._dropped > DRAIN_BYTES and not self._finished:
            self.finish()  # which closes the connection

    def _watch(self, *, on: bool = True) -> None:
        """Closes the connection unless more comes in time."""
        if self._stalled is not None:
            self._stalled.cancel()
        self._stalled = None
        if on:
            self._stalled = asyncio.get_running_loop().call_later(STALL_S, connection_of(self.request).close)

    def _count(self, error: ApiError) -> None:
        if self.user_hash is not None:
            self.web.metrics.uploads_refused.labels(_refusal(error).value).inc()

    def _release(self) -> None:
        if self._held is not None:
            self._held.close()

    def _end(self) -> None:
        self._watch(on=False)
        self._release()
        super()._end()


def _length(header: str) -> int:
    """The body's length; 0 where it isn't known. A list of equal ones is one (RFC 9110, 8.6)."""
    first = header.partition(",")[0].strip()
    return int(first) if re.fullmatch("[0-9]{1,18}", first) else 0


def _file(record: FileRecord) -> File:
    created_at = round(record.created_at.timestamp() * 1000)
    return File(record.id, record.name, record.content_type, record.size, created_at)


def _refusal(error: ApiError) -> UploadRefusal:
    if isinstance(error, NotAccepted):
        return UploadRefusal.CONTENT
    if isinstance(error, TooLarge):
        return UploadRefusal.TOO_LARGE
    if isinstance(error, RateLimited):
        return UploadRefusal.LIMITED
    return UploadRefusal.UNAVAILABLE if isinstance(error, ServiceUnavailable) else UploadRefusal.BODY
