"""Polls at a steady rate from a process of their own, so that what else is measured doesn't wait for this one's loop.

`pollers.py PORT FILE RATE SECONDS` takes the requests of a file in turn (a path and a token a line), and prints the
latencies in ms as JSON.
"""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from benchmarks.client import Connection

CONNECTIONS = 64


async def polls(port: int, requests: list[list[str]], *, per_s: float, seconds: float) -> list[float]:
    """The latency (ms) of each poll, from when it was due to be sent by a connection that is free."""
    latencies: list[float] = []
    pool: asyncio.Queue[Connection] = asyncio.Queue()
    for _ in range(CONNECTIONS):
        pool.put_nowait(await Connection.to(port))

    async def poll(number: int) -> None:
        path, token = requests[number % len(requests)]
        began = time.perf_counter()
        connection = await pool.get()
        await connection.get(path, token)
        pool.put_nowait(connection)
        latencies.append((time.perf_counter() - began) * 1000)

    await paced(per_s, seconds, poll)
    while not pool.empty():
        pool.get_nowait().close()
    return latencies


async def paced(per_s: float, seconds: float, act: Callable[[int], Awaitable[None]]) -> None:
    """Begins `act` so many times a second, however long each takes."""
    began = time.perf_counter()
    tasks = []
    for number in range(int(per_s * seconds)):
        await asyncio.sleep(max(0.0, began + number / per_s - time.perf_counter()))
        tasks.append(asyncio.create_task(_awaited(act(number))))
    await asyncio.gather(*tasks)


async def _awaited(act: Awaitable[None]) -> None:
    await act


if __name__ == "__main__":
    lines = [line.split() for line in Path(sys.argv[2]).read_text(encoding="ascii").splitlines()]
    found = asyncio.run(polls(int(sys.argv[1]), lines, per_s=float(sys.argv[3]), seconds=float(sys.argv[4])))
    print(json.dumps(found))
