"""`/api/tickets`: list, search, show, reply, clarify."""

from msgspec import Struct

from supportd.conversations.state import Message
from supportd.handlers import bodies
from supportd.handlers.base import BaseHandler
from supportd.handlers.paging import page_of
from supportd.handlers.replies import MAX_BODY_CHARS, draft_of
from supportd.handlers.sends import Sent, answer_once
from supportd.idempotency import Attempt, Sends
from supportd.tickets.clarification import Clarification
from supportd.tickets.service import TicketService
from supportd.tickets.state import StateName

MAX_QUERY_CHARS = 64


class ReplyBody(Struct, rename="camel"):
    """The body of a reply: words, files, or both."""

    body: str | None = None
    attachment_ids: list[str] | None = None


class ReplyAnswer(Struct):
    """The answer to a reply."""

    message: Message
    state: StateName


class ClarifyBody(Struct):
    """The body of a question about a ticket; without words of the user's, the question is ours."""

    body: str | None = None


class ClarifyAnswer(Struct, rename="camel"):
    """Where the question went."""

    conversation_id: str
    message: Message


class TicketHandler(BaseHandler):
    """A handler that acts on the caller's tickets."""

    def initialize(self, *, tickets: TicketService) -> None:
        """Takes the service."""
        self.tickets = tickets


class ListHandler(TicketHandler):
    """The caller's tickets."""

    async def get(self) -> None:
        """A page of them, the newest first."""
        page = page_of(self)
        found = await self.tickets.list(self.caller, limit=page.limit, cursor=page.cursor)
        self.answer(found.body, age_s=found.age_s)


class SearchHandler(TicketHandler):
    """The caller's tickets by reference."""

    async def get(self) -> None:
        """A page of those whose reference begins with `q`."""
        typed = bodies.text("q", self.get_query_argument("q", ""), most=MAX_QUERY_CHARS)
        page = page_of(self)
        found = await self.tickets.search(self.caller, typed, limit=page.limit, cursor=page.cursor)
        self.answer(found.body, age_s=found.age_s)


class ShowHandler(TicketHandler):
    """One ticket in full."""

    async def get(self, ticket_id: str) -> None:
        """Messages and the timeline of its states."""
        found = await self.tickets.show(self.caller, ticket_id)
        self.answer(found.body, age_s=found.age_s)


class ReplyHandler(BaseHandler):
    """Sends a message."""

    def initialize(self, *, tickets: TicketService, sends: Sends) -> None:
        """Takes the service, and what makes a send happen once."""
        self.tickets = tickets
        self.sends = sends

    async def post(self, ticket_id: str) -> None:
        """Sends it; a resolved ticket is in progress again."""
        given = self.json_body(ReplyBody)
        draft = draft_of(given.body, given.attachment_ids)

        async def send(attempt: Attempt) -> Sent:
            sent = await self.tickets.reply(self.caller, ticket_id, draft, attempt)
            return Sent(ReplyAnswer(sent.message, sent.state), age_s=0)

        await answer_once(self, self.sends, send, of=draft)


class ClarifyHandler(BaseHandler):
    """Asks about a ticket in the chat."""

    def initialize(self, *, clarification: Clarification, sends: Sends) -> None:
        """Takes the service, and what makes a send happen once."""
        self.clarification = clarification
        self.sends = sends

    async def post(self, ticket_id: str) -> None:
        """Asks; without a body in words of ours."""
        given = self.json_body(ClarifyBody) if self.body() else ClarifyBody()
        body = None if given.body is None else bodies.text("body", given.body, most=MAX_BODY_CHARS)

        async def send(attempt: Attempt) -> Sent:
            asked = await self.clarification.ask(self.caller, ticket_id, body=body, attempt=attempt)
            return Sent(ClarifyAnswer(asked.conversation_id, asked.message), age_s=0)

        await answer_once(self, self.sends, send, of=body)
