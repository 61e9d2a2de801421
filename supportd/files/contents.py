"""A file's bytes by position, with 64 KiB of them in memory."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from supportd.files.refusal import Refused

WINDOW_BYTES = 64 * 1024
MAX_LOOKS = 500_000  # a whole GIF of 20 MB has some 80,000 blocks, each one look; more is made to waste time


class Contents:
    """The bytes of an open file. Walks that go forward read each byte about once, whatever its pieces are.

    `bytes_read` is the cost so far. Every method raises `Refused` after `MAX_LOOKS` calls.
    """

    def __init__(self, descriptor: int) -> None:
        self.size = os.fstat(descriptor).st_size
        self.bytes_read = 0
        self._descriptor = descriptor
        self._looks = 0
        self._window = b""
        self._start = 0

    def at(self, position: int, length: int) -> bytes:
        """Exactly so many bytes, `WINDOW_BYTES` at most; raises `Refused` where the file ends before."""
        found = self.at_most(position, length)
        if len(found) < length:
            raise Refused("is cut short")
        return found

    def at_most(self, position: int, length: int) -> bytes:
        """So many bytes, `WINDOW_BYTES` at most, or as many as there are."""
        assert length <= WINDOW_BYTES
        self._look()
        end = min(position + length, self.size)
        if position >= end:
            return b""
        self._show(position, end)
        return self._window[position - self._start : end - self._start]

    def number(self, position: int, length: int, *, big: bool) -> int:
        """An unsigned number of so many bytes."""
        return int.from_bytes(self.at(position, length), "big" if big else "little")

    def search(self, pattern: re.Pattern[bytes], start: int, *, length: int, end: int | None = None) -> int | None:
        """Where a pattern, whose matches have `length` bytes, is first found; `end` bounds where one may begin."""
        last = min(self.size if end is None else end, self.size - length + 1)
        while start < last:
            self._look()
            self._show(start, start + length)
            match = pattern.search(self._window, start - self._start)
            if match:
                found = self._start + match.start()
                return found if found < last else None
            start = self._start + len(self._window) - length + 1
        return None

    def blocks(self) -> Iterator[bytes]:
        """The whole file in order."""
        for start in range(0, self.size, WINDOW_BYTES):
            yield self.at_most(start, WINDOW_BYTES)

    def _look(self) -> None:
        self._looks += 1
        if self._looks > MAX_LOOKS:
            raise Refused("is made of too many pieces")

    def _show(self, start: int, end: int) -> None:
        if self._start <= start and end <= self._start + len(self._window):
            return
        self._window = os.pread(self._descriptor, WINDOW_BYTES, start)
        self._start = start
        self.bytes_read += len(self._window)
        if start + len(self._window) < end:
            raise Refused("is cut short")


@contextmanager
def opened(path: Path) -> Iterator[Contents]:
    """The contents of a file of ours, while it is open. Raises OSError."""
    with path.open("rb", buffering=0) as file:
        yield Contents(file.fileno())
