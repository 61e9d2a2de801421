"""How fast polls are while Intercom hangs, against how fast they are while it is well, in one run.

    PYTHONPATH=. .venv/bin/python benchmarks/outage_polls.py

The simulator answers no call, and the writes of many users wait for it while the polls are made.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx

from supportd.dev.mongod import Mongod
from tests.harness import MongoDatabase, Sdk, token
from tests.system.processes import Processes, processes

WRITERS = 80
SETTINGS: dict[str, Any] = {"RATE_LIMIT_PER_MINUTE": "1000000", "INTERCOM_TIMEOUT": "30"}


async def polled(running: Processes, chat: dict[str, Any], *, polls: int) -> list[float]:
    """Milliseconds of each poll, one after the other."""
    took = []
    for _ in range(polls):
        began = time.perf_counter()
        await running.sdk().poll(chat["id"], since=chat["latestTimestamp"])
        took.append((time.perf_counter() - began) * 1000)
    return took


async def written(user: Sdk, chat: dict[str, Any]) -> None:
    """One write, whatever is answered."""
    await user.call("POST", f"/api/conversations/{chat['id']}/reply", json={"body": "Hello"})


async def compare(folder: Path, *, polls: int) -> tuple[list[float], list[float]]:
    """Polls with Intercom well, then hanging."""
    mongod = Mongod(folder / "mongo")
    mongod.start()
    mongod.wait_until_primary()
    try:
        database = MongoDatabase(mongod.uri, "benchmark", folder / "files")
        async with AsyncExitStack() as stack:
            running = await stack.enter_async_context(processes(database.uri, database.name, folder, **SETTINGS))
            chat = await running.sdk().start(body="Hello")
            chats = [await running.sdk(str(number)).start(body="Hello") for number in range(WRITERS)]
            await polled(running, chat, polls=polls)
            well = await polled(running, chat, polls=polls)
            await running.operator.trouble(outage="timeout")
            client = httpx.AsyncClient(base_url=running.api, timeout=60, trust_env=False)
            apart = await stack.enter_async_context(client)
            users = [Sdk(apart, str(number), token(str(number))) for number in range(WRITERS)]
            writing = [asyncio.create_task(written(user, each)) for user, each in zip(users, chats, strict=True)]
            await asyncio.sleep(1)
            hanging = await polled(running, chat, polls=polls)
            for task in writing:
                task.cancel()
            await asyncio.gather(*writing, return_exceptions=True)
            return well, hanging
    finally:
        mongod.stop()


def main() -> None:
    """Prints the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--polls", type=int, default=2_000, help="polls each way (default: 2000)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        well, hanging = asyncio.run(compare(Path(folder), polls=arguments.polls))
    for name, of in (("p50", 49), ("p99", 98)):
        before, after = (statistics.quantiles(took, n=100)[of] for took in (well, hanging))
        print(f"{name}: {after / before:.2f} times as long while Intercom hangs ({before:.2f} ms, {after:.2f} ms)")


if __name__ == "__main__":
    main()
