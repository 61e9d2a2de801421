"""`scripts/forget_user.py` as a program, on what a supportd in full use left."""

import json
from typing import Any

import pymongo
import pytest

from supportd.stores.personal import IMPERSONAL, PERSONAL
from tests.harness import MongoDatabase, Sdk, World, living
from tests.scripts.running import run
from tests.uploading import reply_with, upload

NAME = "forget_user.py"
ALICE, BOB = "alice-in-full", "bob-in-full"


async def live(world: World, sdk: Sdk) -> None:
    """Does everything that a user can do, so that each collection has something of the user."""
    await sdk.post("/api/devices/register", {"platform": "mobile", "token": f"token-of-{sdk.user}"}, status=200)
    chat = await sdk.start(body="Hello")
    await reply_with(sdk, chat, (await upload(sdk))["id"], body="See")
    await upload(sdk)
    await world.operator.reply(chat["id"], "<p>An answer</p>")
    await world.operator.act(chat["id"], "close")
    await world.operator.make_ticket(sdk.user)
    await world.settle()
    await sdk.post("/api/csat", {"stars": 2, "comment": "Meh", "conversationId": chat["id"]}, status=201)
    body = {"category": "funds", "description": "My money is not there", "chatId": chat["id"]}
    await sdk.post("/api/complaints", body, status=201)
    await sdk.call("PUT", "/api/settings/notifications", json={"chatMessages": False})
    await world.settle()


def names(mongo: MongoDatabase) -> set[str]:
    with pymongo.MongoClient[dict[str, Any]](mongo.uri) as client:
        return set(client[mongo.name].list_collection_names())


def files(mongo: MongoDatabase) -> int:
    return sum(path.is_file() for path in (mongo.files_dir / "stored").rglob("*"))


@pytest.mark.logs("files not delivered")  # the simulator has no way to the links
async def test_one_person_is_exported_and_erased_and_the_other_stays(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        for user in (ALICE, BOB):
            await live(world, world.sdk(user))
    before = json.loads((await run(NAME, BOB, "--dry-run", "--json", mongo=mongo)).stdout)
    folder = mongo.files_dir / "export"
    done = await run(NAME, ALICE, "--export", str(folder), "--erase", "--json", mongo=mongo)
    assert done.stderr == ""
    report = json.loads(done.stdout)
    assert report["found"]["webhook_events"] > 0
    assert report["left"] == []
    assert done.returncode == 0
    assert report["exported"] == report["erased"] == report["found"]
    for name in (
        "contacts",
        "snapshots",
        "tickets",
        "files",
        "ratings",
        "complaints",
        "devices",
        "durations",
        "preferences",
        "idempotency",
    ):
        assert report["found"][name] > 0, name
    assert len((folder / "records.jsonl").read_text().splitlines()) == sum(report["found"].values())
    assert files(mongo) == 2
    after = json.loads((await run(NAME, BOB, "--dry-run", "--json", mongo=mongo)).stdout)
    assert after == before
    again = await run(NAME, ALICE, "--erase", mongo=mongo)
    assert (again.returncode, again.stdout) == (0, "nothing found\n")
    assert names(mongo) == {*PERSONAL, *IMPERSONAL}


async def test_what_was_cut_off_is_finished_by_the_next_run(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        await world.sdk(ALICE).start(body="Hello")
        await upload(world.sdk(ALICE))
        await world.settle()
    stored, away = mongo.files_dir / "stored", mongo.files_dir / "away"
    stored.rename(away)
    cut_off = await run(NAME, ALICE, "--erase", mongo=mongo)
    assert (cut_off.returncode, "safe to try again" in cut_off.stderr) == (1, True)
    away.rename(stored)
    done = json.loads((await run(NAME, ALICE, "--erase", "--json", mongo=mongo)).stdout)
    assert (done["left"], done["erased"]["files"], done["erased"]["snapshots"], files(mongo)) == ([], 1, 1, 0)


async def test_what_still_names_the_person_fails_it(mongo: MongoDatabase) -> None:
    with pymongo.MongoClient[dict[str, Any]](mongo.uri) as client:
        client[mongo.name]["contacts"].insert_one({"_id": ALICE, "contact_id": "c" * 24})
        client[mongo.name]["novelties"].insert_one({"_id": 1, "encoded": b"\x93" + b"c" * 24})
    done = await run(NAME, ALICE, "--erase", "--json", mongo=mongo)
    assert (done.returncode, json.loads(done.stdout)["left"]) == (3, [{"collection": "novelties", "id": "1"}])


async def test_what_is_wrong_is_said() -> None:
    assert (await run(NAME, ALICE, "--erase")).returncode == 2
    assert (await run(NAME, ALICE)).returncode == 2
    assert "--dry-run" in (await run(NAME, "--help")).stdout
