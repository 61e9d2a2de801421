"""Small whole files of each format, built byte by byte; every part can be replaced to spoil one."""

import struct
import zlib

BIG = 100_000  # more than a window of the reader

# JPEG


def segment(marker: int, body: bytes = b"") -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def frame(width: int = 8, height: int = 8, marker: int = 0xC0, colours: int = 1) -> bytes:
    return segment(marker, struct.pack(">BHHB", 8, height, width, colours) + b"\x01\x11\x00" * colours)


TABLES = (
    segment(0xDB, b"\x00" + b"\x01" * 64)
    + segment(0xC4, b"\x00" + b"\x01" + b"\x00" * 15 + b"\x00")
    + segment(0xC4, b"\x10" + b"\x01" + b"\x00" * 15 + b"\x00")
)
SCAN = segment(0xDA, b"\x01\x01\x00\x00\x3f\x00")
PIXELS = b"\x3f"
JFIF = segment(0xE0, b"JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00")


def jpeg(
    *,
    first: bytes = JFIF,
    frame: bytes = frame(),
    scans: bytes = SCAN + PIXELS,
    end: bytes = b"\xff\xd9",
    after: bytes = b"",
) -> bytes:
    return b"\xff\xd8" + first + TABLES + frame + scans + end + after


def samsung_trailer(*blocks: tuple[int, bytes, bytes]) -> bytes:
    """Blocks of (kind, name, data), as ExifTool documents them."""
    body, places = b"", []
    for kind, name, data in blocks:
        places.append((kind, len(body), 8 + len(name) + len(data)))
        body += struct.pack("<2HI", 0, kind, len(name)) + name + data
    entries = b"".join(struct.pack("<2H2I", 0, kind, len(body) - at, length) for kind, at, length in places)
    listing = b"SEFH" + struct.pack("<2I", 106, len(places)) + entries
    return body + listing + struct.pack("<I", len(listing)) + b"SEFT"


# PNG


def chunk(kind: bytes, body: bytes = b"") -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def ihdr(width: int = 1, height: int = 1, depth: int = 8, colour: int = 0, rest: bytes = b"\x00\x00\x00") -> bytes:
    return chunk(b"IHDR", struct.pack(">2I2B", width, height, depth, colour) + rest)


PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
IDAT = chunk(b"IDAT", zlib.compress(b"\x00\x80"))
IEND = chunk(b"IEND")


def png(*, header: bytes = ihdr(), chunks: bytes = IDAT, end: bytes = IEND, after: bytes = b"") -> bytes:
    return PNG_SIGNATURE + header + chunks + end + after


# GIF


def screen(width: int = 1, height: int = 1, flags: int = 0x80) -> bytes:
    return struct.pack("<2H3B", width, height, flags, 0, 0)


COLOURS = b"\x00\x00\x00\xff\xff\xff"


def gif_image(width: int = 1, height: int = 1, pixels: bytes = b"\x02\x02\x44\x01\x00") -> bytes:
    return b"," + struct.pack("<4HB", 0, 0, width, height, 0) + pixels


def gif(
    *,
    version: bytes = b"GIF89a",
    screen: bytes = screen() + COLOURS,
    blocks: bytes = gif_image(),
    end: bytes = b";",
    after: bytes = b"",
) -> bytes:
    return version + screen + blocks + end + after


# WEBP


def riff_chunk(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + b"\x00" * (len(body) % 2)


LOSSLESS = bytes.fromhex("2f00000010071011118888fe0700")
LOSSY = bytes.fromhex("3001009d012a010001000ec0fe25a400037000000000")
VP8L = riff_chunk(b"VP8L", LOSSLESS)
VP8 = riff_chunk(b"VP8 ", LOSSY)


def vp8x(width: int = 1, height: int = 1, flags: int = 0) -> bytes:
    sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return riff_chunk(b"VP8X", bytes([flags, 0, 0, 0]) + sides)


def webp(*chunks: bytes, length: int | None = None, after: bytes = b"") -> bytes:
    body = b"WEBP" + b"".join(chunks or (VP8L,))
    return b"RIFF" + struct.pack("<I", len(body) if length is None else length) + body + after


# BMP


def bmp(
    *,
    width: int = 2,
    height: int = 2,
    planes: int = 1,
    depth: int = 24,
    compression: int = 0,
    stored: int = 0,
    header_size: int = 40,
    file_size: int | None = None,
    between: bytes = b"",
    pixels: bytes = b"\x80" * 16,
) -> bytes:
    rest = b"\x00" * max(0, header_size - 24)
    header = (
        struct.pack("<IiiHHII", header_size, width, height, planes, depth, compression, stored)[:24] + rest + between
    )
    size = 14 + len(header) + len(pixels)
    return b"BM" + struct.pack("<3I", size if file_size is None else file_size, 0, 14 + len(header)) + header + pixels


def put(whole: bytes, position: int, piece: bytes) -> bytes:
    """The same with a piece over what was there."""
    return whole[:position] + piece + whole[position + len(piece) :]


def profiled_bmp(start: int = 124 + 16, length: int = 2000) -> bytes:
    """With a colour profile after the pixels; `start` is counted from the header."""
    whole = put(bmp(header_size=124, pixels=b"\x80" * 2016), 14 + 56, b"DEBM")
    return put(whole, 14 + 112, struct.pack("<2I", start, length))


def old_bmp() -> bytes:
    """With the header of OS/2 and Windows 2."""
    header = struct.pack("<I4H", 12, 2, 2, 1, 24)
    return b"BM" + struct.pack("<3I", 14 + 12 + 16, 0, 26) + header + b"\x80" * 16


# PDF


def pdf(*, before: bytes = b"", header: bytes = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", end: bytes | None = None) -> bytes:
    objects = (
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>",
    )
    body, places = before + header, []
    for number, text in enumerate(objects, 1):
        places.append(len(body))
        body += b"%d 0 obj" % number + text + b"endobj\n"
    table = b"xref\n0 4\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % place for place in places)
    trailer = b"trailer<</Size 4/Root 1 0 R>>\n"
    return body + table + trailer + (b"startxref\n%d\n%%%%EOF\n" % len(body) if end is None else end)


def update(whole: bytes) -> bytes:
    """An incremental update: a trailer and an end of its own."""
    place = len(whole)
    table = b"xref\n0 0\ntrailer<</Size 4/Root 1 0 R/Prev 9>>\n"
    return whole + table + b"startxref\n%d\n%%%%EOF\r\n" % place


# MP4


def box(kind: bytes, body: bytes = b"", *, size: int | None = None) -> bytes:
    return struct.pack(">I", len(body) + 8 if size is None else size) + kind + body


def long_box(kind: bytes, body: bytes = b"", *, size: int | None = None) -> bytes:
    return struct.pack(">I4sQ", 1, kind, len(body) + 16 if size is None else size) + body


def ftyp(main: bytes = b"isom", *compatible: bytes) -> bytes:
    return box(b"ftyp", main + b"\x00\x00\x02\x00" + b"".join(compatible or (main,)))


def track(width: int = 320, height: int = 240, *, version: int = 0, more: bytes = b"") -> bytes:
    body = bytes([version]) + b"\x00" * (87 if version else 75) + struct.pack(">2I", width << 16, height << 16)
    return box(b"trak", box(b"tkhd", body) + box(b"mdia", more))


def moov(*tracks: bytes) -> bytes:
    return box(b"moov", box(b"mvhd", b"\x00" * 100) + b"".join(tracks or (track(),)))


MDAT = box(b"mdat", b"\x55" * 64)


def mp4(*, begins: bytes = ftyp(), boxes: bytes = moov() + MDAT) -> bytes:
    return begins + boxes


# What hides


def zip_archive(
    name: bytes = b"a",
    body: bytes = b"hello",
    *,
    comment: bytes = b"",
    disk: int = 0,
    counts: tuple[int, int] = (1, 1),
) -> bytes:
    crc, length = zlib.crc32(body), len(body)
    local = struct.pack("<4s5H3I2H", b"PK\x03\x04", 10, 0, 0, 0, 33, crc, length, length, len(name), 0) + name + body
    entry = struct.pack("<4s6H3I5H2I", b"PK\x01\x02", 10, 10, 0, 0, 0, 33, crc, length, length, len(name), *[0] * 6)
    directory = entry + name
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", disk, 0, *counts, len(directory), len(local), len(comment))
    return local + directory + end + comment
