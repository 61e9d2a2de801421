"""`scripts/forget_user.py` as a program, on what a supportd in full use left."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pymongo
import pytest

from supportd.dev.child import Child
from supportd.stores.personal import IMPERSONAL, PERSONAL
from tests.files.opening import BUCKET, CREDENTIALS, bucket_client, moto
from tests.harness import MongoDatabase, Sdk, World, living
from tests.proxying import Passing, Way, proxied
from tests.scripts.running import command, environ, run
from tests.uploading import PNG, reply_with, upload

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


async def test_a_run_that_is_killed_is_finished_by_the_next(mongo: MongoDatabase, tmp_path: Path) -> None:
    async with living(mongo) as world:
        await live_a_little(world)
    before = json.loads((await run(NAME, ALICE, "--dry-run", "--json", mongo=mongo)).stdout)["found"]
    async with proxied(urlsplit(mongo.uri).port or 0) as proxy:
        reached, deletions = asyncio.Event(), 0

        def hold_at_the_third(passing: Passing) -> None:
            nonlocal deletions
            deletions += passing.way is Way.REQUEST and b"\x02delete\x00" in passing.data
            if deletions == 3:
                proxy.hold()
                reached.set()

        proxy.watch = hold_at_the_third
        there = environ(mongo, MONGO_URI=f"mongodb://127.0.0.1:{proxy.port}/?directConnection=true")
        killed = Child("forget", command(NAME, ALICE, "--erase"), log=tmp_path / "log", environ=there)
        killed.start()
        await asyncio.wait_for(reached.wait(), 40)
        killed.kill()
    done = json.loads((await run(NAME, ALICE, "--erase", "--json", mongo=mongo)).stdout)
    assert sum(done["erased"].values()) == sum(before.values()) - 2
    assert (done["left"], files(mongo)) == ([], 0)
    assert (await run(NAME, ALICE, "--dry-run", mongo=mongo)).stdout == "nothing found\n"


async def live_a_little(world: World) -> None:
    await world.sdk(ALICE).start(body="Hello")
    await upload(world.sdk(ALICE))
    await world.settle()


async def test_files_in_a_bucket(mongo: MongoDatabase) -> None:
    os.environ.update(CREDENTIALS)
    with moto() as address:
        bucket: dict[str, Any] = {"s3_bucket": BUCKET, "s3_endpoint_url": address, "s3_region": "eu-central-1"}
        async with living(mongo, files_backend="s3", **bucket) as world:
            await live_a_little(world)
            await upload(world.sdk(BOB))
        client = bucket_client(address)
        (key,) = [each for each in keys(client) if each in recorded(mongo, ALICE)]
        values = {**CREDENTIALS, "FILES_BACKEND": "s3", **{name.upper(): value for name, value in bucket.items()}}

        folder = mongo.files_dir / "export"
        exported = await run(NAME, ALICE, "--export", str(folder), mongo=mongo, **values)
        assert exported.returncode == 0, exported.stderr
        assert PNG in [path.read_bytes() for path in await asyncio.to_thread(lambda: list(folder.iterdir()))]

        unknown = f"{key.partition('/')[0]}/{'0' * 32}"  # of the same owner, and of no record
        client.put_object(Bucket=BUCKET, Key=unknown, Body=b"?")
        done = await run(NAME, ALICE, "--erase", "--json", mongo=mongo, **values)
        assert json.loads(done.stdout)["left"] == [{"collection": "stored files", "id": unknown}]
        assert (done.returncode, set(keys(client))) == (3, {unknown, *recorded(mongo, BOB)})


def keys(client: Any) -> list[str]:
    return [each["Key"] for each in client.list_objects_v2(Bucket=BUCKET)["Contents"]]


def recorded(mongo: MongoDatabase, user: str) -> list[str]:
    with pymongo.MongoClient[dict[str, Any]](mongo.uri) as client:
        return [each["key"] for each in client[mongo.name]["files"].find({"user_id": user})]


async def test_bytes_that_are_gone_are_named_and_the_rest_is_exported(mongo: MongoDatabase, tmp_path: Path) -> None:
    async with living(mongo, webhooks=False) as world:
        lost, kept = [await upload(world.sdk(ALICE)) for _ in range(2)]
    with pymongo.MongoClient[dict[str, Any]](mongo.uri) as client:
        key = client[mongo.name]["files"].find_one({"_id": lost["id"]}, {"key": 1})
    assert key is not None
    (place,) = (mongo.files_dir / "stored").rglob(key["key"].replace("/", "-"))
    place.unlink()
    done = await run(NAME, ALICE, "--export", str(tmp_path / "all"), "--erase", "--json", mongo=mongo)
    report = json.loads(done.stdout)
    assert (done.returncode, report["lost_files"], report["exported"]["files"]) == (0, [lost["id"]], 2)
    names = {path.name for path in await asyncio.to_thread(lambda: list((tmp_path / "all").iterdir()))}
    assert names == {"records.jsonl", kept["id"]}
    assert (report["left"], files(mongo)) == ([], 0)


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
