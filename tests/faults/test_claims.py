"""Files of a reply of which nobody says whether it was sent: each is in one message, or goes."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from supportd.conversations.claims import UNSETTLED_S
from supportd.errors import IntercomUnavailable
from supportd.files.sweeper import UNUSED_S
from tests.harness import MongoDatabase, Sdk, World, simulating
from tests.sending import is_replayed, send
from tests.uploading import PDF, PNG, in_intercom, living, opened, reachable, reply_with, upload

KEYS = ["k", None]
KINDS = ["conversations", "tickets"]


async def place(world: World, kind: str) -> str:
    """The id of a conversation or ticket of Alice's."""
    if kind == "conversations":
        return str((await world.sdk().start(body="Hello"))["id"])
    ticket = await world.operator.make_ticket()
    await world.sdk().start(body="Hello")
    await world.reconcile()
    return str(ticket["id"])


async def crashed(world: World, path: str, body: dict[str, Any], key: str | None, **fault: Any) -> None:
    """A reply whose process died in the call to Intercom: nothing that follows it was done."""
    files = world.server.parts.stores.files
    await world.operator.trouble(**fault)
    with pytest.MonkeyPatch.context() as died:
        for step in ("settle", "leave", "release"):
            died.setattr(files, step, nothing)
        headers = {} if key is None else {"Idempotency-Key": key}
        await world.sdk().call("POST", path, json=body, headers=headers)
    await world.operator.no_trouble()


async def nothing(*_: Any) -> None:
    return


async def a_day_later(world: World) -> None:
    world.clock.advance(max(UNSETTLED_S, UNUSED_S) + 60)
    await world.server.parts.claim_sweeper.run()
    await world.server.parts.file_sweeper.run()


def stored(world: World) -> int:
    return sum(path.is_file() for path in (Path(world.settings.files_dir) / "stored").rglob("*"))


async def is_there(sdk: Sdk, file: dict[str, Any]) -> bool:
    return (await sdk.call("GET", f"/api/files/{file['id']}")).status_code == 200


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("kind", KINDS)
async def test_what_was_never_sent_goes_after_a_day(mongo: MongoDatabase, kind: str, key: str | None) -> None:
    async with living(mongo) as world:
        alice, of = world.sdk(), await place(world, kind)
        file = await upload(alice)
        body = {"attachmentIds": [file["id"]]}
        await crashed(world, f"/api/{kind}/{of}/reply", body, key, outage="refuse")
        world.clock.advance(UNSETTLED_S - 60)
        await world.server.parts.claim_sweeper.run()
        await world.server.parts.file_sweeper.run()
        assert await is_there(alice, file)
        await a_day_later(world)
        assert not await is_there(alice, file)
        assert stored(world) == 0


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("kind", KINDS)
async def test_what_was_sent_stays(mongo: MongoDatabase, kind: str, key: str | None) -> None:
    async with living(mongo) as world:
        alice, of = world.sdk(), await place(world, kind)
        files = [await upload(alice), await upload(alice, "a.pdf", PDF)]
        body = {"attachmentIds": [file["id"] for file in files]}
        await crashed(world, f"/api/{kind}/{of}/reply", body, key, cut_after_write=1)
        await a_day_later(world)
        assert all([await is_there(alice, file) for file in files])
        shown = (await alice.get(f"/api/{kind}/{of}"))["messages"][-1]["attachments"]
        assert sorted([(await opened(file["url"])).content for file in shown]) == sorted([PNG, PDF])
        await a_day_later(world)
        assert all([await is_there(alice, file) for file in files])


async def test_a_conversation_that_is_gone_keeps_no_files(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice, of = world.sdk(), await place(world, "conversations")
        await crashed(world, f"/api/conversations/{of}/reply", {"attachmentIds": [(await upload(alice))["id"]]}, None)
        await world.operator.control("DELETE", f"/conversations/{of}")
        world.clock.advance(UNSETTLED_S)
        await a_day_later(world)
        await a_day_later(world)
        assert stored(world) == 0


async def test_while_intercom_is_away_nothing_is_decided(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice, of = world.sdk(), await place(world, "conversations")
        file = await upload(alice)
        await crashed(world, f"/api/conversations/{of}/reply", {"attachmentIds": [file["id"]]}, None, cut_after_write=1)
        await world.operator.trouble(outage="error")
        with pytest.raises(IntercomUnavailable):
            await a_day_later(world)
        await world.operator.no_trouble()
        world.clock.advance(60)
        await a_day_later(world)
        assert await is_there(alice, file)


async def test_two_servers_send_a_file_once(mongo: MongoDatabase) -> None:
    """Of the same replies without a key."""
    async with simulating() as simulator, reachable(mongo, simulator) as world:
        alice = world.sdk()
        chat = await alice.start(body="Hello")
        files_dir = world.settings.files_dir
        async with reachable(mongo, simulator, webhooks=False, files_dir=files_dir) as other:
            await other.sdk().show(chat["id"])
            body = {"body": "See", "attachmentIds": [(await upload(alice))["id"]]}
            path = f"/api/conversations/{chat['id']}/reply"
            answers = await asyncio.gather(*(sdk.call("POST", path, json=body) for sdk in (alice, other.sdk()) * 2))
            assert sorted(answer.status_code for answer in answers) == [201, 400, 400, 400]
            assert len(await in_intercom(world, chat)) == 1


@pytest.mark.logs("file storage unavailable", "file missing")
@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(("left", "status"), [(1000, 502), (None, 400)])
async def test_a_file_that_breaks_off_on_its_way_was_not_sent(
    mongo: MongoDatabase, key: str | None, left: int | None, status: int
) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        chat, elsewhere = await alice.start(body="Hello"), await alice.start(body="Hello again")
        good, bad = await upload(alice, "a.txt", b"It was on Monday."), await upload(alice, "b.txt", b"x" * 300_000)
        [path] = [path for path in (Path(world.settings.files_dir) / "stored").rglob("*") if is_large(path)]
        content = path.read_bytes()
        path.write_bytes(content[:left]) if left is not None else path.unlink()
        body = {"body": "See", "attachmentIds": [good["id"], bad["id"]]}
        headers = {} if key is None else {"Idempotency-Key": key}
        to = f"/api/conversations/{chat['id']}/reply"
        assert (await alice.call("POST", to, json=body, headers=headers)).status_code == status
        assert await in_intercom(world, chat) == []
        await reply_with(alice, elsewhere, good["id"])
        path.write_bytes(content)
        await reply_with(alice, elsewhere, bad["id"])
        if key is not None:
            assert not is_replayed(await send(alice, to, {"body": "See"}, key))


def is_large(path: Path) -> bool:
    return path.is_file() and path.stat().st_size == 300_000
