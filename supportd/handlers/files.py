"""Files out: to their owner at `/api/files/:id`, and to whoever has a signed link at `/files/:id?t=`."""

import asyncio
from collections.abc import AsyncIterator

from tornado.iostream import StreamClosedError

from supportd.errors import FileStorageUnavailable
from supportd.files.service import FileService, served
from supportd.files.storage import Served
from supportd.handlers import ranges
from supportd.handlers.base import BaseHandler
from supportd.handlers.connection import connection_of
from supportd.stores.files import FileRecord

SEND_S = 60  # for a client to take 64 KiB; one that takes nothing holds an open file
LINK_CACHE = "private, max-age=3600"
OWN_CACHE = "private, no-store"  # as every answer of the API


class ServingHandler(BaseHandler):
    """Serves a file: its bytes from here, or a redirect to where they are."""

    cache_control = ""
    resource_policy = ""

    def initialize(self, *, files: FileService) -> None:
        """Takes the service."""
        self.files = files

    def set_default_headers(self) -> None:
        """What keeps a file from acting, and from pages that it isn't for, holds of each answer."""
        super().set_default_headers()
        self.set_header("Content-Security-Policy", "sandbox; default-src 'none'")
        self.set_header("Cross-Origin-Resource-Policy", self.resource_policy)

    async def serve(self, record: FileRecord) -> None:
        """Answers 200, 206, 302 or 304. Raises `RangeNotSatisfiable`, `NotFound` and `FileStorageUnavailable`."""
        what = served(record, cache_control=self.cache_control)
        etag = f'"{record.id}"'  # the bytes under an id never change
        self.set_header("ETag", etag)
        if self.check_etag_header():
            self.set_header("Cache-Control", self.cache_control)
            self.set_status(304)
            self.finish()
            return
        if self.request.method == "HEAD":  # an address of S3's is signed for GET only
            self._describe(record, what, None)
            self.finish()
            return
        address = await self.files.redirect(record, what)
        if address is not None:
            self._send_elsewhere(address)
            return
        await self._send(record, what, ranges.wanted(self.request.headers, size=record.size, etag=etag))

    def _describe(self, record: FileRecord, what: Served, part: ranges.Part | None) -> None:
        self.set_header("Content-Type", what.content_type)
        self.set_header("Content-Disposition", what.disposition)
        self.set_header("Cache-Control", what.cache_control)
        self.set_header("Accept-Ranges", "bytes")
        self.set_header("Content-Length", str(record.size if part is None else part.length))
        if part is not None:
            self.set_status(206)
            self.set_header("Content-Range", part.content_range)

    def _send_elsewhere(self, address: str) -> None:
        self.clear_header("ETag")
        self.clear_header("Content-Type")
        self.set_header("Cache-Control", OWN_CACHE)  # the address is good for a minute
        self.set_header("Location", address)
        self.set_status(302)
        self.finish()

    async def _send(self, record: FileRecord, what: Served, part: ranges.Part | None) -> None:
        start, length = (0, record.size) if part is None else (part.start, part.length)
        async with self.files.reading(record, start=start, length=length) as chunks:
            self._describe(record, what, part)
            try:
                await self._write(chunks)
            except (StreamClosedError, TimeoutError, FileStorageUnavailable):
                connection_of(self.request).close()  # what came is shorter than it was said to be
        self.finish()

    async def _write(self, chunks: AsyncIterator[bytes]) -> None:
        async for chunk in chunks:
            self.write(chunk)
            await asyncio.wait_for(self.flush(), SEND_S)


class FileHandler(ServingHandler):
    """A file of the caller's, attached to something or not."""

    cache_control = OWN_CACHE
    resource_policy = "same-origin"

    async def get(self, file_id: str) -> None:
        """The file."""
        await self.serve(await self.files.owned(file_id, self.caller.user_id))

    async def head(self, file_id: str) -> None:
        """What is known of it."""
        await self.get(file_id)


class LinkHandler(ServingHandler):
    """A file by a signed link. Whatever is wrong with a link, the answer is the same."""

    cache_control = LINK_CACHE
    resource_policy = "cross-origin"  # a page of the app may show it; the link is the permission

    def set_default_headers(self) -> None:
        """Errors aren't kept by caches."""
        super().set_default_headers()
        self.set_header("Cache-Control", "no-store")

    async def get(self, file_id: str) -> None:
        """The file."""
        await self.serve(await self.files.linked(file_id, self._token()))

    async def head(self, file_id: str) -> None:
        """What is known of it."""
        await self.get(file_id)

    def _token(self) -> str:
        """The token, where there is exactly one."""
        given = self.request.query_arguments.get("t", [])
        return given[0].decode("latin-1") if len(given) == 1 else ""
