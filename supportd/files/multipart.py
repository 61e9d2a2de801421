"""Reads an upload: multipart/form-data with one part named `file`, chunk by chunk (RFC 7578).

Stricter than the library beneath, which skips what comes before the first boundary and takes any number of parts.
"""

import logging
import re
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser

from supportd.errors import ApiError, BadRequest, ValidationFailed

FIELD = "file"
MAX_HEADERS = 8
MAX_HEADER_BYTES = 4096
OVERHEAD_BYTES = 64 * 1024  # the headers of the part and what surrounds it; more is no upload of a file

TYPE = re.compile(r"[ \t]*(?P<type>[!#$%&'*+.^_`|~0-9A-Za-z/-]+)[ \t]*")
# A quoted value, a quoted one in which a backslash is just that (as browsers send it), or a bare one.
PARAMETER = re.compile(
    r";[ \t]*(?P<name>[!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*=[ \t]*"
    r'(?:"(?P<escaped>(?:[^"\\]|\\.)*)"[ \t]*|"(?P<raw>[^"]*)"[ \t]*|(?P<bare>[^";]*))(?=;|\Z)'
)
BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")  # RFC 2046, 5.1.1
ESCAPED = re.compile(r'\\(["\\])')
PERCENT = re.compile(r"%(22|0D|0A)", re.IGNORECASE)  # HTML, multipart form data: all that browsers escape
EXTENDED = re.compile(r"(?P<charset>utf-8|iso-8859-1)'[^']*'(?P<value>[!#$&+.^_`|~0-9A-Za-z%-]*)", re.IGNORECASE)
NOT_ENCODED = frozenset({"7bit", "8bit", "binary"})


class TooLarge(ValidationFailed):
    """The file has more than so many bytes."""

    def __init__(self, max_bytes: int) -> None:
        super().__init__(FIELD, f"must have at most {max_bytes / 2**20:g} MB")


class FileReader:
    """Takes a body's chunks and gives the bytes of the file in them. Keeps nothing but headers.

    However the body is cut, the bytes, the name or the error are the same. After an error there is only that error.
    """

    def __init__(self, content_type: str, *, max_bytes: int) -> None:
        self.name = ""
        self.size = 0
        self._max_bytes = max_bytes
        self._left = max_bytes + OVERHEAD_BYTES
        self._headers: dict[str, str] = {}
        self._field = self._value = b""
        self._parts = 0
        self._found: list[bytes] = []
        self._begun = self._ended = False
        self._failed: ApiError | None = None
        self._parser = self._parser_for(_boundary(content_type))

    def feed(self, chunk: bytes) -> bytes:
        """The bytes of the file that are certain with this chunk.

        Raises:
            BadRequest: this is no multipart body.
            ValidationFailed: it is one, but not with one file in it, or the file is too large.
        """
        if self._failed is not None:
            raise self._failed
        try:
            return self._feed(chunk)
        except FormParserError:
            self._failed = _broken()
        except ApiError as error:
            self._failed = error
        raise self._failed

    def finish(self) -> None:
        """Says that the body is over. Raises as `feed` does, also for a body that was cut off and for an empty file."""
        if self._failed is not None:
            raise self._failed
        if not self._ended:
            raise BadRequest("The multipart body has no end")
        if self._parts == 0:
            raise ValidationFailed(FIELD, "is required")
        if self.size == 0:
            raise ValidationFailed(FIELD, "is empty")

    def _feed(self, chunk: bytes) -> bytes:
        if chunk and not self._begun:
            self._begun = True
            if not chunk.startswith(b"-"):
                raise _broken()
        self._found = []
        self._parser.write(chunk[: self._left])
        self._left -= len(chunk)
        if self._left < 0:
            raise BadRequest("The body has much beside the file")
        return b"".join(self._found)

    def _parser_for(self, boundary: str) -> MultipartParser:
        parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._on_part_begin,
                "on_header_field": self._on_header_field,
                "on_header_value": self._on_header_value,
                "on_header_end": self._on_header_end,
                "on_headers_finished": self._on_headers_finished,
                "on_part_data": self._on_part_data,
                "on_end": self._on_end,
            },
            max_header_count=MAX_HEADERS,
            max_header_size=MAX_HEADER_BYTES,
        )
        parser.logger = logging.Logger("silent", logging.CRITICAL)  # noqa: LOG001 - its own quotes what was sent
        return parser

    def _on_part_begin(self) -> None:
        self._parts += 1
        if self._parts > 1:
            raise ValidationFailed(FIELD, "must be the only part")

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        field, value = self._field.decode("ascii").lower(), _text(self._value).strip(" \t")
        if field in self._headers or any(char < " " and char != "\t" for char in value):
            raise _broken()
        self._headers[field] = value
        self._field = self._value = b""

    def _on_headers_finished(self) -> None:
        kind, parameters = _read(self._headers.get("content-disposition", ""))
        if kind != "form-data" or "name" not in parameters:
            raise _broken()
        if parameters["name"] != FIELD:
            raise ValidationFailed(FIELD, "must be the only part")
        if self._headers.get("content-transfer-encoding", "binary").lower() not in NOT_ENCODED:
            raise ValidationFailed(FIELD, "must not be encoded (Content-Transfer-Encoding)")
        if self._headers.get("content-type", "").lower().startswith("multipart/"):
            raise ValidationFailed(FIELD, "must be one file")
        self.name = _file_name(parameters)

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        self.size += end - start
        if self.size > self._max_bytes:
            raise TooLarge(self._max_bytes)
        self._found.append(data[start:end])

    def _on_end(self) -> None:
        self._ended = True


def _boundary(content_type: str) -> str:
    kind, parameters = _read(content_type[:MAX_HEADER_BYTES])
    if kind != "multipart/form-data":
        raise BadRequest("Content-Type must be multipart/form-data")
    boundary = parameters.get("boundary", "")
    if not BOUNDARY.fullmatch(boundary):
        raise BadRequest("Content-Type must have a boundary of 1 to 70 characters")
    return boundary


def _file_name(parameters: dict[str, str]) -> str:
    """The name as it was sent; `filename*` goes first where it can be read (RFC 6266, 4.3)."""
    extended = EXTENDED.fullmatch(parameters.get("filename*", ""))
    if extended is not None:
        return unquote_to_bytes(extended["value"]).decode(extended["charset"], errors="replace")
    return parameters.get("filename", "")


def _read(header: str) -> tuple[str, dict[str, str]]:
    """A header's first word and its parameters, by their names in lower case. Raises `BadRequest`."""
    kind = TYPE.match(header)
    if kind is None:
        raise _broken()
    parameters: dict[str, str] = {}
    for name, value in _parameters(header, kind.end()):
        if name in parameters:
            raise _broken()
        parameters[name] = value
    return kind["type"].lower(), parameters


def _parameters(header: str, position: int) -> Iterator[tuple[str, str]]:
    while header[position:].strip("; \t"):
        found = PARAMETER.match(header, position)
        if found is None:
            raise _broken()
        position = found.end()
        yield found["name"].lower(), _value(found)


def _value(found: re.Match[str]) -> str:
    if found["bare"] is not None:
        return found["bare"].rstrip(" \t")
    quoted = found["raw"] if found["escaped"] is None else ESCAPED.sub(r"\1", found["escaped"])
    return PERCENT.sub(lambda escape: chr(int(escape[1], 16)), quoted)


def _text(value: bytes) -> str:
    """Header bytes as text: UTF-8 as browsers send it, else Latin-1, which any bytes are."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _broken() -> BadRequest:
    return BadRequest("The body isn't valid multipart/form-data")
