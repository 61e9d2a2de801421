"""Adds parts to conversations and tells who listens: the search index and the webhooks."""

from collections.abc import Sequence
from typing import Protocol

from supportd.simulator.clock import ShiftedClock
from supportd.simulator.model import Attachment, Author, Conversation, Part, Reference
from supportd.simulator.world import World

APP_PACKAGE_CODE = "simulated-integration"


class Listener(Protocol):
    """Hears of each change, after it."""

    def changed(self, conversation: Conversation) -> None:
        """The conversation isn't what it was."""

    def happened(self, topic: str, conversation: Conversation, part: Part | None) -> None:
        """Something that Intercom has a webhook topic for."""

    def deleted(self, conversation: Conversation) -> None:
        """The conversation is gone."""


class Recorder:
    """The one way in which a conversation changes."""

    def __init__(self, *, world: World, clock: ShiftedClock, listeners: Sequence[Listener]) -> None:
        self._world = world
        self._clock = clock
        self._listeners = listeners

    @property
    def now(self) -> int:
        """The time of what is recorded, in seconds."""
        return self._clock.seconds()

    def part(
        self,
        conversation: Conversation,
        part_type: str,
        author: Author,
        *,
        body: str | None = None,
        assigned_to: Reference | None = None,
        attachments: Sequence[Attachment] = (),
        created_at: int | None = None,
        via_api: bool = False,
    ) -> Part:
        """Appends a part. Set the conversation's new state before: the part keeps it."""
        now = self.now
        part = Part(
            id=self._world.ids.number("part"),
            part_type=part_type,
            body=body,
            created_at=now if created_at is None else created_at,
            updated_at=now,
            author=author,
            state=conversation.state,
            assigned_to=assigned_to,
            attachments=list(attachments),
            app_package_code=APP_PACKAGE_CODE if via_api else None,
        )
        conversation.parts.append(part)
        return part

    def announce(self, conversation: Conversation, part: Part | None, *topics: str) -> None:
        """Ends a change: bumps `updated_at` and tells the listeners, topic by topic."""
        conversation.updated_at = self.now
        self.refresh(conversation)
        for topic in topics:
            self.mention(conversation, part, topic)

    def refresh(self, conversation: Conversation) -> None:
        """Ends a change that Intercom doesn't count as an update."""
        for listener in self._listeners:
            listener.changed(conversation)

    def mention(self, conversation: Conversation, part: Part | None, topic: str) -> None:
        """Tells of an event, changed or not."""
        for listener in self._listeners:
            listener.happened(topic, conversation, part)

    def forget(self, conversation: Conversation) -> None:
        """Deletes a conversation."""
        del self._world.workspace.conversations[conversation.id]
        self._world.snoozed.discard(conversation.id)
        for listener in self._listeners:
            listener.deleted(conversation)
