"""The part of the composition root for several processes on one database."""

from contextlib import AsyncExitStack

from supportd.config import Settings
from supportd.conversations.cache import PollCache
from supportd.conversations.keeper import ConversationKeeper
from supportd.stores.changes import SNAPSHOTS, TICKETS, Changes
from supportd.sync.following import Following
from supportd.tickets.keeper import TicketKeeper


def build_following(
    settings: Settings,
    cache: PollCache,
    conversations: ConversationKeeper,
    tickets: TicketKeeper,
    stack: AsyncExitStack,
) -> Following | None:
    """What follows the other processes; None where there are none."""
    if not settings.several_processes:
        return None
    changes = Changes(settings.mongo_uri, settings.mongo_db)
    stack.callback(changes.close)

    def forget_all() -> None:
        cache.clear()
        tickets.forget_all()

    return Following(
        changes,
        take_over={SNAPSHOTS: conversations.take_over, TICKETS: tickets.take_over},
        forget_all=forget_all,
    )
