"""Files of messages. They are noted, not fetched."""

import mimetypes
from collections.abc import Iterable
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from msgspec import Struct

from supportd.simulator.errors import invalid
from supportd.simulator.model import Attachment

MAX_ATTACHMENTS = 10
UPLOADS = "https://downloads.simulated-intercom.invalid/"


class UploadedFile(Struct):
    """A file sent along as base64."""

    name: str
    content_type: str
    data: str


def urls_as_attachments(urls: list[str]) -> list[Attachment]:
    """What Intercom would fetch. Raises 400 for more than ten."""
    _require_few(urls)
    attachments = []
    for url in urls:
        name = PurePosixPath(unquote(urlsplit(url).path)).name or "file"
        content_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
        attachments.append(Attachment(name, url, content_type))
    return attachments


def files_as_attachments(files: list[UploadedFile]) -> list[Attachment]:
    """What was sent along. Raises 400 for more than ten."""
    _require_few(files)
    return [Attachment(each.name, UPLOADS + each.name, each.content_type, len(each.data) * 3 // 4) for each in files]


def _require_few(things: Iterable[object]) -> None:
    if len(list(things)) > MAX_ATTACHMENTS:
        raise invalid(f"at most {MAX_ATTACHMENTS} attachments are allowed")
