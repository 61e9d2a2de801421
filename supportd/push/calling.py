"""One HTTP call to a push service: breaker, time-out, and the translation of everything that can go wrong.

Nothing of a call is ever logged or told on: Telegram's addresses have the bot's token in them, bodies have a user's.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import msgspec

from supportd.errors import ServiceUnavailable, SupportdError
from supportd.intercom.breaker import Breaker

TIMEOUT_S = 10.0
MAX_CONNECTIONS = 32
MAX_ANSWER_BYTES = 64 * 1024
LONGEST_WAIT_S = 3600.0
NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


@dataclass(frozen=True, slots=True)
class Answer:
    """A service's answer, whatever its status."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class NotSent(SupportdError):
    """The service took nothing; it may be tried again, after `retry_after` seconds where that is known."""

    def __init__(self, retry_after: float | None = None) -> None:
        super().__init__()
        self.retry_after = retry_after


class Uncertain(SupportdError):
    """The call went out and no answer came: it may have been carried out."""


class Calling:
    """Calls one service, over connections that are kept. A 5xx, a time-out or a network error is an outage."""

    def __init__(self, *, breaker: Breaker, timeout_s: float = TIMEOUT_S) -> None:
        self._breaker = breaker
        self._timeout_s = timeout_s
        self._http = httpx.AsyncClient(
            timeout=httpx.Timeout(timeout_s, connect=min(timeout_s, 3.0)),
            limits=httpx.Limits(max_connections=MAX_CONNECTIONS, max_keepalive_connections=MAX_CONNECTIONS),
            trust_env=False,
        )

    async def close(self) -> None:
        """Closes the connections."""
        await self._http.aclose()

    def opens_in(self) -> float:
        """Seconds until the breaker lets a call through; 0 if now."""
        return self._breaker.opens_in()

    async def post(self, url: str, **request: Any) -> Answer:
        """Makes one call.

        Raises:
            NotSent: the breaker is open, or nobody could be reached.
            Uncertain: the call went out and wasn't answered.
        """
        try:
            is_trial = self._breaker.admit()
        except ServiceUnavailable as error:
            raise NotSent(error.retry_after) from None
        try:
            answer = await self._answer(url, request)
        except asyncio.CancelledError:
            if is_trial:
                self._breaker.abandoned()
            raise
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            self._breaker.failed()
            raise (NotSent() if isinstance(error, NEVER_SENT) else Uncertain()) from None
        if answer.status >= 500:
            self._breaker.failed()
        else:
            self._breaker.succeeded()
        return answer

    async def _answer(self, url: str, request: dict[str, Any]) -> Answer:
        received = bytearray()
        async with asyncio.timeout(2 * self._timeout_s), self._http.stream("POST", url, **request) as response:
            async for chunk in response.aiter_bytes():
                received += chunk
                if len(received) > MAX_ANSWER_BYTES:
                    break
        return Answer(response.status_code, response.headers, bytes(received))


def read(answer: Answer, kind: type[Any]) -> Any:
    """What an answer says, as of a kind whose fields all have defaults; the defaults where it can't be read."""
    try:
        return msgspec.json.decode(answer.body, type=kind)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return kind()


def retry_after_s(answer: Answer, *, now: float) -> float | None:
    """`Retry-After` in seconds, whichever form it has (RFC 9110, 10.2.3); at most an hour."""
    value = answer.headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdecimal() and len(value) < 10:
        return min(float(value), LONGEST_WAIT_S)
    try:
        at = parsedate_to_datetime(value)
    except (ValueError, TypeError, OverflowError):
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return min(max(0.0, (at - datetime.fromtimestamp(now, UTC)).total_seconds()), LONGEST_WAIT_S)
