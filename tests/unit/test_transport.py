import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from supportd.errors import IntercomUnavailable
from supportd.intercom import wire
from supportd.intercom.breaker import Breaker, BreakerState
from supportd.intercom.budget import Budget, Priority
from supportd.intercom.clock import IntercomClock
from supportd.intercom.transport import Transport
from supportd.metrics import Metrics
from tests.unit.driven import StillClock


@asynccontextmanager
async def trial(head: str, *, drips: int = 0) -> AsyncIterator[tuple[Transport, Breaker, Budget, StillClock]]:
    """A transport whose next call is the breaker's trial, on a server that answers with this head."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(head.replace("\n", "\r\n").encode("latin-1") + b"\r\n\r\n")
            for _ in range(drips):
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0)
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    clock = StillClock()
    breaker = Breaker(clock=clock)
    budget = Budget(per_minute=600, clock=clock)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    transport = Transport(
        base_url=url,
        access_token="x",
        timeout_s=0.1,
        breaker=breaker,
        budget=budget,
        clock=IntercomClock(clock),
        metrics=Metrics("1"),
    )
    for _ in range(3):
        breaker.failed()
    clock.advance(31)
    try:
        yield transport, breaker, budget, clock
    finally:
        await transport.close()
        server.close()
        await server.wait_closed()


async def test_a_429_that_names_an_absurd_time_blocks_for_two_windows_at_most() -> None:
    head = "HTTP/1.1 429 Too Many\nContent-Length: 0\nX-RateLimit-Reset: 10000000000000\nConnection: close"
    async with trial(head) as (transport, _, budget, clock):
        with pytest.raises(IntercomUnavailable):
            await transport.call("me", "GET", "/me", kind=wire.Acknowledgement, priority=Priority.USER_WRITE)
        clock.advance(21)
        assert budget.left > 0


async def test_an_answer_that_drips_is_an_outage_in_the_end() -> None:
    async with trial("HTTP/1.1 200 OK\nContent-Length: 1000000000", drips=10**9) as (transport, breaker, _, _):
        with pytest.raises(IntercomUnavailable):
            await transport.call("me", "GET", "/me", kind=wire.Acknowledgement, priority=Priority.USER_WRITE)
        assert breaker.state is BreakerState.OPEN


async def test_a_date_that_is_none_does_not_matter() -> None:
    head = "HTTP/1.1 200 OK\nDate: Mon, 01 Jan 2024 00:00:00 +99999999999999\nConnection: close\n\n{}"
    async with trial(head) as (transport, breaker, _, clock):
        reply = await transport.call("me", "GET", "/me", kind=wire.Acknowledgement, priority=Priority.USER_WRITE)
        assert reply.observed_at == int(clock.time())
        assert breaker.state is BreakerState.CLOSED


async def test_a_number_without_end_in_a_header_does_not_matter() -> None:
    head = f"HTTP/1.1 200 OK\nX-RateLimit-Limit: {'9' * 5000}\nConnection: close\n\n{{}}"
    async with trial(head) as (transport, breaker, _, _):
        await transport.call("me", "GET", "/me", kind=wire.Acknowledgement, priority=Priority.USER_WRITE)
        assert breaker.state is BreakerState.CLOSED


@pytest.mark.parametrize(
    "body",
    ["", "<html>502</html>", '{"type":"cut', "[]", '"text"', '{"type":' + '{"a":' * 10_000],
    ids=["empty", "HTML", "cut", "a list", "text", "nested too deep"],
)
async def test_an_answer_that_is_no_object_is_an_outage(body: str) -> None:
    async with trial("HTTP/1.1 200 OK\nConnection: close\n\n" + body) as (transport, breaker, _, _):
        with pytest.raises(IntercomUnavailable) as caught:
            await transport.call("note", "POST", "/me", kind=wire.Acknowledgement, priority=Priority.OUTBOX)
        assert caught.value.sent
        assert breaker.state is BreakerState.OPEN
