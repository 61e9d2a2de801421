"""MongoDB's password is changed as SECURITY.md has it: by a second user, and a restart."""

from pathlib import Path
from typing import Any

import pymongo

from supportd.dev.ports import LOOPBACK
from tests.harness import MongoDatabase, serving, settings, simulating
from tests.system.mongods import bare_mongod, hello, with_key
from tests.waiting import eventually

DATABASE = "supportd"
FOLLOWING = {"several_processes": True}  # which readWrite is enough for


async def test_a_second_user_takes_over_and_the_first_is_dropped(tmp_path: Path) -> None:
    with bare_mongod(tmp_path, "--replSet", "rs0", *with_key(tmp_path)) as port:
        await eventually(lambda: hello(port))

        def uri(user: str, database: str = DATABASE) -> str:
            return f"mongodb://{user}:password@{LOOPBACK}:{port}/{database}?replicaSet=rs0"

        with pymongo.MongoClient[dict[str, Any]](f"mongodb://{LOOPBACK}:{port}/?directConnection=true") as local:
            local.admin.command("replSetInitiate", {})
            await eventually(lambda: hello(port).get("isWritablePrimary"))
            local.admin.command("createUser", "admin", pwd="password", roles=["root"])
        async with simulating() as simulator:
            with pymongo.MongoClient[dict[str, Any]](uri("admin", "admin")) as admin:
                for user in ("first", "second"):
                    admin[DATABASE].command("createUser", user, pwd="password", roles=["readWrite"])
                before, after = (
                    settings(MongoDatabase(uri(user), DATABASE, tmp_path / "files"), simulator.base_url, **FOLLOWING)
                    for user in ("first", "second")
                )
                async with serving(before, simulator) as world:
                    chat = await world.sdk().start(body="Hello")
                async with serving(after, simulator) as world:
                    admin[DATABASE].command("dropUser", "first")
                    await world.operator.reply(chat["id"], "News")
                    await world.settle()
                    news = await world.sdk().poll(chat["id"], since=chat["latestTimestamp"])
                    assert [message["body"] for message in news["messages"]] == ["News"]
                    assert world.metric("task_failures_total", task="following") == 0
