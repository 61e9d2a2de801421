"""Which webhooks should have told what the reconciler found, and whether their topics are ticked at all."""

from collections import Counter

import structlog

from supportd.conversations.state import Part, State
from supportd.metrics import Metrics
from supportd.tickets.state import TicketState

WARN_AT = 3


def missed_topics(before: State | None, after: State) -> list[str]:
    """A topic for each difference between what was known and what Intercom has."""
    if before is None:
        return ["conversation.user.created"]
    if after.deleted:
        return [] if before.deleted else ["conversation.deleted"]
    known = {part.message.id: part for part in before.parts}
    topics = [_topic_of(part) for part in after.parts if before.loaded and part.message.id not in known]
    topics += [
        "conversation_part.redacted"
        for part in after.parts
        if part.message.redacted and part.message.id in known and not known[part.message.id].message.redacted
    ]
    if set(after.tags) - set(before.tags):
        topics.append("conversation_part.tag.created")
    if after.rating is not None and before.rating is None and after.tags == before.tags:
        topics.append("conversation.rating.added")
    if after.state != before.state and not (after.state == "open" and "conversation.user.replied" in topics):
        topics.append(_state_topic(before, after))
    return topics


def missed_ticket_topics(before: TicketState | None, after: TicketState) -> list[str]:
    """A topic for each difference between what was known of a ticket and what Intercom has."""
    if before is None:
        return ["ticket.created"]
    if after.deleted:
        return []
    known = {part.message.id for part in before.parts}
    topics = [_ticket_topic_of(part) for part in after.parts if part.message.id not in known]
    changes = {change.part_id for change in after.changes} - {change.part_id for change in before.changes}
    return topics + ["ticket.state.updated"] * len(changes)


class DriftLog:
    """Counts what webhooks failed to tell, by topic, and warns once of a topic that never comes though it should."""

    def __init__(self, *, metrics: Metrics) -> None:
        self._metrics = metrics
        self._missed: Counter[str] = Counter()
        self._arrived: set[str] = set()
        self._log = structlog.get_logger("supportd.reconciler")

    def arrived(self, topic: str) -> None:
        """A webhook of the topic came."""
        self._arrived.add(topic)

    def missed(self, topic: str) -> None:
        """A difference was found that a webhook of the topic should have told."""
        self._metrics.drift.labels(topic).inc()
        self._missed[topic] += 1
        if self._missed[topic] == WARN_AT and topic not in self._arrived:
            self._log.warning("topic never arrives: is it ticked in Intercom's webhook settings?", topic=topic)


def _topic_of(part: Part) -> str:
    kinds = {"user": "conversation.user.replied", "bot": "conversation.operator.replied"}
    return kinds.get(part.message.author.type, "conversation.admin.replied")


def _ticket_topic_of(part: Part) -> str:
    return "ticket.contact.replied" if part.message.author.type == "user" else "ticket.admin.replied"


def _state_topic(before: State, after: State) -> str:
    if after.state == "closed":
        return "conversation.admin.closed"
    if after.state == "snoozed":
        return "conversation.admin.snoozed"
    return "conversation.admin.unsnoozed" if before.state == "snoozed" else "conversation.admin.opened"
