"""`/api/conversations/:id/poll`: what is new, out of memory.

A poll of a conversation in memory that doesn't ask to wait is answered without awaiting anything.
"""

import asyncio
import random
from collections.abc import Awaitable

from supportd.conversations.cache import Entry
from supportd.conversations.service import ConversationService
from supportd.conversations.waiters import Waiters
from supportd.handlers import bodies
from supportd.handlers.base import BaseHandler
from supportd.metrics import Poll

MAX_WAIT_S = 25
MAX_SINCE = 10**17
SECONDS_BELOW = 10**11  # a `since` below this is in seconds: part A of the contract shows one
WAIT_JITTER = 0.1


class PollHandler(BaseHandler):
    """News of one conversation."""

    def initialize(self, *, conversations: ConversationService, waiters: Waiters, rng: random.Random) -> None:
        """Takes the service, and where polls are held."""
        self.conversations = conversations
        self.waiters = waiters
        self.rng = rng
        self.held: asyncio.Future[None] | None = None
        self.gone = False

    def get(self, conversation_id: str) -> Awaitable[None] | None:
        """Answers at once, or after what must be loaded was, or with `wait` when there is news."""
        since = bodies.whole_number("since", self.get_query_argument("since", None), least=0, most=MAX_SINCE, default=0)
        wait_s = bodies.whole_number("wait", self.get_query_argument("wait", None), least=0, most=MAX_WAIT_S, default=0)
        if since < SECONDS_BELOW:
            since *= 1000
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
            self.held.cancel()

    async def _answer_later(self, conversation_id: str, since: int, wait_s: int) -> None:
        entry = await self.conversations.find(self.caller, conversation_id)
        if wait_s and not self._has_news(entry, since):
            await self._hold(conversation_id, wait_s)
            entry = await self.conversations.find(self.caller, conversation_id)
        if not self.gone:
            self._answer(entry, since)

    async def _hold(self, conversation_id: str, wait_s: int) -> None:
        held_at = self.web.clock.monotonic()
        with self.waiters.waiting(conversation_id, self.caller.user_id) as self.held:
            if self.held is None:
                return
            self.web.metrics.held_polls.set(len(self.waiters))
            await asyncio.wait([self.held], timeout=wait_s * (1 - WAIT_JITTER * self.rng.random()))
        self.web.metrics.held_polls.set(len(self.waiters))
        self.held_s = self.web.clock.monotonic() - held_at
        self.web.metrics.held_seconds.observe(self.held_s)

    def _has_news(self, entry: Entry, since: int) -> bool:
        known = self.request.headers.get("If-None-Match")
        return entry.has_news(since) if known is None else not _matches(known, entry.etag)

    def _answer(self, entry: Entry, since: int) -> None:
        self.set_header("ETag", entry.etag)
        self.set_header("Age", str(self.conversations.age_s(entry)))
        self.conversations.note_served(self.caller, entry.state)
        known = self.request.headers.get("If-None-Match")
        if known is not None and _matches(known, entry.etag):
            self.web.metrics.polls.labels(Poll.NOT_MODIFIED).inc()
            self.set_status(304)
            self.finish()
            return
        answer = entry.poll(since)
        self.web.metrics.polls.labels(Poll.NOTHING if answer is entry.quiet else Poll.NEWS).inc()
        self.finish(answer)


def _matches(known: str, etag: str) -> bool:
    """Whether `If-None-Match` names the ETag, compared weakly (RFC 9110, 13.1.2)."""
    return known.strip() == "*" or etag in (tag.strip().removeprefix("W/") for tag in known.split(","))
