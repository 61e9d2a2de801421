"""supportd is killed, or stopped, in the middle of sends: each message is in Intercom once, and its client is told."""

import asyncio
import os
import signal
from collections import Counter
from pathlib import Path

import httpx
import pytest

from tests.faults.boundaries import Boundary
from tests.faults.killed import KINDS, House, Sending, house, ids_in_truth, ids_shown, neighbour, prepared
from tests.harness import MongoDatabase
from tests.proxying import Passing, Way
from tests.sending import is_conflict, is_replayed
from tests.waiting import eventually

KILLS = 15  # times the kinds of messages: a hundred at each boundary, and some
LONG_S = 200  # more than a start of unknown fate takes, since Intercom's search lags


async def everything_prepared(house: House) -> list[tuple[Sending, Boundary]]:
    """A message of each kind for each boundary."""
    return [(await prepared(house, kind), boundary) for boundary in Boundary for kind in KINDS]


async def stopped(house: House, sendings: list[tuple[Sending, Boundary]]) -> list["asyncio.Task[httpx.Response]"]:
    """Sends them all; each stands at its boundary then.

    Those of which only the answer isn't stored come last: MongoDB isn't waited for long, and then they are answered.
    """
    sent = {}
    for is_last in (False, True):
        for sending, boundary in sendings:
            if (boundary is Boundary.ANSWER) == is_last:
                house.boundaries.stops.append(sending.stop_at(boundary))
                sent[sending.key] = asyncio.create_task(sending.until_sent())
        await eventually(house.boundaries.all_reached, timeout_s=40)
    return [sent[sending.key] for sending, _ in sendings]


async def is_once(house: House, sending: Sending, *responses: httpx.Response) -> None:
    """It is in Intercom once, under the id that its clients were told, and its user is shown it once."""
    assert len({response.content for response in responses}) == 1
    answer = responses[0].json()
    told = answer["message"]["id"] if "message" in answer else answer["id"]
    assert await ids_in_truth(house, sending, answer) == [told], sending
    if sending.kind not in {"complaint", "start by topic"}:
        await eventually(lambda: ids_shown(sending, answer))
        shown = await ids_shown(sending, answer)
        assert len(shown) == 1, sending
        assert shown == [told] or sending.kind == "start"
    again = await sending.try_once()
    assert (is_replayed(again), again.content) == (True, responses[0].content)


async def no_conversation_too_many(house: House, sendings: list[tuple[Sending, Boundary]]) -> None:
    """There are those that replies went to, and those that were started."""
    there = (await house.running.operator.control("GET", "/status"))["conversations"]
    assert there == sum(sending.kind not in {"complaint", "ticket reply"} for sending, _ in sendings)


def retried(sendings: list[tuple[Sending, Boundary]], http: httpx.AsyncClient) -> list["asyncio.Task[httpx.Response]"]:
    """The same messages under the same keys, from second clients through another supportd."""
    return [asyncio.create_task(sending.through(http).until_sent()) for sending, _ in sendings]


async def test_killed_at_each_boundary_and_retried_through_two_processes_at_once(
    mongo: MongoDatabase, tmp_path: Path
) -> None:
    async with house(mongo, tmp_path) as one, neighbour(one, tmp_path) as other:
        sendings = await everything_prepared(one)
        sent = await stopped(one, sendings)
        sent += retried(sendings, other)
        await one.crash()
        one.age(130)
        answers = await asyncio.gather(*sent)
        for (sending, boundary), *responses in zip(
            sendings, answers[: len(sendings)], answers[len(sendings) :], strict=True
        ):
            await is_once(one, sending, *responses)
            is_there = boundary in {Boundary.TAKEN, Boundary.ANSWER} and sending.kind != "complaint"
            assert sorted(map(is_replayed, responses)) == [is_there, True], (sending, boundary)
        await no_conversation_too_many(one, sendings)


@pytest.mark.soak
@pytest.mark.timeout(900)
async def test_killed_at_each_boundary_a_hundred_times(mongo: MongoDatabase, tmp_path: Path) -> None:
    async with house(mongo, tmp_path) as one, neighbour(one, tmp_path) as other:
        sendings: list[tuple[Sending, Boundary]] = []
        sent: list[asyncio.Task[httpx.Response]] = []
        again: list[asyncio.Task[httpx.Response]] = []
        for _ in range(KILLS):
            batch = await everything_prepared(one)
            sent += await stopped(one, batch)
            again += retried(batch, other)
            sendings += batch
            await one.crash()
        async with asyncio.timeout(LONG_S):
            answers = await asyncio.gather(*sent, *again)
        for (sending, _), *responses in zip(sendings, answers[: len(sent)], answers[len(sent) :], strict=True):
            await is_once(one, sending, *responses)
        await no_conversation_too_many(one, sendings)
        counts = Counter(boundary.name for _, boundary in sendings)
        print(f"killed {KILLS} times; sends at each boundary: {dict(counts)}")  # noqa: T201 - what a soak reports
        assert min(counts.values()) >= 100


async def test_who_was_stopped_while_another_took_over_sends_nothing_when_it_goes_on(
    mongo: MongoDatabase, tmp_path: Path
) -> None:
    """It is stopped (SIGSTOP) once its intent is stored and before it knows so: the next step is the call."""
    async with house(mongo, tmp_path) as one, neighbour(one, tmp_path) as other:
        sendings = [await prepared(one, "reply") for _ in range(4)]
        pid = one.running.supportd.pid
        storing: dict[int, bytes] = {}
        stopped = asyncio.Event()

        def stop(passing: Passing) -> None:
            if passing.way is Way.REQUEST:
                storing[passing.connection] = passing.data
            elif b"intent\0" in storing.pop(passing.connection, b"") and not stopped.is_set():
                os.kill(pid, signal.SIGSTOP)
                stopped.set()

        one.boundaries.mongodb.watch = stop
        first = [asyncio.create_task(sending.try_once()) for sending in sendings]
        await stopped.wait()
        try:
            answers = await taken_over(one, [sending.through(other) for sending in sendings])
        finally:
            os.kill(pid, signal.SIGCONT)
        late = await asyncio.gather(*first)
        assert all(each.status_code in {201, 502} or is_conflict(each) for each in late)
        await one.running.operator.control("POST", "/webhook/flush")
        for sending, response in zip(sendings, answers, strict=True):
            await is_once(one, sending.through(other), response)


async def taken_over(house: House, sendings: list[Sending]) -> list[httpx.Response]:
    """Retries until all is sent. The leases of who holds the keys are over by then."""
    runs = house.runs()
    waiting = [asyncio.create_task(sending.until_sent()) for sending in sendings]
    await eventually(lambda: not runs & house.runs(), timeout_s=40)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    house.age(60)
    return await asyncio.gather(*(sending.until_sent() for sending in sendings))
