"""Several processes, as supervisord.conf has them commented, behind nginx as the document says."""

import asyncio
import os
import signal
from functools import partial
from pathlib import Path

import httpx
import pytest

from tests.harness import MongoDatabase, Operator, Sdk, token
from tests.system.nginx import fronted, needs_nginx
from tests.system.supervised import COUNT, Supervised, supervised
from tests.waiting import eventually

USERS = 30

pytestmark = [needs_nginx, pytest.mark.timeout(180)]


async def test_users_of_each_see_what_any_was_told_and_one_may_crash(mongo: MongoDatabase, tmp_path: Path) -> None:
    async with supervised(mongo, tmp_path, several=True, RECONCILE_INTERVAL="3600") as world:
        with fronted(world.ports[0], tmp_path, others=world.ports[1:]) as front:
            url = f"http://127.0.0.1:{front.port}"
            async with (
                httpx.AsyncClient(base_url=url, timeout=40, trust_env=False) as http,
                httpx.AsyncClient(base_url=world.simulator, timeout=40, trust_env=False) as control,
            ):
                operator = Operator(control)
                await operator.control("POST", "/webhook", {"url": f"{url}/webhooks/intercom"})
                for number in range(COUNT):
                    await world.pid(f"several:{number}")
                users = [Sdk(http, f"user-{number}", token(f"user-{number}")) for number in range(USERS)]
                chats = [(user, await user.start(body="Hello")) for user in users]
                held = [asyncio.create_task(user.poll(at["id"], at["latestTimestamp"], wait=25)) for user, at in chats]
                await eventually(lambda: all_hold(world))
                for _, chat in chats:
                    await operator.reply(chat["id"], "News")
                for poll in await asyncio.gather(*held):
                    assert [message["body"] for message in poll["messages"]] == ["News"]

                crashed = await world.pid("several:1")
                os.kill(crashed, signal.SIGKILL)
                await operator.reply(chats[0][1]["id"], "More")
                await eventually(lambda: is_another(world, crashed))
                for user, chat in chats[1:]:
                    await operator.reply(chat["id"], "More")
                    await eventually(partial(shows, user, chat["id"], ["Hello", "News", "More"]))


async def all_hold(world: Supervised) -> bool:
    """Whether each process holds polls, and all of them are held."""
    async with httpx.AsyncClient(trust_env=False) as http:
        scraped = [(await http.get(f"http://127.0.0.1:{port}/metrics")).text for port in world.metrics_ports]
    counts = [float(text.partition("\nsupportd_held_polls ")[2].split("\n")[0]) for text in scraped]
    return min(counts) > 0 and sum(counts) == USERS


async def is_another(world: Supervised, crashed: int) -> bool:
    return await world.pid("several:1") != crashed


async def shows(user: Sdk, chat_id: str, expected: list[str]) -> bool:
    return [message["body"] for message in (await user.poll(chat_id))["messages"]] == expected
