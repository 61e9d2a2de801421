"""The poll cache: conversations in memory, ready to be served."""

from hashlib import blake2b

import msgspec
from cachetools import LRUCache

from supportd.conversations.attachments import AttachmentLinks, Home
from supportd.conversations.state import Message, State, StateName
from supportd.metrics import Metrics


class PollAnswer(msgspec.Struct, rename="camel"):
    """The five keys of a poll's answer, and no other."""

    messages: tuple[Message, ...]
    latest_timestamp: int
    state: StateName
    snoozed_until: int | None
    rated: bool


class Entry:
    """A conversation as it is served. What a poll with nothing new gets is encoded once, here.

    Links to files are made when they are served: they expire, and so may be in nothing that is kept.
    """

    __slots__ = ("_encoder", "_links", "etag", "quiet", "state")

    def __init__(self, state: State, encoder: msgspec.json.Encoder, links: AttachmentLinks) -> None:
        self.state = state
        self._encoder = encoder
        self._links = links
        self.quiet = self._encode(())
        # What a poll answers follows from these bytes: each message that comes or changes moves `latestTimestamp`.
        self.etag = f'"{blake2b(self.quiet, digest_size=8).hexdigest()}"'

    def has_news(self, since: int) -> bool:
        """Whether a client with this cursor (ms) has something to get."""
        return since < self.state.latest and any(part.cursor > since for part in self.state.parts)

    def poll(self, since: int) -> bytes:
        """The answer for a client with this cursor: what came or changed after it, in the order of the thread."""
        if since >= self.state.latest:
            return self.quiet
        news = (part.message for part in self.state.parts if part.cursor > since)
        return self._encode(self._links.all_shown(news, Home.CONVERSATION, self.state.id))

    def _encode(self, messages: tuple[Message, ...]) -> bytes:
        state = self.state
        return self._encoder.encode(PollAnswer(messages, state.latest, state.state, state.snoozed_until, state.rated))


class PollCache:
    """Entries by conversation id, bounded by count: the one used longest ago goes, and is loaded again when needed."""

    def __init__(self, *, max_conversations: int, links: AttachmentLinks, metrics: Metrics) -> None:
        self._links = links
        self._metrics = metrics
        self._encoder = msgspec.json.Encoder()
        self._entries: LRUCache[str, Entry] = LRUCache(max_conversations)

    def get(self, conversation_id: str) -> Entry | None:
        """The entry, if it is in memory."""
        return self._entries.get(conversation_id)

    def put(self, state: State) -> Entry:
        """Puts a state in memory in place of the one before."""
        entry = Entry(state, self._encoder, self._links)
        if state.id not in self._entries and len(self._entries) >= self._entries.maxsize:
            self._metrics.evictions.inc()
        self._entries[state.id] = entry
        self._metrics.cached.set(len(self._entries))
        return entry

    def drop(self, conversation_id: str) -> None:
        """Forgets a conversation."""
        self._entries.pop(conversation_id, None)
        self._metrics.cached.set(len(self._entries))
