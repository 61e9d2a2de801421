"""The objects that have to do with push, as `wiring.py` builds the rest."""

import random
from contextlib import AsyncExitStack
from typing import NamedTuple

import structlog

from supportd.clock import Clock
from supportd.config import Settings
from supportd.conversations.keeper import Announce, ConversationKeeper
from supportd.conversations.presence import Presence
from supportd.intercom.breaker import Breaker
from supportd.metrics import Metrics, PushChannel
from supportd.push.access import AccessTokens
from supportd.push.announcer import Announcer, Place
from supportd.push.audience import Audience
from supportd.push.calling import Calling
from supportd.push.channel import Channel
from supportd.push.delivery import Delivery
from supportd.push.fcm import Fcm
from supportd.push.gate import Pace, Pauses, Spacing
from supportd.push.service_account import service_account
from supportd.push.stories import ChatStories, TicketStories
from supportd.push.telegram import Telegram
from supportd.push.wording import Wording
from supportd.stores.devices import Platform
from supportd.stores.stores import Stores
from supportd.tickets.keeper import Announce as AnnounceTicket
from supportd.tickets.keeper import TicketKeeper
from supportd.tickets.references import References

# Telegram takes about 30 messages a second of a bot, and one a second to a chat (Telegram's docs, Bots FAQ).
TELEGRAM_PER_SECOND = 25
TELEGRAM_CHAT_GAP_S = 1.0


class Announces(NamedTuple):
    """How keepers tell of news."""

    chat: Announce
    ticket: AnnounceTicket


def build_announces(settings: Settings, *, stores: Stores, clock: Clock, intercom_clock: Clock) -> Announces:
    """Where keepers leave news: the outbox of pushes, or nowhere where push is off."""
    if not _is_on(settings):
        return Announces(_unheard, _unheard)
    announcer = Announcer(store=stores.pushes, clock=clock, intercom_clock=intercom_clock)
    return Announces(announcer.chat, announcer.ticket)


def build_push(
    settings: Settings,
    *,
    stores: Stores,
    conversations: ConversationKeeper,
    tickets: TicketKeeper,
    presence: Presence,
    clock: Clock,
    rng: random.Random,
    metrics: Metrics,
    stack: AsyncExitStack,
) -> Delivery | None:
    """Builds what tells devices; None where no way to them is configured. Raises `ConfigError`."""
    _say_what_is_off(settings)
    if not _is_on(settings):
        return None
    wording = Wording(with_content=settings.push_content == "preview", default_language=settings.push_language)
    channels = _channels(settings, wording, clock, stack)
    audience = Audience(
        platforms=channels.keys(),
        contacts=stores.contacts,
        devices=stores.devices,
        preferences=stores.preferences,
        presence=presence,
    )
    references = References(settings.ticket_reference_prefix)
    return Delivery(
        store=stores.pushes,
        stories={
            Place.CHAT: ChatStories(conversations.known).tell,
            Place.TICKET: TicketStories(tickets.known, references).tell,
        },
        audience=audience,
        channels=channels,
        wording=wording,
        clock=clock,
        rng=rng,
        metrics=metrics,
    )


def _say_what_is_off(settings: Settings) -> None:
    needed = {PushChannel.FCM: settings.fcm_service_account, PushChannel.TELEGRAM: settings.telegram_bot_token}
    for channel, setting in needed.items():
        if setting is None:
            structlog.get_logger("supportd.push").info("push is off: not configured", kind=channel.value)


def _is_on(settings: Settings) -> bool:
    return settings.fcm_service_account is not None or settings.telegram_bot_token is not None


def _channels(settings: Settings, wording: Wording, clock: Clock, stack: AsyncExitStack) -> dict[Platform, Channel]:
    channels: dict[Platform, Channel] = {}
    if settings.fcm_service_account is not None:
        channels[Platform.MOBILE] = _fcm(settings, settings.fcm_service_account, clock)
    if settings.telegram_bot_token is not None:
        channels[Platform.TMA] = _telegram(settings, settings.telegram_bot_token, wording, clock)
    for channel in channels.values():
        stack.push_async_callback(channel.close)
    return channels


def _fcm(settings: Settings, given: str, clock: Clock) -> Fcm:
    account = service_account(given)
    calling = Calling(breaker=Breaker(clock=clock))
    return Fcm(
        base_url=settings.fcm_base_url,
        project_id=account.project_id,
        access=AccessTokens(account=account, calling=calling, clock=clock),
        calling=calling,
        pauses=Pauses(clock=clock),
        clock=clock,
    )


def _telegram(settings: Settings, bot_token: str, wording: Wording, clock: Clock) -> Telegram:
    return Telegram(
        base_url=settings.telegram_base_url,
        bot_token=bot_token,
        mini_app_url=settings.telegram_mini_app_url,
        wording=wording,
        calling=Calling(breaker=Breaker(clock=clock)),
        pauses=Pauses(clock=clock),
        pace=Pace(per_second=TELEGRAM_PER_SECOND, clock=clock),
        spacing=Spacing(gap_s=TELEGRAM_CHAT_GAP_S, clock=clock),
    )


async def _unheard(_before: object, _after: object) -> None:
    """Nobody is told."""
