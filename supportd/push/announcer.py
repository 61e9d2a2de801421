"""What is news to users, and its way into the outbox of pushes.

It is put there before the state that shows it is saved, so that a crash in between loses none; it is told only once it
is shown. What is put there twice is told once.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from supportd.clock import Clock
from supportd.conversations.state import Part, State
from supportd.stores.pushes import News, PushStore
from supportd.tickets.state import TicketState

COLLAPSE_MS = 3_000  # what comes within this time is told as one
LIFE_MS = 3_600_000  # what couldn't be told for so long isn't any more


class Place(StrEnum):
    """Where something happened: what an SDK maps to its deep link."""

    CHAT = "chat"
    TICKET = "ticket"

    def push_id(self, target: str) -> str:
        """The id of the pushes of one conversation or ticket."""
        return f"{self.value}:{target}"


class Event(NamedTuple):
    """Something that a user may be told of, and when it happened (ms, Intercom's time)."""

    id: str
    at: int


class Announcer:
    """Puts what is new into the outbox of pushes, a few seconds ahead."""

    def __init__(self, *, store: PushStore, clock: Clock, intercom_clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._intercom_clock = intercom_clock

    async def chat(self, before: State | None, after: State) -> None:
        """Queues what a conversation has that it hadn't before. Raises `StorageUnavailable`."""
        await self._queue(Place.CHAT.push_id(after.id), chat_events(before, after))

    async def ticket(self, before: TicketState | None, after: TicketState) -> None:
        """Queues what a ticket has that it hadn't before. Raises `StorageUnavailable`.

        A conversation that an operator made a ticket of keeps its id, and the ticket has its messages (Intercom's API,
        convert a conversation to a ticket): what was news of the conversation isn't news of the ticket.
        """
        events = ticket_events(before, after)
        if before is None and events:
            told = await self._store.known(Place.CHAT.push_id(after.id))
            events = [event for event in events if event.id not in told]
        await self._queue(Place.TICKET.push_id(after.id), events)

    async def _queue(self, push_id: str, events: list[Event]) -> None:
        now = int(self._clock.time() * 1000)
        ahead = int(self._intercom_clock.time() * 1000) - now
        for event in events:
            said_at = min(event.at - ahead, now)
            if said_at + LIFE_MS > now:  # else it is history
                await self._store.add(push_id, News(event.id, said_at, said_at + LIFE_MS), due_at=now + COLLAPSE_MS)


def chat_events(before: State | None, after: State) -> list[Event]:
    """The messages of others that are new. Of a conversation of which only the header was known, those since then."""
    since = 0 if before is None or before.loaded else before.confirmed_at
    return [event for event in _messages(before.parts if before else (), after.parts) if event.at >= since]


def ticket_events(before: TicketState | None, after: TicketState) -> list[Event]:
    """The messages of others that are new, and the change of state."""
    messages = _messages(before.parts if before else (), after.parts)
    if before is None:
        changes = (each for each in after.changes if each.after != (each.before or "submitted"))  # its creation is none
        return [*messages, *(Event(state_event_id(each.after, each.at // 1000), each.at) for each in changes)]
    if before.state == after.state or after.deleted:
        return messages
    return [*messages, Event(state_event_id(after.state, after.updated_at), after.updated_at * 1000)]


def state_event_id(state: str, at: int) -> str:
    """The id of a ticket's change to a state, at Intercom's time (s)."""
    return f"state:{at}:{state}"


def _messages(known: Iterable[Part], parts: Iterable[Part]) -> list[Event]:
    known_ids = {part.message.id for part in known}
    messages = (part.message for part in parts if part.message.id not in known_ids)
    return [Event(each.id, each.created_at) for each in messages if each.author.type != "user" and not each.redacted]
