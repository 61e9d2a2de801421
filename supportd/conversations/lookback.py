"""Looking in Intercom for a message that an earlier, cut-off try may have sent."""

from collections.abc import Iterable, Sequence
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
        candidates = likely_parts(contact.contact_id, loaded.conversation.parts, letter)
        return Replies(applied, [part_id for part_id in candidates if part_id in new])

    async def starts(self, contact: Contact, text: str, intent: Intent) -> list[str]:
        """Conversations that may begin with this text, the likeliest first.

        The search lags; a webhook may have been faster. What an operator deleted may have been this text.

        Raises:
            ServiceUnavailable: Intercom or MongoDB can't be asked.
        """
        found: dict[str, _Start] = {}
        async for conversation in self._client.conversations_of(contact.contact_id, max_pages=1):
            found |= _start_of(conversation, contact.contact_id, text)
        for snapshot in await self._snapshots.page(contact.contact_id, before=None, limit=NEWEST):
            state = decode(snapshot.encoded) if snapshot.id not in found else None
            if state is not None:
                found |= _start_in(state, text)
        earliest = intent.at - CLOCKS_DIFFER_MS
        return [start.id for start in sorted(found.values()) if start.at >= earliest and start.id not in intent.known]


class _Start(NamedTuple):
    """A conversation that may be the one looked for. What it began with may have been deleted by an operator since."""

    deleted: bool
    at: int
    id: str


def likely_parts(contact_id: str, parts: Sequence[wire.Part], letter: Letter) -> list[str]:
    """The ids of the contact's messages that may be this letter, the likeliest first.

    What an operator deleted comes last: nobody can tell what it said, and it mustn't be said again.
    """
    deleted = [part for part in parts if part.redacted and message_of(part) is not None]
    return own_parts(contact_id, parts, letter) + own_parts(contact_id, deleted)


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


def _start_of(conversation: wire.Conversation, contact_id: str, text: str) -> dict[str, _Start]:
    first = first_message(conversation)
    author = conversation.source and conversation.source.author
    if first is None or author is None or str(author.id) != contact_id:
        return {}
    start = _Start(first.message.redacted, conversation.created_at * 1000, str(conversation.id))
    return _if_likely(start, first.message.body, text)


def _start_in(state: State, text: str) -> dict[str, _Start]:
    """Intercom was told the topic where the user said nothing."""
    first = state.parts[0].message if state.parts and state.parts[0].message.id == state.source_id else None
    if state.source_hidden:
        said = title(state.reason) if state.reason is not None else ""
    else:
        said = first.body if first is not None else ""
    return _if_likely(_Start(first is not None and first.redacted, state.created_at, state.id), said, text)


def _if_likely(start: _Start, said: str, text: str) -> dict[str, _Start]:
    return {start.id: start} if start.deleted or _same(said, text) else {}


def _same(said: str, text: str) -> bool:
    """White space doesn't count: Intercom makes paragraphs of it."""
    return squeezed(said) == squeezed(text)
