"""What may follow a format's own end. Cameras pad, and some programs add a few bytes; archives and pages hide there."""

import re

from supportd.files import sniffing
from supportd.files.contents import Contents
from supportd.files.refusal import require

MAX_TRAILER_BYTES = 1024
_NOT_PADDING = re.compile(rb"[^\x00]")
_WHITE = b"\x00\t\n\r \xff"
_PRINTABLE = re.compile(rb"[\t\n\r\x20-\x7e]{2,}\Z")
_FOREIGN = re.compile(
    rb"PK\x03\x04|PK\x05\x06|%PDF-|\x7fELF|\x89PNG\r\n|GIF8[79]a|Rar!\x1a\x07|7z\xbc\xaf\x27\x1c|__HALT_COMPILER|"
    rb"ftyp[\x20-\x7e]{4}|"
    rb"<(?:script|html|!doctype|svg|iframe|body|img|\?php|\?=)",
    re.IGNORECASE,
)


def past_padding(contents: Contents, position: int) -> int:
    """Where what isn't zero begins, from here on; the file's size if nothing does."""
    found = contents.search(_NOT_PADDING, position, length=1)
    return contents.size if found is None else found


def check(contents: Contents, end: int, *, most: int = MAX_TRAILER_BYTES, words: bool = False) -> None:
    """Raises `Refused` unless only padding, or a few bytes that look like nothing known, follow a format's end.

    `words` lets those bytes be plain text, as some phones write it after a JPEG.
    """
    start = past_padding(contents, end)
    require(contents.size - start <= most, "has data after its end")
    rest = contents.at_most(start, most).strip(_WHITE)
    known = sniffing.sniff(rest) or _FOREIGN.search(rest)
    require(not known, "has another file after its end")
    require(words or not _PRINTABLE.match(rest), "has text after its end")
