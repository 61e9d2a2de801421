"""JPEG, by ITU-T T.81, annex B."""

import re

from supportd.files import pixels
from supportd.files.contents import Contents
from supportd.files.formats import jpeg_trailers
from supportd.files.refusal import Refused, require

BEGINS = re.compile(rb"\xff\xd8\xff")

# Markers, table B.1. Of the frames only those that browsers show: baseline, extended and progressive.
_END, _SCAN = 0xD9, 0xDA
_FRAMES = {0xC0, 0xC1, 0xC2}
_SEGMENTS = {0xC4, 0xCC, 0xDB, 0xDD, 0xFE, *range(0xE0, 0xF0)}  # tables, restarts, comments, applications' own

# Within a scan's pixels FF is followed by 0, by a restart's number, or by another FF that fills (B.1.1.2, B.1.1.5).
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_NO_FILL = re.compile(rb"[^\xff]")


def confirm(contents: Contents) -> None:
    """The markers from the first to the end, one frame, at least one scan; then what cameras write after the end."""
    end = end_of_image(contents, 0)
    jpeg_trailers.check(contents, end, end_of_image)


def end_of_image(contents: Contents, start: int) -> int:
    """Where the image ends whose `BEGINS` is here. Its thumbnail, in a segment of its own, is passed over."""
    position, frames, scans = start + 2, 0, 0
    while True:
        marker, position = _marker(contents, position)
        if marker == _END:
            break
        length = contents.number(position, 2, big=True)
        require(length >= 2, "has a damaged segment")
        if marker in _FRAMES:
            _check_frame(contents, position, length)
            frames += 1
        elif marker == _SCAN:
            require(frames == 1, "has a scan without a frame")
            scans += 1
        else:
            require(marker in _SEGMENTS, "has a segment of a kind that viewers don't know")
        position += length
        if marker == _SCAN:
            position = _past_pixels(contents, position)
    require(frames == 1 and scans, "has no pixels")
    return position


def _marker(contents: Contents, position: int) -> tuple[int, int]:
    """A marker and where it ends; any number of FF may fill before it (B.1.1.2)."""
    found = contents.search(_NO_FILL, position, length=1)
    if found is None:
        raise Refused("is cut short")
    require(found > position, "has a damaged segment")
    return contents.number(found, 1, big=True), found + 1


def _check_frame(contents: Contents, position: int, length: int) -> None:
    """B.2.2: precision, height, width, and three bytes for each component."""
    frame = contents.at(position + 2, 6)
    require(length == 8 + 3 * frame[5] and 1 <= frame[5] <= 4 and frame[0] in {8, 12}, "has a damaged frame")
    pixels.check(int.from_bytes(frame[3:5], "big"), int.from_bytes(frame[1:3], "big"))


def _past_pixels(contents: Contents, position: int) -> int:
    """Where the next marker after a scan's pixels begins."""
    found = contents.search(_MARKER, position, length=2)
    if found is None:
        raise Refused("is cut short")
    return found
