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
    """Builds everything. Nothing runs yet, and nothing is asked of MongoDB or Intercom."""
    metrics = Metrics(__version__)
    mongo_client = mongo.connect(settings.mongo_uri)
    stack.callback(mongo_client.close)
    database = mongo_client[settings.mongo_db]
    stores = Stores(database)
    breaker = Breaker(clock=clock, on_change=lambda state: metrics.breaker_open.set(BREAKER_GAUGE[state]))
    intercom = _intercom(settings, clock=clock, metrics=metrics, breaker=breaker, stack=stack)
    outbox = Outbox(store=stores.outbox, client=intercom, clock=clock, metrics=metrics)
    contacts = ContactBook(store=stores.contacts, client=intercom, clock=clock)
    close_later(stack, "contacts", contacts.stop)
    topics = Topics(store=stores.topics, enqueue=outbox.add, clock=clock)
    waiters = Waiters()
    cache = PollCache(max_conversations=settings.cache_max_conversations, metrics=metrics)
    keeper = ConversationKeeper(
        cache=cache,
        snapshots=stores.snapshots,
        client=intercom,
        contacts=contacts,
        topics=topics,
        waiters=waiters,
        clock=clock,
        metrics=metrics,
    )
    close_later(stack, "conversations", keeper.stop)
    listing = Listing(snapshots=stores.snapshots, keeper=keeper, contacts=contacts, client=intercom)
    close_later(stack, "listing", listing.stop)
    drift = DriftLog(metrics=metrics)
    inbox = Inbox(store=stores.webhook_events, keeper=keeper, drift=drift, clock=clock, metrics=metrics)
    close_later(stack, "inbox", inbox.stop)
    return Parts(
        metrics=metrics,
        database=database,
        stores=stores,
        breaker=breaker,
        identifier=Identifier(
            secrets=secrets_of(settings.jwt_secret, settings.jwt_secret_previous),
            issuer=settings.jwt_issuer,
            audience=settings.jwt_audience,
            clock=clock,
        ),
        reads=RateLimiter("reads", per_minute=settings.rate_limit_per_minute, clock=clock, rng=rng),
        writes=RateLimiter("writes", per_minute=settings.write_rate_limit_per_minute, clock=clock, rng=rng),
        cache=cache,
        waiters=waiters,
        conversations=ConversationService(
            keeper=keeper,
            contacts=contacts,
            listing=listing,
            topics=topics,
            served=ServedCursors(),
            client=intercom,
            enqueue=outbox.add,
        ),
        inbox=inbox,
        outbox=outbox,
        reconciler=Reconciler(
            client=intercom,
            keeper=keeper,
            contacts=contacts,
            snapshots=stores.snapshots,
            watermarks=stores.watermarks,
            drift=drift,
            clock=clock,
            metrics=metrics,
        ),
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


def _intercom(
    settings: Settings, *, clock: Clock, metrics: Metrics, breaker: Breaker, stack: AsyncExitStack
) -> IntercomClient:
    transport = Transport(
        base_url=settings.intercom_base_url,
        access_token=settings.intercom_access_token,
        timeout_s=settings.intercom_timeout,
        breaker=breaker,
        budget=Budget(per_minute=settings.intercom_rate_per_minute, clock=clock),
        clock=clock,
        metrics=metrics,
    )
    close_later(stack, "intercom", transport.close)
    return IntercomClient(transport=transport, admin_id=settings.intercom_admin_id)
