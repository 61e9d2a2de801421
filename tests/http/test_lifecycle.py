"""A server's life: nothing of it is left when it is over."""

import asyncio
import gc

from tests.harness import MongoDatabase, living


async def test_no_task_is_left_after_a_server(mongo: MongoDatabase) -> None:
    before = asyncio.all_tasks()
    async with living(mongo) as world:
        alice = world.sdk()
        chat = await alice.start(body="Hello", meta={"browser": "Firefox"})
        held = asyncio.create_task(alice.poll(chat["id"], since=chat["latestTimestamp"], wait=25))
        await world.operator.reply(chat["id"], "<p>Hello</p>")
        assert (await held)["messages"]
    gc.collect()
    left = {task.get_name() for task in asyncio.all_tasks() - before - {asyncio.current_task()}}
    assert left == set()
