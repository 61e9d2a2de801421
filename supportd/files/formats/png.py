"""PNG, by the W3C's specification (third edition; RFC 2083 was its first)."""

import re
import zlib

from supportd.files import ending, pixels
from supportd.files.contents import Contents
from supportd.files.formats import samsung
from supportd.files.refusal import require

BEGINS = re.compile(rb"\x89PNG\r\n\x1a\n")  # 5.2

_CHUNK_TYPE = re.compile(rb"[A-Za-z]{4}")
_MAX_LENGTH = 2**31 - 1
_BIT_DEPTHS = {0: {1, 2, 4, 8, 16}, 2: {8, 16}, 3: {1, 2, 4, 8}, 4: {8, 16}, 6: {8, 16}}  # table 11.1, by colour type


def confirm(contents: Contents) -> None:
    """IHDR first, chunks that don't overrun, pixels, and IEND (5.3, 5.6). Ancillary chunks and APNG's may be there."""
    _check_header(contents.at(8, 25))
    position, has_pixels = 33, False
    while True:
        length = contents.number(position, 4, big=True)
        kind = contents.at(position + 4, 4)
        require(_CHUNK_TYPE.fullmatch(kind) and length <= _MAX_LENGTH, "has a chunk that is none")
        require(kind != b"IHDR", "has a second header")
        position += 12 + length
        require(position <= contents.size, "is cut short")
        has_pixels = has_pixels or (kind == b"IDAT" and length > 0)
        if kind == b"IEND":
            break
    require(has_pixels and length == 0, "has no pixels")
    if not samsung.begins_within(contents, position, position):
        ending.check(contents, position)


def _check_header(chunk: bytes) -> None:
    """IHDR with its length and checksum (11.2.2)."""
    require(chunk[:8] == b"\x00\x00\x00\x0dIHDR", "has no header")
    require(zlib.crc32(chunk[4:21]).to_bytes(4, "big") == chunk[21:25], "has a damaged header")
    depth, colour, compression, filtering, interlace = chunk[16:21]
    known = depth in _BIT_DEPTHS.get(colour, ()) and compression == filtering == 0 and interlace in {0, 1}
    require(known, "has a damaged header")
    pixels.check(int.from_bytes(chunk[8:12], "big"), int.from_bytes(chunk[12:16], "big"))
