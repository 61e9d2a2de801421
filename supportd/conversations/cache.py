"""The poll cache: conversations in memory, ready to be served."""

from hashlib import blake2b

import msgspec
from cachetools import LRUCache

from supportd.conversations.attachments import AttachmentLinks, Home
from supportd.conversations.deliveries import Deliveries
from supportd.conversations.state import Message, State, StateName, decode_own, encode
from supportd.metrics import Metrics


class PollAnswer(msgspec.Struct, rename="camel"):
    """The five keys of a poll's answer, and no other."""

    messages: tuple[Message, ...]
    latest_timestamp: int
    state: StateName
    snoozed_until: int | None
    rated: bool


class Entry(msgspec.Struct, eq=False, gc=False):
    """A conversation as it is served: what polls ask for at hand, all else encoded.

    Python's objects take several times the room of their text, so the state is kept as bytes, and decoded for what is
    rarer than a poll with nothing new. Links to files are made when they are served: they expire, and so may be in
    nothing that is kept. `newest` is the cursor (ms) of the last message that came or changed, `given` the newest that
    a poll was given, as far as is known.
    """

    id: str
    contact_ids: tuple[str, ...]
    latest: int
    confirmed_at: int
    given: int
    newest: int
    quiet: bytes
    etag: str
    encoded: bytes
    links: AttachmentLinks
    deliveries: Deliveries

    @classmethod
    def of(cls, state: State, links: AttachmentLinks, deliveries: Deliveries, *, given: int) -> "Entry":
        """The entry of a state."""
        quiet = _answer(state, ())
        return cls(
            id=state.id,
            contact_ids=state.contact_ids,
            latest=state.latest,
            confirmed_at=state.confirmed_at,
            given=given,
            newest=max((part.cursor for part in state.parts), default=0),
            quiet=quiet,
            # What a poll answers follows from these bytes: each message that comes or changes moves `latestTimestamp`.
            etag=f'"{blake2b(quiet, digest_size=8).hexdigest()}"',
            encoded=encode(state),
            links=links,
            deliveries=deliveries,
        )

    @property
    def state(self) -> State:
        """The whole state, decoded anew each time."""
        return decode_own(self.encoded)

    def has_news(self, since: int) -> bool:
        """Whether a client with this cursor (ms) has something to get."""
        return since < self.newest

    def poll(self, since: int) -> bytes:
        """The answer for a client with this cursor: what came or changed after it, in the order of the thread."""
        if since >= self.newest:
            return self.quiet
        state = self.state
        news = [part.message for part in state.parts if part.cursor > since]
        if self.given < self.latest:
            self.deliveries.note(news, after=self.given)
            self.given = self.latest
        return _answer(state, self.links.all_shown(news, Home.CONVERSATION, state.id))


def _answer(state: State, messages: tuple[Message, ...]) -> bytes:
    answer = PollAnswer(messages, state.latest, state.state, state.snoozed_until, state.rated)
    return msgspec.json.encode(answer)


class PollCache:
    """Entries by conversation id, bounded by count: the one used longest ago goes, and is loaded again when needed."""

    def __init__(
        self, *, max_conversations: int, links: AttachmentLinks, deliveries: Deliveries, metrics: Metrics
    ) -> None:
        self._links = links
        self._deliveries = deliveries
        self._metrics = metrics
        self._entries: LRUCache[str, Entry] = LRUCache(max_conversations)

    def get(self, conversation_id: str) -> Entry | None:
        """The entry, if it is in memory."""
        return self._entries.get(conversation_id)

    def put(self, state: State) -> Entry:
        """Puts a state in memory in place of the one before."""
        before = self._entries.get(state.id)
        given = state.latest if before is None else before.given  # who was given what before, nobody knows
        entry = Entry.of(state, self._links, self._deliveries, given=given)
        if before is None and len(self._entries) >= self._entries.maxsize:
            self._metrics.evictions.inc()
        self._entries[state.id] = entry
        self._metrics.cached.set(len(self._entries))
        return entry

    def clear(self) -> None:
        """Forgets all."""
        self._entries.clear()
        self._metrics.cached.set(0)

    def drop(self, conversation_id: str) -> None:
        """Forgets a conversation."""
        self._entries.pop(conversation_id, None)
        self._metrics.cached.set(len(self._entries))
