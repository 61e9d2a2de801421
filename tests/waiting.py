"""Waiting for something to become true, without guessing how long it takes."""

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

from supportd.clock import Clock

LOOK_EVERY_S = 0.02


async def eventually(check: Callable[[], Any], *, timeout_s: float = 20.0) -> Any:
    """The first true answer of `check`, which may be a coroutine function. Raises `AssertionError` after the time."""
    deadline = Clock().monotonic() + timeout_s
    while True:
        answer = check()
        if inspect.isawaitable(answer):
            answer = await answer
        if answer:
            return answer
        assert Clock().monotonic() < deadline, f"still not true after {timeout_s} s: {check}"
        await asyncio.sleep(LOOK_EVERY_S)
