"""The tasks of everybody who takes part: begun at any time, ended together; one that breaks isn't overlooked."""

import asyncio
from collections.abc import Coroutine
from typing import Any


class Cast:
    """Tasks that go on until they are ended."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._error: BaseException | None = None

    def begin(self, act: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        """Lets somebody act beside everybody else."""
        task = asyncio.create_task(act)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def check(self) -> None:
        """Raises what broke one of them: that is a fault of the test's."""
        if self._error is not None:
            raise self._error

    async def end(self) -> None:
        """Cancels who still acts."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._error = self._error or task.exception()
