"""What is done to a conversation besides talking: tags, ratings, titles, attributes, redaction, deletion."""

from typing import Any

from supportd.simulator.errors import ApiError
from supportd.simulator.model import (
    Admin,
    AppliedTag,
    Author,
    Conversation,
    Part,
    Rating,
    Reference,
    Source,
)
from supportd.simulator.recording import Recorder
from supportd.simulator.world import World, admin_author, contact_author

DELETED_BODY = "<p><i>This message was deleted</i></p>"


class Annotations:
    """Actions of the contract, parts 4.3, 4.6 and 4.10."""

    def __init__(self, *, world: World, recorder: Recorder) -> None:
        self._world = world
        self._recorder = recorder

    def tag(self, conversation: Conversation, admin: Admin, tag_id: str) -> AppliedTag:
        """Puts a tag on; one that is there stays as it is. Raises 404 `tag_not_found` for an unknown id."""
        name = self._world.workspace.tags.get(tag_id)
        if name is None:
            raise tag_not_found()
        present = next((tag for tag in conversation.tags if tag.id == tag_id), None)
        if present is not None:
            return present
        tag = AppliedTag(tag_id, name, self._recorder.now, Reference("admin", admin.id))
        conversation.tags.append(tag)
        part = _last_message(conversation)
        part.tags.append(Reference("tag", tag_id))
        self._recorder.announce(conversation, part, "conversation_part.tag.created")
        return tag

    def untag(self, conversation: Conversation, tag_id: str) -> AppliedTag:
        """Takes a tag off. Raises 404 `tag_not_found` where it isn't on."""
        tag = next((tag for tag in conversation.tags if tag.id == tag_id), None)
        if tag is None:
            raise tag_not_found()
        conversation.tags.remove(tag)
        self._recorder.announce(conversation, None)
        return tag

    def rate(self, conversation: Conversation, rating: int, remark: str | None) -> None:
        """The contact's rating in the messenger, 1 to 5; again overwrites."""
        now = self._recorder.now
        created_at = conversation.rating.created_at if conversation.rating else now
        conversation.rating = Rating(rating, remark or "", created_at, now)
        author = contact_author(self._world.workspace.contacts[conversation.contact_id])
        part = self._recorder.part(conversation, "conversation_rating_changed", author)
        if remark:
            self._recorder.part(conversation, "conversation_rating_remark_added", author, body=remark)
        self._recorder.announce(conversation, part, "conversation.rating.added")

    def set_title(self, conversation: Conversation, title: str) -> None:
        """Renames. Intercom has no topic for it."""
        conversation.title = title
        part = self._recorder.part(conversation, "title_changed", self._world.bot)
        self._recorder.announce(conversation, part)

    def set_attributes(self, conversation: Conversation, attributes: dict[str, Any]) -> None:
        """Sets custom attributes, a part by the bot for each."""
        for name, value in attributes.items():
            conversation.custom_attributes[name] = value
            self._recorder.part(conversation, "conversation_attribute_updated_by_admin", self._world.bot)
        self._recorder.announce(conversation, None)

    def mark_read(self, conversation: Conversation, *, read: bool) -> None:
        """Sets the flag alone: no part, no topic, no new `updated_at`."""
        conversation.read = read
        self._recorder.refresh(conversation)

    def redact(self, conversation: Conversation, message_id: str) -> None:
        """Deletes a part's text, or the source's, for good. Raises 404 for an unknown id, 422 where it can't be."""
        if message_id == conversation.source.id:
            _blank(conversation.source, allowed=conversation.source.delivered_as == "customer_initiated")
            part = source_as_part(conversation)
        else:
            found = next((part for part in conversation.parts if part.id == message_id), None)
            if found is None:
                raise message_not_found()
            _blank(found, allowed=found.body is not None)
            found.updated_at = self._recorder.now
            part = found
        self._recorder.announce(conversation, part, "conversation_part.redacted")

    def raw_part(
        self, conversation: Conversation, *, part_type: str, body: str | None, author_type: str, topic: str | None
    ) -> None:
        """A part of any type whatever, to meet readers with what they don't know."""
        part = self._recorder.part(conversation, part_type, self._author(conversation, author_type), body=body)
        self._recorder.announce(conversation, part, *([topic] if topic else []))

    def emit(self, conversation: Conversation, topic: str) -> None:
        """A notification under any topic whatever, without a part and without a change."""
        self._recorder.mention(conversation, None, topic)

    def delete(self, conversation: Conversation) -> None:
        """Removes the conversation; a later GET is 404."""
        self._recorder.forget(conversation)

    def _author(self, conversation: Conversation, author_type: str) -> Author:
        if author_type == "admin":
            return admin_author(self._world.service_admin)
        if author_type == "bot":
            return self._world.bot
        author = contact_author(self._world.workspace.contacts[conversation.contact_id])
        author.type = author_type
        return author


def tag_not_found() -> ApiError:
    """An unknown tag, or one that isn't on the conversation."""
    return ApiError(404, "tag_not_found", "Tag not found")


def message_not_found() -> ApiError:
    """Nothing to redact by that id."""
    return ApiError(404, "conversation_part_or_message_not_found", "Conversation part or message not found")


def source_as_part(conversation: Conversation) -> Part:
    """The first message in a part's clothes, as webhooks show it when it is tagged or redacted."""
    source = conversation.source
    return Part(
        id=source.id,
        part_type="comment",
        body=source.body,
        created_at=conversation.created_at,
        updated_at=conversation.updated_at,
        author=source.author,
        state=conversation.state,
        attachments=source.attachments,
        redacted=source.redacted,
    )


def _last_message(conversation: Conversation) -> Part:
    spoken = (part for part in reversed(conversation.parts) if part.body and part.part_type != "note")
    return next(spoken, None) or source_as_part(conversation)


def _blank(message: Part | Source, *, allowed: bool) -> None:
    if not allowed:
        text = "The conversation part can't be redacted"
        raise ApiError(422, "conversation_part_not_redactable", text)
    message.redacted = True
    message.body = DELETED_BODY
    message.attachments = []
