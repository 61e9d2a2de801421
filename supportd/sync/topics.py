"""Intercom's webhook topics that supportd takes."""

CONVERSATION_TOPICS = frozenset({
    "conversation.user.created",
    "conversation.user.replied",
    "conversation.admin.single.created",
    "conversation.admin.replied",
    "conversation.operator.replied",
    "conversation.admin.noted",
    "conversation.admin.assigned",
    "conversation.admin.open.assigned",
    "conversation.admin.closed",
    "conversation.admin.opened",
    "conversation.admin.snoozed",
    "conversation.admin.unsnoozed",
    "conversation.read",
    "conversation.rating.added",
    "conversation.priority.updated",
    "conversation.contact.attached",
    "conversation.contact.detached",
    "conversation.company.updated",
    "conversation.deleted",
    "conversation_part.tag.created",
    "conversation_part.redacted",
})  # fmt: skip

TICKET_TOPICS = frozenset({
    "ticket.created",
    "ticket.state.updated",
    "ticket.resolved",
    "ticket.closed",
    "ticket.admin.replied",
    "ticket.contact.replied",
    "ticket.note.created",
    "ticket.attribute.updated",
    "ticket.admin.assigned",
    "ticket.team.assigned",
    "ticket.admin.snoozed",
    "ticket.admin.unsnoozed",
    "ticket.contact.attached",
    "ticket.contact.detached",
    "ticket.rating.provided",
})  # fmt: skip

DELETED = "conversation.deleted"
PING = "ping"
