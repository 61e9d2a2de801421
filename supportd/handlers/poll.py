"""`/api/conversations/:id/poll`: what is new, out of memory.

Plain polls never come here: see `quick_polls.py`. This answers those whose caller must be verified or whose
conversation must be loaded, and tells the errors.
"""

import asyncio
from collections.abc import Awaitable

from supportd.conversations.cache import Entry
from supportd.conversations.service import ConversationService
from supportd.conversations.waiters import Held, Waiters
from supportd.handlers import bodies, polling
from supportd.handlers.base import BaseHandler
from supportd.metrics import Poll


class PollHandler(BaseHandler):
    """News of one conversation."""

    def initialize(self, *, conversations: ConversationService, waiters: Waiters) -> None:
        """Takes the service, and where polls are held."""
        self.conversations = conversations
        self.waiters = waiters
        self.held: Held | None = None
        self.gone = False

    def get(self, conversation_id: str) -> Awaitable[None] | None:
        """Answers at once, or after what must be loaded was, or with `wait` when there is news."""
        since = polling.cursor_ms(self._number("since", most=polling.MAX_SINCE))
        wait_s = self._number("wait", most=polling.MAX_WAIT_S)
        entry = self.conversations.cached(self.caller, conversation_id)
        if entry is None or (wait_s and not self._has_news(entry, since)):
            return self._answer_later(conversation_id, since, wait_s)
        self._answer(entry, since)
        return None

    def on_connection_close(self) -> None:
        """The client left: it waits for nothing any more."""
        super().on_connection_close()
        self.gone = True
        if self.held is not None:
            self.held.end()

    async def _answer_later(self, conversation_id: str, since: int, wait_s: int) -> None:
        entry = await self.conversations.find(self.caller, conversation_id)
        if wait_s and not self._has_news(entry, since):
            await self._hold(conversation_id, wait_s)
            entry = await self.conversations.find(self.caller, conversation_id)
        if not self.gone:
            self._answer(entry, since)

    async def _hold(self, conversation_id: str, wait_s: int) -> None:
        over = asyncio.Event()
        self.held = self.waiters.hold(conversation_id, self.caller.user_id, within_s=wait_s, then=over.set)
        if self.held is None:
            return
        try:
            await over.wait()
        finally:
            self.held.release()
        self.held_s = self.held.held_s

    def _number(self, field: str, *, most: int) -> int:
        return bodies.whole_number(field, self.get_query_argument(field, None), least=0, most=most, default=0)

    def _has_news(self, entry: Entry, since: int) -> bool:
        return polling.has_news(entry, since, self.request.headers.get("If-None-Match"))

    def _answer(self, entry: Entry, since: int) -> None:
        self.set_header("ETag", entry.etag)
        self.set_header("Age", str(self.conversations.age_s(entry)))
        self.conversations.note_served(self.caller, entry)
        self.conversations.note_poll(self.caller)
        outcome, body = polling.answer(entry, since, self.request.headers.get("If-None-Match"))
        self.web.metrics.polls.labels(outcome).inc()
        if outcome is Poll.NOT_MODIFIED:
            self.set_status(304)
        self.finish(body or None)
