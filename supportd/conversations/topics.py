"""The reason a conversation is started for: recorded first, claimed by the conversation, told to the operators."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import NamedTuple

from supportd.clock import Clock
from supportd.conversations.richtext import squeezed
from supportd.conversations.state import Reason
from supportd.stores.outbox import Job, Kind
from supportd.stores.topics import Topic, TopicStore

MAX_MATCHED_CHARS = 500


class Claimed(NamedTuple):
    """A conversation's reason, and whether the user wrote nothing beside it."""

    reason: Reason
    alone: bool


class Topics:
    """Intercom takes no conversation without words, so one started by a topic alone begins with the topic's name.

    That first message isn't the user's and must never be shown as such, even if we crash between Intercom's yes and
    our own record. So the topic is stored before the call, and whoever first sees the conversation claims it.

    `enqueue` raises `StorageUnavailable` where a job can't be stored: who sees the conversation comes again.
    """

    def __init__(self, *, store: TopicStore, enqueue: Callable[[Job], Awaitable[None]], clock: Clock) -> None:
        self._store = store
        self._enqueue = enqueue
        self._clock = clock

    async def record(self, contact_id: str, reason: Reason, text: str, *, alone: bool, topic_id: str) -> None:
        """Records what a conversation is about to be started for. Under an id that was used it is the same topic."""
        topic = Topic(contact_id, reason.main, reason.sub, _matched(text), alone)
        await self._store.record(topic, at=datetime.fromtimestamp(self._clock.time(), UTC), topic_id=topic_id)

    async def forget(self, topic_id: str) -> None:
        """The conversation wasn't started."""
        await self._store.forget(topic_id)

    async def withdraw(self, contact_id: str, text: str) -> None:
        """The contact is about to say these words itself: an earlier, lost start with a topic of that name isn't it."""
        await self._store.withdraw(contact_id, _matched(text))

    async def claim(
        self, conversation_id: str, contact_ids: tuple[str, ...], first_words: str, *, started_at: datetime
    ) -> Claimed | None:
        """The reason behind a conversation, if it was started with one; its note and tag are put into the outbox.

        Raises:
            StorageUnavailable: the claim or a job couldn't be stored, and may be made again.
        """
        topic = await self._store.claim(conversation_id, contact_ids, _matched(first_words), started_at=started_at)
        if topic is None:
            return None
        reason = Reason(topic.main, topic.sub)
        label = title(reason)
        await self._enqueue(Job(f"{conversation_id}:topic-note", Kind.NOTE, conversation_id, text=f"Topic: {label}"))
        await self._enqueue(Job(f"{conversation_id}:topic-tag", Kind.TAG, conversation_id, text=topic.main))
        return Claimed(reason, topic.alone)


def title(reason: Reason) -> str:
    """A reason as operators read it."""
    return reason.main if reason.sub is None else f"{reason.main} / {reason.sub}"


def _matched(text: str) -> str:
    return squeezed(text)[:MAX_MATCHED_CHARS]
