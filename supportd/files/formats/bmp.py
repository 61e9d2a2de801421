"""BMP, by Microsoft's documents (BITMAPFILEHEADER, BITMAPINFOHEADER, BITMAPV5HEADER)."""

import re
import struct

from supportd.files import ending, pixels
from supportd.files.contents import Contents
from supportd.files.refusal import require

# "BM" begins words, so the whole signature has the header's size in it: 12, 40, 52, 56, 64, 108 or 124.
BEGINS = re.compile(rb"BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\x00\x00\x00", re.DOTALL)

_DEPTHS = {1, 2, 4, 8, 16, 24, 32}
_UNCOMPRESSED = {0, 3, 6}  # BI_RGB, BI_BITFIELDS, BI_ALPHABITFIELDS
_MAX_BETWEEN = 2048  # 256 colours of four bytes, masks, and padding
_RUN_LENGTHS = {1: 8, 2: 4}  # BI_RLE8, BI_RLE4: the depth of each


def confirm(contents: Contents) -> None:
    """The file's size, one plane, a known depth and compression, and pixels that are there."""
    file_size, _, offset, header_size = struct.unpack("<4I", contents.at(2, 16))
    require(file_size == contents.size, "is not as long as it says")
    require(14 + header_size <= offset <= 14 + header_size + _MAX_BETWEEN, "has a damaged header")
    if header_size == 12:  # BITMAPCOREHEADER
        width, height, planes, depth = struct.unpack("<4H", contents.at(18, 8))
        compression = stored = 0
    else:
        width, height, planes, depth, compression, stored = struct.unpack("<iiHHII", contents.at(18, 20))
    require(planes == 1 and depth in _DEPTHS, "has a damaged header")
    pixels.check(width, abs(height))  # a negative height: rows from the top
    if compression in _UNCOMPRESSED:
        stored = (width * depth + 31) // 32 * 4 * abs(height)
    else:
        require(_RUN_LENGTHS.get(compression) == depth and stored > 0, "is compressed in a way that viewers don't know")
    require(offset + stored <= contents.size, "is cut short")
    ending.check(contents, max(offset + stored, _profile_end(contents, header_size)))


def _profile_end(contents: Contents, header_size: int) -> int:
    """Where a colour profile ends, which may follow the pixels (BITMAPV5HEADER, bV5ProfileData)."""
    if header_size != 124 or contents.at(14 + 56, 4) not in {b"DEBM", b"KNIL"}:
        return 0
    start, length = struct.unpack("<2I", contents.at(14 + 112, 8))
    end = 14 + int(start) + int(length)
    require(end <= contents.size, "is cut short")
    return end
