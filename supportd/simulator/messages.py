"""What people write: first messages, replies, notes."""

from collections.abc import Mapping, Sequence

from supportd.simulator import richtext
from supportd.simulator.model import (
    Admin,
    Attachment,
    Contact,
    Conversation,
    ConversationState,
    Part,
    Reference,
    Source,
)
from supportd.simulator.recording import Recorder
from supportd.simulator.world import World, admin_author, contact_author

ASSIGNING: Mapping[ConversationState, str] = {
    "open": "assignment",
    "closed": "assign_and_reopen",
    "snoozed": "assign_and_unsnooze",
}


class Messages:
    """Writes messages with the part types, states and topics of the contract, parts 4.1, 4.4 and 9.5."""

    def __init__(self, *, world: World, recorder: Recorder) -> None:
        self._world = world
        self._recorder = recorder

    def start(
        self,
        contact: Contact,
        text: str,
        *,
        attachments: Sequence[Attachment] = (),
        created_at: int | None = None,
    ) -> Conversation:
        """A contact's first message, plain text."""
        now = self._recorder.now if created_at is None else created_at
        source = Source(
            id=self._world.ids.number("message"),
            delivered_as="customer_initiated",
            body=richtext.from_text(text),
            author=contact_author(contact),
            attachments=list(attachments),
        )
        conversation = self._add(contact, source, now)
        conversation.waiting_since = now
        conversation.first_contact_reply_at = now
        contact.last_replied_at = now
        self._recorder.announce(conversation, None, "conversation.user.created")
        return conversation

    def start_as_admin(self, admin: Admin, contact: Contact, body: str) -> Conversation:
        """A teammate's first message, HTML."""
        source = Source(
            id=self._world.ids.number("message"),
            delivered_as="admin_initiated",
            body=richtext.from_operator(body),
            author=admin_author(admin),
        )
        conversation = self._add(contact, source, self._recorder.now)
        contact.last_contacted_at = conversation.created_at
        self._recorder.announce(conversation, None, "conversation.admin.single.created")
        return conversation

    def contact_reply(
        self,
        conversation: Conversation,
        contact: Contact,
        text: str,
        *,
        attachments: Sequence[Attachment] = (),
        created_at: int | None = None,
        via_api: bool = False,
    ) -> Part:
        """A contact's reply, plain text. On a closed conversation it is a part of type `open`, not `comment`."""
        part_type = "open" if conversation.state == "closed" else "comment"
        self._reopen(conversation)
        part = self._recorder.part(
            conversation,
            part_type,
            contact_author(contact),
            body=richtext.from_text(text),
            attachments=attachments,
            created_at=created_at,
            via_api=via_api,
        )
        conversation.read = False
        conversation.waiting_since = conversation.waiting_since or part.created_at
        conversation.first_contact_reply_at = conversation.first_contact_reply_at or part.created_at
        contact.last_replied_at = part.created_at
        self._recorder.announce(conversation, part, "conversation.user.replied")
        return part

    def admin_reply(
        self,
        conversation: Conversation,
        admin: Admin,
        body: str,
        *,
        assign: bool = False,
        attachments: Sequence[Attachment] = (),
        created_at: int | None = None,
        via_api: bool = False,
    ) -> Part:
        """A teammate's reply, HTML. With `assign` one part, of type `assignment`, makes two notifications."""
        topics = ["conversation.admin.replied"]
        part_type = "comment"
        assigned_to = None
        if assign:
            was_open = conversation.state == "open"
            topics.append("conversation.admin.assigned" if was_open else "conversation.admin.open.assigned")
            part_type = ASSIGNING[conversation.state]
            assigned_to = Reference("admin", admin.id)
            conversation.admin_assignee_id = admin.id
            self._reopen(conversation)
        conversation.waiting_since = None
        part = self._recorder.part(
            conversation,
            part_type,
            admin_author(admin),
            body=richtext.from_operator(body),
            assigned_to=assigned_to,
            attachments=attachments,
            created_at=created_at,
            via_api=via_api,
        )
        self._world.workspace.contacts[conversation.contact_id].last_contacted_at = part.created_at
        self._recorder.announce(conversation, part, *topics)
        return part

    def quick_reply(self, conversation: Conversation, admin: Admin, options: list[dict[str, str]]) -> Part:
        """A teammate's question with ready answers: the part has no body, the options are in its metadata."""
        conversation.waiting_since = None
        part = self._recorder.part(conversation, "quick_reply", admin_author(admin), via_api=True)
        part.metadata["quick_reply_options"] = options
        self._recorder.announce(conversation, part, "conversation.admin.replied")
        return part

    def bot_reply(self, conversation: Conversation, body: str, *, topic: str) -> Part:
        """What Fin or a workflow says, HTML. Bots have been seen under more than one topic, so the caller names it."""
        part = self._recorder.part(conversation, "comment", self._world.bot, body=richtext.from_operator(body))
        self._recorder.announce(conversation, part, topic)
        return part

    def note(self, conversation: Conversation, admin: Admin, body: str, *, via_api: bool = False) -> Part:
        """An internal note; it changes neither the state nor who waits."""
        html = richtext.from_operator(body)
        part = self._recorder.part(conversation, "note", admin_author(admin), body=html, via_api=via_api)
        self._recorder.announce(conversation, part, "conversation.admin.noted")
        return part

    def _add(self, contact: Contact, source: Source, now: int) -> Conversation:
        conversation = Conversation(
            id=self._world.ids.number("conversation"),
            created_at=now,
            updated_at=now,
            contact_id=contact.id,
            source=source,
        )
        self._world.workspace.conversations[conversation.id] = conversation
        return conversation

    def _reopen(self, conversation: Conversation) -> None:
        conversation.state = "open"
        conversation.snoozed_until = None
        self._world.snoozed.discard(conversation.id)
