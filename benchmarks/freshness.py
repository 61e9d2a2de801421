"""How soon a webhook shows: from its sending to a waiting poll's answer, under a steady load of polls and webhooks."""

import asyncio
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.client import Connection, shared
from benchmarks.crowd import MESSAGES, Crowd, Person, gather
from benchmarks.figures import BenchmarkFailed, Plot, Results, at_most, percentile
from benchmarks.pollers import paced
from benchmarks.rig import HERE, Site, site
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

    alone: list[float]
    beside: list[float]
    shown: list[float]


async def run(folder: Path) -> Results:
    """Rounds of polls alone, then of polls and webhooks. Each webhook is for another conversation."""
    async with site(folder) as made:
        crowd = gather(made, PEOPLE)
        await shared(made.port, crowd.people, lambda at, one: _poll(at, one, crowd.latest), at_once=CONNECTIONS)
        told = iter(crowd.people)
        rounds = [await _round(made, crowd, told, folder) for _ in range(ROUNDS)]
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


async def _round(made: Site, crowd: Crowd, told: Iterator[Person], folder: Path) -> Round:
    requests = folder / "polls"
    polled = crowd.people[PEOPLE // 2 :]
    lines = [f"{person.poll(crowd.latest)} {person.token}\n" for person in polled]
    requests.write_text("".join(lines), encoding="ascii")
    alone = await _polls(made.port, requests)
    shown: list[float] = []

    async def tell(_: int) -> None:
        shown.append(await _shown_after(made.port, next(told), crowd.latest))

    beside, _ = await asyncio.gather(_polls(made.port, requests), paced(WEBHOOKS_PER_S, SECONDS, tell))
    return Round(alone, beside, shown)


async def _polls(port: int, requests: Path) -> list[float]:
    """Latencies in ms."""
    with_root = {**os.environ, "PYTHONPATH": str(HERE.parent)}
    command = [sys.executable, str(HERE / "pollers.py"), str(port), str(requests), str(POLLS_PER_S), str(SECONDS)]
    pollers = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, env=with_root)
    told = (await pollers.communicate())[0]
    if pollers.returncode != 0:
        raise BenchmarkFailed("the polls failed")
    latencies: list[float] = json.loads(told)
    return latencies


async def _shown_after(port: int, person: Person, latest: int) -> float:
    """The ms from a webhook's sending to the answer of a poll that waits for it."""
    waiting, intercom = await Connection.to(port), await Connection.to(port)
    waiting.ask(person.poll(latest) + "&wait=25", person.token)
    body = webhook(person, latest)
    headers = signed(body, CLIENT_SECRET)
    await asyncio.sleep(0.2)  # until it is held: nothing tells
    began = time.perf_counter()
    intercom.tell("/webhooks/intercom", body, headers)
    answer = await waiting.answer()
    took = (time.perf_counter() - began) * 1000
    await intercom.answer()
    if not json.loads(answer)["messages"]:
        raise BenchmarkFailed("a webhook didn't show")
    waiting.close()
    intercom.close()
    return took


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
