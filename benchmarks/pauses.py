"""How long Python's garbage collector stops everything, with all that a server may keep by count beside it."""

import gc
import time
from pathlib import Path

from benchmarks.figures import Results, at_most
from benchmarks.memory import caches

ROUNDS = 5
MANY = 100_000
KEPT = ("conversation of 5 messages", "ticket of 5 messages", "session token", "user's rate limit")


async def run(folder: Path) -> Results:  # noqa: ARG001 - it needs none
    """Full collections, the longest ones. What is frozen, as `serve` does once it is up, is never walked through."""
    import supportd.wiring  # noqa: F401, PLC0415 - all that a server has before its first request

    at_start = collections()
    gc.freeze()
    try:
        kept = caches()
        for name in KEPT:
            for number in range(MANY):
                kept[name](number)
        beside = collections()
    finally:
        gc.unfreeze()
    return Results(
        [
            at_most(
                f"a full collection with {MANY:,} conversations, tickets, sessions and users",
                [late / early for late, early in zip(beside, at_start, strict=True)],
                1,
                unit="x",
                baseline=f"{min(at_start):.0f} ms for what is there at the start, which is frozen",
            )
        ]
    )


def collections() -> list[float]:
    """What some full collections take, in ms."""
    gc.collect()
    return [_collection() for _ in range(ROUNDS)]


def _collection() -> float:
    began = time.perf_counter()
    gc.collect()
    return (time.perf_counter() - began) * 1000
