"""Webhooks of conversations, applied."""

from typing import Any

from supportd.conversations.keeper import ConversationKeeper
from supportd.conversations.projection import Need
from supportd.errors import ServiceUnavailable
from supportd.intercom import wire
from supportd.intercom.budget import Priority
from supportd.metrics import Processing
from supportd.stores.webhook_events import Event
from supportd.sync.topics import DELETED


class ConversationEvents:
    """Applies what a webhook tells of a conversation. Its key is the conversation's id."""

    def __init__(self, *, keeper: ConversationKeeper) -> None:
        self._keeper = keeper

    def key(self, item: dict[str, Any]) -> str | None:
        """What groups events of one conversation."""
        return wire.conversation_id_in(item)

    async def apply(self, event: Event, item: dict[str, Any]) -> Processing:
        """Applies an event; what it lacks is loaded.

        Raises:
            IntercomRefused: Intercom won't give what is lacking.
            ServiceUnavailable: Intercom or MongoDB can't be asked: it must be tried again.
        """
        if event.topic == DELETED:
            await self._keeper.delete(event.key)
            return Processing.APPLIED
        conversation = wire.conversation_of(item)
        if conversation is None:
            await self._keeper.refresh(event.key, priority=Priority.COLD_LOAD)
            return Processing.APPLIED
        if not await self._keeper.is_ours(conversation):
            return Processing.NOT_OURS
        applied = await self._keeper.apply_part(conversation)
        if applied.need is not Need.NOTHING:
            await self._complete(conversation, applied.need)
        elif not applied.saved:
            raise ServiceUnavailable
        return Processing.APPLIED

    async def settle(self, item: dict[str, Any]) -> None:
        """Shows an event as far as it goes, without what it lacks. Raises `ServiceUnavailable`."""
        conversation = wire.conversation_of(item)
        if conversation is not None:
            await self._keeper.apply_part(conversation, settle=True)

    async def _complete(self, conversation: wire.Conversation, need: Need) -> None:
        """Loads what a webhook lacked. Text without its formatting is shown as it is where Intercom can't be asked."""
        try:
            loaded = await self._keeper.refresh(str(conversation.id), priority=Priority.COLD_LOAD)
        except ServiceUnavailable:
            if need is Need.HISTORY:
                raise
            loaded = None
        if loaded is not None and not loaded.saved:
            raise ServiceUnavailable
        applied = await self._keeper.apply_part(conversation, settle=True)  # a load may lag behind its webhook
        if not applied.saved:
            raise ServiceUnavailable
