"""Plain polls: what makes a poll one, and its whole answer as bytes.

A poll is plain if its caller and its conversation are in memory, calls are left, and HTTP has nothing special to say.
Its answer is a success. All others are `PollHandler`'s, which follows the same rules.
"""

import random
import re
from email.utils import formatdate
from typing import NamedTuple

from tornado.httputil import HTTPHeaders, RequestStartLine

from supportd.conversations.cache import Entry
from supportd.conversations.service import ConversationService
from supportd.handlers import polling
from supportd.handlers.base import JSON, PRIVATE, REQUEST_ID
from supportd.handlers.web import Web
from supportd.identity import Identity
from supportd.metrics import Poll

ROUTE = "poll"
SINCE = r"since=([0-9]{1,17})"
WAIT = r"wait=([0-9]{1,2})"
PLAIN = re.compile(
    rf"(/api/conversations/([A-Za-z0-9_-]{{1,128}})/poll)(?:\?{SINCE}(?:&{WAIT})?|\?{WAIT}(?:&{SINCE})?)?"
)
HOST = re.compile(r"[A-Za-z0-9.-]+(?::[0-9]+)?")  # as nearly all clients send it; the application judges the others
STATUS = {200: "200 OK", 304: "304 Not Modified"}


class PlainPoll(NamedTuple):
    """Whose poll, of what, since when (a cursor in ms), with which `If-None-Match`, and how many calls are left."""

    caller: Identity
    path: str
    entry: Entry
    since: int
    wait_s: int
    known: str | None
    left: int
    began_at: float


class PlainPolls:
    """Finds them among the requests, and answers them."""

    def __init__(self, *, web: Web, conversations: ConversationService) -> None:
        self._web = web
        self._conversations = conversations
        self._outcomes = {outcome: web.metrics.polls.labels(outcome) for outcome in Poll}
        self._requests = {status: web.metrics.requests.labels(ROUTE, "GET", status) for status in STATUS}
        self._seconds = web.metrics.request_seconds.labels(ROUTE)
        self._random = random.Random()  # noqa: S311 - a request's id is no secret, and asking the kernel for each costs
        self._second = 0
        self._date = ""

    def find(self, line: RequestStartLine, headers: HTTPHeaders) -> PlainPoll | None:
        """The plain poll that a request is, with a call taken from its caller; None if the application is to answer."""
        began_at = self._web.clock.monotonic()
        plain = PLAIN.fullmatch(line.path)
        if plain is None or not _is_plain(line, headers):
            return None
        path, conversation_id, since_1, wait_1, wait_2, since_2 = plain.groups()
        wait_s = int(wait_1 or wait_2 or 0)
        caller = self._web.identifier.known(headers.get("Authorization"))
        entry = None if caller is None or wait_s > polling.MAX_WAIT_S else self.entry_of(caller, conversation_id)
        left = None if caller is None or entry is None else self._web.reads.take(caller.user_id)
        if caller is None or entry is None or left is None:
            return None
        since = polling.cursor_ms(int(since_1 or since_2 or 0))
        return PlainPoll(caller, path, entry, since, wait_s, headers.get("If-None-Match"), left, began_at)

    def entry_of(self, caller: Identity, conversation_id: str) -> Entry | None:
        """The conversation, if it is in memory and the caller's."""
        try:
            return self._conversations.cached(caller, conversation_id)
        except Exception:  # noqa: BLE001 - whatever it is: the application comes to it too, and answers it
            return None

    def answer(self, poll: PlainPoll, entry: Entry, headers: HTTPHeaders, *, held_s: float) -> bytes:
        """The whole answer, its head included; it is counted."""
        outcome, body = polling.answer(entry, poll.since, poll.known)
        self._conversations.note_served(poll.caller, entry)
        self._conversations.note_poll(poll.caller)
        status = 304 if outcome is Poll.NOT_MODIFIED else 200
        head = self._head(status, len(body), entry, poll.left, headers)
        self._outcomes[outcome].inc()
        self._requests[status].inc()
        self._seconds.observe(max(0.0, self._web.clock.monotonic() - poll.began_at - held_s))
        return head + body

    def _head(self, status: int, length: int, entry: Entry, left: int, headers: HTTPHeaders) -> bytes:
        """The status line and headers, as `BaseHandler` and `PollHandler` set them."""
        given = headers.get("X-Request-Id", "")
        request_id = given if REQUEST_ID.fullmatch(given) else f"{self._random.getrandbits(128):032x}"
        reads = self._web.reads
        lines = (
            f"HTTP/1.1 {STATUS[status]}\r\n"
            f"Date: {self._now()}\r\n"
            "X-Content-Type-Options: nosniff\r\n"
            f"X-Request-Id: {request_id}\r\n"
            f"Cache-Control: {PRIVATE}\r\n"
            f"RateLimit-Policy: {reads.policy}\r\n"
            f"RateLimit: {reads.status(left)}\r\n"
            f"Etag: {entry.etag}\r\n"
            f"Age: {self._conversations.age_s(entry)}\r\n"
        )
        if status == 200:
            lines += f"Content-Type: {JSON}\r\nContent-Length: {length}\r\n"
        if self._web.lifecycle.stopping:
            lines += "Connection: close\r\n"
        if self._web.cors.origins:
            for name, value in self._web.cors.of_answer(headers.get("Origin")).items():
                lines += f"{name}: {value}\r\n"
        return f"{lines}\r\n".encode("latin-1")

    def _now(self) -> str:
        """The time as `Date` has it, formatted once a second."""
        second = int(self._web.clock.time())
        if second != self._second:
            self._second, self._date = second, formatdate(second, usegmt=True)
        return self._date


def _is_plain(line: RequestStartLine, headers: HTTPHeaders) -> bool:
    """Whether it is a GET by HTTP/1.1 on a connection that stays open. A body has no meaning, and is dropped."""
    return (
        line.method == "GET"
        and line.version == "HTTP/1.1"
        and HOST.fullmatch(headers.get("Host", "")) is not None
        and headers.get("Connection", "").lower() in {"", "keep-alive"}
    )
