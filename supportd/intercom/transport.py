"""One HTTP call to Intercom: budget, breaker, time-out, and the translation of everything that can go wrong."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn, TypeVar

import httpx
import msgspec

from supportd.clock import Clock
from supportd.errors import IntercomNotFound, IntercomRefused, IntercomUnavailable
from supportd.intercom import wire
from supportd.intercom.breaker import Breaker
from supportd.intercom.budget import WINDOW_S, Budget, Priority
from supportd.metrics import Metrics, Outcome

API_VERSION = "2.15"
MAX_CONNECTIONS = 64
TRIES = 2

# How long (s) a call of each priority may wait for the budget's next window.
PATIENCE_S = {
    Priority.USER_WRITE: 5.0,
    Priority.COLD_LOAD: 5.0,
    Priority.RECONCILER: 30.0,
    Priority.OUTBOX: 30.0,
}

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reply:
    """A 2xx answer: its body, and Intercom's time (s) by its `Date` header."""

    body: bytes
    observed_at: int
    unreadable: Any

    def decode(self, kind: type[T]) -> T:
        """The body as `kind`. One that can't be read counts as an outage: a proxy, or half an answer."""
        try:
            return wire.read(self.body, kind)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            self.unreadable()
            raise IntercomUnavailable("unreadable", sent=True) from None


class Transport:
    """Calls Intercom, over connections that are kept."""

    def __init__(
        self,
        *,
        base_url: str,
        access_token: str,
        timeout_s: float,
        breaker: Breaker,
        budget: Budget,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._breaker = breaker
        self._budget = budget
        self._clock = clock
        self._metrics = metrics
        self._timeout_s = timeout_s
        self._http = httpx.AsyncClient(
            base_url=base_url,
            timeout=httpx.Timeout(timeout_s, connect=min(timeout_s, 3.0)),
            limits=httpx.Limits(max_connections=MAX_CONNECTIONS, max_keepalive_connections=MAX_CONNECTIONS),
            headers={
                "Authorization": f"Bearer {access_token}",
                "Intercom-Version": API_VERSION,
                "Accept": "application/json",
            },
            trust_env=False,
        )

    async def close(self) -> None:
        """Lets no call wait any longer and closes the connections."""
        self._budget.stop()
        await self._http.aclose()

    async def call(self, operation: str, method: str, path: str, body: Any = None, *, priority: Priority) -> Reply:
        """Makes one call; after a 429, which Intercom didn't carry out, once more in the next window.

        Raises:
            IntercomRefused: a 4xx; `IntercomNotFound` for 404.
            IntercomUnavailable: breaker open, no budget in time, or an outage. `sent` tells whether it went out.
        """
        for _ in range(TRIES):
            is_trial = await self._admit(operation, priority)
            response = await self._send(operation, method, path, body, is_trial=is_trial)
            if response.status_code != httpx.codes.TOO_MANY_REQUESTS:
                return self._read(operation, response)
            self._count(operation, Outcome.RATE_LIMITED)
            self._breaker.succeeded()
            self._budget.block(self._resets_in(response) or WINDOW_S)
        raise IntercomUnavailable("rate_limited", retry_after=self._resets_in(response) or WINDOW_S)

    async def _admit(self, operation: str, priority: Priority) -> bool:
        try:
            if self._breaker.opens_in() > 0:
                self._breaker.admit()
            await self._budget.spend(priority, wait_s=PATIENCE_S[priority])
            return self._breaker.admit()
        except IntercomUnavailable as error:
            no_budget = error.reason == Outcome.NO_BUDGET
            self._count(operation, Outcome.NO_BUDGET if no_budget else Outcome.BREAKER_OPEN)
            raise
        finally:
            self._metrics.budget_left.set(self._budget.left)

    async def _send(self, operation: str, method: str, path: str, body: Any, *, is_trial: bool) -> httpx.Response:
        content = None if body is None else msgspec.json.encode(body)
        headers = {} if body is None else {"Content-Type": "application/json"}
        try:
            with self._metrics.intercom_seconds.labels(operation).time():
                async with asyncio.timeout(2 * self._timeout_s):  # httpx bounds each read, not an answer that drips
                    response = await self._http.request(method, path, content=content, headers=headers)
        except (httpx.HTTPError, TimeoutError) as error:
            never_sent = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
            self._outage(operation, type(error).__name__, sent=not never_sent)
        except BaseException:
            if is_trial:
                self._breaker.abandoned()
            raise
        self._note_limits(response)
        return response

    def _read(self, operation: str, response: httpx.Response) -> Reply:
        status = response.status_code
        if status >= 500 or 300 <= status < 400:
            self._outage(operation, f"http_{status}", sent=True)
        self._breaker.succeeded()
        if status >= 400:
            self._count(operation, Outcome.REFUSED)
            raise _refusal(response)
        self._count(operation, Outcome.OK)
        return Reply(body=response.content, observed_at=self._observed_at(response), unreadable=self._breaker.failed)

    def _outage(self, operation: str, reason: str, *, sent: bool) -> NoReturn:
        self._breaker.failed()
        self._count(operation, Outcome.OUTAGE)
        raise IntercomUnavailable(reason, retry_after=self._breaker.opens_in() or None, sent=sent) from None

    def _note_limits(self, response: httpx.Response) -> None:
        headers = response.headers
        self._budget.correct(
            limit=_number(headers, "X-RateLimit-Limit"),
            remaining=_number(headers, "X-RateLimit-Remaining"),
            resets_in=self._resets_in(response),
        )

    def _resets_in(self, response: httpx.Response) -> float | None:
        reset = _number(response.headers, "X-RateLimit-Reset")
        return None if reset is None else max(0.0, reset - self._observed_at(response))

    def _observed_at(self, response: httpx.Response) -> int:
        try:
            return int(parsedate_to_datetime(response.headers.get("Date", "")).timestamp())
        except (ValueError, TypeError, OverflowError):
            return int(self._clock.time())

    def _count(self, operation: str, outcome: Outcome) -> None:
        self._metrics.intercom_calls.labels(operation, outcome.value).inc()


def _number(headers: Mapping[str, str], name: str) -> int | None:
    value = headers.get(name, "")
    return int(value) if value.isascii() and value.isdecimal() else None


def _refusal(response: httpx.Response) -> IntercomRefused:
    kind = IntercomNotFound if response.status_code == httpx.codes.NOT_FOUND else IntercomRefused
    try:
        first = msgspec.json.decode(response.content, type=wire.ErrorList).errors[0]
    except (msgspec.DecodeError, UnicodeError, RecursionError, IndexError):
        return kind(response.status_code, "", "")
    return kind(response.status_code, first.code, first.message or "")
