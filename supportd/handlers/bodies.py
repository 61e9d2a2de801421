"""Request bodies and query arguments: read by type, refused with the name of the field."""

import re
from typing import TypeVar

import msgspec

from supportd.errors import BadRequest, ValidationFailed

T = TypeVar("T")

_AT = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")
_MISSING = re.compile(r"missing required field `(?P<name>[^`]+)`")


class Body:
    """A body as it arrives: kept up to `limit` bytes; of a longer one, nothing."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept = bytearray()
        self._too_large = False

    def add(self, chunk: bytes) -> None:
        """Takes the next bytes."""
        self._too_large = self._too_large or len(self._kept) + len(chunk) > self._limit
        if self._too_large:
            self._kept.clear()
        else:
            self._kept += chunk

    def read(self) -> bytes:
        """All of it. Raises `BadRequest` if it was too large."""
        if self._too_large:
            raise BadRequest(f"The body is over {self._limit // 1024} KiB")
        return bytes(self._kept)


def decode(body: bytes, content_type: str, kind: type[T]) -> T:
    """A JSON body as `kind`.

    Raises:
        BadRequest: it isn't JSON, or isn't said to be.
        ValidationFailed: a field has the wrong type or is missing.
    """
    if content_type.partition(";")[0].strip().lower() not in ("application/json", ""):
        raise BadRequest("Content-Type must be application/json")
    try:
        return msgspec.json.decode(body.decode(), type=kind)  # of keys that it ignores msgspec reads the bytes only
    except msgspec.ValidationError as error:
        raise _invalid(str(error)) from None
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise BadRequest("The body is not valid JSON") from None


def text(field: str, value: str, *, most: int, least: int = 1) -> str:
    """The text without white space around it. Raises as `verbatim` does."""
    return verbatim(field, value.strip(), most=most, least=least)


def verbatim(field: str, value: str, *, most: int, least: int = 1) -> str:
    """The text as it was given.

    Raises:
        ValidationFailed: it is too short or long, or has characters that are no text: NUL, or half a surrogate pair.
    """
    if not least <= len(value) <= most:
        raise ValidationFailed(field, f"must have {least} to {most:,} characters")
    if "\x00" in value or any("\ud800" <= char <= "\udfff" for char in value):
        raise ValidationFailed(field, "must be text")
    return value


def whole_number(field: str, value: str | None, *, least: int, most: int, default: int) -> int:
    """A query argument that is a whole number.

    Raises:
        ValidationFailed: it isn't one, or it is out of bounds.
    """
    if value is None:
        return default
    if not re.fullmatch(r"[0-9]{1,18}", value) or not least <= int(value) <= most:
        raise ValidationFailed(field, f"must be a whole number from {least} to {most}")
    return int(value)


def _invalid(problem: str) -> ValidationFailed:
    at = _AT.search(problem)
    path = at["path"] if at else ""
    problem = _AT.sub("", problem)
    if problem.startswith("Invalid enum value"):  # the rest repeats what was sent
        return ValidationFailed(path, "is none of the values it may have")
    missing = _MISSING.search(problem)
    if missing is not None:
        return ValidationFailed(".".join(filter(None, (path, missing["name"]))), "is required")
    return ValidationFailed(path or "body", problem[:1].lower() + problem[1:].replace("`", ""))
