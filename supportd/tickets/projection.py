"""The projection of tickets: what was known, and the ticket as Intercom told it, make what is known now.

Pure. It is simpler than that of conversations, since Intercom's webhooks and searches bring tickets whole, with their
newest 500 parts. News may still come doubled, late or out of order: the newest header counts, messages and changes of
state are merged by part, and what was seen stays.
"""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from supportd.conversations.messages import NO_FILES, Files, is_unknown, message_of
from supportd.conversations.richtext import unescaped
from supportd.conversations.thread import Thread
from supportd.intercom import wire_tickets as wire
from supportd.tickets.state import Change, StateName, TicketState

MAX_TITLE_CHARS = 500

# Intercom's four categories of states, whatever a workspace calls its own (Intercom's docs, ticket states).
STATES: dict[str, StateName] = {
    "submitted": "submitted",
    "in_progress": "in_progress",
    "waiting_on_customer": "awaiting_reply",
    "resolved": "resolved",
}
STATE_CHANGED = "ticket_state_updated_by_"
INTERNAL = frozenset({"Back-office", "Tracker"})


class Projection(NamedTuple):
    """What is known now, and the ids of parts of unknown type."""

    ticket: TicketState
    unknown_parts: tuple[str, ...]


def project(old: TicketState | None, told: wire.Ticket, *, heard_at: int, files: Files = NO_FILES) -> Projection:
    """Applies a ticket that Intercom told at `heard_at` (ms); `files` are those of ours that its messages may have."""
    known = old or _blank(told)
    ticket = _with_header(known, told) if old is None or _is_newer(old, told) else known
    ticket = _with_parts(ticket, told.parts, files)
    ticket = msgspec.structs.replace(ticket, confirmed_at=max(known.confirmed_at, heard_at))
    unknown = tuple(str(part.id) for part in told.parts if is_unknown(part.part_type))
    return Projection(_dated(known, ticket), unknown)


def project_part(old: TicketState, part: wire.TicketPart, *, files: Files = NO_FILES) -> TicketState:
    """Applies the answer to a reply: one part, and no word of the ticket itself."""
    return _dated(old, _with_parts(old, [part], files))


def deleted(old: TicketState, *, at: int) -> TicketState:
    """What is left of a ticket that was deleted in Intercom: that it was, and when (s) that was seen."""
    return TicketState(
        id=old.id,
        number=old.number,
        contact_ids=old.contact_ids,
        state=old.state,
        created_at=old.created_at,
        changed_at=old.changed_at,
        latest=old.latest,
        updated_at=max(old.updated_at, at),
        version=old.version,
        deleted=True,
    )


def _blank(told: wire.Ticket) -> TicketState:
    created_at = told.created_at * 1000
    return TicketState(
        id=str(told.id),
        number=str(told.ticket_id or told.id),
        contact_ids=told.contact_ids,
        state="submitted",
        created_at=created_at,
        changed_at=max(created_at, told.updated_at * 1000),
        latest=created_at - 1,
    )


def _is_newer(old: TicketState, told: wire.Ticket) -> bool:
    """Whether the header is to be believed over the known one. Of one second's two, the one with more parts is."""
    if told.updated_at != old.updated_at:
        return told.updated_at > old.updated_at
    return _count(told) >= old.part_count


def _count(told: wire.Ticket) -> int:
    counted = told.ticket_parts.total_count if told.ticket_parts else None
    return max(counted or 0, len(told.parts))


def _with_header(known: TicketState, told: wire.Ticket) -> TicketState:
    return msgspec.structs.replace(
        known,
        number=str(told.ticket_id or known.number),
        contact_ids=known.contact_ids if told.contacts is None else told.contact_ids,
        state=STATES.get(told.state_category, known.state),
        shared=told.is_shared is True and told.category not in INTERNAL,
        title=unescaped(told.title)[:MAX_TITLE_CHARS] if told.title else None,
        updated_at=told.updated_at,
        part_count=_count(told),
    )


def _with_parts(ticket: TicketState, parts: Iterable[wire.TicketPart], files: Files) -> TicketState:
    thread = Thread(ticket.parts, latest=ticket.latest)
    changes = {change.part_id: change for change in ticket.changes}
    for part in parts:
        change = _change_of(part)
        if change is not None:
            changes[change.part_id] = change
        found = message_of(part, files)
        if found is not None:
            thread.add(found)
    in_order = sorted(changes.values(), key=lambda change: change.at)
    return msgspec.structs.replace(ticket, parts=thread.in_order(), latest=thread.latest, changes=tuple(in_order))


def _change_of(part: wire.TicketPart) -> Change | None:
    after = STATES.get(part.ticket_state or "")
    if after is None or not part.part_type.startswith(STATE_CHANGED):
        return None
    before = STATES.get(part.previous_ticket_state or "")
    return Change(str(part.id), before, after, part.created_at * 1000)


def _dated(known: TicketState, ticket: TicketState) -> TicketState:
    """With the time of its last change, where a user would see any difference."""
    changed_at = max(known.changed_at, ticket.latest)
    if _header_shown(known) != _header_shown(ticket):
        changed_at = max(changed_at, ticket.updated_at * 1000)
    return msgspec.structs.replace(ticket, changed_at=changed_at)


def _header_shown(ticket: TicketState) -> tuple[object, ...]:
    return (ticket.state, ticket.title, ticket.number, ticket.shared, ticket.changes)
