"""What is added to conversations: replies, actions, tags (contract, parts 4.4 to 4.6)."""

from msgspec import Struct

from supportd.simulator.errors import ApiError, invalid, user_not_found
from supportd.simulator.handlers_base import ApiHandler, Id
from supportd.simulator.handlers_conversations import ConversationHandler
from supportd.simulator.model import Attachment, Contact, Conversation
from supportd.simulator.rendering import applied_tag
from supportd.simulator.replies import ReplyBody


class ReplyHandler(ConversationHandler):
    """`POST /conversations/{id}/reply`; the id may be `last`, the contact's newest."""

    async def post(self, conversation_id: str) -> None:
        """Adds the reply and answers with the conversation."""
        body = self.body(ReplyBody)
        files = await self.services.depot.received(body.attachment_urls, body.attachment_files)
        if body.type == "admin":
            conversation = self.world.conversation(conversation_id)
            self._admin_reply(conversation, body, files)
        else:
            conversation = self._contact_reply(conversation_id, body, files)
        self.answer_conversation(conversation)

    def _contact_reply(self, conversation_id: str, body: ReplyBody, files: list[Attachment]) -> Conversation:
        contact = body.contact(self.world)
        conversation = self._find(conversation_id, contact)
        if conversation.contact_id != contact.id:
            raise user_not_found()
        self.services.messages.contact_reply(
            conversation,
            contact,
            body.text(),
            attachments=files,
            created_at=body.created_at,
            via_api=True,
        )
        return conversation

    def _admin_reply(self, conversation: Conversation, body: ReplyBody, files: list[Attachment]) -> None:
        admin = self.world.admin(str(body.admin_id))
        if body.message_type == "quick_reply":
            self.services.messages.quick_reply(conversation, admin, body.reply_options)
            return
        if body.message_type == "note":
            self.services.messages.note(conversation, admin, body.words(), via_api=True)
            return
        self.services.messages.admin_reply(
            conversation,
            admin,
            body.words(),
            attachments=files,
            created_at=body.created_at,
            via_api=True,
        )

    def _find(self, conversation_id: str, contact: Contact) -> Conversation:
        if conversation_id != "last":
            return self.world.conversation(conversation_id)
        found = self.world.newest_conversation(contact.id)
        if found is None:
            raise ApiError(400, "bad_request", "No conversation for this user")
        return found


class ActionBody(Struct):
    """Close, snooze, open or assign, told apart by `message_type`."""

    message_type: str
    admin_id: Id
    type: str = "admin"
    body: str | None = None
    snoozed_until: int | None = None
    assignee_id: Id | None = None


class PartsHandler(ConversationHandler):
    """`POST /conversations/{id}/parts`."""

    def post(self, conversation_id: str) -> None:
        """Does what an operator does with a button, and answers with the conversation."""
        conversation, body = self.world.conversation(conversation_id), self.body(ActionBody)
        admin = self.world.admin(str(body.admin_id))
        match body.message_type:
            case "close":
                self.services.lifecycle.close(conversation, admin, body=body.body, via_api=True)
            case "open":
                self.services.lifecycle.open(conversation, admin, via_api=True)
            case "snoozed" if body.snoozed_until is not None:
                self.services.lifecycle.snooze(conversation, admin, until=body.snoozed_until, via_api=True)
            case "assignment" if body.assignee_id is not None:
                self.services.lifecycle.assign(
                    conversation,
                    admin,
                    assignee_id=str(body.assignee_id),
                    to_team=body.type == "team",
                    body=body.body,
                    via_api=True,
                )
            case _:
                raise invalid("message_type or its parameters are invalid", field="message_type")
        self.answer_conversation(conversation)


class TagRequest(Struct):
    """Which tag, and who tags."""

    admin_id: Id
    id: Id | None = None


class ConversationTagsHandler(ApiHandler):
    """`POST /conversations/{id}/tags` and `DELETE /conversations/{id}/tags/{tag_id}`, both with a body."""

    def post(self, conversation_id: str) -> None:
        """Puts a tag on."""
        conversation, body = self._conversation(conversation_id), self.body(TagRequest)
        tag = self.services.annotations.tag(conversation, self.world.admin(str(body.admin_id)), str(body.id))
        self.answer(applied_tag(tag))

    def delete(self, conversation_id: str, tag_id: str) -> None:
        """Takes it off."""
        conversation, body = self._conversation(conversation_id), self.body(TagRequest)
        self.world.admin(str(body.admin_id))
        self.answer(applied_tag(self.services.annotations.untag(conversation, tag_id)))

    def _conversation(self, conversation_id: str) -> Conversation:
        """Intercom words this 404 differently from the other routes."""
        found = self.world.workspace.conversations.get(conversation_id)
        if found is None:
            raise ApiError(404, "not_found", "Conversation not found")
        return found
