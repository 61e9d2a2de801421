"""A question about a ticket, asked where the user talks anyway: in the chat."""

from typing import NamedTuple

from supportd.conversations.contacts import ContactBook
from supportd.conversations.enclosures import Draft
from supportd.conversations.listing import Listing
from supportd.conversations.service import ConversationService
from supportd.conversations.state import Message
from supportd.idempotency import Attempt
from supportd.identity import Identity
from supportd.tasks import KeyedLocks
from supportd.tickets.service import TicketService


class Clarified(NamedTuple):
    """The conversation that the question went to, and the message that it is there."""

    conversation_id: str
    message: Message


class Clarification:
    """Asks about tickets in conversations."""

    def __init__(
        self,
        *,
        tickets: TicketService,
        conversations: ConversationService,
        listing: Listing,
        contacts: ContactBook,
    ) -> None:
        self._tickets = tickets
        self._conversations = conversations
        self._listing = listing
        self._contacts = contacts
        self._asking = KeyedLocks()

    async def ask(self, caller: Identity, ticket_id: str, *, body: str | None, attempt: Attempt) -> Clarified:
        """Asks in the caller's open conversation, or in a new one; the message names the ticket's reference.

        A try that was cut off chose already: it is looked for there, and nowhere else.
        """
        reference = self._tickets.reference(await self._tickets.find(caller, ticket_id))
        text = f"{reference}: {body}" if body else f"Please tell me the status of {reference}."
        async with self._asking.hold(caller.user_id):  # so that two at once don't start two conversations
            return await self._ask(caller, text, attempt)

    async def _ask(self, caller: Identity, text: str, attempt: Attempt) -> Clarified:
        open_id = attempt.intent.target if attempt.intent is not None else await self._open_conversation(caller)
        if open_id is not None:
            sent = await self._conversations.reply(caller, open_id, Draft(text), attempt)
            return Clarified(open_id, sent.message)
        started = await self._conversations.start(caller, body=text, reason=None, meta={}, attempt=attempt)
        return Clarified(started.id, started.messages[0])

    async def _open_conversation(self, caller: Identity) -> str | None:
        contact = await self._contacts.ensure(caller.user_id)
        return await self._listing.newest_open(contact)
