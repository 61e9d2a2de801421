"""Files of a reply under a key: whatever became of their claim, a retry under the key may use them."""

import asyncio

import pymongo
import pytest
from structlog.typing import EventDict

from tests.harness import MongoDatabase
from tests.proxying import Passing, Way, proxied
from tests.sending import send
from tests.uploading import in_intercom, living, upload
from tests.waiting import eventually


@pytest.mark.logs("storage unavailable", "periodic task failed")
async def test_a_claim_that_mongodb_took_and_never_confirmed(mongo: MongoDatabase, logged: list[EventDict]) -> None:
    """MongoDB is back before the key is given back: so the retry is a new try, and the files are the old one's."""
    port = pymongo.uri_parser.parse_uri(mongo.uri)["nodelist"][0][1]
    async with proxied(port) as network:
        uri = f"mongodb://127.0.0.1:{network.port}/?directConnection=true"
        async with living(MongoDatabase(uri, mongo.name, mongo.files_dir)) as world:
            alice = world.sdk()
            chat = await alice.start(body="Hello")
            file = await upload(alice)
            claiming: set[int] = set()

            def lose_the_answer(passing: Passing) -> None:
                if passing.way is Way.REQUEST and b"attached_to\0" in passing.data and b"claimed_at\0" in passing.data:
                    claiming.add(passing.connection)
                elif passing.way is Way.ANSWER and passing.connection in claiming:
                    network.watch = None
                    network.refuse()

            path, body = f"/api/conversations/{chat['id']}/reply", {"body": "See", "attachmentIds": [file["id"]]}
            network.watch = lose_the_answer
            first = asyncio.create_task(send(alice, path, body, "key-1"))
            await eventually(lambda: [line for line in logged if line.get("operation") == "files.claim"])
            await network.allow()
            assert (await first).status_code == 502
            assert await in_intercom(world, chat) == []
            sent = await send(alice, path, body, "key-1")
            assert sent.status_code == 201, sent.text
            assert len(sent.json()["message"]["attachments"]) == 1
            assert len(await in_intercom(world, chat)) == 1
