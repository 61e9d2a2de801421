"""The files of a reply, and the body of one that brings files along.

Intercom takes the bytes of files as base64 within JSON. Such a body is made while it is sent: one file is open at a
time and one chunk of it in memory, however many there are and however large.
"""

import base64
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, NamedTuple

import msgspec

NO_BYTES = b'"data":""'  # no name looks so within JSON, where its quotes are escaped


class FileToSend(NamedTuple):
    """A file whose bytes are sent along: `opened` gives all `size` of them, in chunks, each time that it is called."""

    name: str
    content_type: str
    size: int
    opened: Callable[[], AbstractAsyncContextManager[AsyncIterator[bytes]]]


class Enclosed(NamedTuple):
    """The files of a reply: those that Intercom fetches by address, and those whose bytes are sent along."""

    urls: Sequence[str] = ()
    files: Sequence[FileToSend] = ()


class ReplyBody:
    """A reply as JSON. `length` is in bytes."""

    def __init__(self, words: Mapping[str, Any], enclosed: Enclosed) -> None:
        self._files = enclosed.files
        fields = dict(words)
        if enclosed.urls:
            fields["attachment_urls"] = enclosed.urls
        if enclosed.files:
            fields["attachment_files"] = [_without_bytes(file) for file in enclosed.files]
        without_bytes = msgspec.json.encode(fields)
        self._around = without_bytes.split(NO_BYTES)
        self.length = len(without_bytes) + sum(4 * -(-file.size // 3) for file in self._files)  # 4 for each 3 begun

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """The body, from the beginning each time. Raises what opening and reading a file raises."""
        yield self._around[0]
        for file, after in zip(self._files, self._around[1:], strict=True):
            yield NO_BYTES[:-1]
            async with file.opened() as chunks:
                async for piece in _base64(chunks):
                    yield piece
            yield NO_BYTES[-1:] + after


def _without_bytes(file: FileToSend) -> dict[str, str]:
    return {"name": file.name, "content_type": file.content_type, "data": ""}


async def _base64(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    rest = b""
    async for chunk in chunks:
        together = rest + chunk
        whole = len(together) // 3 * 3
        rest = together[whole:]
        yield base64.b64encode(together[:whole])
    yield base64.b64encode(rest)
