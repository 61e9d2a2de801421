"""What can be told of a conversation or ticket as clients see it just now."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

from supportd.conversations.richtext import squeezed
from supportd.conversations.state import Part, State
from supportd.push.announcer import state_event_id
from supportd.tickets.references import References
from supportd.tickets.state import TicketState

STATE_EVENT = "state:"


@dataclass(frozen=True)
class Line:
    """One piece of news: a message's words (none where it is files only), or a state. `at` (ms) is its place."""

    id: str
    at: int
    words: str = ""
    state: str | None = None


@dataclass(frozen=True)
class Story:
    """What is shown of the news that were asked for, in order, and to which contacts.

    `waiting` are the ids of what isn't shown yet; what is in neither is not to be told any more. `read` has up to where
    (ms) each contact has read.
    """

    contact_ids: tuple[str, ...] = ()
    lines: tuple[Line, ...] = ()
    waiting: frozenset[str] = frozenset()
    read: dict[str, int] = field(default_factory=dict)
    reference: str | None = None


Tell = Callable[[str, Iterable[str]], Awaitable[Story]]


class ChatStories:
    """Tells of conversations."""

    def __init__(self, known: Callable[[str], Awaitable[State | None]]) -> None:
        self._known = known

    async def tell(self, target: str, ids: Iterable[str]) -> Story:
        """What of these is shown. Raises `StorageUnavailable`."""
        state = await self._known(target)
        if state is None:
            return Story(waiting=frozenset(ids))
        if state.deleted:
            return Story()
        lines, waiting = _messages(state.parts, ids)
        return Story(state.contact_ids, tuple(lines), waiting, state.read)


class TicketStories:
    """Tells of tickets that are shared with their users."""

    def __init__(self, known: Callable[[str], Awaitable[TicketState | None]], references: References) -> None:
        self._known = known
        self._references = references

    async def tell(self, target: str, ids: Iterable[str]) -> Story:
        """What of these is shown. Raises `StorageUnavailable`."""
        ticket = await self._known(target)
        if ticket is None:
            return Story(waiting=frozenset(ids))
        if ticket.deleted or not ticket.shared:
            return Story()
        ids = list(ids)
        lines, waiting = _messages(ticket.parts, (each for each in ids if not each.startswith(STATE_EVENT)))
        changes = [each for each in ids if each.startswith(STATE_EVENT)]
        late = frozenset(each for each in changes if _second(each) > ticket.updated_at)
        shown = [] if _is_own_reopening(ticket) else [each for each in changes if _is_now(each, ticket)]
        lines += [Line(each, _second(each) * 1000, state=ticket.state) for each in shown]
        lines.sort(key=lambda line: line.at)
        return Story(ticket.contact_ids, tuple(lines), waiting | late, reference=self._references.of(ticket.number))


def _messages(parts: Iterable[Part], ids: Iterable[str]) -> tuple[list[Line], frozenset[str]]:
    """Those of the messages that are shown, in order, and the ids of those that aren't yet."""
    wanted = set(ids)
    messages = [part.message for part in parts if part.message.id in wanted]
    lines = [Line(each.id, each.created_at, squeezed(each.body)) for each in messages if not each.redacted]
    return lines, frozenset(wanted - {each.id for each in messages})


def _second(event_id: str) -> int:
    return int(event_id.split(":")[1])


def _is_now(event_id: str, ticket: TicketState) -> bool:
    """Whether the ticket is still in the state that it changed to."""
    return event_id == state_event_id(ticket.state, _second(event_id)) and _second(event_id) <= ticket.updated_at


def _is_own_reopening(ticket: TicketState) -> bool:
    """Whether the ticket is in progress because its user replied: supportd reopens it before it sends the reply."""
    last = ticket.changes[-1] if ticket.changes else None
    if last is None or (last.before, last.after) != ("resolved", "in_progress"):
        return False
    return any(p.message.author.type == "user" and p.message.created_at >= last.at for p in ticket.parts)
