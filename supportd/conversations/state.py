"""What supportd knows of a conversation, and the shapes in which the API shows it.

All of it is immutable and without cycles, so the garbage collector needn't walk through it (`gc=False`).
"""

from typing import Literal

import msgspec
from msgspec import Struct

FORMAT = b"1"  # first byte of an encoded state; raised when an older one can't be read any more

AuthorType = Literal["user", "operator", "bot"]
StateName = Literal["open", "closed", "snoozed"]


class Author(Struct, frozen=True, gc=False, rename="camel"):
    """Who wrote a message."""

    type: AuthorType
    name: str | None
    avatar_url: str | None = None


class Attachment(Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    """A file on a message; `size` in bytes, where it is known.

    In a state `url` is Intercom's, which expires, and `file_id` the file of ours that was sent, if it is one. Clients
    get a `url` of ours and no `file_id` (`attachments.py`).
    """

    name: str
    url: str
    content_type: str
    size: int | None
    file_id: str | None = None


class Message(Struct, frozen=True, gc=False, rename="camel"):
    """A message as the API shows it. `created_at` (ms) is its place in the thread: assigned once, never changed."""

    id: str
    author: Author
    body: str
    html: str | None
    attachments: tuple[Attachment, ...]
    created_at: int
    redacted: bool


class Part(Struct, frozen=True, gc=False, array_like=True):
    """A message in the thread.

    `cursor` (ms) is what a client's `since` is compared with: `created_at`, or a later one once the message changed.
    `unformatted` says that only its plain text is known: it came by a webhook that carries no HTML.
    """

    message: Message
    cursor: int
    unformatted: bool = False


class Reason(Struct, frozen=True, gc=False):
    """The topic that a conversation was started for."""

    main: str
    sub: str | None


class Rating(Struct, frozen=True, gc=False, rename="camel"):
    """The user's rating; `created_at` in ms."""

    stars: int
    comment: str | None
    created_at: int


class Period(Struct, frozen=True, gc=False, array_like=True):
    """A time that it was open or snoozed: from its start or reopening to its close, if it has come (Intercom's s)."""

    opened_at: int
    closed_at: int | None = None


class State(Struct, frozen=True, gc=False, kw_only=True):
    """Everything known of one conversation.

    Times are ms, but for two of Intercom's own clock, in its seconds: `updated_at` of the newest header seen, and
    `proven_at`, up to which this state is known to be Intercom's. `confirmed_at` is when Intercom last said anything of
    it, `latest` the cursor given last, `part_count` how many parts Intercom had counted by then, where it said so,
    `read` the last cursor that each contact has read, and `period` when it was last open, where that is known.
    `rating` is what Intercom has, `rated_by` what contacts gave here; `version` counts how often it was saved. Not
    `loaded` means that only its header is known.
    """

    id: str
    contact_ids: tuple[str, ...]
    state: StateName
    created_at: int
    changed_at: int
    latest: int
    title: str | None = None
    snoozed_until: int | None = None
    tags: tuple[str, ...] = ()
    rating: Rating | None = None
    rated_by: dict[str, Rating] = {}
    reason: Reason | None = None
    parts: tuple[Part, ...] = ()
    source_id: str = ""
    source_hidden: bool = False
    read: dict[str, int] = {}
    period: Period | None = None
    revision: int = 0
    version: int = 0
    updated_at: int = 0
    proven_at: int = 0
    confirmed_at: int = 0
    part_count: int | None = None
    loaded: bool = True
    deleted: bool = False

    @property
    def rated(self) -> bool:
        """Whether it was rated here, or has Intercom's own rating, or a CSAT tag, set by us or by hand."""
        return bool(self.rated_by) or self.rating is not None or any(is_csat_tag(tag) for tag in self.tags)

    def rating_of(self, contact_id: str) -> Rating | None:
        """What the contact gave here; else what Intercom has."""
        return self.rated_by.get(contact_id, self.rating)

    def unread(self, contact_id: str) -> int:
        """How many messages of others came after what the contact has read."""
        seen = self.read.get(contact_id, 0)
        return sum(part.message.created_at > seen and part.message.author.type != "user" for part in self.parts)


def is_csat_tag(name: str) -> bool:
    """`csat`, or `csat-1` to `csat-5`, in any case: Intercom's tag names are case-insensitive."""
    return name.lower() == "csat" or csat_stars(name) is not None


def csat_stars(name: str) -> int | None:
    """The stars of a tag such as `csat-5`."""
    prefix, _, stars = name.lower().rpartition("-")
    return int(stars) if prefix == "csat" and stars in ("1", "2", "3", "4", "5") else None


def encode(state: State) -> bytes:
    """The state as bytes for a snapshot."""
    return FORMAT + msgspec.msgpack.encode(state)


def decode(encoded: bytes) -> State | None:
    """The state behind the bytes, or None if they are damaged or of another format: it must be loaded again."""
    if not encoded.startswith(FORMAT):
        return None
    try:
        return decode_own(encoded)
    except (msgspec.DecodeError, UnicodeError):
        return None


def decode_own(encoded: bytes) -> State:
    """The state behind bytes that this process encoded."""
    return msgspec.msgpack.decode(memoryview(encoded)[len(FORMAT) :], type=State)
