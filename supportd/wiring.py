"""The composition root: every object of the server, built once, each handed what it uses.

What must be closed is pushed on the stack beneath its construction, so that it is closed in reverse.
"""

import random
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

import structlog

from supportd import __version__
from supportd.clock import Clock
from supportd.config import Settings
from supportd.conversations.cache import PollCache
from supportd.conversations.contacts import ContactBook
from supportd.conversations.keeper import ConversationKeeper
from supportd.conversations.listing import Listing
from supportd.conversations.served import ServedCursors
from supportd.conversations.service import ConversationService
from supportd.conversations.topics import Topics
from supportd.conversations.waiters import Waiters
from supportd.identity import Identifier
from supportd.intercom.breaker import Breaker, BreakerState
from supportd.intercom.budget import Budget
from supportd.intercom.client import IntercomClient
from supportd.intercom.transport import Transport
from supportd.metrics import Metrics
from supportd.ratelimit import RateLimiter
from supportd.stores import mongo
from supportd.stores.stores import Stores
from supportd.sync.drift import DriftLog
from supportd.sync.inbox import Inbox
from supportd.sync.outbox import Outbox
from supportd.sync.reconciler import Reconciler

BREAKER_GAUGE = {BreakerState.CLOSED: 0.0, BreakerState.HALF_OPEN: 0.5, BreakerState.OPEN: 1.0}


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The objects that the server starts, stops and serves."""

    metrics: Metrics
    database: mongo.Database
    stores: Stores
    breaker: Breaker
    identifier: Identifier
    reads: RateLimiter
    writes: RateLimiter
    cache: PollCache
    waiters: Waiters
    conversations: ConversationService
    inbox: Inbox
    outbox: Outbox
    reconciler: Reconciler


def build(settings: Settings, *, clock: Clock, rng: random.Random, stack: AsyncExitStack) -> Parts:
    """Builds everything. Nothing runs yet, and nothing is asked of MongoDB or Intercom.

    Raises:
        ConfigError: a setting can't be used after all.
    """
    metrics = Metrics(__version__)
    mongo_client = mongo.connect(settings.mongo_uri)
    stack.callback(mongo_client.close)
    database = mongo_client[settings.mongo_db]
    base = _Base(settings=settings, clock=clock, metrics=metrics, stores=Stores(database), stack=stack)
    breaker = Breaker(clock=clock, on_change=lambda state: metrics.breaker_open.set(BREAKER_GAUGE[state]))
    intercom = _intercom(base, breaker)
    outbox = Outbox(store=base.stores.outbox, client=intercom, clock=clock, metrics=metrics)
    chats = _conversations(base, intercom, outbox)
    inbox, reconciler = _sync(base, intercom, chats)
    secrets = secrets_of(settings.jwt_secret, settings.jwt_secret_previous)
    return Parts(
        metrics=metrics,
        database=database,
        stores=base.stores,
        breaker=breaker,
        identifier=Identifier(secrets=secrets, issuer=settings.jwt_issuer, audience=settings.jwt_audience, clock=clock),
        reads=RateLimiter("reads", per_minute=settings.rate_limit_per_minute, clock=clock, rng=rng),
        writes=RateLimiter("writes", per_minute=settings.write_rate_limit_per_minute, clock=clock, rng=rng),
        cache=chats.cache,
        waiters=chats.waiters,
        conversations=chats.service,
        inbox=inbox,
        outbox=outbox,
        reconciler=reconciler,
    )


def close_later(stack: AsyncExitStack, name: str, close: Callable[[], Awaitable[object]]) -> None:
    """Pushes a close that never keeps the others from closing: its failure is logged."""

    async def closing() -> None:
        try:
            await close()
        except Exception:  # noqa: BLE001 - whatever it is, the rest must be closed
            structlog.get_logger("supportd.server").exception("close failed", task=name)

    stack.push_async_callback(closing)


def secrets_of(current: str, previous: str | None) -> tuple[str, ...]:
    """A secret, and the one before it while it is being rotated."""
    return (current,) if previous is None else (current, previous)


@dataclass(frozen=True, kw_only=True)
class _Base:
    settings: Settings
    clock: Clock
    metrics: Metrics
    stores: Stores
    stack: AsyncExitStack


@dataclass(frozen=True, kw_only=True)
class _Chats:
    contacts: ContactBook
    cache: PollCache
    waiters: Waiters
    keeper: ConversationKeeper
    service: ConversationService


def _intercom(base: _Base, breaker: Breaker) -> IntercomClient:
    settings = base.settings
    transport = Transport(
        base_url=settings.intercom_base_url,
        access_token=settings.intercom_access_token,
        timeout_s=settings.intercom_timeout,
        breaker=breaker,
        budget=Budget(per_minute=settings.intercom_rate_per_minute, clock=base.clock),
        clock=base.clock,
        metrics=base.metrics,
    )
    close_later(base.stack, "intercom", transport.close)
    return IntercomClient(transport=transport, admin_id=settings.intercom_admin_id)


def _conversations(base: _Base, intercom: IntercomClient, outbox: Outbox) -> _Chats:
    contacts = ContactBook(store=base.stores.contacts, client=intercom, clock=base.clock)
    close_later(base.stack, "contacts", contacts.stop)
    topics = Topics(store=base.stores.topics, enqueue=outbox.add, clock=base.clock)
    waiters = Waiters()
    cache = PollCache(max_conversations=base.settings.cache_max_conversations, metrics=base.metrics)
    keeper = ConversationKeeper(
        cache=cache,
        snapshots=base.stores.snapshots,
        client=intercom,
        contacts=contacts,
        topics=topics,
        waiters=waiters,
        clock=base.clock,
        metrics=base.metrics,
    )
    close_later(base.stack, "conversations", keeper.stop)
    listing = Listing(snapshots=base.stores.snapshots, keeper=keeper, contacts=contacts, client=intercom)
    close_later(base.stack, "listing", listing.stop)
    service = ConversationService(
        keeper=keeper,
        contacts=contacts,
        listing=listing,
        topics=topics,
        served=ServedCursors(),
        client=intercom,
        enqueue=outbox.add,
    )
    return _Chats(contacts=contacts, cache=cache, waiters=waiters, keeper=keeper, service=service)


def _sync(base: _Base, intercom: IntercomClient, chats: _Chats) -> tuple[Inbox, Reconciler]:
    drift = DriftLog(metrics=base.metrics)
    inbox = Inbox(
        store=base.stores.webhook_events,
        keeper=chats.keeper,
        drift=drift,
        clock=base.clock,
        metrics=base.metrics,
    )
    close_later(base.stack, "inbox", inbox.stop)
    reconciler = Reconciler(
        client=intercom,
        keeper=chats.keeper,
        contacts=chats.contacts,
        snapshots=base.stores.snapshots,
        watermarks=base.stores.watermarks,
        drift=drift,
        clock=base.clock,
        metrics=base.metrics,
    )
    return inbox, reconciler
