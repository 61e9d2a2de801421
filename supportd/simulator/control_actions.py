"""The actions of `POST /_sim/conversations/{id}/{action}`: each a body that knows what it does."""

from collections.abc import Mapping
from typing import Annotated, Protocol

from msgspec import Meta, Struct

from supportd.simulator.attachments import UploadedFile
from supportd.simulator.errors import ControlError
from supportd.simulator.model import Admin, Attachment, Conversation
from supportd.simulator.services import Services
from supportd.simulator.ticket_model import TITLE


class Action(Protocol):
    """What a body of an action can do."""

    def apply(self, conversation: Conversation, services: Services) -> None:
        """Does it."""


class ContactReply(Struct, forbid_unknown_fields=True):
    """The contact writes in the messenger, plain text."""

    body: str

    def apply(self, conversation: Conversation, services: Services) -> None:
        """Does it."""
        contact = services.world.contact(conversation.contact_id)
        services.messages.contact_reply(conversation, contact, self.body)


class Reply(Struct, forbid_unknown_fields=True):
    """An operator answers, HTML; with `assign` in one part that also assigns.

    `attachments` are shown as they are given; `files` are kept and served, as what an operator uploads.
    """

    body: str
    admin_id: str | int | None = None
    assign: bool = False
    attachments: list[Attachment] = []
    files: list[UploadedFile] = []

    def apply(self, conversation: Conversation, services: Services) -> None:
        """Does it."""
        admin = acting_admin(services, self.admin_id)
        attachments = [*self.attachments, *map(services.depot.keep, self.files)]
        services.messages.admin_reply(conversation, admin, self.body, assign=self.assign, attachments=attachments)


class BotReply(Struct, forbid_unknown_fields=True):
    """A bot says something, HTML, under the topic given."""

    body: str
    topic: str = "conversation.operator.replied"

    def apply(self, conversation: Conversation, services: Services) -> None:
        """Does it."""
        services.messages.bot_reply(conversation, self.body, topic=self.topic)


class Note(Struct, forbid_unknown_fields=True):
    """An operator leaves an internal note, HTML."""

    body: str

    def apply(self, conversation: Conversation, services: Services) -> None:
        """Does it."""
        services.messages.note(conversation, services.world.service_admin, self.body)


class Close(Struct, forbid_unknown_fields=True):
    """An operator closes, with a last word or without."""

    body: str | None = None

    def apply(self, conversation: Conversation, services: Services) -> None:
        """Does it."""
        services.lifecycle.close(conversation, services.world.service_admin, body=self.body)


class Open(Struct, forbid_unknown_fields=True):
    """An operator reopens."""

    def apply(self, conversation: Conversation, services: Services) -> None:
        """Does it."""
        services.lifecycle.open(conversation, services.world.service_admin)


class Snooze(Struct, forbid_unknown_fields=True):
    """An operator snoozes until a time, Unix seconds."""

    until: int

    def apply(self, conversation: Conversation, services: Services) -> None:
        """Does it."""
        services.lifecycle.snooze(conversation, services.world.service_admin, until=self.until)


class Unsnooze(Struct, forbid_unknown_fields=True):
    """An operator ends a snooze by hand."""

    def apply(self, conversation: Conversation, services: Services) -> None:
        """Does it."""
        services.lifecycle.unsnooze(conversation, services.world.service_admin)


class Assign(Struct, forbid_unknown_fields=True):
    """An operator hands over, to the admin of the simulator unless another is named; `"0"` is nobody."""

    body: str | None = None
    assignee_id: str | int | None = None

    def apply(self, conversation: Conversation, services: Services) -> None:
        """Does it."""
        admin = services.world.service_admin
        assignee_id = admin.id if self.assignee_id is None else str(self.assignee_id)
        services.lifecycle.assign(conversation, admin, assignee_id=assignee_id, body=self.body)


class Tag(Struct, forbid_unknown_fields=True):
    """An operator puts a tag on, by name; an unknown one is made."""

    name: str

    def apply(self, conversation: Conversation, services: Services) -> None:
        """Does it."""
        tag_id = services.world.tag_id(self.name)
        services.annotations.tag(conversation, services.world.service_admin, tag_id)


class Redact(Struct, forbid_unknown_fields=True):
    """An operator deletes a message's text: a part's, or the first message's by the source's id."""

    part_id: str | int

    def apply(self, conversation: Conversation, services: Services) -> None:
        """Does it."""
        services.annotations.redact(conversation, str(self.part_id))


class Rate(Struct, forbid_unknown_fields=True):
    """The contact rates in the messenger."""

    rating: Annotated[int, Meta(ge=1, le=5)]
    remark: str | None = None

    def apply(self, conversation: Conversation, services: Services) -> None:
        """Does it."""
        services.annotations.rate(conversation, self.rating, self.remark)


class Title(Struct, forbid_unknown_fields=True):
    """An operator, or Fin, gives a title."""

    title: str

    def apply(self, conversation: Conversation, services: Services) -> None:
        """Does it."""
        services.annotations.set_title(conversation, self.title)


class RawPart(Struct, forbid_unknown_fields=True):
    """A part of any type; a webhook goes out only with a topic."""

    part_type: str
    body: str | None = None
    author_type: str = "admin"
    topic: str | None = None

    def apply(self, conversation: Conversation, services: Services) -> None:
        """Does it."""
        services.annotations.raw_part(
            conversation,
            part_type=self.part_type,
            body=self.body,
            author_type=self.author_type,
            topic=self.topic,
        )


class Convert(Struct, forbid_unknown_fields=True):
    """An operator makes a ticket of it, of the first type for customers; the ticket has the same id."""

    title: str | None = None

    def apply(self, conversation: Conversation, services: Services) -> None:
        """Does it."""
        kind = services.tickets.book.type_called("Customer")
        if kind is None:
            message = "there is no ticket type for customers"
            raise ControlError(message)
        services.conversion.convert(conversation, kind, {TITLE: self.title})


class Emit(Struct, forbid_unknown_fields=True):
    """A notification under any topic, for those that no action makes."""

    topic: str

    def apply(self, conversation: Conversation, services: Services) -> None:
        """Does it."""
        services.annotations.emit(conversation, self.topic)


ACTIONS: Mapping[str, type[Action]] = {
    "contact_reply": ContactReply,
    "reply": Reply,
    "bot_reply": BotReply,
    "note": Note,
    "close": Close,
    "open": Open,
    "snooze": Snooze,
    "unsnooze": Unsnooze,
    "assign": Assign,
    "tags": Tag,
    "redact": Redact,
    "rate": Rate,
    "title": Title,
    "part": RawPart,
    "convert": Convert,
    "emit": Emit,
}


def acting_admin(services: Services, admin_id: str | int | None) -> Admin:
    """The operator who acts: another than the simulator's own is made when first named."""
    if admin_id is None:
        return services.world.service_admin
    return services.world.workspace.admins.setdefault(
        str(admin_id), Admin(str(admin_id), f"Operator {admin_id}", f"operator{admin_id}@example.com")
    )
