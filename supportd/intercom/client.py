"""The Intercom REST API, version 2.15: each call we make, by name.

Every call passes the breaker and draws on the budget. What comes back is typed; what goes wrong is `IntercomRefused`
(4xx: Intercom is up, our call was wrong) or `IntercomUnavailable`.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from supportd.intercom import wire
from supportd.intercom.budget import Priority
from supportd.intercom.enclosed import Enclosed, ReplyBody
from supportd.intercom.search import Batch, Search
from supportd.intercom.transport import Reply, Transport

MOST_FOUND = 50  # contacts on a page, unless more are asked for (Intercom's docs, contacts)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A conversation with its parts, and Intercom's own time (s) when it answered."""

    conversation: wire.Conversation
    observed_at: int


class IntercomClient:
    """The calls. `admin_id` acts where Intercom lets only an admin act (closing, notes, tags)."""

    def __init__(self, *, transport: Transport, admin_id: str) -> None:
        self._transport = transport
        self._admin_id = admin_id
        self._conversations: Search[wire.Conversation] = Search(
            transport=transport,
            operation="search_conversations",
            path="/conversations/search",
            page=wire.ConversationPage,
        )

    async def find_contact(self, external_id: str, *, priority: Priority) -> wire.Contact:
        """The contact of a user. Raises `IntercomNotFound` where there is none."""
        path = f"/contacts/find_by_external_id/{quote(external_id, safe='')}"
        reply = await self._transport.call("find_contact", "GET", path, kind=wire.Contact, priority=priority)
        return reply.value

    async def users_among(self, external_ids: Sequence[str]) -> list[wire.Contact]:
        """The contacts of these users, at most 50, as far as the search shows them: new ones it doesn't for minutes."""
        users = {"field": "external_id", "operator": "IN", "value": list(external_ids)}
        body = {
            "query": {"operator": "AND", "value": [users, {"field": "role", "operator": "=", "value": "user"}]},
            "pagination": {"per_page": MOST_FOUND},
        }
        reply = await self._transport.call(
            "search_contacts", "POST", "/contacts/search", body, kind=wire.ContactPage, priority=Priority.RECONCILER
        )
        return reply.value.data

    async def create_contact(self, external_id: str) -> wire.Contact:
        """Makes a contact. Raises `IntercomRefused` with status 409 where one exists or is archived."""
        body = {"role": "user", "external_id": external_id}
        reply = await self._transport.call(
            "create_contact", "POST", "/contacts", body, kind=wire.Contact, priority=Priority.USER_WRITE
        )
        return reply.value

    async def unarchive_contact(self, contact_id: str) -> None:
        """Brings an archived contact back."""
        path = f"/contacts/{contact_id}/unarchive"
        await self._transport.call(
            "unarchive_contact", "POST", path, kind=wire.Acknowledgement, priority=Priority.USER_WRITE
        )

    async def set_attributes(self, contact_id: str, attributes: dict[str, Any]) -> None:
        """Sets custom attributes of a contact. Names that the workspace doesn't know are refused."""
        body = {"custom_attributes": attributes}
        await self._transport.call(
            "update_contact",
            "PUT",
            f"/contacts/{contact_id}",
            body,
            kind=wire.Acknowledgement,
            priority=Priority.OUTBOX,
        )

    async def start_conversation(self, contact_id: str, text: str) -> wire.CreatedMessage:
        """Starts a conversation as the contact. Raises `IntercomNotFound` where the contact isn't known (yet)."""
        body = {"from": {"type": "user", "id": contact_id}, "body": text}
        reply = await self._transport.call(
            "start_conversation", "POST", "/conversations", body, kind=wire.CreatedMessage, priority=Priority.USER_WRITE
        )
        return reply.value

    async def conversation(self, conversation_id: str, *, priority: Priority) -> Loaded:
        """A conversation with its newest 500 parts, bodies as HTML."""
        path = f"/conversations/{quote(conversation_id, safe='')}"
        return _loaded(
            await self._transport.call("get_conversation", "GET", path, kind=wire.Conversation, priority=priority)
        )

    async def reply(self, conversation_id: str, contact_id: str, text: str, files: Enclosed) -> Loaded:
        """Sends a message as the contact. It needs words even where there are files."""
        words = {"message_type": "comment", "type": "user", "intercom_user_id": contact_id, "body": text}
        body = ReplyBody(words, files)
        path = f"/conversations/{conversation_id}/reply"
        return _loaded(
            await self._transport.call(
                "reply", "POST", path, body, kind=wire.Conversation, priority=Priority.USER_WRITE
            )
        )

    async def close(self, conversation_id: str) -> Loaded:
        """Closes a conversation, as the admin: contacts can't."""
        body = {"message_type": "close", "type": "admin", "admin_id": self._admin_id}
        path = f"/conversations/{conversation_id}/parts"
        return _loaded(
            await self._transport.call(
                "close", "POST", path, body, kind=wire.Conversation, priority=Priority.USER_WRITE
            )
        )

    async def note(self, conversation_id: str, html: str) -> None:
        """Leaves an internal note."""
        body = {"message_type": "note", "type": "admin", "admin_id": self._admin_id, "body": html}
        path = f"/conversations/{conversation_id}/reply"
        await self._transport.call("note", "POST", path, body, kind=wire.Acknowledgement, priority=Priority.OUTBOX)

    async def tag_id(self, name: str) -> str:
        """The id of a tag, which is made if it doesn't exist; names are case-insensitive."""
        reply = await self._transport.call(
            "tag_id", "POST", "/tags", {"name": name}, kind=wire.Tag, priority=Priority.OUTBOX
        )
        return str(reply.value.id)

    async def tag(self, conversation_id: str, tag_id: str) -> None:
        """Puts a tag on a conversation; one that is there already stays."""
        body = {"id": tag_id, "admin_id": self._admin_id}
        path = f"/conversations/{conversation_id}/tags"
        await self._transport.call("tag", "POST", path, body, kind=wire.Acknowledgement, priority=Priority.OUTBOX)

    async def untag(self, conversation_id: str, tag_id: str) -> None:
        """Takes a tag off a conversation. Raises `IntercomNotFound` where it isn't on it."""
        path = f"/conversations/{conversation_id}/tags/{tag_id}"
        await self._transport.call(
            "untag",
            "DELETE",
            path,
            {"admin_id": self._admin_id},
            kind=wire.Acknowledgement,
            priority=Priority.OUTBOX,
        )

    async def tag_ticket(self, ticket_id: str, tag_id: str) -> None:
        """Puts a tag on a ticket; one that is there already stays."""
        body = {"id": tag_id, "admin_id": self._admin_id}
        path = f"/tickets/{ticket_id}/tags"
        await self._transport.call(
            "tag_ticket", "POST", path, body, kind=wire.Acknowledgement, priority=Priority.OUTBOX
        )

    def conversations_of(self, contact_id: str, *, max_pages: int) -> AsyncIterator[wire.Conversation]:
        """A contact's conversations without parts, the most recently updated first, repeats left out."""
        return self._conversations.of_contact(contact_id, max_pages=max_pages)

    def updated_since(self, since: int) -> AsyncIterator[Batch[wire.Conversation]]:
        """Conversations updated at or after `since` (s), without parts, oldest update first, repeats left out."""
        return self._conversations.updated_since(since)


def _loaded(reply: Reply[wire.Conversation]) -> Loaded:
    return Loaded(conversation=reply.value, observed_at=reply.observed_at)
