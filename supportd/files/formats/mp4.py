"""MP4, by ISO/IEC 14496-12 (ISO base media files) and 14496-14."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from supportd.files import ending, pixels
from supportd.files.contents import Contents
from supportd.files.formats import brands
from supportd.files.refusal import Refused, require

BEGINS = re.compile(rb".{4}ftyp", re.DOTALL)

_BOX_TYPE = re.compile(rb"[\x20-\x7e\xa9][\x20-\x7e]{3}")
_MAX_FTYP_BYTES = 1024


class Box(NamedTuple):
    """A box: where its contents start and end."""

    kind: bytes
    start: int
    end: int


def confirm(contents: Contents) -> None:
    """A brand of ours, boxes that don't overrun, a movie with tracks, and media; in any order, or in fragments."""
    ending.check(contents, end_of_boxes(contents, 0))


def end_of_boxes(contents: Contents, start: int) -> int:
    """Where the boxes of a whole MP4 end that begins here. Raises `Refused` if it isn't one."""
    end, kinds = start, []
    for box in _boxes(contents, start, contents.size):
        if box.start == start + 8:
            _check_brands(contents, box)
        if box.kind == b"moov":
            _check_movie(contents, box)
        kinds.append(box.kind)
        end = box.end
    require(kinds.count(b"moov") <= 1, "has two movies")
    require(b"moov" in kinds and b"mdat" in kinds, "has no movie")
    return end


def _check_brands(contents: Contents, box: Box) -> None:
    """4.3: the main brand, a version, then the compatible ones."""
    length = box.end - box.start
    require(box.kind == b"ftyp" and 8 <= length <= _MAX_FTYP_BYTES and length % 4 == 0, "has a damaged header")
    names = contents.at(box.start, length)
    brands.check(names[:4], frozenset(names[at : at + 4] for at in range(8, length, 4)))


def _check_movie(contents: Contents, movie: Box) -> None:
    """8.2, 8.3: a header and at least one track, each with its own."""
    kinds = []
    for box in _inner(contents, movie):
        kinds.append(box.kind)
        if box.kind == b"trak":
            headers = [inner for inner in _inner(contents, box) if inner.kind == b"tkhd"]
            require(len(headers) == 1, "has a track without a header")
            _check_track_header(contents, headers[0])
    require(b"mvhd" in kinds and b"trak" in kinds, "has no movie")


def _check_track_header(contents: Contents, box: Box) -> None:
    """8.3.2: width and height come last, as 16.16 numbers. A track of sound has zeros."""
    require(box.end - box.start in {84, 96}, "has a damaged track")
    width, height = (contents.number(box.end - back, 4, big=True) >> 16 for back in (8, 4))
    pixels.check(max(width, 1), max(height, 1))


def _boxes(contents: Contents, start: int, end: int) -> Iterator[Box]:
    """The boxes at the top of the file (4.2), up to what isn't one: a trailer, or padding."""
    embedded = start > 0
    while start + 8 <= end and _BOX_TYPE.fullmatch(contents.at(start + 4, 4)):
        if embedded and contents.number(start, 4, big=True) > end - start:
            return  # what a maker writes after the video within a picture may have letters where a box has its type
        box = _box(contents, start, end)
        yield box
        start = box.end


def _inner(contents: Contents, outer: Box) -> Iterator[Box]:
    """The boxes in another one, which they fill; QuickTime's writers may end the list by four zeros."""
    start = outer.start
    while start + 8 <= outer.end:
        box = _box(contents, start, outer.end)
        yield box
        start = box.end
    require(not contents.at(start, outer.end - start).strip(b"\x00"), "has a box that overruns")


def _box(contents: Contents, start: int, end: int) -> Box:
    """4.2: the size has 32 bits, or 64 if it is 1; 0 means to the end of the file, which only media may."""
    size, kind = contents.number(start, 4, big=True), contents.at(start + 4, 4)
    header = 8
    if size == 1:
        size, header = contents.number(start + 8, 8, big=True), 16
    elif size == 0 and kind == b"mdat" and end == contents.size:
        size = end - start
    if size < header or start + size > end:
        raise Refused("has a box that overruns")
    return Box(kind, start + header, start + size)
