"""How soon a webhook shows: from its sending to a waiting poll's answer, under a steady load of polls and webhooks."""

import asyncio
import json
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.client import Connection, shared
from benchmarks.crowd import MESSAGES, Crowd, Person, gather
from benchmarks.figures import BenchmarkFailed, Plot, Results, at_most, percentile
from benchmarks.rig import Load, Site, beside, site, wrk
from tests.harness import CLIENT_SECRET
from tests.http.test_webhooks import signed

PEOPLE = 8_000
POLLS_PER_S = 1_000
WEBHOOKS_PER_S = 50
SECONDS = 4.0
ROUNDS = 9  # many short ones: what else a machine does comes and goes
CONNECTIONS = 64
SHARES = (50, 75, 90, 99)


@dataclass
class Round:
    """Polls alone, beside webhooks to another process and to ours, and the ms from each of those to its poll."""

    alone: Load
    beside_another: Load
    beside_ours: Load
    shown: list[float]


@dataclass(frozen=True)
class Webhook:
    """A webhook and the poll that waits for it, made beforehand: the client's work is to cost the server nothing."""

    poll: str
    token: str
    body: bytes
    headers: dict[str, str]

    @classmethod
    def of(cls, person: Person, latest: int) -> "Webhook":
        """What tells of one more answer in the person's conversation."""
        body = webhook(person, latest)
        return cls(person.poll(latest) + "&wait=25", person.token, body, signed(body, CLIENT_SECRET))


async def run(folder: Path) -> Results:
    """Rounds of polls alone, then of polls and webhooks. Each webhook is for another conversation.

    Webhooks that another process takes cost the polls what the machine has to share, and nothing of ours.
    """
    async with site(folder) as made, beside(made.mongod, folder / "another") as another:
        crowd = gather(made, PEOPLE)
        for one in (made, another):
            await shared(one.port, crowd.people, lambda at, one: _poll(at, one, crowd.latest), at_once=CONNECTIONS)
        told = iter(crowd.people)
        rounds = [await _round(made, another, crowd, told, folder) for _ in range(ROUNDS)]
    shown = [percentile(one.shown, 0.99) for one in rounds]
    late = [one.beside_ours.latency_ms[99] / one.alone.latency_ms[99] for one in rounds]
    machine = statistics.median(one.beside_another.latency_ms[99] / one.alone.latency_ms[99] for one in rounds)
    load = f"{POLLS_PER_S:,} polls/s and {WEBHOOKS_PER_S} webhooks/s"
    alone = f"the same polls without webhooks; {machine:.2f} x where another process takes them"
    return Results(
        [
            at_most("webhook sent until a waiting poll is answered, p99", shown, 25, unit="ms", baseline=load),
            at_most("p99 of polls beside webhooks", late, 2, unit="x", baseline=alone),
        ],
        [_plot(rounds)],
    )


async def _round(made: Site, another: Site, crowd: Crowd, told: Iterator[Person], folder: Path) -> Round:
    count = int(WEBHOOKS_PER_S * SECONDS)
    webhooks = [Webhook.of(next(told), crowd.latest) for _ in range(2 * count)]
    alone = await _polls(made, crowd, folder)
    beside_another, _ = await asyncio.gather(_polls(made, crowd, folder), _tell(another.port, webhooks[:count]))
    beside_ours, shown = await asyncio.gather(_polls(made, crowd, folder), _tell(made.port, webhooks[count:]))
    return Round(alone, beside_another, beside_ours, shown)


async def _polls(made: Site, crowd: Crowd, folder: Path) -> Load:
    """Polls at a steady rate, of the conversations that no webhook is for."""
    polled = Crowd(crowd.people[PEOPLE // 2 :], crowd.latest, crowd.json_bytes)
    script = polled.script(folder, pause_ms=1000 * CONNECTIONS // POLLS_PER_S)
    return await wrk(made.running.api, connections=CONNECTIONS, seconds=SECONDS, headers={}, script=script)


async def _tell(port: int, webhooks: list[Webhook]) -> list[float]:
    """Sends them at a steady rate, over connections that are kept; the ms from each to the answer of its poll."""
    idle: list[tuple[Connection, Connection]] = []

    async def tell(webhook: Webhook) -> float:
        waiting, intercom = idle.pop() if idle else (await Connection.to(port), await Connection.to(port))
        took = await _shown_after(waiting, intercom, webhook)
        idle.append((waiting, intercom))
        return took

    began = time.perf_counter()
    telling = []
    for number, webhook in enumerate(webhooks):
        await asyncio.sleep(max(0.0, began + number / WEBHOOKS_PER_S - time.perf_counter()))
        telling.append(asyncio.create_task(tell(webhook)))
    shown = await asyncio.gather(*telling)
    for pair in idle:
        for connection in pair:
            connection.close()
    return shown


async def _shown_after(waiting: Connection, intercom: Connection, webhook: Webhook) -> float:
    """The ms from a webhook's sending to the answer of a poll that waits for it."""
    waiting.ask(webhook.poll, webhook.token)
    await asyncio.sleep(0.2)  # until it is held: nothing tells
    began = time.perf_counter()
    intercom.tell("/webhooks/intercom", webhook.body, webhook.headers)
    answer = await waiting.answer()
    took = (time.perf_counter() - began) * 1000
    await intercom.answer()
    if b'"messages":[]' in answer:
        raise BenchmarkFailed("a webhook didn't show")
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
    def of(loads: list[Load]) -> list[tuple[float, float]]:
        return [(float(share), statistics.median(load.latency_ms[share] for load in loads)) for share in SHARES]

    shown = [latency for one in rounds for latency in one.shown]
    return Plot(
        file="latency.svg",
        title=f"Latencies at {POLLS_PER_S:,} polls/s",
        x="percentile",
        y="ms",
        lines={
            "polls alone": of([one.alone for one in rounds]),
            f"polls beside {WEBHOOKS_PER_S} webhooks/s": of([one.beside_ours for one in rounds]),
            "webhook to waiting poll": [(float(share), percentile(shown, share / 100)) for share in SHARES],
        },
    )
