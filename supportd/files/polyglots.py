"""Files that are two things at once: a whole image that an unpacker or a PDF viewer opens as something else."""

import re

from supportd.files.contents import WINDOW_BYTES, Contents
from supportd.files.refusal import Refused, require

# How far readers look for the beginning of their own format, and where formats without one at 0 have their marks.
# PDF: 1,024 bytes (ISO 32000-1, annex H, note 13 of Acrobat's). RAR and 7z: self-extracting archives.
PDF_WITHIN = 1024
ARCHIVE_WITHIN = 2 * 1024 * 1024
MARKS = ((128, b"DICM"), (257, b"ustar"), (32_769, b"CD001"))

_PDF = re.compile(rb"%PDF-\d\.\d")
_ARCHIVE = re.compile(rb"(?:Rar!\x1a\x07|7z\xbc\xaf\x27\x1c)")
_PHAR = re.compile(rb"__HALT_COMPILER\(\);")  # PHP's manual, Phar file format: it may stand anywhere

# The screen's width, the file's size or a segment's length opens a comment or a string of JavaScript, and all that
# follows is in it. No true file has these: they are odd where such sizes are even, or too large for the screen.
_SCRIPT = re.compile(rb"(?:GIF8[79]a|BM|RIFF|\xff\xd8\xff[\xe0\xfe])(?:/[*/]|=[\"'`])")

# APPNOTE.TXT of PKWARE, 4.3.16: an archive's end record has 22 bytes and a comment of up to 65,535.
_ZIP_END = b"PK\x05\x06"
_ZIP_END_BYTES = 22
_ZIP_END_WITHIN = _ZIP_END_BYTES + 65_535


def check(contents: Contents, *, is_pdf: bool) -> None:
    """Raises `Refused` if another program would open the file as something else than it is."""
    beginning = contents.at_most(0, PDF_WITHIN + len("%PDF-1.7"))
    require(not _SCRIPT.match(beginning), "is a script as well")
    if not is_pdf:  # a PDF may have such files as attachments
        require(not _PDF.search(beginning), "is a PDF as well")
        archive = contents.search(_ARCHIVE, 0, length=6, end=ARCHIVE_WITHIN)
        require(archive is None, "is an archive as well")
    require(contents.search(_PHAR, 0, length=18) is None, "is a PHAR as well")
    for position, mark in MARKS:
        require(contents.at_most(position, len(mark)) != mark, "is an archive as well")
    _check_zip_end(contents)


def _check_zip_end(contents: Contents) -> None:
    """Unpackers look for a ZIP's end record from the file's end backwards, whatever comes before."""
    start = max(0, contents.size - _ZIP_END_WITHIN)
    tail = contents.at_most(start, WINDOW_BYTES) + contents.at_most(start + WINDOW_BYTES, _ZIP_END_BYTES)
    found = tail.find(_ZIP_END)
    while found >= 0:
        if _is_zip_end(tail[found : found + _ZIP_END_BYTES], start + found):
            raise Refused("is a ZIP archive as well")
        found = tail.find(_ZIP_END, found + 1)


def _is_zip_end(record: bytes, position: int) -> bool:
    """Whether its directory could lie before it: four bytes alone come about by chance.

    Counts and numbers of disks tell nothing: Java's and Python's unpackers don't compare them.
    """
    if len(record) < _ZIP_END_BYTES:
        return False
    size, offset = int.from_bytes(record[12:16], "little"), int.from_bytes(record[16:20], "little")
    zip64 = 0xFFFFFFFF in (size, offset)
    return zip64 or size + offset <= position
