"""The eight types that users may upload: the one table of them."""

import re
from collections.abc import Callable
from enum import Enum

from supportd.files.contents import Contents
from supportd.files.formats import bmp, gif, jpeg, mp4, pdf, png, text, webp


class FileType(Enum):
    """A type: the content type and extension that we give it, whether a browser may show it in place, its proof.

    `inline` is for raster images and video only: they can't act. `begins` is the whole
    signature; `confirm` raises `Refused`.
    """

    JPEG = ("image/jpeg", "jpg", True, jpeg.BEGINS, jpeg.confirm)
    PNG = ("image/png", "png", True, png.BEGINS, png.confirm)
    GIF = ("image/gif", "gif", True, gif.BEGINS, gif.confirm)
    WEBP = ("image/webp", "webp", True, webp.BEGINS, webp.confirm)
    BMP = ("image/bmp", "bmp", True, bmp.BEGINS, bmp.confirm)
    PDF = ("application/pdf", "pdf", False, pdf.BEGINS, pdf.confirm)
    MP4 = ("video/mp4", "mp4", True, mp4.BEGINS, mp4.confirm)
    TXT = ("text/plain; charset=utf-8", "txt", False, text.BEGINS, text.confirm)

    def __init__(
        self,
        content_type: str,
        extension: str,
        inline: bool,  # noqa: FBT001 - a column of the table
        begins: re.Pattern[bytes],
        confirm: Callable[[Contents], None],
    ) -> None:
        self.content_type = content_type
        self.extension = extension
        self.inline = inline
        self.begins = begins
        self.confirm = confirm
