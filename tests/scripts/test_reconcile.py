"""`scripts/reconcile.py` as a program, beside a supportd that missed things."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pymongo
import pytest

from supportd.dev.child import Child
from supportd.simulator.app import Simulator
from supportd.stores.outbox import Job, Kind
from supportd.upkeep.checkpoint import Checkpoint
from tests.harness import ACCESS_TOKEN, MongoDatabase, World, living, serving, settings, simulating
from tests.proxying import Passing, Proxy, Way, proxied
from tests.scripts.running import command, environ, run
from tests.system.processes import INTERCOM
from tests.waiting import eventually

NAME = "reconcile.py"
HOUR = 3600
Report = dict[str, Any]


def values(address: str) -> dict[str, str]:
    return {**INTERCOM, "INTERCOM_BASE_URL": address}


class Script:
    """The script on one world, with its checkpoint in a folder."""

    def __init__(self, mongo: MongoDatabase, simulator: Simulator, folder: Path) -> None:
        self.mongo = mongo
        self.address = simulator.base_url
        self.checkpoint = folder / "checkpoint.sqlite"

    @property
    def arguments(self) -> list[str]:
        return ["--json", "--settled", "0", "--patience", "0", "--checkpoint", str(self.checkpoint)]

    async def run(self, *more: str, code: int = 0, **changes: str) -> Report:
        done = await run(NAME, *self.arguments, *more, mongo=self.mongo, **{**values(self.address), **changes})
        assert (done.returncode, done.stderr) == (code, ""), done.stdout + done.stderr
        report: Report = json.loads(done.stdout)
        assert not self.checkpoint.exists()
        return report

    async def fails(self, *more: str, code: int, **changes: str) -> str:
        done = await run(NAME, *self.arguments, *more, mongo=self.mongo, **{**values(self.address), **changes})
        assert (done.returncode, done.stdout) == (code, "")
        assert "Traceback" not in done.stderr
        return done.stderr


def found(report: Report) -> set[tuple[str, str, str]]:
    return {(each["kind"], each["id"], each["what"]) for each in report["differences"]}


async def catch_up(world: World) -> None:
    """What supportd does every few seconds."""
    await world.server.parts.inbox.sweep()
    await world.server.parts.inbox.drain()
    await world.server.parts.csat.sweep()
    await world.finish_jobs()


async def start(world: World, *users: str) -> list[str]:
    return [(await world.sdk(user).start(body=f"Hello from {user}"))["id"] for user in users]


async def reach(script: Script, world: World, expected: set[tuple[str, str, str]]) -> None:
    """It finds just these, reports them, queues their repair for supportd, and then there is none."""
    report = await script.run("--repair", "--dry-run", code=3)
    assert (found(report), report["repaired"]) == (expected, 0)
    repaired = await script.run("--repair")
    assert (found(repaired), repaired["repaired"]) == (expected, len(repaired["differences"]))
    await catch_up(world)
    assert (await script.run())["differences"] == []


async def test_conversations(mongo: MongoDatabase, tmp_path: Path) -> None:
    async with living(mongo, webhooks=False) as world:
        script, sdk, operator = Script(mongo, world.simulator, tmp_path), world.sdk(), world.operator
        same, older, gone, damaged, bobs = await start(world, "alice", "alice", "alice", "alice", "bob")
        assert len(await sdk.list()) == 4
        assert (await script.run())["differences"] == []
        await world.elapse(HOUR)
        await operator.reply(older, "<p>An answer</p>")
        await operator.control("DELETE", f"/conversations/{gone}")
        missing = (await operator.control("POST", "/conversations", {"external_id": "alice", "body": "By e-mail"}))[
            "id"
        ]
        await operator.control("POST", "/conversations", {"external_id": "nobody-of-ours", "body": "By e-mail"})
        with pymongo.MongoClient[dict[str, Any]](mongo.uri) as client:
            client[mongo.name]["snapshots"].update_one({"_id": damaged}, {"$set": {"encoded": b"0"}})
        unlike = {older: "older", missing: "missing", gone: "not at Intercom", damaged: "unreadable"}
        await reach(script, world, {("conversation", id_, what) for id_, what in unlike.items()})
        assert [each["body"] for each in (await sdk.poll(older))["messages"]] == ["Hello from alice", "An answer"]
        assert {chat["id"] for chat in await sdk.list()} == {same, older, missing, damaged}
        assert (await sdk.call("GET", f"/api/conversations/{gone}")).status_code == 404
        assert (await world.sdk("bob").show(bobs))["id"] == bobs


async def test_tickets(mongo: MongoDatabase, tmp_path: Path) -> None:
    async with living(mongo, webhooks=False) as world:
        script, sdk, operator = Script(mongo, world.simulator, tmp_path), world.sdk(), world.operator
        await start(world, "alice")
        older, gone = [(await operator.make_ticket())["id"] for _ in range(2)]
        assert len((await sdk.get("/api/tickets"))["tickets"]) == 2
        await world.elapse(HOUR)
        await operator.act_on_ticket(older, "state", state="resolved")
        await operator.control("DELETE", f"/tickets/{gone}")
        missing = (await operator.make_ticket(title="Another"))["id"]
        expected = {("ticket", older, "older"), ("ticket", missing, "missing"), ("ticket", gone, "not at Intercom")}
        await reach(script, world, expected)
        states = {ticket["id"]: ticket["state"] for ticket in (await sdk.get("/api/tickets"))["tickets"]}
        assert states == {older: "resolved", missing: "submitted"}


async def test_tags_of_ratings(mongo: MongoDatabase, tmp_path: Path) -> None:
    async with living(mongo) as world:
        script, operator = Script(mongo, world.simulator, tmp_path), world.operator
        rated, by_hand = await start(world, "alice", "alice")
        await world.sdk().post("/api/csat", {"stars": 4, "conversationId": rated}, status=201)
        await catch_up(world)
        await world.elapse(HOUR)
        await operator.control("DELETE", f"/conversations/{rated}/tags/csat-4")
        await operator.act(rated, "tags", name="CSAT-2")
        await operator.act(by_hand, "tags", name="csat-5")  # of a conversation that nobody rated here
        await world.settle()
        await world.reconcile()
        await reach(script, world, {("rating", rated, "tag missing"), ("rating", rated, "tag too many")})
        tags = [tag["name"] for tag in (await operator.truth(rated))["tags"]["tags"]]
        assert sorted(tags) == ["csat", "csat-4"]


async def test_a_tag_that_is_off_already_is_no_failure(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        (chat,) = await start(world, "alice")
        await world.server.parts.outbox.ensure(Job("off", Kind.UNTAG, chat, text="csat-1"))
        await eventually(lambda: world.metric("outbox_jobs_total", kind="untag", outcome="ok") == 1)


async def rename(world: World, contact_id: str, user: str) -> None:
    """By Intercom's own API: the contact is another user's from now on."""
    given = {"Authorization": f"Bearer {ACCESS_TOKEN}"}
    answer = await world.operator.http.put(f"/contacts/{contact_id}", json={"external_id": user}, headers=given)
    answer.raise_for_status()


async def test_contacts(mongo: MongoDatabase, tmp_path: Path) -> None:
    async with simulating() as simulator:
        script = Script(mongo, simulator, tmp_path)
        async with serving(settings(mongo, simulator.base_url), simulator, webhooks=False) as world:
            (chat, _) = await start(world, "alice", "bob")
            old, bob = [
                (await world.operator.control("POST", "/contacts", {"external_id": user}))["id"]
                for user in ("alice", "bob")
            ]
            await rename(world, old, "alice-before")
            moved = (await world.operator.control("POST", "/conversations", {"external_id": "alice", "body": "New"}))[
                "id"
            ]
            await world.operator.control("POST", "/contacts", {"external_id": "bob", "archived": True})
            expected = {("contact", old, "other id"), ("contact", bob, "not at Intercom")}
            await reach(script, world, expected | {("conversation", moved, "missing")})
        async with serving(settings(mongo, simulator.base_url), simulator, webhooks=False) as world:
            assert [each["id"] for each in await world.sdk("alice").list()] == [moved]
            assert (await world.sdk("alice").call("GET", f"/api/conversations/{chat}")).status_code == 404
            assert (await world.sdk("bob").start(body="Back"))["id"]


async def test_what_just_changed_is_left_to_supportd(mongo: MongoDatabase, tmp_path: Path) -> None:
    async with living(mongo, webhooks=False) as world:
        script = Script(mongo, world.simulator, tmp_path)
        (chat,) = await start(world, "alice")
        await world.elapse(HOUR)
        await world.operator.reply(chat, "<p>Just now</p>")
        Checkpoint(script.checkpoint, about="another database").close()
        assert "of another database" in await script.fails(code=2)
        assert (await script.run("--fresh", "--settled", "300"))["differences"] == []
        assert found(await script.run(code=3)) == {("conversation", chat, "older")}


async def test_a_search_that_shows_what_was_is_not_believed(mongo: MongoDatabase, tmp_path: Path) -> None:
    async with living(mongo) as world:
        script = Script(mongo, world.simulator, tmp_path)
        closed, gone = await start(world, "alice", "alice")
        await world.operator.trouble(search_misses_closes=True, search_lag_s=HOUR)
        await world.operator.act(closed, "close")
        await world.operator.control("DELETE", f"/conversations/{gone}")
        await world.settle()
        assert (await script.run())["differences"] == []


def hold_at(proxy: Proxy, path: bytes, *, number: int) -> asyncio.Event:
    """Nothing passes any more once so many calls of this kind came; says when."""
    reached, calls = asyncio.Event(), 0

    def watch(passing: Passing) -> None:
        nonlocal calls
        calls += passing.way is Way.REQUEST and path in passing.data
        if calls == number:
            proxy.hold()
            reached.set()

    proxy.watch = watch
    return reached


@pytest.mark.timeout(120)  # the script starts four times, once to be killed
async def test_a_run_that_was_cut_off_goes_on_where_it_was(mongo: MongoDatabase, tmp_path: Path) -> None:
    async with living(mongo, webhooks=False) as world, proxied(httpx.URL(world.simulator.base_url).port or 0) as proxy:
        script = Script(mongo, world.simulator, tmp_path)
        script.address = f"http://127.0.0.1:{proxy.port}"
        known = await start(world, "alice")
        for count in (150, 10):  # a page, and some
            await world.elapse(10)
            for _ in range(count):
                await world.operator.control("POST", "/conversations", {"external_id": "alice", "body": "By e-mail"})

        reached = hold_at(proxy, b"POST /conversations/search", number=2)
        environment = environ(mongo, **values(script.address))
        killed = Child("reconcile", command(NAME, *script.arguments), log=tmp_path / "log", environ=environment)
        killed.start()
        await asyncio.wait_for(reached.wait(), 40)
        assert "another run uses it" in await script.fails(code=2)
        killed.kill()
        proxy.watch = None
        await proxy.allow()

        await world.operator.trouble(forbidden_path="/tickets")
        assert "Intercom refused it (403 action_forbidden)" in await script.fails(code=2)
        await world.operator.no_trouble()
        proxy.refuse()
        words = await script.fails(code=1)
        assert words == "reconcile: Intercom can't be asked (ConnectError). Run it again: it goes on where it was\n"
        await proxy.allow()

        await world.operator.forget_calls()
        report = await script.run(code=3)
        assert (report["resumed"], report["compared"]["conversations"]) == (True, 161)
        assert report["counts"] == {"conversation: missing": 160}
        assert known[0] not in {each["id"] for each in report["differences"]}
        assert set(await world.operator.calls()) == {"POST /tickets/search"}


@pytest.mark.soak  # a window is ten seconds
async def test_it_stays_within_its_share_of_the_budget(mongo: MongoDatabase, tmp_path: Path) -> None:
    async with living(mongo, webhooks=False) as world:
        script = Script(mongo, world.simulator, tmp_path)
        await start(world, "alice")
        await world.elapse(10)
        await world.operator.forget_calls()
        await world.operator.trouble(rate_limit_per_minute=6)
        await script.run("--share", "0.001", "--patience", "60")
        assert sum((await world.operator.calls()).values()) == 3  # none was refused and made again


async def test_what_is_wrong_is_said(mongo: MongoDatabase, tmp_path: Path) -> None:
    async with simulating() as simulator:
        script = Script(mongo, simulator, tmp_path)
        refused = await script.fails(code=2, INTERCOM_ACCESS_TOKEN="wrong")
        assert refused == "reconcile: Intercom refused it (401 unauthorized); see what `supportd check` says\n"
        assert "MongoDB can't be reached" in await script.fails(code=1, MONGO_URI="mongodb://127.0.0.1:1")
        (tmp_path / "notes.txt").write_text("no database, and long enough to be sure of it" * 9)
        assert "can't be used" in await script.fails("--checkpoint", str(tmp_path / "notes.txt"), code=2)
        assert "must be from 0.001 to 1" in (await run(NAME, "--share", "2")).stderr
