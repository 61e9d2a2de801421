"""supportd stopped and started again under hundreds of pollers, behind a real nginx and under a real supervisord."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.conformance import CHECKED
from tests.harness import MongoDatabase, Operator, Sdk, token
from tests.system.nginx import fronted, needs_nginx
from tests.system.pollers import Poller, crowd
from tests.system.supervised import SERVES, Supervised, supervised
from tests.waiting import eventually

pytestmark = [needs_nginx, pytest.mark.timeout(300)]

LOOPBACK = "127.0.0.1"


@dataclass
class Site:
    """All that runs, and its clients."""

    port: int
    supervised: Supervised
    operator: Operator
    http: httpx.AsyncClient

    def sdk(self, user: str) -> Sdk:
        return Sdk(self.http, user, token(user))

    async def chats(self, count: int) -> dict[str, tuple[str, int]]:
        """As many users, each with a conversation: its id, and how far they read it."""
        users = [f"user-{number}" for number in range(count)]
        chats = await asyncio.gather(*(self.sdk(user).start(body="Hello") for user in users))
        return {user: (chat["id"], chat["latestTimestamp"]) for user, chat in zip(users, chats, strict=True)}


@contextlib.asynccontextmanager
async def site(mongo: MongoDatabase, folder: Path) -> AsyncIterator[Site]:
    async with contextlib.AsyncExitStack() as stack:
        world = await stack.enter_async_context(supervised(mongo, folder, RECONCILE_INTERVAL="1"))
        port = stack.enter_context(fronted(world.port, folder)).port
        url = f"http://{LOOPBACK}:{port}"
        http = httpx.AsyncClient(base_url=url, timeout=40, trust_env=False, event_hooks=CHECKED)
        control = httpx.AsyncClient(base_url=world.simulator, timeout=40, trust_env=False)
        running = Site(
            port, world, Operator(await stack.enter_async_context(control)), await stack.enter_async_context(http)
        )
        await eventually(lambda: answers(http))
        await running.operator.control("POST", "/webhook", {"url": f"{url}/webhooks/intercom"})
        yield running


async def answers(http: httpx.AsyncClient) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return (await http.get("/health")).status_code == 200
    return False


@contextlib.asynccontextmanager
async def polling(running: Site, pollers: list[Poller]) -> AsyncIterator[None]:
    stop = asyncio.Event()
    tasks = [asyncio.create_task(poller.run(running.port, stop)) for poller in pollers]
    try:
        yield
    finally:
        stop.set()
        for task, poller in zip(tasks, pollers, strict=True):
            if poller.wait_s:  # it may be held for long yet
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Talk:
    """An operator who says something in one conversation after the other, until told to stop."""

    def __init__(self, operator: Operator, conversation_ids: list[str]) -> None:
        self._operator = operator
        self._stop = asyncio.Event()
        self.said: dict[str, list[str]] = {each: [] for each in conversation_ids}

    async def run(self) -> None:
        number = 0
        while not self._stop.is_set():
            for conversation_id, said in self.said.items():
                await self._operator.reply(conversation_id, f"<p>{number}</p>")
                said.append(str(number))
            number += 1

    async def rounds(self, count: int) -> None:
        """Waits until so many more were said everywhere."""
        wanted = count + max(map(len, self.said.values()))
        await eventually(lambda: min(map(len, self.said.values())) >= wanted, timeout_s=60)

    def stop(self) -> None:
        self._stop.set()


async def sends(sdk: Sdk, conversation_id: str, stop: asyncio.Event) -> list[int]:
    """A user who writes without a pause; how each send was answered."""
    statuses: list[int] = []
    while not stop.is_set():
        path = f"/api/conversations/{conversation_id}/reply"
        statuses.append((await sdk.call("POST", path, json={"body": str(len(statuses))})).status_code)
    return statuses


async def test_no_request_fails_and_no_message_is_missed(mongo: MongoDatabase, tmp_path: Path) -> None:
    async with site(mongo, tmp_path) as running:
        first = await running.supervised.pid()
        writer = running.sdk("writer")
        written = (await writer.start(body="Hello"))["id"]
        chats = await running.chats(30)
        pollers = crowd(chats, each=7, wait_s=25, pause_s=1.0)
        talk = Talk(running.operator, [conversation_id for conversation_id, _ in chats.values()])
        async with polling(running, pollers):
            talking = asyncio.create_task(talk.run())
            stop = asyncio.Event()
            writing = asyncio.create_task(sends(writer, written, stop))
            await talk.rounds(1)
            assert "started" in await running.supervised.control(f"restart {SERVES}")
            await talk.rounds(1)
            second = await running.supervised.pid()
            os.kill(second, signal.SIGTERM)
            await eventually(lambda: "spawned: '0' with pid" in running.supervised.log.partition(str(second))[2])
            await talk.rounds(1)
            third = await running.supervised.pid()
            talk.stop()
            stop.set()
            await talking
            statuses = await writing
            await eventually(lambda: all(len(each.seen) >= len(talk.said[each.conversation_id]) for each in pollers))

        assert len({first, second, third}) == 3
        assert [poller.failures for poller in pollers if poller.failures] == []
        assert [each.user for each in pollers if each.seen != talk.said[each.conversation_id]] == []
        assert set(statuses) == {201}
        shown = (await writer.show(written))["messages"]
        assert [message["body"] for message in shown] == ["Hello", *map(str, range(len(statuses)))]
