"""Held polls: the memory of 10,000 that wait in one process, and how soon a change reaches a thousand of them."""

import asyncio
import time
from pathlib import Path

import httpx

from benchmarks.client import Connection, shared
from benchmarks.crowd import Crowd, Person, gather
from benchmarks.figures import BenchmarkFailed, Results, at_most
from benchmarks.freshness import webhook
from benchmarks.rig import Site, resident_bytes, site
from tests.harness import CLIENT_SECRET
from tests.http.test_webhooks import signed
from tests.waiting import eventually

HELD = 10_000
A_PERSON = 8  # as many as one user may hold
TOGETHER = 1_000  # hold a poll of the same conversation
KIB = 1024


async def run(folder: Path) -> Results:
    """Holds them all, then changes the one conversation that a thousand wait for."""
    async with site(folder) as made:
        many = HELD // A_PERSON
        first = Person.numbered(1)
        sharing = [Person.numbered(number).contact_id for number in range(2, TOGETHER // A_PERSON + 1)]
        crowd = gather(made, many, sharing={first.number: sharing})
        await shared(made.port, crowd.people, lambda at, one: at.get(one.poll(0), one.token), at_once=16)
        idle = resident_bytes(made.pid)
        waiting = await _hold(made, crowd)
        each = (resident_bytes(made.pid) - idle) / HELD
        took = await _wake(made, waiting[:TOGETHER], webhook(first, crowd.latest, sharing))
        for connection in waiting:
            connection.close()
    return Results(
        [
            at_most(f"memory of each of {HELD:,} held polls", [each / KIB], 20, unit="KiB", baseline="idle process"),
            at_most(f"a change reaches all of {TOGETHER:,} held polls", [took], 250, unit="ms", baseline="its webhook"),
        ]
    )


async def _hold(made: Site, crowd: Crowd) -> list[Connection]:
    """Polls that wait: those of the first people for the conversation that they share."""
    held = []
    for number in range(HELD):
        person = crowd.people[number // A_PERSON]
        of = crowd.people[0] if number < TOGETHER else person
        connection = await Connection.to(made.port)
        connection.ask(of.poll(crowd.latest) + "&wait=25", person.token)
        held.append(connection)

    async def all_held() -> bool:
        scraped = (await made.running.http.get(made.running.metrics)).text
        return f"supportd_held_polls {float(HELD)}" in scraped

    await eventually(all_held)
    return held


async def _wake(made: Site, waiting: list[Connection], body: bytes) -> float:
    """The ms from a webhook's sending to the last answer."""
    async with httpx.AsyncClient(base_url=made.running.api, trust_env=False) as intercom:
        began = time.perf_counter()
        sent, _ = await asyncio.gather(
            intercom.post("/webhooks/intercom", content=body, headers=signed(body, CLIENT_SECRET)),
            asyncio.gather(*(connection.answer() for connection in waiting)),
        )
    if sent.status_code != 200:
        raise BenchmarkFailed("the webhook wasn't taken")
    return (time.perf_counter() - began) * 1000
