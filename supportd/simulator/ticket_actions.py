"""The actions of `POST /_sim/tickets/{id}/{action}`: each a body that knows what it does."""

from collections.abc import Mapping
from typing import Any, Protocol

from msgspec import Struct

from supportd.simulator.attachments import UploadedFile
from supportd.simulator.control_actions import acting_admin
from supportd.simulator.errors import ControlError
from supportd.simulator.model import Attachment, Author
from supportd.simulator.services import Services
from supportd.simulator.ticket_model import Ticket
from supportd.simulator.world import admin_author, contact_author


class TicketAction(Protocol):
    """What a body of an action can do."""

    def apply(self, ticket: Ticket, services: Services) -> None:
        """Does it."""


class ContactReply(Struct, forbid_unknown_fields=True):
    """The contact writes in the messenger, plain text."""

    body: str

    def apply(self, ticket: Ticket, services: Services) -> None:
        """Does it."""
        contact = services.world.contact(ticket.contact_id)
        services.tickets.messages.contact_reply(ticket, contact, self.body)


class Reply(Struct, forbid_unknown_fields=True):
    """An operator answers, HTML; with `assign` in one part that also assigns.

    `attachments` are shown as they are given; `files` are kept and served, as what an operator uploads.
    """

    body: str
    admin_id: str | int | None = None
    assign: bool = False
    attachments: list[Attachment] = []
    files: list[UploadedFile] = []

    def apply(self, ticket: Ticket, services: Services) -> None:
        """Does it."""
        admin = acting_admin(services, self.admin_id)
        attachments = [*self.attachments, *map(services.depot.keep, self.files)]
        services.tickets.messages.admin_reply(ticket, admin, self.body, assign=self.assign, attachments=attachments)


class BotReply(Struct, forbid_unknown_fields=True):
    """A bot says something, HTML, under the topic given."""

    body: str
    topic: str = "ticket.admin.replied"

    def apply(self, ticket: Ticket, services: Services) -> None:
        """Does it."""
        services.tickets.messages.bot_reply(ticket, self.body, topic=self.topic)


class Note(Struct, forbid_unknown_fields=True):
    """An operator leaves an internal note, HTML."""

    body: str

    def apply(self, ticket: Ticket, services: Services) -> None:
        """Does it."""
        services.tickets.messages.note(ticket, services.world.service_admin, self.body)


class State(Struct, forbid_unknown_fields=True):
    """An operator moves it to a state, named by its id, or by its category for the first of that."""

    state: str

    def apply(self, ticket: Ticket, services: Services) -> None:
        """Does it."""
        state = services.tickets.book.state_called(ticket, self.state)
        if state is None:
            message = f"tickets of this type have no state {self.state}"
            raise ControlError(message)
        services.tickets.lifecycle.enter(ticket, state, _operator(services))


class Close(Struct, forbid_unknown_fields=True):
    """An operator closes, which also resolves."""

    def apply(self, ticket: Ticket, services: Services) -> None:
        """Does it."""
        services.tickets.lifecycle.close(ticket, _operator(services))


class Open(Struct, forbid_unknown_fields=True):
    """An operator opens what is closed; its state stays."""

    def apply(self, ticket: Ticket, services: Services) -> None:
        """Does it."""
        services.tickets.lifecycle.open(ticket, _operator(services))


class Snooze(Struct, forbid_unknown_fields=True):
    """An operator snoozes until a time, Unix seconds."""

    until: int

    def apply(self, ticket: Ticket, services: Services) -> None:
        """Does it."""
        services.tickets.lifecycle.snooze(ticket, _operator(services), until=self.until)


class Share(Struct, forbid_unknown_fields=True):
    """An operator shows it to the customer."""

    def apply(self, ticket: Ticket, services: Services) -> None:
        """Does it."""
        services.tickets.lifecycle.share(ticket, shared=True)


class Unshare(Struct, forbid_unknown_fields=True):
    """An operator hides it from the customer."""

    def apply(self, ticket: Ticket, services: Services) -> None:
        """Does it."""
        services.tickets.lifecycle.share(ticket, shared=False)


class Assign(Struct, forbid_unknown_fields=True):
    """An operator hands over, to a team, or to an admin, the simulator's own unless named; `"0"` is nobody."""

    body: str | None = None
    assignee_id: str | int | None = None
    team_id: str | int | None = None

    def apply(self, ticket: Ticket, services: Services) -> None:
        """Does it."""
        lifecycle, actor = services.tickets.lifecycle, _operator(services)
        if self.team_id is not None:
            lifecycle.assign_team(ticket, actor, team_id=str(self.team_id), body=self.body)
            return
        admin_id = services.world.service_admin.id if self.assignee_id is None else str(self.assignee_id)
        lifecycle.assign(ticket, actor, admin_id=admin_id, body=self.body)


class Attributes(Struct, forbid_unknown_fields=True):
    """An operator fills in fields, by their names; `_default_title_` is the title."""

    attributes: dict[str, Any]

    def apply(self, ticket: Ticket, services: Services) -> None:
        """Does it."""
        services.tickets.annotations.set_attributes(ticket, self.attributes, _operator(services))


class Tag(Struct, forbid_unknown_fields=True):
    """An operator puts a tag on, by name; an unknown one is made."""

    name: str

    def apply(self, ticket: Ticket, services: Services) -> None:
        """Does it."""
        tag_id = services.world.tag_id(self.name)
        services.tickets.annotations.tag(ticket, services.world.service_admin, tag_id)


class Redact(Struct, forbid_unknown_fields=True):
    """An operator deletes a part's text."""

    part_id: str | int

    def apply(self, ticket: Ticket, services: Services) -> None:
        """Does it."""
        services.tickets.annotations.redact(ticket, str(self.part_id))


class RawPart(Struct, forbid_unknown_fields=True):
    """A part of any type; a webhook goes out only with a topic."""

    part_type: str
    body: str | None = None
    author_type: str = "admin"
    topic: str | None = None

    def apply(self, ticket: Ticket, services: Services) -> None:
        """Does it."""
        services.tickets.annotations.raw_part(
            ticket,
            part_type=self.part_type,
            body=self.body,
            author=self._author(ticket, services),
            topic=self.topic,
        )

    def _author(self, ticket: Ticket, services: Services) -> Author:
        if self.author_type == "admin":
            return _operator(services)
        if self.author_type == "bot":
            return services.world.bot
        return contact_author(services.world.contact(ticket.contact_id))


class Emit(Struct, forbid_unknown_fields=True):
    """A notification under any topic about the ticket as it is, with its newest part where the topic carries one."""

    topic: str

    def apply(self, ticket: Ticket, services: Services) -> None:
        """Does it."""
        services.tickets.annotations.emit(ticket, self.topic)


class Delete(Struct, forbid_unknown_fields=True):
    """An operator deletes it."""

    def apply(self, ticket: Ticket, services: Services) -> None:
        """Does it."""
        services.tickets.annotations.delete(ticket)


TICKET_ACTIONS: Mapping[str, type[TicketAction]] = {
    "contact_reply": ContactReply,
    "reply": Reply,
    "bot_reply": BotReply,
    "note": Note,
    "state": State,
    "close": Close,
    "open": Open,
    "snooze": Snooze,
    "share": Share,
    "unshare": Unshare,
    "assign": Assign,
    "attributes": Attributes,
    "tags": Tag,
    "redact": Redact,
    "part": RawPart,
    "emit": Emit,
    "delete": Delete,
}


def _operator(services: Services) -> Author:
    return admin_author(services.world.service_admin)
