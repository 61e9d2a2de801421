"""What the `filetype` library takes a file's beginning for. It looks at a few bytes only, so this proves nothing."""

from typing import NamedTuple

import filetype

HEAD_BYTES = 8192  # the library looks no further


class Sniffed(NamedTuple):
    """The library's word."""

    content_type: str
    extension: str


def sniff(head: bytes) -> Sniffed | None:
    """The library is only ever given bytes: a string it would open as a path."""
    kind = filetype.guess(bytes(head[:HEAD_BYTES]))
    if kind is None:
        return None
    still = {"image/apng": "image/png"}
    return Sniffed(still.get(kind.mime, kind.mime), kind.extension)
