"""What a user does with conversations. Every act is the caller's own: another's conversation is none."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple
from uuid import uuid4

from supportd.conversations import views
from supportd.conversations.attachments import AttachmentLinks, Home
from supportd.conversations.cache import Entry
from supportd.conversations.contacts import ContactBook
from supportd.conversations.enclosures import Draft, Enclosures, Letter, warn_of_lost
from supportd.conversations.keeper import Applied, ConversationKeeper
from supportd.conversations.listing import Listing
from supportd.conversations.lookback import SEARCH_LAG_S, Lookback, own_parts
from supportd.conversations.messages import as_typed
from supportd.conversations.paging import read_cursor
from supportd.conversations.presence import Presence
from supportd.conversations.served import ServedCursors
from supportd.conversations.state import Message, Reason, State, StateName
from supportd.conversations.topics import Topics, title
from supportd.errors import Conflict, IntercomNotFound, IntercomUnavailable, NotFound, SupportdError
from supportd.idempotency import Attempt
from supportd.identity import Identity
from supportd.intercom import wire
from supportd.intercom.budget import Priority
from supportd.intercom.client import IntercomClient
from supportd.stores.contacts import Contact
from supportd.stores.idempotency import Intent
from supportd.stores.outbox import Job, Kind
from supportd.tasks import KeyedLocks

# Intercom may not know a contact for a moment after it made it (Intercom's docs, 1.4, conversations).
NEW_CONTACT_RETRIES_S = (0.2, 0.5, 1.0)

LOOK_AGAIN_S = 10  # the longest that a client is told to wait until a search may show what it started


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
        lookback: Lookback,
        enclosures: Enclosures,
        links: AttachmentLinks,
        presence: Presence,
        client: IntercomClient,
        enqueue: Callable[[Job], Awaitable[None]],
    ) -> None:
        self._keeper = keeper
        self._contacts = contacts
        self._listing = listing
        self._topics = topics
        self._served = served
        self._lookback = lookback
        self._enclosures = enclosures
        self._links = links
        self._presence = presence
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
        if entry is not None and contact_id not in entry.contact_ids:
            raise NotFound
        return entry

    async def find(self, caller: Identity, conversation_id: str) -> Entry:
        """The caller's conversation, loaded where it must be. Raises `NotFound`, `ServiceUnavailable`."""
        contact = await self._contact(caller)
        entry = await self._keeper.get(conversation_id)
        if contact.contact_id not in entry.contact_ids:
            raise NotFound
        return entry

    def age_s(self, entry: Entry) -> int:
        """Seconds since Intercom last confirmed the conversation."""
        return self._keeper.age_s(entry)

    def note_served(self, caller: Identity, given: State | Entry) -> None:
        """The caller was given everything of the conversation up to now."""
        self._served.note(caller.session, given.id, given.latest)

    def note_poll(self, caller: Identity) -> None:
        """The caller's client polls: the user is looking."""
        self._presence.saw(caller.user_id)

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
        self.note_served(caller, entry)
        return Fresh(views.conversation(entry.state, contact.contact_id, self._links), self.age_s(entry))

    async def start(
        self,
        caller: Identity,
        *,
        body: str | None,
        reason: Reason | None,
        meta: dict[str, Any],
        attempt: Attempt,
    ) -> views.Conversation:
        """Starts a conversation. Without a body it begins with the topic, which is not shown as the user's message.

        Raises:
            Conflict: an earlier try may have started it, and Intercom's search can't tell yet.
        """
        contact = await self._contacts.ensure(caller.user_id)
        text = body if body is not None else title(reason) if reason is not None else ""
        applied = await self._started_before(contact, text, attempt)
        if applied is None:
            contact, created = await self._start(contact, text, reason, alone=body is None, attempt=attempt)
            first = _as_conversation(created, contact.contact_id, text)
            news = self._keeper.news_of_start(first, reason, alone=body is None)
            applied = await self._keeper.apply_answer(news, known=None)
        if meta:
            await self._enqueue(Job(uuid4().hex, Kind.ENRICH, contact.contact_id, attributes=meta))
        if applied.saved:
            self.note_served(caller, applied.after)
        return views.conversation(applied.after, contact.contact_id, self._links)

    async def reply(self, caller: Identity, conversation_id: str, draft: Draft, attempt: Attempt) -> Sent:
        """Sends a message. The sender's own messages go one after the other.

        Raises:
            ValidationFailed: one of the files isn't the caller's, or was sent already.
        """
        contact = await self._contact(caller)
        await self.find(caller, conversation_id)
        async with self._sending.hold(conversation_id):
            before = (await self.find(caller, conversation_id)).state
            place = Home.CONVERSATION.place(conversation_id)
            try:
                async with self._enclosures.claimed(draft, user_id=caller.user_id, to=place, attempt=attempt) as letter:
                    applied, sent_id = await self._deliver(contact, before, letter, attempt)
            except IntercomNotFound as refusal:
                raise await self._gone_or(refusal, conversation_id) from None
        sent = next((part for part in applied.after.parts if part.message.id == sent_id), None)
        if sent is None:  # Intercom took it as something that isn't shown; it was sent all the same
            latest = self._served.given(caller.session, before)
            return Sent(as_typed(sent_id, draft.body, before.latest), latest, applied.after.state)
        warn_of_lost(draft, sent.message)
        latest = self._after_send(caller, applied, sent.cursor)
        message = self._links.shown(sent.message, Home.CONVERSATION, conversation_id)
        return Sent(message, latest, applied.after.state)

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

    async def _started_before(self, contact: Contact, text: str, attempt: Attempt) -> Applied | None:
        if attempt.intent is None:
            return None
        found = await attempt.adopt(await self._lookback.starts(contact, text, attempt.intent))
        if found is not None:
            applied = await self._keeper.refresh(found, priority=Priority.USER_WRITE)
            if applied is None:
                raise IntercomUnavailable("started_and_deleted")
            return applied
        shown_in_s = SEARCH_LAG_S - attempt.quiet_s()
        if shown_in_s > 0:
            raise Conflict(min(shown_in_s, LOOK_AGAIN_S))
        return None

    async def _start(
        self, contact: Contact, text: str, reason: Reason | None, *, alone: bool, attempt: Attempt
    ) -> tuple[Contact, wire.CreatedMessage]:
        """Starts it, with its topic recorded beforehand: under the same id in each try, so that it is recorded once."""
        intent = await self._lookback.before_start(contact) if attempt.keyed else Intent()
        topic_id = None
        if reason is None:
            await self._topics.withdraw(contact.contact_id, text)
        else:
            topic_id = attempt.reserved_id()
            await self._topics.record(contact.contact_id, reason, text, alone=alone, topic_id=topic_id)
        try:
            contact, created = await self._create(contact, text, attempt, intent)
        except SupportdError:
            if topic_id is not None and not attempt.uncertain:
                await self._topics.forget(topic_id)
            raise
        attempt.sent(str(created.conversation_id))
        return contact, created

    async def _create(
        self, contact: Contact, text: str, attempt: Attempt, intent: Intent
    ) -> tuple[Contact, wire.CreatedMessage]:
        async def create(contact: Contact) -> tuple[Contact, wire.CreatedMessage]:
            async with attempt.sending(intent):
                return contact, await self._client.start_conversation(contact.contact_id, text)

        try:
            return await create(contact)
        except IntercomNotFound:
            contact = await self._contacts.replace(contact)
        for pause in NEW_CONTACT_RETRIES_S:
            try:
                return await create(contact)
            except IntercomNotFound:
                await asyncio.sleep(pause)
        return await create(contact)

    async def _deliver(self, contact: Contact, before: State, letter: Letter, attempt: Attempt) -> tuple[Applied, str]:
        found = await self._sent_before(contact, before.id, letter, attempt)
        return found or await self._send(contact, before, letter, attempt)

    async def _sent_before(
        self, contact: Contact, conversation_id: str, letter: Letter, attempt: Attempt
    ) -> tuple[Applied, str] | None:
        if attempt.intent is None:
            return None
        replies = await self._lookback.replies(contact, conversation_id, letter, attempt.intent)
        found = await attempt.adopt(replies.ids)
        return None if found is None else (replies.applied, found)

    async def _send(self, contact: Contact, before: State, letter: Letter, attempt: Attempt) -> tuple[Applied, str]:
        files = self._enclosures.by_address_and_bytes(letter)
        async with attempt.sending(Intent(target=before.id, after=before.latest)):
            loaded = await self._client.reply(before.id, contact.contact_id, letter.text, files)
        sent_id = _newest_of(contact.contact_id, loaded.conversation, letter)
        attempt.sent(sent_id)
        return await self._keeper.apply_answer(self._keeper.news_of(loaded, letter.files), known=before), sent_id

    async def _gone_or(self, refusal: IntercomNotFound, conversation_id: str) -> NotFound | IntercomNotFound:
        """What a 404 to a write means: the conversation is gone, or it is there and who wrote isn't known any more."""
        found = await self._keeper.refresh(conversation_id, priority=Priority.USER_WRITE)
        return NotFound() if found is None or found.missing else refusal

    def _after_send(self, caller: Identity, applied: Applied, sent: int) -> int:
        if not applied.saved:  # its place isn't durable yet, so nobody may go on from it
            return self._served.given(caller.session, applied.after)
        return self._served.after_send(caller.session, applied.after, sent=sent)


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


def _newest_of(contact_id: str, conversation: wire.Conversation, letter: Letter) -> str:
    """The id of the part that a reply just made: the contact's newest, with these words if there are such."""
    same = set(own_parts(contact_id, conversation.parts, letter))
    own = own_parts(contact_id, conversation.parts)
    own = [part_id for part_id in own if part_id in same] or own
    if not own:
        raise IntercomUnavailable("reply_without_part", sent=True)
    return own[-1]
