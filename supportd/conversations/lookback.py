"""Looking in Intercom for a message that an earlier, cut-off try may have sent."""

from collections.abc import Iterable
from typing import NamedTuple

from supportd.conversations.enclosures import Letter
from supportd.conversations.keeper import Applied, ConversationKeeper
from supportd.conversations.messages import first_message, message_of, words_in
from supportd.conversations.richtext import squeezed
from supportd.conversations.state import State, decode
from supportd.conversations.topics import title
from supportd.intercom import wire
from supportd.intercom.budget import Priority
from supportd.intercom.client import IntercomClient
from supportd.stores.contacts import Contact
from supportd.stores.idempotency import Intent
from supportd.stores.snapshots import SnapshotStore

SEARCH_LAG_S = 120  # by when Intercom's search surely shows a new conversation
CLOCKS_DIFFER_MS = 7_200_000  # by how much Intercom's clock may be behind ours: ours may have jumped an hour ahead
NEWEST = 50  # of a user's conversations: more than one starts within that time


class Replies(NamedTuple):
    """The conversation as it is now, and the ids of the messages that the try may have sent, the oldest first."""

    applied: Applied
    ids: list[str]


class Lookback:
    """Finds what may have been sent since an intent was stored: a contact's own words that weren't known by then."""

    def __init__(self, *, keeper: ConversationKeeper, client: IntercomClient, snapshots: SnapshotStore) -> None:
        self._keeper = keeper
        self._client = client
        self._snapshots = snapshots

    async def before_start(self, contact: Contact) -> Intent:
        """What is known before a conversation is started."""
        newest = await self._snapshots.page(contact.contact_id, before=None, limit=NEWEST)
        return Intent(known=tuple(snapshot.id for snapshot in newest))

    async def replies(self, contact: Contact, conversation_id: str, letter: Letter, intent: Intent) -> Replies:
        """Messages with this text and these files in a conversation.

        Raises:
            IntercomNotFound: the conversation is gone.
            ServiceUnavailable: Intercom can't be asked, or MongoDB can't take what it says.
        """
        loaded = await self._client.conversation(conversation_id, priority=Priority.USER_WRITE)
        applied = await self._keeper.apply_load(loaded, letter.files)
        new = {part.message.id for part in applied.after.parts if part.message.created_at > intent.after}
        same = own_parts(contact.contact_id, loaded.conversation.parts, letter)
        return Replies(applied, [part_id for part_id in same if part_id in new])

    async def starts(self, contact: Contact, text: str, intent: Intent) -> list[str]:
        """Conversations that begin with this text, the oldest first. The search lags; a webhook may have been faster.

        Raises:
            ServiceUnavailable: Intercom or MongoDB can't be asked.
        """
        found = {}
        async for conversation in self._client.conversations_of(contact.contact_id, max_pages=1):
            if _begins_with(text, contact.contact_id, conversation):
                found[str(conversation.id)] = conversation.created_at * 1000
        for snapshot in await self._snapshots.page(contact.contact_id, before=None, limit=NEWEST):
            state = decode(snapshot.encoded) if snapshot.id not in found else None
            if state is not None and squeezed(_first_words(state)) == squeezed(text):
                found[state.id] = state.created_at
        earliest = intent.at - CLOCKS_DIFFER_MS
        new = (each for each, at in found.items() if at >= earliest and each not in intent.known)
        return sorted(new, key=lambda each: (found[each], each))


def own_parts(contact_id: str, parts: Iterable[wire.Part], letter: Letter | None = None) -> list[str]:
    """The ids of the contact's parts, the oldest first; or only of its messages that may be this letter.

    Of those, the ones with the most of its files come first.
    """
    own = [part for part in parts if part.author is not None and str(part.author.id) == contact_id]
    if letter is not None:
        own = [part for part in own if _may_be(letter, part)]
        own.sort(key=lambda part: -len(part.attachments or []))
    return [str(part.id) for part in own]


def _may_be(letter: Letter, part: wire.Part) -> bool:
    return message_of(part) is not None and _same(words_in(part), letter.text) and letter.has(part)


def _begins_with(text: str, contact_id: str, conversation: wire.Conversation) -> bool:
    first = first_message(conversation)
    author = conversation.source and conversation.source.author
    return bool(first and author and str(author.id) == contact_id and _same(first.message.body, text))


def _first_words(state: State) -> str:
    """What a conversation begins with, as Intercom was told: maybe no words of the user's."""
    if state.source_hidden:
        return title(state.reason) if state.reason is not None else ""
    first = state.parts[0].message if state.parts else None
    return first.body if first is not None and first.id == state.source_id else ""


def _same(said: str, text: str) -> bool:
    """White space doesn't count: Intercom makes paragraphs of it."""
    return squeezed(said) == squeezed(text)
