"""Which of the eight types an uploaded file is, by its bytes alone. Its name and the client's word count for nothing.

First the `filetype` library says what the beginning looks like; then the type's own confirmation proves the whole
structure, as far as that goes without decoding anything. Then it must be nothing else at the same time.
"""

from pathlib import Path

from supportd.files import polyglots, sniffing
from supportd.files.contents import Contents, opened
from supportd.files.refusal import AnotherKind, NotText, Refused
from supportd.files.sniffing import Sniffed
from supportd.files.types import FileType


def verify(path: Path) -> FileType:
    """The type of a finished file of ours. Raises `Refused` with a reason for the client, and OSError.

    It blocks, so it runs in a thread. It takes some 100 KiB of memory, and time in proportion to the file's size.
    """
    with opened(path) as contents:
        return identify(contents)


def identify(contents: Contents) -> FileType:
    """The same for an open file."""
    head = contents.at_most(0, sniffing.HEAD_BYTES)
    if not head:
        raise Refused("is empty")
    sniffed = sniffing.sniff(head)
    claimed = _claimed(head, sniffed)
    if claimed is None or not claimed.begins.match(head):
        # Many a text begins like a short signature: BMW, GIFs, ID3.
        return _text(contents, claimed, sniffed)
    try:
        claimed.confirm(contents)
    except AnotherKind:
        raise
    except Refused as refused:
        raise Refused(f"the {claimed.name} {refused.reason}") from None
    polyglots.check(contents, is_pdf=claimed is FileType.PDF)
    return claimed


def _claimed(head: bytes, sniffed: Sniffed | None) -> FileType | None:
    """What the beginning looks like.

    Two types go by our own signature. Of ISO media files the library knows three brands only, and not those of many
    phones; and it doesn't see a PDF after blank lines.
    """
    for own in (FileType.MP4, FileType.PDF):
        if own.begins.match(head):
            return own
    return next((each for each in FileType if sniffed and sniffed.content_type == each.content_type), None)


def _text(contents: Contents, claimed: FileType | None, sniffed: Sniffed | None) -> FileType:
    """Text, if it is that; else it is refused for what it seems to be."""
    try:
        FileType.TXT.confirm(contents)
    except NotText:
        if claimed:
            raise Refused(f"the {claimed.name} is damaged") from None
        if sniffed:
            raise Refused(f"{sniffed.extension.upper()} files aren't accepted") from None
        raise
    return FileType.TXT
