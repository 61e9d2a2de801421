"""All routes: Intercom's, as its documentation writes them, the control API's, and the demo's pages."""

import re
from typing import Any

from tornado.routing import URLSpec
from tornado.web import RequestHandler

from supportd.simulator import handlers_control as control
from supportd.simulator import handlers_ticket_control as ticket_control
from supportd.simulator.handlers_attachments import CopyHandler, ExpireHandler
from supportd.simulator.handlers_base import ApiHandler
from supportd.simulator.handlers_contacts import (
    ContactArchiveHandler,
    ContactByExternalIdHandler,
    ContactByIdHandler,
    ContactSearchHandler,
    ContactsHandler,
)
from supportd.simulator.handlers_conversations import (
    ConversationByIdHandler,
    ConversationSearchHandler,
    ConversationsHandler,
    RedactHandler,
)
from supportd.simulator.handlers_identity import AdminsHandler, MeHandler, TagsHandler
from supportd.simulator.handlers_inbox import InboxHandler
from supportd.simulator.handlers_pages import page_routes
from supportd.simulator.handlers_parts import ConversationTagsHandler, PartsHandler, ReplyHandler
from supportd.simulator.handlers_ticket_parts import TicketReplyHandler, TicketTagsHandler
from supportd.simulator.handlers_ticket_types import TicketStatesHandler, TicketTypesHandler
from supportd.simulator.handlers_tickets import ConvertHandler, TicketByIdHandler, TicketSearchHandler, TicketsHandler
from supportd.simulator.services import Services

REST: tuple[tuple[str, type[ApiHandler]], ...] = (
    ("/me", MeHandler),
    ("/admins", AdminsHandler),
    ("/tags", TagsHandler),
    ("/contacts", ContactsHandler),
    ("/contacts/search", ContactSearchHandler),
    ("/contacts/find_by_external_id/{id}", ContactByExternalIdHandler),
    ("/contacts/{id}", ContactByIdHandler),
    ("/contacts/{id}/archive", ContactArchiveHandler),
    ("/contacts/{id}/unarchive", ContactArchiveHandler),
    ("/conversations", ConversationsHandler),
    ("/conversations/search", ConversationSearchHandler),
    ("/conversations/redact", RedactHandler),
    ("/conversations/{id}", ConversationByIdHandler),
    ("/conversations/{id}/reply", ReplyHandler),
    ("/conversations/{id}/parts", PartsHandler),
    ("/conversations/{id}/convert", ConvertHandler),
    ("/conversations/{id}/tags", ConversationTagsHandler),
    ("/conversations/{id}/tags/{tag_id}", ConversationTagsHandler),
    ("/ticket_types", TicketTypesHandler),
    ("/ticket_states", TicketStatesHandler),
    ("/tickets", TicketsHandler),
    ("/tickets/search", TicketSearchHandler),
    ("/tickets/{id}", TicketByIdHandler),
    ("/tickets/{id}/reply", TicketReplyHandler),
    ("/tickets/{id}/tags", TicketTagsHandler),
    ("/tickets/{id}/tags/{tag_id}", TicketTagsHandler),
)

CONTROL: tuple[tuple[str, type[RequestHandler]], ...] = (
    ("/sim-attachments/{id}", CopyHandler),
    ("/_sim/status", control.StatusHandler),
    ("/_sim/calls", control.CallsHandler),
    ("/_sim/reset", control.ResetHandler),
    ("/_sim/clock", control.ClockHandler),
    ("/_sim/faults", control.FaultsHandler),
    ("/_sim/attachments/expire", ExpireHandler),
    ("/_sim/inbox", InboxHandler),
    ("/_sim/webhook", control.WebhookHandler),
    ("/_sim/webhook/{action}", control.WebhookActionHandler),
    ("/_sim/contacts", control.ContactsHandler),
    ("/_sim/conversations", control.ConversationsHandler),
    ("/_sim/conversations/{id}", control.ConversationHandler),
    ("/_sim/conversations/{id}/{action}", control.ActionHandler),
    ("/_sim/conversations/{id}/tags/{name}", control.TagHandler),
    ("/_sim/tickets", ticket_control.TicketsHandler),
    ("/_sim/tickets/{id}", ticket_control.TicketHandler),
    ("/_sim/tickets/{id}/{action}", ticket_control.TicketActionHandler),
    ("/_sim/tickets/{id}/tags/{name}", ticket_control.TicketTagHandler),
)


def routes(services: Services) -> list[URLSpec]:
    """The table for Tornado."""
    rest: list[Any] = [URLSpec(_pattern(path), handler, {"path": path, "services": services}) for path, handler in REST]
    control_routes = [URLSpec(_pattern(path), handler, {"services": services}) for path, handler in CONTROL]
    return page_routes(services.config) + rest + control_routes


def _pattern(path: str) -> str:
    return re.sub(r"\{\w+\}", "([^/]+)", path)
