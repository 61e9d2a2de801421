"""How soon a webhook shows: from its sending to a waiting poll's answer, under a steady load of polls and webhooks."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from benchmarks.client import Connection, shared
from benchmarks.crowd import MESSAGES, Crowd, Person, gather
from benchmarks.figures import BenchmarkFailed, Plot, Results, at_most, percentile
from benchmarks.rig import Site, site
from tests.harness import CLIENT_SECRET
from tests.http.test_webhooks import signed

PEOPLE = 4_000
POLLS_PER_S = 1_000
WEBHOOKS_PER_S = 50
SECONDS = 10.0
ROUNDS = 3
CONNECTIONS = 64
SHARES = (0.5, 0.9, 0.99, 0.999)


@dataclass
class Round:
    """Latencies in ms: of polls alone, of polls beside webhooks, and from each webhook to its poll."""

    alone: list[float] = field(default_factory=list)
    beside: list[float] = field(default_factory=list)
    shown: list[float] = field(default_factory=list)


async def run(folder: Path) -> Results:
    """Rounds of polls alone, then of polls and webhooks. Each webhook is for another conversation."""
    async with site(folder) as made:
        crowd = gather(made, PEOPLE)
        await shared(made.port, crowd.people, lambda at, one: _poll(at, one, crowd.latest), at_once=CONNECTIONS)
        told = iter(crowd.people)
        rounds = [await _round(made, crowd, told) for _ in range(ROUNDS)]
    shown = [percentile(one.shown, 0.99) for one in rounds]
    late = [percentile(one.beside, 0.99) / percentile(one.alone, 0.99) for one in rounds]
    load = f"{POLLS_PER_S:,} polls/s and {WEBHOOKS_PER_S} webhooks/s"
    return Results(
        [
            at_most("webhook sent until a waiting poll is answered, p99", shown, 25, unit="ms", baseline=load),
            at_most("p99 of polls beside webhooks", late, 2, unit="x", baseline="the same polls without webhooks"),
        ],
        [_plot(rounds)],
    )


async def _round(made: Site, crowd: Crowd, told: Iterator[Person]) -> Round:
    found = Round()
    pool: asyncio.Queue[Connection] = asyncio.Queue()
    for _ in range(CONNECTIONS):
        pool.put_nowait(await Connection.to(made.port))

    def poller(latencies: list[float]) -> Callable[[int], Awaitable[None]]:
        async def poll(number: int) -> None:
            person = crowd.people[-1 - number % (PEOPLE // 2)]
            began = time.perf_counter()
            connection = await pool.get()
            await connection.get(person.poll(crowd.latest), person.token)
            pool.put_nowait(connection)
            latencies.append((time.perf_counter() - began) * 1000)

        return poll

    async with httpx.AsyncClient(base_url=made.running.api, trust_env=False) as intercom:

        async def tell(_: int) -> None:
            person = next(told)
            found.shown.append(await _shown_after(made.port, intercom, person, crowd.latest, person.token))

        await paced(POLLS_PER_S, SECONDS, poller(found.alone))
        await asyncio.gather(paced(POLLS_PER_S, SECONDS, poller(found.beside)), paced(WEBHOOKS_PER_S, SECONDS, tell))
    while not pool.empty():
        pool.get_nowait().close()
    return found


async def _shown_after(port: int, intercom: httpx.AsyncClient, person: Person, latest: int, bearer: str) -> float:
    """The ms from a webhook's sending to the answer of a poll that waits for it."""
    waiting = await Connection.to(port)
    waiting.ask(person.poll(latest) + "&wait=25", bearer)
    await asyncio.sleep(0.2)  # until it is held: nothing tells
    body = webhook(person, latest)
    began = time.perf_counter()
    sending = asyncio.create_task(
        intercom.post("/webhooks/intercom", content=body, headers=signed(body, CLIENT_SECRET))
    )
    answer = await waiting.answer()
    took = (time.perf_counter() - began) * 1000
    if (await sending).status_code != 200 or not json.loads(answer)["messages"]:
        raise BenchmarkFailed("a webhook didn't show")
    waiting.close()
    return took


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


async def _poll(connection: Connection, person: Person, latest: int) -> None:
    await connection.get(person.poll(latest), person.token)


def webhook(person: Person, latest: int, sharing: Sequence[str] = ()) -> bytes:
    """What Intercom sends when an operator answers the conversation once more; `sharing` are more contacts in it."""
    contacts = [{"type": "contact", "id": contact_id} for contact_id in (person.contact_id, *sharing)]
    at = latest // 1000 + 30
    part = {
        "type": "conversation_part",
        "id": f"{person.conversation_id}-new",
        "part_type": "comment",
        "body": "<p>Your transfer has arrived.</p>",
        "created_at": at,
        "updated_at": at,
        "author": {"type": "admin", "id": "1", "name": "Ann"},
        "attachments": [],
        "redacted": False,
    }
    item = {
        "type": "conversation",
        "id": person.conversation_id,
        "created_at": latest // 1000 - MESSAGES + 1,
        "updated_at": at,
        "state": "open",
        "open": True,
        "contacts": {"type": "contact.list", "contacts": contacts},
        "statistics": {"type": "conversation_statistics", "count_conversation_parts": MESSAGES},
        "conversation_parts": {"type": "conversation_part.list", "conversation_parts": [part], "total_count": 1},
    }
    event = {
        "type": "notification_event",
        "topic": "conversation.admin.replied",
        "id": f"notif_{person.conversation_id}",
        "created_at": at,
        "data": {"type": "notification_event_data", "item": item},
    }
    return json.dumps(event).encode()


def _plot(rounds: list[Round]) -> Plot:
    def line(name: str) -> list[tuple[float, float]]:
        values = [latency for one in rounds for latency in getattr(one, name)]
        return [(share * 100, percentile(values, share)) for share in SHARES]

    return Plot(
        file="latency.svg",
        title=f"Latencies at {POLLS_PER_S:,} polls/s",
        x="percentile",
        y="ms",
        lines={
            "polls alone": line("alone"),
            f"polls beside {WEBHOOKS_PER_S} webhooks/s": line("beside"),
            "webhook to waiting poll": line("shown"),
        },
    )
