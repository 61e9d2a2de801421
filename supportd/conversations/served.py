"""What each client was given: so that the answer to a send never moves its cursor past a message it hasn't got."""

from cachetools import LRUCache

from supportd.conversations.state import State

TRACKED = 200_000


class ServedCursors:
    """The last cursor given to each session for each conversation. Bounded: the oldest goes.

    The answer to a reply carries a `latestTimestamp`, which the client sends back as `since`. An operator's message may
    have come between its last poll and its reply: the cursor of the reply would skip it.
    """

    def __init__(self, *, tracked: int = TRACKED) -> None:
        self._served: LRUCache[tuple[str, str], int] = LRUCache(tracked)

    def note(self, session: str, conversation_id: str, cursor: int) -> None:
        """The client was given everything up to this cursor (ms)."""
        self._served[session, conversation_id] = cursor

    def given(self, session: str, state: State) -> int:
        """The cursor that the client has.

        After a restart nothing is known of what it was given: what the user has read may have been read on another
        device. So it is that of the beginning.
        """
        return self._served.get((session, state.id), state.created_at)

    def after_send(self, session: str, state: State, *, sent: int) -> int:
        """The cursor that a client may have after its message got the cursor `sent`, and remembers it.

        That of its message; or, if others came since what it was given, the one it had, so that its next poll brings
        them all.
        """
        had = self.given(session, state)
        missed = any(had < part.cursor < sent for part in state.parts)
        cursor = had if missed else max(had, sent)  # a message found by a retry may be older than what came since
        self.note(session, state.id, cursor)
        return cursor
