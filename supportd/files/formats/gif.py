"""GIF, by CompuServe's GIF89a specification."""

import re

from supportd.files import ending, pixels
from supportd.files.contents import Contents
from supportd.files.refusal import Refused, require

BEGINS = re.compile(rb"GIF8[79]a")  # 17

_IMAGE, _EXTENSION, _TRAILER = 0x2C, 0x21, 0x3B


def confirm(contents: Contents) -> None:
    """The screen, blocks that don't overrun, at least one image, and the trailer (18-27)."""
    screen = contents.at(6, 7)
    pixels.check(int.from_bytes(screen[0:2], "little"), int.from_bytes(screen[2:4], "little"))
    position, images = 13 + _colours(screen[4]), 0
    while (introducer := contents.number(position, 1, big=True)) != _TRAILER:
        if introducer == _IMAGE:
            position = _image(contents, position)
            images += 1
        elif introducer == _EXTENSION:
            position = _sub_blocks(contents, position + 2)
        else:
            raise Refused("has a block that is none")
    require(images, "has no pixels")
    ending.check(contents, position + 1)


def _colours(flags: int) -> int:
    """The size of the colour table that the flags announce, in bytes (18.c)."""
    return 3 * 2 ** ((flags & 0x07) + 1) if flags & 0x80 else 0


def _image(contents: Contents, position: int) -> int:
    """Where an image ends: its descriptor, colours and compressed pixels (20-22)."""
    descriptor = contents.at(position, 10)
    pixels.check(int.from_bytes(descriptor[5:7], "little"), int.from_bytes(descriptor[7:9], "little"))
    position += 10 + _colours(descriptor[9])
    code_size = contents.number(position, 1, big=True)
    require(1 <= code_size <= 11, "has a damaged image")
    return _sub_blocks(contents, position + 1)


def _sub_blocks(contents: Contents, position: int) -> int:
    """Where the sub-blocks end, each with its length before it, the last one empty (15, 16)."""
    while length := contents.number(position, 1, big=True):
        position += 1 + length
    return position + 1
