"""When a conversation was open: from its start, or a reopening, to a close. Pure; times are Intercom's, in seconds."""

from typing import NamedTuple

from supportd.conversations.state import Period, State
from supportd.intercom import wire

# Part types (Intercom's OpenAPI file and its list of part types). A user's reply to what is closed is an `open` too,
# and what is snoozed isn't closed.
CLOSE = "close"
REOPEN = frozenset({"open", "assign_and_reopen", "note_and_reopen", "snoozed"})


class Course(NamedTuple):
    """When the conversation was last open, and the periods that came to their end since what was known."""

    period: Period | None
    ended: tuple[Period, ...] = ()


def follow(old: State | None, conversation: wire.Conversation, *, whole: bool) -> Course:
    """What newer news says of closing and reopening; `whole` if it brings all parts.

    What ended before the conversation was first seen isn't told: nobody here saw it.
    """
    known = None if whole or old is None else old.period
    start = known or Period(conversation.created_at)
    periods = _with_header(_through(start, conversation.parts), conversation, guessed=_guessed(old))
    ended = () if old is None else tuple(period for period in periods if _is_new(period, old))
    return Course(periods[-1], ended)


def _through(start: Period, parts: list[wire.Part]) -> list[Period]:
    """The period, and those that followed it, as the parts tell."""
    periods = [start]
    for part in parts:
        opened_at, closed_at = periods[-1].opened_at, periods[-1].closed_at
        if closed_at is None and part.part_type == CLOSE and part.created_at >= opened_at:
            periods[-1] = Period(opened_at, part.created_at)
        elif closed_at is not None and part.part_type in REOPEN and part.created_at >= closed_at:
            periods.append(Period(part.created_at))
    return periods


def _guessed(old: State | None) -> Period | None:
    """What ended by what is known: where no part tells of it, its time was guessed, and isn't guessed again."""
    return old.period if old is not None and old.loaded and old.period and old.period.closed_at is not None else None


def _with_header(periods: list[Period], conversation: wire.Conversation, *, guessed: Period | None) -> list[Period]:
    """The same, brought in line with the state that the header says: the part that led to it may be missing."""
    opened_at, closed_at = periods[-1].opened_at, periods[-1].closed_at
    if conversation.state == "closed" and closed_at is None:
        told = conversation.last_close_at
        if told is None and guessed is not None and guessed.closed_at is not None and guessed.closed_at >= opened_at:
            return [*periods[:-1], guessed]
        at = told if told is not None and told >= opened_at else max(opened_at, conversation.updated_at)
        return [*periods[:-1], Period(opened_at, at)]
    if conversation.state in ("open", "snoozed") and closed_at is not None:
        return [*periods, Period(max(closed_at, conversation.updated_at))]
    return periods


def _is_new(period: Period, old: State) -> bool:
    """Whether the period's end wasn't known. One may be told twice where two fall into one second."""
    ended = period.closed_at
    if ended is None:
        return False
    known = old.period if old.loaded else None
    if known is None:
        return ended > old.updated_at or (ended == old.updated_at and old.state != "closed")
    return ended >= known.opened_at if known.closed_at is None else ended > known.closed_at
