"""What the simulated workspace holds. Times are Unix seconds; bodies are HTML, as the REST API gives them."""

from typing import Any, Literal

from msgspec import Struct, field

ConversationState = Literal["open", "closed", "snoozed"]


class Reference(Struct):
    """Points at an admin, a team or nobody."""

    type: str
    id: str | None


class Admin(Struct):
    """A teammate."""

    id: str
    name: str
    email: str


class Contact(Struct, kw_only=True):
    """A user or lead of the app."""

    id: str
    external_id: str | None
    role: str
    email: str | None
    phone: str | None
    name: str | None
    created_at: int
    updated_at: int
    signed_up_at: int | None = None
    last_seen_at: int | None = None
    last_replied_at: int | None = None
    last_contacted_at: int | None = None
    owner_id: int | None = None
    unsubscribed_from_emails: bool = False
    custom_attributes: dict[str, Any] = field(default_factory=dict)
    archived: bool = False


class Attachment(Struct):
    """A file on a part. With a `copy_id` it is a copy kept here, and its URL expires."""

    name: str
    url: str
    content_type: str = "application/octet-stream"
    filesize: int = 0
    copy_id: str = ""


class Author(Struct):
    """Who wrote a part: `user`, `lead`, `admin` or `bot`."""

    type: str
    id: str
    name: str | None
    email: str
    from_ai_agent: bool = False


class AppliedTag(Struct):
    """A tag on a conversation."""

    id: str
    name: str
    applied_at: int
    applied_by: Reference


class Part(Struct, kw_only=True):
    """A message, a note or an event of a conversation."""

    id: str
    part_type: str
    body: str | None
    created_at: int
    updated_at: int
    author: Author
    state: ConversationState = "open"
    assigned_to: Reference | None = None
    attachments: list[Attachment] = field(default_factory=list)
    redacted: bool = False
    metadata: dict[str, Any] = field(default_factory=dict)
    tags: list[Reference] = field(default_factory=list)
    app_package_code: str | None = None


class Source(Struct, kw_only=True):
    """The first message. It is never among the parts."""

    id: str
    delivered_as: str
    body: str
    author: Author
    attachments: list[Attachment] = field(default_factory=list)
    redacted: bool = False
    subject: str = ""


class Rating(Struct):
    """The contact's rating of a conversation, 1 to 5."""

    rating: int
    remark: str
    created_at: int
    updated_at: int


class Conversation(Struct, kw_only=True):
    """A conversation with all its parts, oldest first; only rendering cuts them to 500.

    One that is a ticket too has the ticket's id.
    """

    id: str
    created_at: int
    updated_at: int
    contact_id: str
    source: Source
    state: ConversationState = "open"
    title: str | None = None
    waiting_since: int | None = None
    snoozed_until: int | None = None
    read: bool = False
    admin_assignee_id: str | None = None
    team_assignee_id: str | None = None
    first_contact_reply_at: int | None = None
    tags: list[AppliedTag] = field(default_factory=list)
    rating: Rating | None = None
    is_ticket: bool = False
    custom_attributes: dict[str, Any] = field(default_factory=dict)
    parts: list[Part] = field(default_factory=list)
