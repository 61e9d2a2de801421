"""Where a poll's time goes: beneath `RequestHandler`, as plain polls are served, and through it, as all once were.

    PYTHONPATH=. .venv/bin/python -m benchmarks.profiles

The server runs in this process, under cProfile, which makes calls dearer than they are: the shares are rough.
"""

import asyncio
import cProfile
import pstats
import sys
import tempfile
from collections import Counter
from pathlib import Path

from benchmarks.rig import need_wrk, wrk
from supportd import logs
from supportd.dev.mongod import running_mongod
from tests.harness import MongoDatabase, living

SECONDS = 4.0
CONNECTIONS = 16
AREAS = {  # the first that a file's path has
    "tornado/http1connection": "Tornado: HTTP/1",
    "tornado/httputil": "Tornado: headers",
    "tornado/iostream": "Tornado: sockets",
    "tornado/web": "Tornado: RequestHandler",
    "tornado/routing": "Tornado: RequestHandler",
    "tornado/httpserver": "Tornado: HTTP/1",
    "tornado/": "Tornado: the rest",
    "asyncio/": "the loop",
    "selectors": "the loop",
    "supportd/handlers/quick_polls": "supportd: finding and answering",
    "supportd/handlers/plain_polls": "supportd: finding and answering",
    "supportd/handlers/": "supportd: handlers",
    "supportd/": "supportd: the rest",
    "prometheus_client": "counters",
    "logging": "logging",
    "structlog": "logging",
}


async def main() -> None:
    """Prints a table of the shares of each area."""
    need_wrk()
    logs.configure(level="warning", fmt="json", stream=sys.stderr)
    with tempfile.TemporaryDirectory() as name:
        async with running_mongod(Path(name) / "db") as mongod:
            database = MongoDatabase(mongod.uri, "profiles", Path(name) / "files")
            async with living(database, rate_limit_per_minute=10**9) as world:
                alice = world.sdk()
                chat = await alice.start(body="Hello")
                await world.settle()
                latest = (await alice.poll(chat["id"]))["latestTimestamp"]
                poll = f"http://127.0.0.1:{world.server.port}/api/conversations/{chat['id']}/poll?since={latest}"
                caller = {"Authorization": f"Bearer {alice.token}"}
                plain = await profiled(poll, caller)
                through = await profiled(f"{poll}&plain=no", caller)
    print("| Where | us a poll, plain | us a poll, through RequestHandler |\n|---|---|---|")
    for area in sorted(set(plain) | set(through), key=lambda area: -through[area]):
        print(f"| {area} | {plain[area]:.0f} | {through[area]:.0f} |")
    print(f"| all | {sum(plain.values()):.0f} | {sum(through.values()):.0f} |")


async def profiled(url: str, headers: dict[str, str]) -> Counter[str]:
    """The microseconds that a request spends in each area."""
    profile = cProfile.Profile()
    profile.enable()
    load = await wrk(url, connections=CONNECTIONS, seconds=SECONDS, headers=headers)
    profile.disable()
    spent: Counter[str] = Counter()
    for (file, _, function), (_, _, own_s, _, _) in pstats.Stats(profile).stats.items():  # type: ignore[attr-defined]
        if "poll" not in function or not function.startswith("<method 'poll'"):  # waiting isn't work
            spent[_area(file)] += own_s * 1e6
    requests = load.per_s * SECONDS
    return Counter({area: total / requests for area, total in spent.items()})


def _area(file: str) -> str:
    return next((area for part, area in AREAS.items() if part in file), "Python's own")


if __name__ == "__main__":
    asyncio.run(main())
