"""The event loop that `serve` runs on: uvloop's where it is installed (the extra `uvloop`), else asyncio's own."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

LoopFactory = Callable[[], asyncio.AbstractEventLoop]


def fastest_loop() -> LoopFactory | None:
    """What makes the fastest loop there is here; None for asyncio's own."""
    try:
        import uvloop  # noqa: PLC0415 - an extra
    except ImportError:
        return None
    factory: LoopFactory = uvloop.new_event_loop
    return factory


def run(main: Coroutine[Any, Any, None]) -> None:
    """Runs the coroutine to its end on the fastest loop."""
    with asyncio.Runner(loop_factory=fastest_loop()) as runner:
        runner.run(main)
