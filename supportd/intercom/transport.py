"""One HTTP call to Intercom: a slot, budget, breaker, time-out, and the translation of everything that can go wrong."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Generic, NoReturn, TypeVar

import httpx
import msgspec

from supportd.errors import IntercomNotFound, IntercomRefused, IntercomUnavailable
from supportd.intercom import wire
from supportd.intercom.breaker import Breaker
from supportd.intercom.budget import WINDOW_S, Budget, Priority
from supportd.intercom.clock import IntercomClock
from supportd.intercom.enclosed import ReplyBody
from supportd.intercom.slots import Slots
from supportd.metrics import Metrics, Outcome

API_VERSION = "2.15"
MAX_CONNECTIONS = 64
MAX_WAITING = 256
MAX_ANSWER_BYTES = 64 * 2**20  # far more than 500 parts are
MAX_DIGITS = 15  # of a number in a header
TRIES = 2
SLOWEST_UPLOAD = 2**20  # bytes a second: what a body with files is given time for
JSON = {"Content-Type": "application/json"}

# How long (s) a call of each priority may wait for a slot, and then for the budget's next window.
PATIENCE_S = {
    Priority.USER_WRITE: 5.0,
    Priority.COLD_LOAD: 5.0,
    Priority.RECONCILER: 30.0,
    Priority.OUTBOX: 30.0,
}

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reply(Generic[T]):
    """What a 2xx answer said, and Intercom's time (s) by its `Date` header."""

    value: T
    observed_at: int


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: httpx.Headers
    body: bytes


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
        clock: IntercomClock,
        metrics: Metrics,
    ) -> None:
        self._breaker = breaker
        self._budget = budget
        self._clock = clock
        self._metrics = metrics
        self._timeout_s = timeout_s
        self._slots = Slots(most=MAX_CONNECTIONS, most_waiting=MAX_WAITING)
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
        self._slots.stop()
        self._budget.stop()
        await self._http.aclose()

    async def call(
        self, operation: str, method: str, path: str, body: Any = None, *, kind: type[T], priority: Priority
    ) -> Reply[T]:
        """Makes one call, whose answer is of a kind; after a 429, which Intercom didn't carry out, once more.

        Raises:
            IntercomRefused: a 4xx; `IntercomNotFound` for 404.
            IntercomUnavailable: breaker open, no slot or budget in time, or an outage, which an answer is too that
                can't be read. `sent` tells whether the call went out.
        """
        for _ in range(TRIES):
            async with self._admitted(operation, priority):
                answer = await self._send(operation, method, path, body)
                if answer.status != httpx.codes.TOO_MANY_REQUESTS:
                    return self._read(operation, answer, kind)
                self._count(operation, Outcome.RATE_LIMITED)
                self._breaker.succeeded()
            blocked_s = min(self._resets_in(answer) or WINDOW_S, 2 * WINDOW_S)
            self._budget.block(blocked_s)
        raise IntercomUnavailable("rate_limited", retry_after=blocked_s)

    @asynccontextmanager
    async def _admitted(self, operation: str, priority: Priority) -> AsyncIterator[None]:
        """Surrounds one call. A trial of the breaker's that ends without a verdict is given back."""
        async with AsyncExitStack() as stack:
            try:
                is_trial = await self._admit(priority, stack)
            except IntercomUnavailable as error:
                no_budget = error.reason == Outcome.NO_BUDGET
                self._count(operation, Outcome.NO_BUDGET if no_budget else Outcome.BREAKER_OPEN)
                raise
            finally:
                self._metrics.budget_left.set(self._budget.left)
            if is_trial:
                stack.callback(self._breaker.abandoned)
            yield

    async def _admit(self, priority: Priority, stack: AsyncExitStack) -> bool:
        self._refuse_while_open()
        await stack.enter_async_context(self._slots.held(priority, wait_s=PATIENCE_S[priority]))
        self._refuse_while_open()
        await self._budget.spend(priority, wait_s=PATIENCE_S[priority])
        return self._breaker.admit()

    def _refuse_while_open(self) -> None:
        if self._breaker.opens_in() > 0:
            self._breaker.admit()

    async def _send(self, operation: str, method: str, path: str, body: Any) -> _Answer:
        limit_s = 2 * self._timeout_s  # httpx bounds each read and write, not an answer that drips
        if isinstance(body, ReplyBody):
            limit_s += body.length / SLOWEST_UPLOAD
        try:
            with self._metrics.intercom_seconds.labels(operation).time():
                async with asyncio.timeout(limit_s):
                    answer = await self._request(method, path, body)
        except (httpx.HTTPError, TimeoutError) as error:
            never_sent = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
            self._outage(operation, type(error).__name__, sent=not never_sent)
        self._note_limits(answer)
        return answer

    async def _request(self, method: str, path: str, body: Any) -> _Answer:
        if body is None:
            return await self._receive(method, path)
        if not isinstance(body, ReplyBody):
            return await self._receive(method, path, content=msgspec.json.encode(body), headers=JSON)
        async with aclosing(body.pieces()) as pieces:
            headers = {**JSON, "Content-Length": str(body.length)}
            return await self._receive(method, path, content=pieces, headers=headers)

    async def _receive(self, method: str, path: str, **sent: Any) -> _Answer:
        received = bytearray()
        async with self._http.stream(method, path, **sent) as response:
            async for chunk in response.aiter_bytes():
                received += chunk
                if len(received) > MAX_ANSWER_BYTES:
                    raise httpx.DecodingError("An answer without end")
        return _Answer(response.status_code, response.headers, bytes(received))

    def _read(self, operation: str, answer: _Answer, kind: type[T]) -> Reply[T]:
        if answer.status >= 500 or 300 <= answer.status < 400:
            self._outage(operation, f"http_{answer.status}", sent=True)
        if answer.status >= 400:
            self._breaker.succeeded()
            self._count(operation, Outcome.REFUSED)
            raise _refusal(answer)
        try:
            value = wire.read(answer.body, kind)
        except (msgspec.DecodeError, UnicodeError, RecursionError):  # a proxy's page, or half an answer
            self._outage(operation, "unreadable", sent=True)
        self._breaker.succeeded()
        self._count(operation, Outcome.OK)
        return Reply(value, self._observed_at(answer))

    def _outage(self, operation: str, reason: str, *, sent: bool) -> NoReturn:
        self._breaker.failed()
        self._count(operation, Outcome.OUTAGE)
        raise IntercomUnavailable(reason, retry_after=self._breaker.opens_in() or None, sent=sent) from None

    def _note_limits(self, answer: _Answer) -> None:
        headers = answer.headers
        self._budget.correct(
            limit=_number(headers, "X-RateLimit-Limit"),
            remaining=_number(headers, "X-RateLimit-Remaining"),
            resets_in=self._resets_in(answer),
        )

    def _resets_in(self, answer: _Answer) -> float | None:
        reset = _number(answer.headers, "X-RateLimit-Reset")
        return None if reset is None else max(0.0, reset - self._observed_at(answer))

    def _observed_at(self, answer: _Answer) -> int:
        try:
            told = int(parsedate_to_datetime(answer.headers.get("Date", "")).timestamp())
        except (ValueError, TypeError, OverflowError):
            return int(self._clock.time())
        self._clock.told(told)
        return told

    def _count(self, operation: str, outcome: Outcome) -> None:
        self._metrics.intercom_calls.labels(operation, outcome.value).inc()


def _number(headers: Mapping[str, str], name: str) -> int | None:
    value = headers.get(name, "")
    return int(value) if value.isascii() and value.isdecimal() and len(value) <= MAX_DIGITS else None


def _refusal(answer: _Answer) -> IntercomRefused:
    kind = IntercomNotFound if answer.status == httpx.codes.NOT_FOUND else IntercomRefused
    try:
        first = msgspec.json.decode(answer.body, type=wire.ErrorList).errors[0]
    except (msgspec.DecodeError, UnicodeError, RecursionError, IndexError):
        return kind(answer.status, "", "")
    return kind(answer.status, first.code, first.message or "")
