"""Intercom's objects as they come over the wire, version 2.15, read tolerantly.

Only what supportd uses is named. Ids may be strings or numbers, lists may be null, keys may be missing (Intercom's
docs, object model; payloads differ by version and by route), and a field of the wrong type costs that field only. Times
are seconds.
"""

import re
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

Id = str | int

T = TypeVar("T")

MOST_DROPPED = 100

_AT = re.compile(r" - at `\$(?P<path>[^`]*)`$")
_STEP = re.compile(r"\.(?P<key>[^.\[]+)|\[(?P<place>[0-9]+)\]")
# Half of a surrogate pair, as a text that was cut in the middle of an emoji has it.
_LONE = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB]..)\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)


class Author(Struct):
    """Who wrote a part: user, lead, contact; admin, team; bot."""

    type: str = ""
    id: Id | None = None
    name: str | None = None


class Acknowledgement(Struct):
    """Any object: an answer that matters for being one, and not a proxy's page."""


class Attachment(Struct):
    """A file on a part. Its URL expires after about half an hour."""

    name: str | None = None
    url: str | None = None
    content_type: str | None = None
    filesize: int | None = None


class Part(Struct):
    """One part of a conversation: a message, a note or an event."""

    id: Id
    created_at: int
    part_type: str = ""
    body: str | None = None
    author: Author | None = None
    attachments: list[Attachment] | None = None
    redacted: bool | None = None


class Source(Struct):
    """The first message, which is never among the parts."""

    id: Id | None = None
    delivered_as: str | None = None
    body: str | None = None
    author: Author | None = None
    attachments: list[Attachment] | None = None
    redacted: bool | None = None


class Tag(Struct):
    """A tag, and when it was applied where it stands on something."""

    name: str | None = None
    id: Id | None = None
    applied_at: int | None = None


class TagList(Struct):
    """The tags of a conversation."""

    tags: list[Tag] | None = None


class ContactRef(Struct):
    """A contact on a conversation."""

    id: Id


class ContactList(Struct):
    """The contacts of a conversation: its owners here."""

    contacts: list[ContactRef] | None = None


class PartList(Struct):
    """All parts (the newest 500), or in a webhook the newest only."""

    conversation_parts: list[Part] | None = None


class Rating(Struct):
    """Intercom's own rating of a conversation."""

    rating: int | None = None
    remark: str | None = None
    created_at: int | None = None


class Statistics(Struct):
    """Counts and times of a conversation: the number of its parts, and when it was last closed (s).

    Webhooks before API version 2.15 write times as text (Intercom's changelog); such a one counts as absent.
    """

    count_conversation_parts: int | None = None
    last_close_at: int | None = None


class ConversationTicket(Struct):
    """The ticket that a conversation is, where it is one (Intercom's docs, unversioned changes)."""

    category: str | None = None
    is_shared: bool | None = None

    @property
    def internal(self) -> bool:
        """Whether the team keeps it to itself."""
        return self.is_shared is False or self.category in ("Back-office", "Tracker")


class Conversation(Struct):
    """A conversation: header, source, and parts where the route gives them."""

    id: Id
    created_at: int
    updated_at: int
    state: str = ""
    title: str | None = None
    snoozed_until: int | None = None
    source: Source | None = None
    contacts: ContactList | None = None
    tags: TagList | None = None
    conversation_rating: Rating | None = None
    statistics: Statistics | None = None
    ticket: ConversationTicket | None = None
    conversation_parts: PartList | None = None

    @property
    def contact_ids(self) -> tuple[str, ...]:
        """The ids of its contacts; none where it is a ticket that its contacts may not see."""
        if self.ticket is not None and self.ticket.internal:
            return ()
        refs = (self.contacts and self.contacts.contacts) or []
        return tuple(str(ref.id) for ref in refs)

    @property
    def parts(self) -> list[Part]:
        """The parts that came along, oldest first."""
        found = (self.conversation_parts and self.conversation_parts.conversation_parts) or []
        return sorted(found, key=lambda part: (part.created_at, id_order(part.id)))

    @property
    def part_count(self) -> int | None:
        """How many parts Intercom counts in all, where it says so."""
        return self.statistics.count_conversation_parts if self.statistics else None

    @property
    def last_close_at(self) -> int | None:
        """When it was last closed (s), where Intercom says so."""
        return self.statistics.last_close_at if self.statistics else None


class Contact(Struct):
    """A contact: `external_id` is our user id."""

    id: str
    external_id: str | None = None


class ContactPage(Struct):
    """One page of found contacts."""

    data: list[Contact] = []


class CreatedMessage(Struct):
    """The answer to `POST /conversations`: a message, not the conversation."""

    id: Id
    conversation_id: Id
    created_at: int
    body: str | None = None


class NextPage(Struct):
    """Where the next page of a search starts."""

    starting_after: str | None = None


class Pages(Struct):
    """The paging of a search."""

    next: NextPage | None = None


class ConversationPage(Struct):
    """One page of found conversations, without their parts."""

    conversations: list[Conversation] = []
    pages: Pages | None = None

    @property
    def found(self) -> list[Conversation]:
        """The conversations."""
        return self.conversations

    @property
    def cursor(self) -> str | None:
        """The cursor of the next page."""
        return cursor_of(self.pages)


class ErrorItem(Struct):
    """One error of an error list."""

    code: str = ""
    message: str | None = None


class ErrorList(Struct):
    """The body of every answer that isn't 2xx, unless a proxy wrote it."""

    errors: list[ErrorItem] = []


class Notification(Struct):
    """A webhook's envelope. `id` is null in a ping."""

    topic: str
    id: str | None = None
    created_at: int | None = None
    data: dict[str, Any] = {}

    @property
    def item(self) -> dict[str, Any]:
        """What it is about."""
        item = self.data.get("item")
        return item if isinstance(item, dict) else {}


def cursor_of(pages: Pages | None) -> str | None:
    """The cursor of the next page; none on the last."""
    return pages.next.starting_after if pages and pages.next else None


def read(body: bytes, kind: type[T]) -> T:
    """A JSON body as `kind`. Raises `msgspec.DecodeError` where it is no JSON, or lacks what can't be done without."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError:
        return lenient(msgspec.json.decode(body), kind)
    except msgspec.DecodeError:
        return lenient(msgspec.json.decode(_LONE.sub(rb"\\ufffd", body)), kind)


def lenient(raw: Any, kind: type[T]) -> T:
    """The raw JSON as `kind`, less the fields and items that can't be read. Raises `msgspec.ValidationError`."""
    for _ in range(MOST_DROPPED):
        try:
            return msgspec.convert(raw, kind, strict=False)
        except msgspec.ValidationError as error:
            if not _drop(raw, str(error)):
                raise
    return msgspec.convert(raw, kind, strict=False)


def _drop(raw: Any, problem: str) -> bool:
    """Removes what a validation error names from the raw JSON; False if that is all of it."""
    at = _AT.search(problem)
    steps: list[Any] = [step["key"] or int(step["place"]) for step in _STEP.finditer(at["path"])] if at else []
    if not steps:
        return False
    for step in steps[:-1]:
        raw = raw[step]
    del raw[steps[-1]]
    return True


def id_order(part_id: Id) -> tuple[int, str]:
    """Sorts ids by number, as Intercom counts them up, and what isn't a number by text."""
    text = str(part_id)
    return (int(text), "") if text.isdecimal() else (0, text)


def conversation_of(item: dict[str, Any]) -> Conversation | None:
    """The conversation in a webhook's item, or None if it can't be read: its id is enough to load it."""
    try:
        return lenient(item, Conversation)
    except msgspec.ValidationError:
        return None


def conversation_id_in(item: dict[str, Any]) -> str | None:
    """The conversation that a webhook is about; `conversation.deleted` has no `id` but a `conversation_id`."""
    if item.get("type") != "conversation":
        return None
    found = item.get("id") or item.get("conversation_id")
    return str(found) if isinstance(found, str | int) and found else None
