"""What cameras and phones write after a JPEG's end.

- Further JPEGs: a preview or depth map (CIPA DC-007, Multi-Picture Format), the map of brightness of an HDR picture
  (Android's Ultra HDR image format).
- An MP4: the moving part of a picture (Android's Motion Photo format).
- Samsung's blocks (`samsung.py`), which may hold an MP4 too.
- Some kilobytes of a maker's own, often text.
"""

import re
from collections.abc import Callable

from supportd.files import ending
from supportd.files.contents import Contents
from supportd.files.formats import mp4, samsung

MAX_MAKERS_BYTES = 32 * 1024

_FILL = re.compile(rb"[^\x00\xff]")


def check(contents: Contents, end: int, end_of_image: Callable[[Contents, int], int]) -> None:
    """Raises `Refused` unless what follows is such things, each of them whole."""
    while end < contents.size:
        start = ending.past_padding(contents, end)
        if contents.at_most(start, 3) == b"\xff\xd8\xff":
            end = end_of_image(contents, start)
        elif mp4.BEGINS.match(contents.at_most(_before_box(start, end), 8)):
            end = mp4.end_of_boxes(contents, _before_box(start, end))
        elif samsung.begins_within(contents, end, start):
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
