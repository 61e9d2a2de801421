"""`/api/csat`: a rating of a conversation or a ticket."""

import re

from msgspec import Struct

from supportd.errors import NotFound, ValidationFailed
from supportd.feedback.csat import Csat, Given
from supportd.handlers import bodies
from supportd.handlers.base import BaseHandler

MOST_STARS = 5
MAX_COMMENT_CHARS = 4000
MAX_ID_CHARS = 128

POSSIBLE_ID = re.compile(r"[A-Za-z0-9_-]+")


class CsatBody(Struct, rename="camel"):
    """The body of a rating."""

    stars: int
    comment: str | None = None
    ticket_id: str | None = None
    conversation_id: str | None = None


class CsatAnswer(Struct):
    """The answer to a rating; `id` is None for a duplicate."""

    id: str | None
    duplicate: bool


class CsatHandler(BaseHandler):
    """Takes ratings."""

    def initialize(self, *, csat: Csat) -> None:
        """Takes the service."""
        self.csat = csat

    async def post(self) -> None:
        """Stores a rating; a second of the same thing changes nothing."""
        rating_id = await self.csat.rate(self.caller, _read(self.json_body(CsatBody)))
        if rating_id is None:
            self.answer(CsatAnswer(None, duplicate=True))
        else:
            self.answer(CsatAnswer(rating_id, duplicate=False), status=201)


def _read(given: CsatBody) -> Given:
    if not 1 <= given.stars <= MOST_STARS:
        raise ValidationFailed("stars", f"must be a whole number from 1 to {MOST_STARS}")
    comment = bodies.text("comment", given.comment or "", least=0, most=MAX_COMMENT_CHARS)
    named = _id("ticketId", given.ticket_id), _id("conversationId", given.conversation_id)
    if named == (None, None):
        raise ValidationFailed("conversationId", "is required where there is no ticketId")
    if not all(POSSIBLE_ID.fullmatch(each) for each in named if each is not None):
        raise NotFound
    return Given(given.stars, comment or None, *named)


def _id(field: str, given: str | None) -> str | None:
    return None if given is None else bodies.verbatim(field, given, most=MAX_ID_CHARS)
