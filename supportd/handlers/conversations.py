"""`/api/conversations`: list, start, show, read, close, reply."""

import msgspec
from msgspec import Struct

from supportd.conversations.messages import own_words
from supportd.conversations.service import ConversationService
from supportd.conversations.state import Message, Reason, StateName
from supportd.errors import ValidationFailed
from supportd.handlers import bodies
from supportd.handlers.base import BaseHandler
from supportd.handlers.paging import page_of
from supportd.handlers.replies import MAX_BODY_CHARS, draft_of
from supportd.handlers.sends import Sent, answer_once
from supportd.idempotency import Attempt, Sends

MAX_REASON_CHARS = 80
MAX_META_KEYS = 20
MAX_META_BYTES = 4096
MAX_META_NUMBER = 2**53 - 1  # what every JSON reader keeps exactly (RFC 7493, 2.2)

Scalar = str | int | float | bool | None


class StartReason(Struct):
    """Why the user starts a conversation."""

    main: str
    sub: str | None = None


class StartBody(Struct):
    """The body of a start."""

    body: str | None = None
    reason: StartReason | None = None
    meta: dict[str, Scalar] | None = None


class ReplyBody(Struct, rename="camel"):
    """The body of a reply: words, files, or both."""

    body: str | None = None
    attachment_ids: list[str] | None = None


class ReplyAnswer(Struct, rename="camel"):
    """The answer to a reply."""

    message: Message
    latest_timestamp: int
    state: StateName


class ConversationHandler(BaseHandler):
    """A handler that acts on the caller's conversations."""

    def initialize(self, *, conversations: ConversationService) -> None:
        """Takes the service."""
        self.conversations = conversations


class SendingHandler(BaseHandler):
    """A handler that sends messages, each once."""

    def initialize(self, *, conversations: ConversationService, sends: Sends) -> None:
        """Takes the services."""
        self.conversations = conversations
        self.sends = sends


class ListHandler(SendingHandler):
    """The caller's conversations, and new ones."""

    async def get(self) -> None:
        """Summaries, the most recently updated first."""
        page = page_of(self)
        found = await self.conversations.list(self.caller, limit=page.limit, cursor=page.cursor)
        self.answer(found.body, age_s=found.age_s)

    async def post(self) -> None:
        """Starts a conversation, with words, with a topic, or with both."""
        given = self.json_body(StartBody)
        if given.body is None and given.reason is None:
            raise ValidationFailed("body", "is required where there is no reason")
        body = None if given.body is None else bodies.text("body", own_words(given.body), most=MAX_BODY_CHARS)
        reason = None if given.reason is None else _reason(given.reason)
        meta = {} if given.meta is None else _meta(given.meta)

        async def start(attempt: Attempt) -> Sent:
            started = await self.conversations.start(self.caller, body=body, reason=reason, meta=meta, attempt=attempt)
            return Sent(started, age_s=0)

        await answer_once(self, self.sends, start, of=(body, reason, meta))


class ShowHandler(ConversationHandler):
    """One conversation in full."""

    async def get(self, conversation_id: str) -> None:
        """Messages, state and rating."""
        found = await self.conversations.show(self.caller, conversation_id)
        self.answer(found.body, age_s=found.age_s)


class ReadHandler(ConversationHandler):
    """Clears the unread badge."""

    async def post(self, conversation_id: str) -> None:
        """Marks everything read."""
        age_s = await self.conversations.mark_read(self.caller, conversation_id)
        self.answer({"id": conversation_id, "unread": 0}, age_s=age_s)


class CloseHandler(ConversationHandler):
    """Closes a conversation, by the user."""

    async def post(self, conversation_id: str) -> None:
        """Closes it; one that is closed stays so."""
        age_s = await self.conversations.close(self.caller, conversation_id)
        self.answer({"id": conversation_id, "state": "closed"}, age_s=age_s)


class ReplyHandler(SendingHandler):
    """Sends a message."""

    async def post(self, conversation_id: str) -> None:
        """Sends it and answers with it as it stands in the thread."""
        given = self.json_body(ReplyBody)
        draft = draft_of(given.body, given.attachment_ids)

        async def reply(attempt: Attempt) -> Sent:
            sent = await self.conversations.reply(self.caller, conversation_id, draft, attempt)
            return Sent(ReplyAnswer(sent.message, sent.latest, sent.state), age_s=0)

        await answer_once(self, self.sends, reply, of=draft)


def _reason(given: StartReason) -> Reason:
    main = bodies.text("reason.main", given.main, most=MAX_REASON_CHARS)
    sub = None if given.sub is None else bodies.text("reason.sub", given.sub, most=MAX_REASON_CHARS)
    return Reason(main, sub)


def _meta(given: dict[str, Scalar]) -> dict[str, Scalar]:
    if len(given) > MAX_META_KEYS:
        raise ValidationFailed("meta", f"must have at most {MAX_META_KEYS} keys")
    if len(msgspec.json.encode(given)) > MAX_META_BYTES:
        raise ValidationFailed("meta", f"must be at most {MAX_META_BYTES // 1024} KiB in all")
    for key, value in given.items():
        bodies.text("meta", key, most=MAX_META_BYTES)
        if isinstance(value, int) and abs(value) > MAX_META_NUMBER:
            raise ValidationFailed(f"meta.{key[:80]}", "is too large a number")
        if isinstance(value, str):
            bodies.text(f"meta.{key[:80]}", value, least=0, most=MAX_META_BYTES)
    return given
