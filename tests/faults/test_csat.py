"""MongoDB killed for real while a user rates: nothing is half done, and what is stored reaches Intercom in the end."""

from pathlib import Path

import pytest

from supportd.dev.mongod import running_mongod
from tests.harness import MongoDatabase, World, living
from tests.waiting import eventually


@pytest.mark.logs("storage unavailable", "periodic task failed")
async def test_without_mongodb_a_rating_is_refused_and_can_be_given_again(tmp_path: Path) -> None:
    async with (
        running_mongod(tmp_path) as mongod,
        living(MongoDatabase(mongod.uri, "csat", tmp_path / "files")) as world,
    ):
        alice = world.sdk()
        chat = await alice.start(body="Hello")
        await world.settle()
        given = {"stars": 5, "conversationId": chat["id"]}

        mongod.kill()
        refused = await alice.call("POST", "/api/csat", json=given)
        assert (refused.status_code, refused.json()["error"]) == (502, "service_unavailable")
        assert (await alice.poll(chat["id"]))["rated"] is False

        mongod.restart()
        await eventually(lambda: is_ready(world))
        assert await world.server.parts.database["ratings"].count_documents({}) == 0
        assert (await alice.post("/api/csat", given, status=201))["duplicate"] is False
        assert (await alice.poll(chat["id"]))["rated"] is True
        await eventually(lambda: is_tagged(world, chat["id"]))


async def is_ready(world: World) -> bool:
    return bool((await world.http.get("/ready")).status_code == 200)


async def is_tagged(world: World, conversation_id: str) -> bool:
    truth = await world.operator.truth(conversation_id)
    return {tag["name"] for tag in truth["tags"]["tags"]} == {"csat", "csat-5"}
