"""Cursors of lists: where a page ended, as clients carry it."""

import base64
import binascii
from typing import NamedTuple

import msgspec

from supportd.errors import ValidationFailed

MAX_MS = 2**53


class Cursor(NamedTuple):
    """The last item of a page: the time (ms) that the list is ordered by, and its id."""

    at: int
    id: str


def write_cursor(cursor: Cursor) -> str:
    """A cursor as clients see it."""
    return base64.urlsafe_b64encode(msgspec.json.encode(cursor)).decode().rstrip("=")


def read_cursor(cursor: str) -> Cursor:
    """The cursor that a client sent back. Raises `ValidationFailed` if it isn't one of ours."""
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        read = msgspec.json.decode(raw, type=Cursor)
    except (binascii.Error, ValueError, msgspec.DecodeError, RecursionError):
        raise ValidationFailed("cursor", "is not a cursor of this list") from None
    if not 0 <= read.at < MAX_MS:
        raise ValidationFailed("cursor", "is not a cursor of this list")
    return read
