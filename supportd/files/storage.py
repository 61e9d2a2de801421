"""Where the bytes of files are: the interface that `local` and `s3` share, their keys, and how their failures are told.

A key is what the storage knows a file by. It is random and names its owner by a keyed hash; nothing of what the client
said is in it.
"""

import errno
import re
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from pathlib import Path
from typing import Protocol

import structlog
from msgspec import Struct

from supportd.errors import FileStorageUnavailable, NotFound

CHUNK_BYTES = 64 * 1024
KEY = re.compile(r"(?P<owner>[0-9a-f]{12})/(?P<random>[0-9a-f]{32})")
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class Served(Struct, frozen=True):
    """The headers that a file is served with: `Content-Type`, `Content-Disposition` and `Cache-Control`."""

    content_type: str
    disposition: str
    cache_control: str


class FileStorage(Protocol):
    """Bytes under keys. Each method but `close` raises `FileStorageUnavailable` where the disk or S3 fails."""

    async def put(self, source: Path, key: str, content_type: str) -> None:
        """Stores a temporary file of `Incoming`, durably, whole or not at all. The file may be gone afterwards."""

    def reading(self, key: str, *, start: int, length: int) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Opens a stored file and gives `length` bytes from `start`, in chunks of at most `CHUNK_BYTES`.

        What is asked for must be within the file. Fewer bytes than that are an error and no shorter file.

        Raises:
            NotFound: on entering, if there is no such file.
        """

    async def redirect(self, key: str, served: Served) -> str | None:
        """An address that gives the file to a GET for a minute, with these headers. None: the bytes are read here."""

    async def delete(self, key: str) -> None:
        """Deletes a file for good. One that isn't there counts as deleted."""

    async def owned(self, owner: str) -> list[str]:
        """The keys of all files that an owner has here. Slow: for scripts."""

    async def check(self) -> None:
        """Writes and deletes a few bytes, to find out whether that works."""

    def close(self) -> None:
        """Frees threads and connections. Nothing may be under way."""


def new_key(owner: str) -> str:
    """A key that nobody can guess. `owner` is the user's hash (`Identity.user_hash`)."""
    key = f"{owner}/{secrets.token_hex(16)}"
    assert KEY.fullmatch(key), "an owner is named by 12 hexadecimal digits"
    return key


def owner_of(key: str) -> str:
    """The user's hash that a key names."""
    return key.partition("/")[0]


@contextmanager
def translated(operation: str) -> Iterator[None]:
    """Turns an error of the operating system into ours."""
    try:
        yield
    except OSError as error:
        raise unavailable(operation, "disk full" if error.errno in FULL else type(error).__name__) from error


def unavailable(operation: str, reason: str) -> FileStorageUnavailable:
    """A failure, as an error to raise. It is logged: what the client gets doesn't tell the reason."""
    structlog.get_logger("supportd.files").warning("file storage unavailable", operation=operation, reason=reason)
    return FileStorageUnavailable(reason)


def missing() -> NotFound:
    """The error for a file of which the bytes are gone. It is logged: only somebody else can have taken them."""
    structlog.get_logger("supportd.files").warning("file missing")
    return NotFound()
