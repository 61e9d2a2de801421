"""What supportd knows of a ticket."""

from typing import Literal, NamedTuple

import msgspec
from msgspec import Struct

from supportd.conversations.state import Part

FORMAT = b"1"  # first byte of an encoded ticket; raised when an older one can't be read any more

StateName = Literal["submitted", "in_progress", "awaiting_reply", "resolved"]


class Change(Struct, frozen=True, gc=False, array_like=True):
    """A change of the ticket's state at a time (ms), as one of its parts tells it."""

    part_id: str
    before: StateName | None
    after: StateName
    at: int


class Step(NamedTuple):
    """A state of the timeline, and since when (ms)."""

    state: StateName
    at: int


class TicketState(Struct, frozen=True, gc=False, kw_only=True):
    """Everything known of one ticket.

    Times are ms, but for `updated_at`, Intercom's own (s) of the newest header seen. `number` is what people see of it,
    `id` what calls take. `latest` is the time given to a message last, `part_count` how many parts the header came
    with, `confirmed_at` when Intercom last said anything of it, `rated_by` the contacts that rated it, `version`
    how often it was saved.
    """

    id: str
    number: str
    contact_ids: tuple[str, ...]
    state: StateName
    created_at: int
    changed_at: int
    latest: int
    shared: bool = False
    title: str | None = None
    parts: tuple[Part, ...] = ()
    changes: tuple[Change, ...] = ()
    rated_by: tuple[str, ...] = ()
    updated_at: int = 0
    part_count: int = 0
    confirmed_at: int = 0
    version: int = 0
    deleted: bool = False

    def timeline(self) -> list[Step]:
        """The states it went through, the first as of its creation."""
        first = self.changes[0].before if self.changes else self.state
        steps = [Step(first or "submitted", self.created_at)]
        for change in self.changes:
            if change.after != steps[-1].state:
                steps.append(Step(change.after, change.at))
        return steps


def encode(ticket: TicketState) -> bytes:
    """The ticket as bytes for a snapshot."""
    return FORMAT + msgspec.msgpack.encode(ticket)


def decode(encoded: bytes) -> TicketState | None:
    """The ticket behind the bytes, or None if they are damaged or of another format: it must be loaded again."""
    if not encoded.startswith(FORMAT):
        return None
    try:
        return msgspec.msgpack.decode(encoded[len(FORMAT) :], type=TicketState)
    except (msgspec.DecodeError, UnicodeError):
        return None
