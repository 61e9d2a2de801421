"""What Samsung's phones write after a JPEG's or PNG's end: blocks, and a list of them that ends in `SEFT`.

ExifTool documents it, as the "Samsung trailer". A block may hold a motion photo's MP4, or how a picture was edited.
"""

from supportd.files.contents import Contents

_MAX_BLOCKS = 100


def begins_within(contents: Contents, first: int, last: int) -> bool:
    """Whether the first block begins somewhere from `first` to `last`, so that nothing lies before it."""
    start = _start(contents)
    return start is not None and first <= start <= last


def _start(contents: Contents) -> int | None:
    """Where the first block begins: the list has each one's distance back from the list."""
    tail = contents.at_most(contents.size - 8, 8)
    length = int.from_bytes(tail[:4], "little")
    listing = contents.size - 8 - length
    if tail[4:] != b"SEFT" or not 12 <= length <= 12 * (_MAX_BLOCKS + 1) or listing < 0:
        return None
    blocks = contents.at(listing, length)
    count = int.from_bytes(blocks[8:12], "little")
    if blocks[:4] != b"SEFH" or length != 12 + 12 * count or not count:
        return None
    return listing - max(int.from_bytes(blocks[at + 4 : at + 8], "little") for at in range(12, length, 12))
