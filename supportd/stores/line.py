"""The threads that calls to MongoDB are made on, and the line before them.

Motor hands calls to one pool of threads for the process, with a line without end: while MongoDB hangs, what comes in
waits for minutes. So its clients here have threads of their own, and while no call is answered the line is closed.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any, TypeVar

from motor.motor_asyncio import AsyncIOMotorClient
from pymongo.errors import OperationFailure, PyMongoError

THREADS = 32
MOST_CALLS = 10_000
STALLED_S = 1.0

T = TypeVar("T")


class Stalled(PyMongoError):
    """A call wasn't made: those before it aren't answered."""


class Line:
    """What Motor takes for the event loop. All is the running loop's, but for where blocking calls go."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="mongodb")
        self._calls = 0
        self._answered_at = 0.0

    def __getattr__(self, name: str) -> Any:
        """Whatever else a loop has."""
        return getattr(asyncio.get_running_loop(), name)

    def run_in_executor(self, _: Executor | None, call: Callable[[], T]) -> "asyncio.Future[T]":
        """Makes a blocking call on a thread, in order of asking.

        Raises:
            Stalled: every thread is busy and nothing was answered for a while, or the line is full.
        """
        loop = asyncio.get_running_loop()
        if self._calls == 0:
            self._answered_at = loop.time()
        if self._calls >= MOST_CALLS or (self._calls >= THREADS and self._is_stalled(loop)):
            raise Stalled
        future = loop.run_in_executor(self._threads, self._make, call, loop)
        self._calls += 1
        future.add_done_callback(self._ended)
        return future

    @property
    def calls(self) -> int:
        """How many calls wait for a thread or an answer."""
        return self._calls

    def close(self) -> None:
        """Lets the threads end."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _make(self, call: Callable[[], T], loop: asyncio.AbstractEventLoop) -> T:
        if self._calls > THREADS and self._is_stalled(loop):
            raise Stalled
        try:
            answer = call()
        except OperationFailure:  # an answer too
            self._answered_at = loop.time()
            raise
        self._answered_at = loop.time()
        return answer

    def _is_stalled(self, loop: asyncio.AbstractEventLoop) -> bool:
        return loop.time() - self._answered_at > STALLED_S

    def _ended(self, _: "asyncio.Future[Any]") -> None:
        self._calls -= 1


class Client(AsyncIOMotorClient[dict[str, Any]]):
    """A client whose calls are made on threads of its own."""

    def __init__(self, uri: str, **options: Any) -> None:
        super().__init__(uri, **options)
        self.line = Line()

    def get_io_loop(self) -> Any:
        """Where Motor runs its blocking calls."""
        return self.line

    def close(self) -> None:
        """Closes the connections. Calls under way fail."""
        super().close()
        self.line.close()
