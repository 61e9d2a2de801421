"""What supportd serves: one table, each verb with the way its caller is known."""

import random
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from tornado.routing import URLSpec

from supportd.conversations.service import ConversationService
from supportd.conversations.waiters import Waiters
from supportd.errors import ConfigError
from supportd.handlers import conversations, health, poll, webhooks
from supportd.handlers.base import BaseHandler
from supportd.handlers.web import Auth, Web
from supportd.intercom.breaker import Breaker
from supportd.lifecycle import Lifecycle
from supportd.sync.inbox import Inbox

ID = r"([A-Za-z0-9_-]{1,128})"

BEARER = Auth.BEARER
PUBLIC = Auth.PUBLIC


@dataclass(frozen=True, kw_only=True)
class Services:
    """What handlers are given, each only what its route names."""

    conversations: ConversationService
    waiters: Waiters
    inbox: Inbox
    webhook_secrets: tuple[str, ...]
    breaker: Breaker
    ping_database: Callable[[], Awaitable[None]]
    lifecycle: Lifecycle
    rng: random.Random
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
    chats = {"conversations": services.conversations}
    polls = {**chats, "waiters": services.waiters, "rng": services.rng}
    inbox = {"inbox": services.inbox, "secrets": services.webhook_secrets}
    alive = {"version": services.version, "started_at": services.started_at}
    ready = {
        "ping_database": services.ping_database,
        "breaker": services.breaker,
        "lifecycle": services.lifecycle,
    }
    one = rf"/api/conversations/{ID}"
    return [
        Route("health", r"/health", health.HealthHandler, {"GET": PUBLIC}, alive),
        Route("ready", r"/ready", health.ReadyHandler, {"GET": PUBLIC}, ready),
        Route(
            "conversations",
            r"/api/conversations",
            conversations.ListHandler,
            {"GET": BEARER, "POST": BEARER},
            chats,
        ),
        Route("conversation", one, conversations.ShowHandler, {"GET": BEARER}, chats),
        Route("poll", rf"{one}/poll", poll.PollHandler, {"GET": BEARER}, polls),
        Route("read", rf"{one}/read", conversations.ReadHandler, {"POST": BEARER}, chats),
        Route("close", rf"{one}/close", conversations.CloseHandler, {"POST": BEARER}, chats),
        Route("reply", rf"{one}/reply", conversations.ReplyHandler, {"POST": BEARER}, chats),
        Route(
            "webhook",
            r"/webhooks/intercom",
            webhooks.WebhookHandler,
            {"HEAD": PUBLIC, "POST": Auth.HMAC},
            inbox,
        ),
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
