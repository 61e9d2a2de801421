"""What supportd serves: one table, each verb with the way its caller is known."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from tornado.routing import URLSpec

from supportd.conversations.attachments import Addresses
from supportd.conversations.service import ConversationService
from supportd.conversations.waiters import Waiters
from supportd.errors import ConfigError
from supportd.feedback.csat import Csat
from supportd.files.service import FileService
from supportd.handlers import (
    attachments,
    complaints,
    conversations,
    csat,
    devices,
    diagnostics,
    docs,
    files,
    health,
    poll,
    preferences,
    tickets,
    uploads,
    webhooks,
)
from supportd.handlers.base import BaseHandler
from supportd.handlers.web import Auth, Web
from supportd.idempotency import Sends
from supportd.intercom.breaker import Breaker
from supportd.lifecycle import Lifecycle
from supportd.openapi.pages import Page
from supportd.stores.complaints import ComplaintStore
from supportd.stores.devices import DeviceStore
from supportd.stores.preferences import PreferenceStore
from supportd.sync.inbox import Inbox
from supportd.tickets.clarification import Clarification
from supportd.tickets.service import TicketService

ID = r"([A-Za-z0-9_-]{1,128})"

BEARER = Auth.BEARER
LINK = Auth.LINK
PUBLIC = Auth.PUBLIC


@dataclass(frozen=True, kw_only=True)
class Services:
    """What handlers are given, each only what its route names."""

    sends: Sends
    conversations: ConversationService
    tickets: TicketService
    clarification: Clarification
    csat: Csat
    files: FileService
    addresses: Addresses
    complaints: ComplaintStore
    devices: DeviceStore
    preferences: PreferenceStore
    waiters: Waiters
    inbox: Inbox
    webhook_secrets: tuple[str, ...]
    breaker: Breaker
    ping_database: Callable[[], Awaitable[None]]
    lifecycle: Lifecycle
    contract: Page
    docs: Page
    version: str
    started_at: float


@dataclass(frozen=True)
class Route:
    """A path, its handler, how each verb's caller is known, and what the handler is given."""

    name: str
    pattern: str
    handler: type[BaseHandler]
    verbs: dict[str, Auth]
    gives: dict[str, Any] = field(default_factory=dict)


def routes(services: Services) -> list[Route]:
    """The table."""
    return [
        *_probes(services),
        *_contract(services),
        *_conversations(services),
        *_tickets(services),
        Route("csat", r"/api/csat", csat.CsatHandler, {"POST": BEARER}, {"csat": services.csat}),
        *_files(services),
        *_ours_alone(services),
        *_hooks(services),
    ]


def _probes(services: Services) -> list[Route]:
    alive = {"version": services.version, "started_at": services.started_at}
    ready = {
        "ping_database": services.ping_database,
        "breaker": services.breaker,
        "lifecycle": services.lifecycle,
    }
    return [
        Route("health", r"/health", health.HealthHandler, {"GET": PUBLIC}, alive),
        Route("ready", r"/ready", health.ReadyHandler, {"GET": PUBLIC}, ready),
    ]


def _contract(services: Services) -> list[Route]:
    return [
        Route("openapi", r"/openapi\.json", docs.PageHandler, {"GET": PUBLIC}, {"page": services.contract}),
        Route("docs", r"/docs", docs.PageHandler, {"GET": PUBLIC}, {"page": services.docs}),
    ]


def _conversations(services: Services) -> list[Route]:
    chats = {"conversations": services.conversations}
    sending = {**chats, "sends": services.sends}
    polls = {**chats, "waiters": services.waiters}
    every = r"/api/conversations"
    one = rf"{every}/{ID}"
    return [
        Route("conversations", every, conversations.ListHandler, {"GET": BEARER, "POST": BEARER}, sending),
        Route("conversation", one, conversations.ShowHandler, {"GET": BEARER}, chats),
        Route("poll", rf"{one}/poll", poll.PollHandler, {"GET": BEARER}, polls),
        Route("read", rf"{one}/read", conversations.ReadHandler, {"POST": BEARER}, chats),
        Route("close", rf"{one}/close", conversations.CloseHandler, {"POST": BEARER}, chats),
        Route("reply", rf"{one}/reply", conversations.ReplyHandler, {"POST": BEARER}, sending),
    ]


def _tickets(services: Services) -> list[Route]:
    own = {"tickets": services.tickets}
    reply = {**own, "sends": services.sends}
    clarify = {"clarification": services.clarification, "sends": services.sends}
    every = r"/api/tickets"
    one = rf"{every}/{ID}"
    return [
        Route("tickets", every, tickets.ListHandler, {"GET": BEARER}, own),
        Route("ticket_search", rf"{every}/search", tickets.SearchHandler, {"GET": BEARER}, own),
        Route("ticket", one, tickets.ShowHandler, {"GET": BEARER}, own),
        Route("ticket_reply", rf"{one}/reply", tickets.ReplyHandler, {"POST": BEARER}, reply),
        Route("ticket_clarify", rf"{one}/clarify", tickets.ClarifyHandler, {"POST": BEARER}, clarify),
    ]


def _files(services: Services) -> list[Route]:
    own = {"files": services.files}
    return [
        Route("upload", r"/api/files/upload", uploads.UploadHandler, {"POST": BEARER}, own),
        Route("file", rf"/api/files/{ID}", files.FileHandler, {"GET": BEARER, "HEAD": BEARER}, own),
        Route("file_link", rf"/files/{ID}", files.LinkHandler, {"GET": LINK, "HEAD": LINK}, own),
        Route(
            "attachment_link",
            rf"/files/attachments/{ID}",
            attachments.AttachmentHandler,
            {"GET": LINK, "HEAD": LINK},
            {"addresses": services.addresses},
        ),
    ]


def _hooks(services: Services) -> list[Route]:
    inbox = {"inbox": services.inbox, "secrets": services.webhook_secrets}
    verbs = {"HEAD": PUBLIC, "POST": Auth.HMAC}
    return [Route("webhook", r"/webhooks/intercom", webhooks.WebhookHandler, verbs, inbox)]


def _ours_alone(services: Services) -> list[Route]:
    """What Intercom has no part in: it works while Intercom is down."""
    own = {"devices": services.devices}
    settings = {"preferences": services.preferences}
    return [
        Route(
            "complaints",
            r"/api/complaints",
            complaints.ComplaintsHandler,
            {"POST": BEARER},
            {"complaints": services.complaints, "sends": services.sends},
        ),
        Route("register_device", r"/api/devices/register", devices.RegisterHandler, {"POST": BEARER}, own),
        Route("device", rf"/api/devices/{ID}", devices.DeviceHandler, {"DELETE": BEARER}, own),
        Route(
            "notification_settings",
            r"/api/settings/notifications",
            preferences.PreferencesHandler,
            {"GET": BEARER, "PUT": BEARER},
            settings,
        ),
        Route("diagnostics", r"/api/diagnostics", diagnostics.DiagnosticsHandler, {"POST": BEARER}),
    ]


def url_specs(table: Iterable[Route], web: Web) -> list[URLSpec]:
    """The table as Tornado wants it.

    Raises:
        ConfigError: a handler has a verb that the table doesn't, or the other way round: nothing is open by accident.
    """
    specs = []
    for route in table:
        if implemented(route.handler) != set(route.verbs):
            raise ConfigError(f"the route {route.name!r} doesn't say how the callers of all its verbs are known")
        given = {"web": web, "route": route.name, "verbs": route.verbs, **route.gives}
        specs.append(URLSpec(route.pattern, route.handler, given, name=route.name))
    return specs


def implemented(handler: type[BaseHandler]) -> set[str]:
    """The verbs that a handler implements itself, but for the preflight that all share."""
    verbs = BaseHandler.SUPPORTED_METHODS
    return {verb for verb in verbs if getattr(handler, verb.lower()) is not getattr(BaseHandler, verb.lower())}
