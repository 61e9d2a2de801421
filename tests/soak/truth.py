"""What Intercom has in the end, by the simulator's own word."""

import asyncio
from dataclasses import dataclass
from typing import Any

from supportd.conversations.richtext import as_text
from tests.harness import ACCESS_TOKEN, Operator

# Parts that are messages where they say something; the rest are notes and events (docs/architecture.md).
SPOKEN = frozenset({"comment", "open", "close", "assignment", "assign_and_reopen", "assign_and_unsnooze"})
PAGE = 150
STATES = {"waiting_on_customer": "awaiting_reply"}


@dataclass(frozen=True)
class Said:
    """A message in Intercom."""

    id: str
    by_user: bool
    words: str
    redacted: bool
    at_s: int


@dataclass(frozen=True)
class Chat:
    """A conversation or a ticket in Intercom: its messages in order, and how it stands."""

    id: str
    user: str
    said: tuple[Said, ...]
    state: str
    snoozed_until: int | None = None
    tags: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    opening: str = ""
    opened_by_user: bool = False


@dataclass(frozen=True)
class Truth:
    """Everything."""

    conversations: dict[str, Chat]
    tickets: dict[str, Chat]

    def of(self, user: str) -> list[Chat]:
        return [chat for chat in self.conversations.values() if chat.user == user]


async def the_truth(intercom: Operator, topics: set[str]) -> Truth:
    """All there is. A first message that is one of the topics isn't the user's and isn't shown."""
    ids = await _all_ids(intercom)
    conversations = [_conversation(await intercom.truth(each), topics) for each in ids]
    tickets = [_ticket(each) for each in (await intercom.control("GET", "/tickets"))["tickets"]]
    return Truth({each.id: each for each in conversations}, {each.id: each for each in tickets})


async def _all_ids(intercom: Operator) -> list[str]:
    ids: list[str] = []
    query: dict[str, Any] = {"per_page": PAGE}
    while True:
        response = await intercom.http.get(
            "/conversations", params=query, headers={"Authorization": f"Bearer {ACCESS_TOKEN}"}
        )
        found = response.raise_for_status().json()
        ids += [str(each["id"]) for each in found["conversations"]]
        after = (found["pages"].get("next") or {}).get("starting_after")
        if after is None:
            return sorted(set(ids), key=int)
        query["starting_after"] = after
        await asyncio.sleep(0)


def _conversation(told: dict[str, Any], topics: set[str]) -> Chat:
    source = told["source"]
    opening = as_text(source["body"] or "")
    first = {**source, "part_type": "comment", "created_at": told["created_at"]}
    is_topic = opening in topics
    parts = [*([] if is_topic else [first]), *told["conversation_parts"]["conversation_parts"]]
    until = told["snoozed_until"] if told["state"] == "snoozed" else None
    return Chat(
        id=str(told["id"]),
        user=told["contacts"]["contacts"][0]["external_id"],
        said=_said(parts),
        state=told["state"],
        snoozed_until=until and until * 1000,
        tags=tuple(sorted(tag["name"] for tag in told["tags"]["tags"])),
        notes=tuple(as_text(part["body"] or "") for part in parts if part["part_type"] == "note"),
        opening=opening,
        opened_by_user=source["author"]["type"] == "user",
    )


def _ticket(told: dict[str, Any]) -> Chat:
    category = told["ticket_state"]["category"]
    return Chat(
        id=str(told["id"]),
        user=told["contacts"]["contacts"][0]["external_id"],
        said=_said(told["ticket_parts"]["ticket_parts"]),
        state=STATES.get(category, category),
    )


def _said(parts: list[dict[str, Any]]) -> tuple[Said, ...]:
    return tuple(
        Said(
            id=str(part["id"]),
            by_user=part["author"]["type"] == "user",
            words=as_text(part.get("body") or ""),
            redacted=bool(part.get("redacted")),
            at_s=part["created_at"],
        )
        for part in parts
        if part["part_type"] in SPOKEN and (part.get("body") or part.get("attachments") or part.get("redacted"))
    )
