"""What a user does with conversations. Every act is the caller's own: another's conversation is none."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple
from uuid import uuid4

from supportd.conversations import views
from supportd.conversations.cache import Entry
from supportd.conversations.contacts import ContactBook
from supportd.conversations.keeper import Applied, ConversationKeeper
from supportd.conversations.listing import Listing, read_cursor
from supportd.conversations.messages import message_of
from supportd.conversations.richtext import squeezed
from supportd.conversations.served import ServedCursors
from supportd.conversations.state import Author, Message, Reason, State, StateName
from supportd.conversations.topics import Topics, title
from supportd.errors import IntercomNotFound, IntercomRefused, IntercomUnavailable, NotFound
from supportd.identity import Identity
from supportd.intercom import wire
from supportd.intercom.budget import Priority
from supportd.intercom.client import IntercomClient
from supportd.stores.contacts import Contact
from supportd.stores.outbox import Job, Kind
from supportd.tasks import KeyedLocks

# Intercom may not know a contact for a moment after it made it (Intercom's docs, 1.4, conversations).
NEW_CONTACT_RETRIES_S = (0.2, 0.5, 1.0)


class Fresh(NamedTuple):
    """An answer, and the seconds since Intercom last confirmed what it says."""

    body: Any
    age_s: int


class Sent(NamedTuple):
    """A message that was sent, the cursor that its client may go on from, and the conversation's state."""

    message: Message
    latest: int
    state: StateName


class ConversationService:
    """The user's side of conversations."""

    def __init__(
        self,
        *,
        keeper: ConversationKeeper,
        contacts: ContactBook,
        listing: Listing,
        topics: Topics,
        served: ServedCursors,
        client: IntercomClient,
        enqueue: Callable[[Job], Awaitable[None]],
    ) -> None:
        self._keeper = keeper
        self._contacts = contacts
        self._listing = listing
        self._topics = topics
        self._served = served
        self._client = client
        self._enqueue = enqueue
        self._sending = KeyedLocks()

    def cached(self, caller: Identity, conversation_id: str) -> Entry | None:
        """The caller's conversation if it is in memory, without waiting for anything.

        Raises:
            NotFound: it is in memory, and not the caller's.
        """
        contact_id = self._contacts.cached(caller.user_id)
        entry = self._keeper.cached(conversation_id) if contact_id is not None else None
        if entry is not None and contact_id not in entry.state.contact_ids:
            raise NotFound
        return entry

    async def find(self, caller: Identity, conversation_id: str) -> Entry:
        """The caller's conversation, loaded where it must be. Raises `NotFound`, `ServiceUnavailable`."""
        contact = await self._contact(caller)
        entry = await self._keeper.get(conversation_id)
        if contact.contact_id not in entry.state.contact_ids:
            raise NotFound
        return entry

    def age_s(self, entry: Entry) -> int:
        """Seconds since Intercom last confirmed the conversation."""
        return self._keeper.age_s(entry.state)

    def note_served(self, caller: Identity, state: State) -> None:
        """The caller was given everything of the conversation up to now."""
        self._served.note(caller.session, state.id, state.latest)

    async def list(self, caller: Identity, *, limit: int, cursor: str | None) -> Fresh:
        """A page of the caller's conversations; none, and no contact made, where Intercom knows no such user."""
        before = None if cursor is None else read_cursor(cursor)
        contact = await self._contacts.find(caller.user_id)
        if contact is None:
            return Fresh(views.ConversationList([], None), 0)
        page = await self._listing.page(contact, limit=limit, before=before)
        summaries = [views.summary(state, contact.contact_id) for state in page.states]
        age_s = max((self._keeper.age_s(state) for state in page.states), default=0)
        return Fresh(views.ConversationList(summaries, page.next_cursor), age_s)

    async def show(self, caller: Identity, conversation_id: str) -> Fresh:
        """The whole conversation."""
        contact = await self._contact(caller)
        entry = await self.find(caller, conversation_id)
        self.note_served(caller, entry.state)
        return Fresh(views.conversation(entry.state, contact.contact_id), self.age_s(entry))

    async def start(
        self, caller: Identity, *, body: str | None, reason: Reason | None, meta: dict[str, Any]
    ) -> views.Conversation:
        """Starts a conversation. Without a body it begins with the topic, which is not shown as the user's message."""
        contact = await self._contacts.ensure(caller.user_id)
        text = body if body is not None else title(reason) if reason is not None else ""
        topic_id = None
        if reason is None:
            await self._topics.withdraw(contact.contact_id, text)
        else:
            topic_id = await self._topics.record(contact.contact_id, reason, text, alone=body is None)
        try:
            contact, created = await self._create(contact, text)
        except (IntercomRefused, IntercomUnavailable) as error:
            may_exist = isinstance(error, IntercomUnavailable) and error.sent
            if topic_id is not None and not may_exist:
                await self._topics.forget(topic_id)
            raise
        news = self._keeper.news_of_start(
            _as_conversation(created, contact.contact_id, text), reason, alone=body is None
        )
        applied = await self._keeper.apply_answer(news, known=None)
        if meta:
            await self._enqueue(Job(uuid4().hex, Kind.ENRICH, contact.contact_id, attributes=meta))
        if applied.saved:
            self.note_served(caller, applied.after)
        return views.conversation(applied.after, contact.contact_id)

    async def reply(self, caller: Identity, conversation_id: str, *, body: str) -> Sent:
        """Sends a message. The sender's own messages go one after the other."""
        contact = await self._contact(caller)
        entry = await self.find(caller, conversation_id)
        async with self._sending.hold(conversation_id):
            try:
                loaded = await self._client.reply(conversation_id, contact.contact_id, body)
            except IntercomNotFound as refusal:
                raise await self._gone_or(refusal, conversation_id) from None
            sent_id = _newest_of(contact.contact_id, loaded.conversation, body)
            applied = await self._keeper.apply_answer(self._keeper.news_of(loaded), known=entry.state)
        sent = next((part for part in applied.after.parts if part.message.id == sent_id), None)
        if sent is None:  # Intercom took it as something that isn't shown; it was sent all the same
            return Sent(_as_sent(sent_id, body, entry.state.latest), entry.state.latest, applied.after.state)
        latest = self._after_send(caller, contact, applied, sent.cursor)
        return Sent(sent.message, latest, applied.after.state)

    async def close(self, caller: Identity, conversation_id: str) -> int:
        """Closes the conversation, unless it is closed. Answers the seconds since Intercom last confirmed that."""
        entry = await self.find(caller, conversation_id)
        if entry.state.state == "closed":
            return self.age_s(entry)
        try:
            loaded = await self._client.close(conversation_id)
        except IntercomNotFound as refusal:
            raise await self._gone_or(refusal, conversation_id) from None
        await self._keeper.apply_answer(self._keeper.news_of(loaded), known=entry.state)
        return 0

    async def mark_read(self, caller: Identity, conversation_id: str) -> int:
        """Clears the unread count, for this user: Intercom's own read flag is the operators'. Answers the age (s)."""
        contact = await self._contact(caller)
        entry = await self.find(caller, conversation_id)
        await self._keeper.mark_read(conversation_id, contact.contact_id)
        return self.age_s(entry)

    async def _contact(self, caller: Identity) -> Contact:
        contact = await self._contacts.find(caller.user_id)
        if contact is None:
            raise NotFound
        return contact

    async def _create(self, contact: Contact, text: str) -> tuple[Contact, wire.CreatedMessage]:
        try:
            return contact, await self._client.start_conversation(contact.contact_id, text)
        except IntercomNotFound:
            contact = await self._contacts.replace(contact)
        for pause in NEW_CONTACT_RETRIES_S:
            try:
                return contact, await self._client.start_conversation(contact.contact_id, text)
            except IntercomNotFound:
                await asyncio.sleep(pause)
        return contact, await self._client.start_conversation(contact.contact_id, text)

    async def _gone_or(self, refusal: IntercomNotFound, conversation_id: str) -> NotFound | IntercomNotFound:
        """What a 404 to a write means: the conversation is gone, or it is there and who wrote isn't known any more."""
        found = await self._keeper.refresh(conversation_id, priority=Priority.USER_WRITE)
        return NotFound() if found is None or found.missing else refusal

    def _after_send(self, caller: Identity, contact: Contact, applied: Applied, sent: int) -> int:
        if not applied.saved and applied.before is not None:
            return applied.before.latest  # its place isn't durable yet, so nobody may go on from it
        return self._served.after_send(caller.session, applied.after, contact_id=contact.contact_id, sent=sent)


def _as_conversation(created: wire.CreatedMessage, contact_id: str, text: str) -> wire.Conversation:
    """The conversation behind the answer to a start, which is only its first message."""
    author = wire.Author(type="user", id=contact_id)
    return wire.Conversation(
        id=created.conversation_id,
        created_at=created.created_at,
        updated_at=created.created_at,
        state="open",
        source=wire.Source(id=created.id, body=text, author=author),
        contacts=wire.ContactList([wire.ContactRef(contact_id)]),
        tags=wire.TagList([]),
        statistics=wire.Statistics(count_conversation_parts=0),
    )


def _as_sent(sent_id: str, body: str, at_ms: int) -> Message:
    return Message(sent_id, Author("user", None), body, None, (), at_ms, redacted=False)


def _newest_of(contact_id: str, conversation: wire.Conversation, body: str) -> str:
    """The id of the part that a reply just made: the contact's newest, with these words if there are such."""
    own = [part for part in conversation.parts if part.author is not None and str(part.author.id) == contact_id]
    if not own:
        raise IntercomUnavailable("reply_without_part", sent=True)
    same = [part for part in own if (found := message_of(part)) and squeezed(found.message.body) == squeezed(body)]
    return str((same or own)[-1].id)
