"""The statistics object of a conversation, worked out from its parts."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from supportd.simulator.model import Conversation, Part

CONTACTS = frozenset({"user", "lead", "contact"})
ASSIGNMENTS = frozenset({"assignment", "assign_and_reopen", "assign_and_unsnooze"})


def statistics_of(conversation: Conversation, *, iso_dates: bool = False) -> dict[str, Any]:
    """Counts and times; webhooks before 2.15 carry ISO 8601 dates in place of Unix seconds."""
    parts = conversation.parts
    replies = [part for part in parts if part.author.type == "admin" and part.body and part.part_type != "note"]
    closes = [part for part in parts if part.part_type == "close"]
    assignments = [part for part in parts if part.part_type in ASSIGNMENTS]
    contact_replies = [part for part in parts if part.author.type in CONTACTS and part.body]
    shown: Callable[[int | None], Any] = _iso if iso_dates else _as_is
    return {
        "type": "conversation_statistics",
        "first_contact_reply_at": shown(conversation.first_contact_reply_at),
        "first_assignment_at": shown(_first(assignments)),
        "first_admin_reply_at": shown(_first(replies)),
        "first_close_at": shown(_first(closes)),
        "last_assignment_at": shown(_last(assignments)),
        "last_contact_reply_at": shown(_last(contact_replies) or conversation.first_contact_reply_at),
        "last_admin_reply_at": shown(_last(replies)),
        "last_close_at": shown(_last(closes)),
        "last_closed_by_id": closes[-1].author.id if closes else None,
        "count_reopens": sum(part.part_type in {"open", "assign_and_reopen"} for part in parts),
        "count_assignments": len(assignments),
        "count_conversation_parts": len(parts),
    }


def _first(parts: list[Part]) -> int | None:
    return parts[0].created_at if parts else None


def _last(parts: list[Part]) -> int | None:
    return parts[-1].created_at if parts else None


def _as_is(seconds: int | None) -> int | None:
    return seconds


def _iso(seconds: int | None) -> str | None:
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
