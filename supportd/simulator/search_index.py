"""The search indexes: what searches see, which with a lag isn't yet what is."""

from collections.abc import Iterable, Mapping

from supportd.simulator import richtext
from supportd.simulator.clock import ShiftedClock
from supportd.simulator.faults import Faults
from supportd.simulator.lagging import LaggingHits
from supportd.simulator.model import Contact, Conversation
from supportd.simulator.paging import Hit
from supportd.simulator.rendering import Form, contact_json, conversation_header
from supportd.simulator.search import Kind, Value
from supportd.simulator.world import World

CONVERSATION_FIELDS: Mapping[str, Kind] = {
    "id": "text",
    "created_at": "date",
    "updated_at": "date",
    "waiting_since": "date",
    "snoozed_until": "date",
    "source.type": "text",
    "source.id": "text",
    "source.delivered_as": "text",
    "source.subject": "text",
    "source.body": "words",
    "source.url": "text",
    "source.author.id": "text",
    "source.author.type": "text",
    "source.author.name": "text",
    "source.author.email": "text",
    "contact_ids": "ids",
    "teammate_ids": "ids",
    "tag_ids": "ids",
    "admin_assignee_id": "text",
    "team_assignee_id": "text",
    "channel_initiated": "text",
    "open": "flag",
    "read": "flag",
    "state": "text",
    "priority": "text",
    "ai_agent_participated": "flag",
    "conversation_rating.score": "number",
    "conversation_rating.remark": "text",
    "conversation_rating.replied_at": "date",
    "conversation_rating.contact_id": "text",
    "statistics.count_conversation_parts": "number",
    "statistics.count_reopens": "number",
    "statistics.count_assignments": "number",
    "statistics.first_contact_reply_at": "date",
    "statistics.first_admin_reply_at": "date",
    "statistics.first_close_at": "date",
    "statistics.last_contact_reply_at": "date",
    "statistics.last_admin_reply_at": "date",
    "statistics.last_close_at": "date",
}

CONTACT_FIELDS: Mapping[str, Kind] = {
    "id": "text",
    "external_id": "text",
    "role": "text",
    "email": "text",
    "phone": "text",
    "name": "text",
    "owner_id": "number",
    "created_at": "date",
    "updated_at": "date",
    "signed_up_at": "date",
    "last_seen_at": "date",
    "last_replied_at": "date",
    "last_contacted_at": "date",
}


class ConversationIndex:
    """Conversations as they were `search_lag_s` ago. A listener of the recorder."""

    def __init__(self, *, world: World, clock: ShiftedClock, faults: Faults) -> None:
        self._world = world
        self._hits = LaggingHits(clock=clock, faults=faults)
        self.rebuild()

    def rebuild(self) -> None:
        """Starts again from what is."""
        self._hits.replace(self._hit(each) for each in self._world.workspace.conversations.values())

    def changed(self, conversation: Conversation) -> None:
        """Notes the conversation's new form."""
        self._hits.note(conversation.id, self._hit(conversation), closed=conversation.state == "closed")

    def happened(self, *_: object) -> None:
        """Topics don't matter here."""

    def deleted(self, conversation: Conversation) -> None:
        """Notes that it is gone."""
        self._hits.note(conversation.id, None)

    def hits(self) -> Iterable[Hit]:
        """What a search sees now."""
        return self._hits.now()

    def _hit(self, conversation: Conversation) -> Hit:
        contact = self._world.workspace.contacts[conversation.contact_id]
        wire = conversation_header(conversation, contact, Form())
        return Hit(conversation.id, _conversation_fields(wire), wire)


class ContactIndex:
    """Contacts, the new ones only `contact_search_lag_s` after their creation."""

    def __init__(self, *, world: World, clock: ShiftedClock, faults: Faults, app_id: str) -> None:
        self._world = world
        self._clock = clock
        self._faults = faults
        self._app_id = app_id

    def hits(self) -> Iterable[Hit]:
        """What a search sees now."""
        horizon = self._clock.time() - self._faults.now.contact_search_lag_s
        for contact in self._world.workspace.contacts.values():
            if contact.created_at <= horizon and not contact.archived:
                yield self._hit(contact)

    def _hit(self, contact: Contact) -> Hit:
        wire = contact_json(contact, self._app_id)
        return Hit(contact.id, {field: wire[field] for field in CONTACT_FIELDS}, wire)


def _conversation_fields(wire: dict[str, object]) -> dict[str, Value]:
    flat: dict[str, Value] = {field: _lookup(wire, field) for field in CONVERSATION_FIELDS}
    for field in ("admin_assignee_id", "team_assignee_id"):
        flat[field] = None if flat[field] is None else str(flat[field])
    flat["source.body"] = richtext.to_text(str(flat["source.body"]))
    flat["contact_ids"] = _ids(wire, "contacts", "contacts")
    flat["teammate_ids"] = _ids(wire, "teammates", "admins")
    flat["tag_ids"] = _ids(wire, "tags", "tags")
    flat["conversation_rating.score"] = _lookup(wire, "conversation_rating.rating")
    flat["conversation_rating.replied_at"] = _lookup(wire, "conversation_rating.created_at")
    flat["conversation_rating.contact_id"] = _lookup(wire, "conversation_rating.contact.id")
    return flat


def _lookup(wire: object, path: str) -> Value:
    found: object = wire
    for name in path.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, str | int) else None


def _ids(wire: dict[str, object], outer: str, inner: str) -> list[str]:
    held = wire[outer]
    return [str(each["id"]) for each in held[inner]] if isinstance(held, dict) else []
