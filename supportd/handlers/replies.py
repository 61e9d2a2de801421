"""What is asked of a reply, to a conversation or a ticket: words, files, or both."""

from supportd.conversations.enclosures import FIELD, Draft
from supportd.conversations.messages import own_words
from supportd.errors import ValidationFailed
from supportd.handlers import bodies

MAX_BODY_CHARS = 10_000
MAX_ID_CHARS = 128


def draft_of(body: str | None, attachment_ids: list[str] | None) -> Draft:
    """The reply as it is to be sent. Raises `ValidationFailed`."""
    file_ids = attachment_ids or []
    for file_id in file_ids:
        bodies.verbatim(FIELD, file_id, most=MAX_ID_CHARS)
    if len(set(file_ids)) < len(file_ids):
        raise ValidationFailed(FIELD, "must not name a file twice")
    if body is None and not file_ids:
        raise ValidationFailed("body", "is required where there are no files")
    least = 0 if file_ids else 1
    words = bodies.text("body", own_words(body or ""), least=least, most=MAX_BODY_CHARS)
    return Draft(words, tuple(file_ids))
