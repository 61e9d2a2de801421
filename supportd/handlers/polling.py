"""What a poll is, however it is served: its cursor, its condition, and what it is answered."""

from supportd.conversations.cache import Entry
from supportd.metrics import Poll

MAX_WAIT_S = 25
MAX_SINCE = 10**17
SECONDS_BELOW = 10**11  # a `since` below this is in seconds: part A of the contract shows one


def cursor_ms(since: int) -> int:
    """`since` as a cursor in ms."""
    return since * 1000 if since < SECONDS_BELOW else since


def has_news(entry: Entry, since: int, known: str | None) -> bool:
    """Whether there is something for a client with the cursor `since` (ms) or, where it sent one, `If-None-Match`."""
    return entry.has_news(since) if known is None else not matches(known, entry.etag)


def answer(entry: Entry, since: int, known: str | None) -> tuple[Poll, bytes]:
    """What a client with the cursor `since` (ms) and `If-None-Match` is told, and the body that says it."""
    if known is not None and matches(known, entry.etag):
        return Poll.NOT_MODIFIED, b""
    body = entry.poll(since)
    return (Poll.NOTHING if body is entry.quiet else Poll.NEWS), body


def matches(known: str, etag: str) -> bool:
    """Whether `If-None-Match` names the ETag, compared weakly (RFC 9110, 13.1.2)."""
    return known == etag or known.strip() == "*" or etag in (tag.strip().removeprefix("W/") for tag in known.split(","))
