"""What many cost: a start with 100,000 snapshots, the memory of 100,000 conversations, and a poll among them."""

import time
from pathlib import Path

import httpx

from benchmarks.client import Connection, shared
from benchmarks.crowd import Crowd, Person, gather
from benchmarks.figures import Figure, Plot, Results, at_least, at_most
from benchmarks.rig import Load, Site, resident_bytes, site, wrk
from tests.waiting import eventually

SIZES = (1_000, 10_000, 100_000)
MIB, GIB = 2**20, 2**30
ROUNDS = 3
SECONDS = 3.0
CONNECTIONS = 32


async def run(folder: Path) -> Results:
    """One MongoDB with the largest crowd. supportd is started anew for each size, and serves that many of them."""
    async with site(folder, CACHE_MAX_CONVERSATIONS=str(SIZES[-1])) as made:
        empty = await _restart(made, "/health", "none")
        crowd = gather(made, SIZES[-1])
        memory: dict[int, float] = {}
        loads: dict[int, list[Load]] = {}
        starts = []
        for size in SIZES:
            some = crowd.first(size)
            last = crowd.people[-1]
            starts.append(await _restart(made, last.poll(crowd.latest), last.token))
            before = resident_bytes(made.pid)
            await shared(made.port, some.people, lambda at, one: _poll(at, one, crowd.latest), at_once=CONNECTIONS)
            memory[size] = resident_bytes(made.pid) - before
            script = some.script(folder)
            loads[size] = [
                await wrk(made.running.api, connections=CONNECTIONS, seconds=SECONDS, headers={}, script=script)
                for _ in range(ROUNDS)
            ]
    return Results([_start(starts, empty), *_memory(memory, crowd), *_flat(loads)], _plots(memory, crowd, loads))


async def _poll(connection: Connection, person: Person, latest: int) -> None:
    await connection.get(person.poll(latest), person.token)


async def _restart(made: Site, path: str, bearer: str) -> float:
    """Stops supportd and starts it; the seconds until it answered 200."""
    made.running.supportd.stop()
    began = time.perf_counter()
    made.running.supportd.start()

    async def answers() -> bool:
        try:
            response = await made.running.http.get(path, headers={"Authorization": f"Bearer {bearer}"})
        except httpx.TransportError:
            return False
        return response.status_code == 200

    await eventually(answers)
    return time.perf_counter() - began


def _start(starts: list[float], empty: float) -> Figure:
    name = f"start with {SIZES[-1]:,} snapshots, until a poll of the last is answered"
    return at_most(name, starts, 2, unit="s", baseline=f"{empty:.2f} s with an empty database")


def _memory(memory: dict[int, float], crowd: Crowd) -> list[Figure]:
    most = SIZES[-1]
    each = memory[most] / most
    return [
        at_most(
            "memory of a conversation of 20 messages",
            [each / crowd.json_bytes],
            1.5,
            unit="x",
            baseline=f"{crowd.json_bytes} bytes of its messages as JSON",
        ),
        at_most(
            f"memory of {most:,} conversations", [memory[most] / GIB], 1, unit="GiB", baseline="the process before"
        ),
    ]


def _flat(loads: dict[int, list[Load]]) -> list[Figure]:
    few, many = loads[SIZES[0]], loads[SIZES[-1]]
    rates = [more.per_s / less.per_s for more, less in zip(many, few, strict=True)]
    late = [more.latency_ms[99] / less.latency_ms[99] for more, less in zip(many, few, strict=True)]
    beside = f"{SIZES[0]:,} users, conversations and tokens"
    return [
        at_least(f"polls/s among {SIZES[-1]:,}", rates, 0.9, unit="x", baseline=beside),
        at_most(f"p99 of polls among {SIZES[-1]:,}", late, 1.3, unit="x", baseline=beside),
    ]


def _plots(memory: dict[int, float], crowd: Crowd, loads: dict[int, list[Load]]) -> list[Plot]:
    kept = [(float(size), memory[size] / MIB) for size in SIZES]
    as_json = [(float(size), size * crowd.json_bytes / MIB) for size in SIZES]
    rates = [(float(size), max(load.per_s for load in loads[size])) for size in SIZES]
    return [
        Plot(
            file="memory.svg",
            title="Memory of cached conversations of 20 messages",
            x="conversations",
            y="MiB",
            lines={"supportd": kept, "their messages as JSON": as_json},
        ),
        Plot(
            file="crowd.svg",
            title="Polls a second among many conversations",
            x="conversations",
            y="polls/s",
            lines={"supportd": rates},
            log_x=True,
        ),
    ]
