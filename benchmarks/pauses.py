"""How long Python's garbage collector stops everything: with what `serve` starts with, and with many conversations."""

import gc
import time
from pathlib import Path

from benchmarks.figures import Results, at_most
from benchmarks.memory import caches, conversation

ROUNDS = 5
CONVERSATIONS = 100_000
AS_OBJECTS = 10_000  # enough to tell what all of them would take
MESSAGES = 20


async def run(folder: Path) -> Results:  # noqa: ARG001 - it needs none
    """Full collections, the longest ones. What is frozen, as `serve` does once it is up, is never walked through."""
    import supportd.wiring  # noqa: F401, PLC0415 - all that a server has before its first request

    gc.collect()
    at_start = collections()
    gc.freeze()
    try:
        objects = [conversation(number, MESSAGES) for number in range(AS_OBJECTS)]
        many = [pause * CONVERSATIONS / AS_OBJECTS for pause in collections()]
        del objects
        keep = caches()["conversation of 5 messages"]
        for number in range(CONVERSATIONS):
            keep(number)
        kept = collections()
    finally:
        gc.unfreeze()
    return Results(
        [
            at_most(
                f"a full collection with {CONVERSATIONS:,} conversations cached",
                [one / as_objects for one, as_objects in zip(kept, many, strict=True)],
                0.1,
                unit="x",
                baseline=f"{min(many):,.0f} ms if they were kept as objects of {MESSAGES} messages",
            ),
            at_most(
                "the same",
                [one / before for one, before in zip(kept, at_start, strict=True)],
                1,
                unit="x",
                baseline=f"{min(at_start):.0f} ms for what is there at the start, which is frozen",
            ),
        ],
        [],
    )


def collections() -> list[float]:
    """What some full collections take, in ms."""
    gc.collect()
    return [_collection() for _ in range(ROUNDS)]


def _collection() -> float:
    began = time.perf_counter()
    gc.collect()
    return (time.perf_counter() - began) * 1000
