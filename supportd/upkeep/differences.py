"""What counts as a difference between Intercom and what is stored here. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from typing import NamedTuple

from supportd.conversations.projection import STATES
from supportd.conversations.state import State, csat_stars
from supportd.intercom import wire, wire_tickets
from supportd.stores.ratings import Rating
from supportd.tickets.projection import STATES as TICKET_STATES
from supportd.tickets.state import TicketState


class Kind(StrEnum):
    """What differs."""

    CONTACT = "contact"
    CONVERSATION = "conversation"
    TICKET = "ticket"
    RATING = "rating"


class What(StrEnum):
    """How it differs: all are said of what is stored here, but for tags, which are Intercom's."""

    MISSING = "missing"
    OLDER = "older"
    OTHER_CONTACTS = "other contacts"
    OTHER_STATE = "other state"
    FEWER_PARTS = "fewer parts"
    DELETED_HERE = "deleted here only"
    NOT_AT_INTERCOM = "not at Intercom"
    UNREADABLE = "unreadable"
    OTHER_ID = "other id"
    TAG_MISSING = "tag missing"
    TAG_TOO_MANY = "tag too many"


class Difference(NamedTuple):
    """One difference. `id` is Intercom's, of a rating its conversation's; `detail` a tag or the contact's new id."""

    kind: Kind
    id: str
    what: What
    detail: str = ""


def of_conversation(told: wire.Conversation, known: State) -> What | None:
    """How a conversation that is known differs from what a search or a load told."""
    if known.deleted:
        return What.DELETED_HERE if told.updated_at > known.proven_at else None
    if told.updated_at != known.updated_at:
        return What.OLDER if told.updated_at > known.updated_at else None  # else the search lags behind
    if told.contacts is not None and set(told.contact_ids) != set(known.contact_ids):
        return What.OTHER_CONTACTS
    if STATES.get(told.state, known.state) != known.state:
        return What.OTHER_STATE
    counted = known.part_count
    return What.FEWER_PARTS if counted is not None and (told.part_count or 0) > counted else None


def of_ticket(told: wire_tickets.Ticket, known: TicketState) -> What | None:
    """How a ticket that is known differs from what a search or a load told."""
    if known.deleted:
        return What.DELETED_HERE if told.updated_at > known.updated_at else None
    if told.updated_at != known.updated_at:
        return What.OLDER if told.updated_at > known.updated_at else None
    if told.contacts is not None and set(told.contact_ids) != set(known.contact_ids):
        return What.OTHER_CONTACTS
    if TICKET_STATES.get(told.state_category, known.state) != known.state:
        return What.OTHER_STATE
    return What.FEWER_PARTS if len(told.parts) > known.part_count else None


def of_ratings(conversation_id: str, tags: Sequence[str], given: Sequence[Rating]) -> Iterator[Difference]:
    """Which CSAT tags a conversation lacks, and which numbers of stars it has that nobody gave.

    One without a rating of ours has none to compare: an operator may have set its tags.
    """
    there = {tag.lower() for tag in tags}
    wanted = {f"csat-{rating.stars}" for rating in given}
    for tag in sorted({"csat", *wanted} - there) if given else ():
        yield Difference(Kind.RATING, conversation_id, What.TAG_MISSING, tag)
    for tag in sorted(tag for tag in there - wanted if csat_stars(tag) is not None) if given else ():
        yield Difference(Kind.RATING, conversation_id, What.TAG_TOO_MANY, tag)


def tags_of(told: wire.Conversation) -> list[str]:
    """The names of a conversation's tags."""
    return [tag.name for tag in (told.tags and told.tags.tags) or [] if tag.name]


def counted(differences: Iterable[Difference]) -> dict[str, int]:
    """How many there are of each."""
    counts: dict[str, int] = {}
    for each in differences:
        name = f"{each.kind}: {each.what}"
        counts[name] = counts.get(name, 0) + 1
    return counts
