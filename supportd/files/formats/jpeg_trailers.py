"""What cameras and phones write after a JPEG's end.

- Further JPEGs: a preview or depth map (CIPA DC-007, Multi-Picture Format), the map of brightness of an HDR picture
  (Android's Ultra HDR image format).
- An MP4: the moving part of a picture (Android's Motion Photo format).
- Samsung's list of blocks, which ends in `SEFT` (as ExifTool documents it, "Samsung trailer"); it may hold an MP4 too.
- Some kilobytes of a maker's own, often text.
"""

import re
from collections.abc import Callable

from supportd.files import ending
from supportd.files.contents import Contents
from supportd.files.formats import mp4

MAX_MAKERS_BYTES = 32 * 1024

_MAX_SAMSUNG_BLOCKS = 100
_FILL = re.compile(rb"[^\x00\xff]")


def check(contents: Contents, end: int, end_of_image: Callable[[Contents, int], int]) -> None:
    """Raises `Refused` unless what follows is such things, each of them whole."""
    while end < contents.size:
        start = ending.past_padding(contents, end)
        if contents.at_most(start, 3) == b"\xff\xd8\xff":
            end = end_of_image(contents, start)
        elif mp4.BEGINS.match(contents.at_most(_before_box(start, end), 8)):
            end = mp4.end_of_boxes(contents, _before_box(start, end))
        elif end <= (_samsungs_start(contents) or -1) <= start:
            return
        else:
            ending.check(contents, _past_fill(contents, end), most=MAX_MAKERS_BYTES, words=True)
            return


def _before_box(start: int, end: int) -> int:
    """Where a box begins when `start` is its first byte above zero, the last one of a size below 256, or at `end`."""
    return max(end, start - 3)


def _past_fill(contents: Contents, position: int) -> int:
    """After FF and zeros, with which some cameras fill up to whole sectors."""
    found = contents.search(_FILL, position, length=1)
    return contents.size if found is None else found


def _samsungs_start(contents: Contents) -> int | None:
    """Where the first block of Samsung's begins: the list of them has each one's distance back from the list."""
    tail = contents.at_most(contents.size - 8, 8)
    length = int.from_bytes(tail[:4], "little")
    listing = contents.size - 8 - length
    if tail[4:] != b"SEFT" or not 12 <= length <= 12 * (_MAX_SAMSUNG_BLOCKS + 1) or listing < 0:
        return None
    blocks = contents.at(listing, length)
    count = int.from_bytes(blocks[8:12], "little")
    if blocks[:4] != b"SEFH" or length != 12 + 12 * count or not count:
        return None
    return listing - max(int.from_bytes(blocks[at + 4 : at + 8], "little") for at in range(12, length, 12))
