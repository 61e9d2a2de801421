import asyncio
import threading
from collections.abc import Iterator

import pytest

from supportd.stores.line import STALLED_S, THREADS, Line, Stalled


class Hanging:
    """A MongoDB that answers nothing until it is let go."""

    def __init__(self) -> None:
        self.let_go = threading.Event()
        self.line = Line()

    def call(self) -> "asyncio.Future[bool]":
        return self.line.run_in_executor(None, self.let_go.wait)


@pytest.fixture
def hanging() -> Iterator[Hanging]:
    hanging = Hanging()
    yield hanging
    hanging.let_go.set()
    hanging.line.close()


async def test_while_calls_are_answered_the_line_may_be_long(hanging: Hanging) -> None:
    calls = [hanging.call() for _ in range(10 * THREADS)]
    hanging.let_go.set()
    assert all(await asyncio.gather(*calls))


async def test_while_nothing_is_answered_no_call_joins_the_line(
    hanging: Hanging, monkeypatch: pytest.MonkeyPatch
) -> None:
    under_way = [hanging.call() for _ in range(THREADS)]
    waiting = [hanging.call() for _ in range(10)]
    loop = asyncio.get_running_loop()
    real = loop.time
    monkeypatch.setattr(loop, "time", lambda: real() + STALLED_S + 0.1)
    for _ in range(1_000):
        with pytest.raises(Stalled):
            hanging.call()
    hanging.let_go.set()
    assert all(await asyncio.gather(*under_way))
    await asyncio.gather(*waiting, return_exceptions=True)
    assert await hanging.call()
