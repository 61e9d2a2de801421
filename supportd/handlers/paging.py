"""Which page of a list is asked for."""

from typing import NamedTuple

from tornado.web import RequestHandler

from supportd.errors import ValidationFailed
from supportd.handlers import bodies

MAX_LISTED = 100
LISTED = 50
MAX_CURSOR_CHARS = 512


class Asked(NamedTuple):
    """How many items, and after which."""

    limit: int
    cursor: str | None


def page_of(handler: RequestHandler) -> Asked:
    """The page that `limit` and `cursor` ask for. Raises `ValidationFailed`."""
    given = handler.get_query_argument("limit", None)
    limit = bodies.whole_number("limit", given, least=1, most=MAX_LISTED, default=LISTED)
    cursor = handler.get_query_argument("cursor", None)
    if cursor is not None and not 0 < len(cursor) <= MAX_CURSOR_CHARS:
        raise ValidationFailed("cursor", "is not a cursor of this list")
    return Asked(limit, cursor)
