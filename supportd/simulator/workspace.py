"""Everything in the simulated workspace that outlives a restart."""

from msgspec import Struct, field

from supportd.simulator.model import Admin, Contact, Conversation
from supportd.simulator.ticket_model import Ticket, TicketState, TicketType


class Copy(Struct):
    """A file that Intercom keeps."""

    name: str
    content_type: str
    content: bytes


class Workspace(Struct, kw_only=True):
    """All of it, by id. `tags` maps a tag's id to its name. Files of versions without tickets are read all the same."""

    admins: dict[str, Admin] = field(default_factory=dict)
    contacts: dict[str, Contact] = field(default_factory=dict)
    conversations: dict[str, Conversation] = field(default_factory=dict)
    ticket_states: dict[str, TicketState] = field(default_factory=dict)
    ticket_types: dict[str, TicketType] = field(default_factory=dict)
    tickets: dict[str, Ticket] = field(default_factory=dict)
    copies: dict[str, Copy] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    counters: dict[str, int] = field(default_factory=dict)
    webhook_url: str | None = None
