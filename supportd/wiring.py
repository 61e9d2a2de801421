"""The composition root: every object of the server, built once, each handed what it uses.

What must be closed is pushed on the stack beneath its construction, so that it is closed in reverse.
"""

import random
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass

import structlog

from supportd import __version__
from supportd.clock import Clock
from supportd.config import Settings
from supportd.conversations.attachments import Addresses, Home, Load
from supportd.conversations.cache import PollCache
from supportd.conversations.claims import ClaimSweeper
from supportd.conversations.contacts import ContactBook
from supportd.conversations.deliveries import Deliveries
from supportd.conversations.durations import Durations
from supportd.conversations.keeper import ConversationKeeper
from supportd.conversations.listing import Listing
from supportd.conversations.lookback import Lookback
from supportd.conversations.presence import Presence
from supportd.conversations.served import ServedCursors
from supportd.conversations.service import ConversationService
from supportd.conversations.topics import Topics
from supportd.conversations.waiters import Waiters
from supportd.feedback.csat import Csat
from supportd.files.service import FileService
from supportd.files.sweeper import Sweeper
from supportd.idempotency import Sends
from supportd.identity import Identifier
from supportd.intercom.breaker import Breaker, BreakerState
from supportd.intercom.budget import Budget
from supportd.intercom.client import IntercomClient
from supportd.intercom.clock import IntercomClock
from supportd.intercom.tickets import TicketClient
from supportd.intercom.transport import Transport
from supportd.metrics import Metrics
from supportd.push.delivery import Delivery
from supportd.ratelimit import RateLimiter
from supportd.stores import mongo
from supportd.stores.stores import Stores
from supportd.sync.conversation_events import ConversationEvents
from supportd.sync.conversation_stream import ConversationStream
from supportd.sync.drift import DriftLog
from supportd.sync.following import Following
from supportd.sync.inbox import Inbox
from supportd.sync.outbox import Outbox
from supportd.sync.reconciler import Reconciler, Stream
from supportd.sync.ticket_events import TicketEvents
from supportd.sync.ticket_stream import TicketStream
from supportd.sync.topics import CONVERSATION_TOPICS, TICKET_TOPICS
from supportd.sync.watermark import Watermark
from supportd.tickets.clarification import Clarification
from supportd.tickets.keeper import TicketKeeper
from supportd.tickets.listing import TicketListing
from supportd.tickets.references import References
from supportd.tickets.reopening import Reopening
from supportd.tickets.service import TicketService
from supportd.wiring_files import FileParts, build_files, secrets_of
from supportd.wiring_push import Announces, build_announces, build_push
from supportd.wiring_several import build_following

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
    sends: Sends
    conversations: ConversationService
    tickets: TicketService
    clarification: Clarification
    csat: Csat
    files: FileService
    addresses: Addresses
    file_sweeper: Sweeper
    claim_sweeper: ClaimSweeper
    inbox: Inbox
    outbox: Outbox
    push: Delivery | None
    reconciler: Reconciler
    following: Following | None


def build(settings: Settings, *, clock: Clock, rng: random.Random, stack: AsyncExitStack) -> Parts:
    """Builds everything. Nothing runs yet or is asked of MongoDB or Intercom. Raises `ConfigError` for bad settings."""
    metrics = Metrics(__version__)
    database = _database(settings, metrics, stack)
    base = _base(settings, clock=clock, rng=rng, metrics=metrics, stores=Stores(database), stack=stack)
    breaker = Breaker(clock=clock, on_change=lambda state: metrics.breaker_open.set(BREAKER_GAUGE[state]))
    transport = _transport(base, breaker)
    intercom = IntercomClient(transport=transport, admin_id=settings.intercom_admin_id)
    outbox = Outbox(store=base.stores.outbox, client=intercom, clock=clock, metrics=metrics)
    files = build_files(settings, store=base.stores.files, clock=clock, rng=rng, metrics=metrics, stack=stack)
    chats = _conversations(base, intercom, outbox, files)
    tickets = _tickets(base, transport, chats, files)
    inbox, reconciler = _sync(base, intercom, chats, tickets)
    loads = {Home.CONVERSATION: chats.keeper.messages_now, Home.TICKET: tickets.keeper.messages_now}
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
        waiters=base.waiters,
        sends=Sends(store=base.stores.idempotency, clock=clock, metrics=metrics),
        conversations=chats.service,
        tickets=tickets.service,
        clarification=tickets.clarification,
        csat=_csat(base, chats, tickets, outbox),
        files=files.service,
        addresses=_addresses(base, files, loads),
        file_sweeper=files.sweeper,
        claim_sweeper=ClaimSweeper(store=base.stores.files, loads=loads, clock=clock),
        inbox=inbox,
        outbox=outbox,
        push=_push(base, chats, tickets, rng),
        reconciler=reconciler,
        following=build_following(settings, chats.cache, chats.keeper, tickets.keeper, stack),
    )


def _database(settings: Settings, metrics: Metrics, stack: AsyncExitStack) -> mongo.Database:
    seconds = metrics.mongo_seconds
    client = mongo.connect(settings.mongo_uri, observe=lambda operation, s: seconds.labels(operation).observe(s))
    metrics.mongo_calls.set_function(lambda: client.line.calls)
    stack.callback(client.close)
    return client[settings.mongo_db]


def close_later(stack: AsyncExitStack, name: str, close: Callable[[], Awaitable[object]]) -> None:
    """Pushes a close that never keeps the others from closing: its failure is logged."""

    async def closing() -> None:
        try:
            await close()
        except Exception:  # noqa: BLE001 - whatever it is, the rest must be closed
            structlog.get_logger("supportd.server").exception("close failed", task=name)

    stack.push_async_callback(closing)


@dataclass(frozen=True, kw_only=True)
class _Base:
    settings: Settings
    clock: Clock
    intercom_clock: IntercomClock
    rng: random.Random
    metrics: Metrics
    stores: Stores
    announces: Announces
    waiters: Waiters
    presence: Presence
    stack: AsyncExitStack


@dataclass(frozen=True, kw_only=True)
class _Chats:
    contacts: ContactBook
    cache: PollCache
    keeper: ConversationKeeper
    listing: Listing
    service: ConversationService


@dataclass(frozen=True, kw_only=True)
class _Tickets:
    client: TicketClient
    keeper: TicketKeeper
    service: TicketService
    clarification: Clarification


def _transport(base: _Base, breaker: Breaker) -> Transport:
    settings = base.settings
    transport = Transport(
        base_url=settings.intercom_base_url,
        access_token=settings.intercom_access_token,
        timeout_s=settings.intercom_timeout,
        breaker=breaker,
        budget=Budget(per_minute=settings.intercom_rate_per_minute, clock=base.clock),
        clock=base.intercom_clock,
        metrics=base.metrics,
    )
    close_later(base.stack, "intercom", transport.close)
    return transport


def _conversations(base: _Base, intercom: IntercomClient, outbox: Outbox, files: FileParts) -> _Chats:
    contacts = ContactBook(store=base.stores.contacts, client=intercom, clock=base.clock)
    close_later(base.stack, "contacts", contacts.stop)
    topics = Topics(store=base.stores.topics, enqueue=outbox.ensure, clock=base.intercom_clock)
    cache = _cache(base, files)
    keeper = ConversationKeeper(
        cache=cache,
        snapshots=base.stores.snapshots,
        client=intercom,
        contacts=contacts,
        topics=topics,
        ratings=base.stores.ratings,
        files=files.sent,
        durations=_durations(base, outbox),
        waiters=base.waiters,
        announce=base.announces.chat,
        clock=base.clock,
        intercom_clock=base.intercom_clock,
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
        lookback=Lookback(keeper=keeper, client=intercom, snapshots=base.stores.snapshots),
        enclosures=files.enclosures,
        links=files.links,
        presence=base.presence,
        client=intercom,
        enqueue=outbox.add,
    )
    return _Chats(contacts=contacts, cache=cache, keeper=keeper, listing=listing, service=service)


def _cache(base: _Base, files: FileParts) -> PollCache:
    return PollCache(
        max_conversations=base.settings.cache_max_conversations,
        links=files.links,
        deliveries=Deliveries(clock=base.intercom_clock, metrics=base.metrics),
        metrics=base.metrics,
    )


def _durations(base: _Base, outbox: Outbox) -> Durations:
    return Durations(
        store=base.stores.durations,
        enqueue=outbox.ensure,
        with_note=base.settings.post_duration_note,
        metrics=base.metrics,
    )


def _tickets(base: _Base, transport: Transport, chats: _Chats, files: FileParts) -> _Tickets:
    settings = base.settings
    client = TicketClient(transport=transport, admin_id=settings.intercom_admin_id)
    keeper = TicketKeeper(
        store=base.stores.tickets,
        ratings=base.stores.ratings,
        client=client,
        contacts=chats.contacts,
        files=files.sent,
        announce=base.announces.ticket,
        max_tickets=settings.cache_max_conversations,
        clock=base.clock,
        intercom_clock=base.intercom_clock,
        metrics=base.metrics,
    )
    close_later(base.stack, "tickets", keeper.stop)
    listing = TicketListing(store=base.stores.tickets, keeper=keeper, contacts=chats.contacts, client=client)
    close_later(base.stack, "ticket listing", listing.stop)
    service = TicketService(
        keeper=keeper,
        contacts=chats.contacts,
        listing=listing,
        references=References(settings.ticket_reference_prefix),
        reopening=Reopening(client=client, clock=base.clock),
        enclosures=files.enclosures,
        links=files.links,
        presence=base.presence,
        client=client,
    )
    clarification = Clarification(
        tickets=service, conversations=chats.service, listing=chats.listing, contacts=chats.contacts
    )
    return _Tickets(client=client, keeper=keeper, service=service, clarification=clarification)


def _base(
    settings: Settings, *, clock: Clock, rng: random.Random, metrics: Metrics, stores: Stores, stack: AsyncExitStack
) -> _Base:
    intercom_clock = IntercomClock(clock)
    waiters = Waiters(metrics=metrics, clock=clock, rng=rng)
    return _Base(
        settings=settings,
        clock=clock,
        intercom_clock=intercom_clock,
        metrics=metrics,
        stores=stores,
        announces=build_announces(settings, stores=stores, clock=clock, intercom_clock=intercom_clock),
        rng=rng,
        waiters=waiters,
        presence=Presence(window_s=settings.presence_window, is_held=waiters.holds, clock=clock),
        stack=stack,
    )


def _addresses(base: _Base, files: FileParts, loads: Mapping[Home, Load]) -> Addresses:
    addresses = Addresses(loads=loads, signer=files.signer, clock=base.clock)
    close_later(base.stack, "addresses", addresses.stop)
    return addresses


def _csat(base: _Base, chats: _Chats, tickets: _Tickets, outbox: Outbox) -> Csat:
    return Csat(
        store=base.stores.ratings,
        contacts=chats.contacts,
        conversations=chats.service,
        tickets=tickets.service,
        conversation_keeper=chats.keeper,
        ticket_keeper=tickets.keeper,
        enqueue=outbox.ensure,
        clock=base.clock,
    )


def _push(base: _Base, chats: _Chats, tickets: _Tickets, rng: random.Random) -> Delivery | None:
    return build_push(
        base.settings,
        stores=base.stores,
        conversations=chats.keeper,
        tickets=tickets.keeper,
        presence=base.presence,
        clock=base.clock,
        rng=rng,
        metrics=base.metrics,
        stack=base.stack,
    )


def _sync(base: _Base, intercom: IntercomClient, chats: _Chats, tickets: _Tickets) -> tuple[Inbox, Reconciler]:
    drift = DriftLog(metrics=base.metrics)
    inbox = Inbox(
        store=base.stores.webhook_events,
        events={
            **dict.fromkeys(CONVERSATION_TOPICS, ConversationEvents(keeper=chats.keeper)),
            **dict.fromkeys(TICKET_TOPICS, TicketEvents(keeper=tickets.keeper)),
        },
        drift=drift,
        clock=base.clock,
        intercom_clock=base.intercom_clock,
        metrics=base.metrics,
    )
    close_later(base.stack, "inbox", inbox.stop)
    streams: list[Stream] = [
        _conversation_stream(base, intercom, chats, drift),
        _ticket_stream(base, tickets, chats, drift),
    ]
    return inbox, Reconciler(streams=streams, metrics=base.metrics)


def _conversation_stream(base: _Base, intercom: IntercomClient, chats: _Chats, drift: DriftLog) -> ConversationStream:
    return ConversationStream(
        client=intercom,
        keeper=chats.keeper,
        contacts=chats.contacts,
        snapshots=base.stores.snapshots,
        watermark=_watermark(base, "conversations"),
        drift=drift,
        clock=base.clock,
    )


def _ticket_stream(base: _Base, tickets: _Tickets, chats: _Chats, drift: DriftLog) -> TicketStream:
    return TicketStream(
        client=tickets.client,
        keeper=tickets.keeper,
        contacts=chats.contacts,
        store=base.stores.tickets,
        watermark=_watermark(base, "tickets"),
        drift=drift,
        clock=base.clock,
    )


def _watermark(base: _Base, stream: str) -> Watermark:
    return Watermark(stream=stream, store=base.stores.watermarks, clock=base.clock, metrics=base.metrics)
