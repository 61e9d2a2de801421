"""WEBP, by RFC 9649 (the WebP container, and VP8's and VP8L's headers in it)."""

import re

from supportd.files import ending, pixels
from supportd.files.contents import Contents
from supportd.files.refusal import Refused, require

BEGINS = re.compile(rb"RIFF.{4}WEBP", re.DOTALL)

_IMAGES = {b"VP8 ", b"VP8L", b"ANMF"}
_FIRST = {b"VP8 ", b"VP8L", b"VP8X"}


def confirm(contents: Contents) -> None:
    """RIFF's length, the first chunk, chunks that don't overrun, and at least one image (RFC 9649, 2.3-2.7)."""
    end = 8 + contents.number(4, 4, big=False)
    require(end <= contents.size, "is cut short")
    require(contents.at(12, 4) in _FIRST, "has no image")
    position, images = 12, 0
    while position + 8 <= end:
        kind = contents.at(position, 4)
        length = contents.number(position + 4, 4, big=False)
        require(position + 8 + length <= end, "has a chunk that overruns")
        pixels.check(*_size(contents, kind, position + 8))
        images += kind in _IMAGES
        position += 8 + length + length % 2
    require(images, "has no image")
    require(position >= end, "has a chunk that overruns")
    ending.check(contents, end)


def _size(contents: Contents, kind: bytes, position: int) -> tuple[int, int]:
    """An image's or the canvas's width and height; other chunks have none to object to."""
    if kind == b"VP8 ":
        return _lossy(contents.at(position, 10))
    if kind == b"VP8L":
        return _lossless(contents.at(position, 5))
    if kind == b"VP8X":
        return _canvas(contents.at(position + 4, 6))
    if kind == b"ANMF":
        return _canvas(contents.at(position + 6, 6))
    return 1, 1


def _lossy(header: bytes) -> tuple[int, int]:
    """A key frame's (RFC 6386, 9.1)."""
    if header[0] & 1 or header[3:6] != b"\x9d\x01\x2a":
        raise Refused("has a damaged image")
    return int.from_bytes(header[6:8], "little") & 0x3FFF, int.from_bytes(header[8:10], "little") & 0x3FFF


def _lossless(header: bytes) -> tuple[int, int]:
    """RFC 9649, 3.4: 14 bits each, less one, then a version of 0."""
    bits = int.from_bytes(header[1:5], "little")
    if header[0] != 0x2F or bits >> 29:
        raise Refused("has a damaged image")
    return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1


def _canvas(sides: bytes) -> tuple[int, int]:
    """24 bits each, less one (2.7)."""
    return int.from_bytes(sides[:3], "little") + 1, int.from_bytes(sides[3:], "little") + 1
