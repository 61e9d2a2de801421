"""Which part of a file a request asks for (RFC 9110, 13.1.5 and 14)."""

import re
from dataclasses import dataclass

from tornado.httputil import HTTPHeaders

from supportd.errors import RangeNotSatisfiable

# One range. What isn't that (several, another unit, nonsense) may be answered by the whole (RFC 9110, 14.2).
ONE = re.compile(r"bytes=[ \t]*(?P<first>[0-9]{0,18})-(?P<last>[0-9]{0,18})[ \t]*", re.IGNORECASE)


@dataclass(frozen=True)
class Part:
    """Some bytes of a file of `size` bytes."""

    start: int
    length: int
    size: int

    @property
    def content_range(self) -> str:
        """The header that says which they are."""
        return f"bytes {self.start}-{self.start + self.length - 1}/{self.size}"


def wanted(headers: HTTPHeaders, *, size: int, etag: str) -> Part | None:
    """The part that a GET asks for; None for the whole, as when it has another version than `etag`.

    Raises:
        RangeNotSatisfiable: the file has no such part.
    """
    found = ONE.fullmatch(headers.get("Range", ""))
    if found is None or headers.get("If-Range", etag) != etag:
        return None
    first, last = found["first"], found["last"]
    if not first and not last:
        return None
    if first and last and int(last) < int(first):
        return None
    start = int(first) if first else max(0, size - int(last))
    end = min(int(last) + 1, size) if first and last else size
    if start >= end:
        raise RangeNotSatisfiable(size)
    return Part(start, end - start, size)
