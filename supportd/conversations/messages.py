"""From Intercom's parts to messages: which parts are messages, who wrote them, and what they say."""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import msgspec

from supportd.conversations import richtext
from supportd.conversations.state import Attachment, Author, AuthorType, Message
from supportd.intercom import wire

REDACTED_BODY = "This message was deleted"
MAX_NAME_CHARS = 200
MAX_URL_CHARS = 4096

# Stands around the words that Intercom is sent where the user had none: an invisible separator. A rule that needs no
# memory, so it holds after a restart and for whoever tells of the message first.
NO_WORDS = "\u2063"
CLIP = "\U0001f4ce "
NOT_DELIVERED = "Not delivered: "  # the files that a message was to bring, where Intercom has none of them
FILE_ID = re.compile(r"(?P<id>[0-9a-f]{32})(\.[A-Za-z0-9]{1,10})?")

# Files of ours by their ids, as a message shows them.
Files = Mapping[str, Attachment]
NO_FILES: Files = MappingProxyType({})

# Part types that are a message where they have a body or files (Intercom's docs and captured payloads):
# an agent's reply-and-assign is an `assignment`, a contact's reply to a closed conversation is an `open`.
MESSAGE_TYPES = frozenset({
    "comment", "open", "close", "assignment", "assign_and_reopen", "assign_and_unsnooze", "quick_reply",
    "channel_and_reply_time_expectation",
})  # fmt: skip

# Part types known to be internal or mere events. What is in neither list is hidden and counted.
HIDDEN_TYPES = frozenset({
    "note", "note_and_reopen", "snoozed", "unsnoozed", "timer_unsnooze", "away_mode_assignment", "default_assignment",
    "balanced_assignment", "participant_added", "participant_removed", "conversation_rating_changed",
    "conversation_rating_remark_added", "conversation_attribute_updated_by_admin",
    "conversation_attribute_updated_by_workflow", "conversation_attribute_updated_by_user", "custom_action_started",
    "custom_action_finished", "operator_workflow_event", "attribute_collector", "attribute_collected",
    "language_detection_details", "title_changed", "conversation_tags_updated", "priority_changed", "call_summary",
    "merged_primary_conversation",
})  # fmt: skip
HIDDEN_PREFIXES = ("conversation_sla_", "ticket_state_updated_by_", "ticket_attribute_updated_by_")


def is_unknown(part_type: str) -> bool:
    """Whether a part's type is one that we have never heard of."""
    return part_type not in MESSAGE_TYPES | HIDDEN_TYPES and not part_type.startswith(HIDDEN_PREFIXES)


class Found(NamedTuple):
    """A message, and whether only its plain text is known though it may have formatting."""

    message: Message
    unformatted: bool


def in_place_of_words(names: Iterable[str]) -> str:
    """What Intercom is sent where a user sends files only, since it wants words: their names, for operators."""
    return f"{NO_WORDS}{CLIP}{', '.join(names)}{NO_WORDS}"


def own_words(text: str) -> str:
    """The user's text, without what would make it look like no words at its ends; it is invisible anyway."""
    return re.sub(rf"^[\s{NO_WORDS}]+|[\s{NO_WORDS}]+$", "", text)


def file_id_in(name: str | None) -> str | None:
    """The id of the file of ours that a name may stand for: Intercom names what it fetched by the end of its path."""
    found = FILE_ID.fullmatch(name or "")
    return None if found is None else found["id"]


def words_in(part: wire.Part) -> str:
    """The text of a part, also where it only stands in the place of words."""
    body = (part.body or "").replace("\x00", "")
    if not richtext.is_html(body):
        return body.strip()
    return richtext.as_text(body, with_targets=author_of(part.author).type != "user")


def first_message(conversation: wire.Conversation) -> Found | None:
    """The message in `source`, which is never among the parts; None if it says nothing."""
    source = conversation.source
    if source is None or source.id is None:
        return None
    part = wire.Part(
        id=source.id,
        created_at=conversation.created_at,
        part_type="comment",
        body=source.body,
        author=source.author,
        attachments=source.attachments,
        redacted=source.redacted,
    )
    return message_of(part)


def message_of(part: wire.Part, files: Files = NO_FILES) -> Found | None:
    """The message in a part, or None if it isn't one: another type, or neither words nor files.

    `files` are those of ours that it may have: Intercom's copies are shown under their names.
    """
    if part.part_type not in MESSAGE_TYPES:
        return None
    author = author_of(part.author)
    message = Message(
        id=str(part.id),
        author=author,
        body=REDACTED_BODY,
        html=None,
        attachments=(),
        created_at=part.created_at * 1000,
        redacted=bool(part.redacted),
    )
    if part.redacted:
        return Found(message, unformatted=False)
    body = (part.body or "").replace("\x00", "")
    is_html = richtext.is_html(body)
    text = words_in(part)
    ours = files if author.type == "user" else NO_FILES
    attachments = tuple(_attachment(file, ours) for file in part.attachments or [] if file.url)
    if author.type == "user" and len(text) > 1 and text[0] == text[-1] == NO_WORDS:
        text = "" if attachments else f"{NOT_DELIVERED}{text.strip(NO_WORDS).removeprefix(CLIP)}"
    elif not text and not attachments:
        return None
    formatted = author.type != "user"
    html = richtext.sanitised(body) if formatted and is_html else None
    message = msgspec.structs.replace(message, body=text, html=html, attachments=attachments)
    return Found(message, unformatted=formatted and bool(text) and not is_html)


def as_typed(sent_id: str, body: str, at_ms: int) -> Message:
    """A message of the user's that Intercom took as something that isn't shown: it was sent all the same."""
    return Message(sent_id, Author("user", None), body, None, (), at_ms, redacted=False)


def author_of(author: wire.Author | None) -> Author:
    """Customers are users, admins and teams are operators; who is unknown isn't the user, so an operator too."""
    kinds: dict[str, AuthorType] = {"user": "user", "lead": "user", "contact": "user", "bot": "bot"}
    if author is None:
        return Author("operator", None)
    name = richtext.unescaped(author.name)[:MAX_NAME_CHARS] if author.name else None
    return Author(kinds.get(author.type, "operator"), name)


def _known(attachment: wire.Attachment, ours: Files) -> Attachment | None:
    """The file of ours that Intercom shows: by its id, else by name and size if just one has them."""
    file_id = file_id_in(attachment.name)
    if file_id is not None and file_id in ours:
        return ours[file_id]
    alike = [file for file in ours.values() if (file.name, file.size) == (attachment.name, attachment.filesize)]
    return alike[0] if len(alike) == 1 else None


def _attachment(attachment: wire.Attachment, ours: Files) -> Attachment:
    url = (attachment.url or "")[:MAX_URL_CHARS]
    known = _known(attachment, ours)
    if known is not None:
        return msgspec.structs.replace(known, url=url)
    return Attachment(
        name=(attachment.name or "file")[:MAX_NAME_CHARS],
        url=url,
        content_type=(attachment.content_type or "application/octet-stream")[:MAX_NAME_CHARS],
        size=attachment.filesize,
    )
