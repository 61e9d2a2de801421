"""MongoDB killed and started again, for real: what is in memory goes on, nothing is half done, and it heals."""

from pathlib import Path

import httpx
import pytest

from supportd.dev.mongod import running_mongod
from tests.harness import MongoDatabase, living
from tests.waiting import eventually


@pytest.mark.logs("storage unavailable", "periodic task failed")
async def test_polls_go_on_writes_fail_clearly_and_it_heals_without_a_restart(tmp_path: Path) -> None:
    async with (
        running_mongod(tmp_path) as mongod,
        living(MongoDatabase(mongod.uri, "killed", tmp_path / "files")) as world,
    ):
        alice = world.sdk()
        chat = await alice.start(body="Hello")
        await world.settle()

        mongod.kill()
        await world.operator.reply(chat["id"], "<p>said while MongoDB was away</p>")
        await world.operator.deliver()

        assert len((await alice.poll(chat["id"]))["messages"]) == 1
        assert world.metric("webhooks_total", outcome="not_stored") == 1
        refused = await world.sdk("bob").call("POST", "/api/conversations", json={"body": "Hello"})
        assert (refused.status_code, refused.json()["error"]) == (502, "service_unavailable")
        ready = await world.http.get("/ready")
        assert (ready.status_code, ready.json()["checks"]["database"]) == (503, "unreachable")
        assert [contact.external_id for contact in world.simulator.workspace.contacts.values()] == ["alice"]

        mongod.restart()
        await eventually(lambda: is_ready(world.http))
        await world.reconcile()
        poll = await alice.poll(chat["id"], since=chat["latestTimestamp"])
        assert [message["body"] for message in poll["messages"]] == ["said while MongoDB was away"]
        assert (await world.sdk("bob").start(body="Hello"))["state"] == "open"


async def is_ready(http: httpx.AsyncClient) -> bool:
    return bool((await http.get("/ready")).status_code == 200)


@pytest.mark.logs("storage unavailable", "periodic task failed")
async def test_what_mongodb_did_not_take_is_not_shown(tmp_path: Path) -> None:
    async with (
        running_mongod(tmp_path) as mongod,
        living(MongoDatabase(mongod.uri, "unsaved", tmp_path / "files")) as world,
    ):
        alice = world.sdk()
        chat = await alice.start(body="Hello")
        await world.settle()
        mongod.kill()
        sent = await alice.reply(chat["id"], "Are you there?")
        shown = await alice.poll(chat["id"], since=chat["latestTimestamp"])
        assert shown["messages"] == []
        assert sent["latestTimestamp"] == shown["latestTimestamp"] == chat["latestTimestamp"]


@pytest.mark.logs("storage unavailable", "periodic task failed")
async def test_a_ticket_in_memory_is_shown_and_replied_to_without_mongodb(tmp_path: Path) -> None:
    async with (
        running_mongod(tmp_path) as mongod,
        living(MongoDatabase(mongod.uri, "tickets", tmp_path / "files")) as world,
    ):
        alice = world.sdk()
        made = await world.operator.make_ticket()
        await world.operator.act_on_ticket(made["id"], "state", state="resolved")
        await alice.get(f"/api/tickets/{made['id']}")
        await world.settle()
        mongod.kill()

        assert (await alice.get(f"/api/tickets/{made['id']}"))["state"] == "resolved"
        assert (await alice.call("GET", "/api/tickets")).status_code == 502
        sent = await alice.post(f"/api/tickets/{made['id']}/reply", {"body": "Hello"}, status=201)
        assert (sent["message"]["body"], sent["state"]) == ("Hello", "in_progress")

        mongod.restart()
        await eventually(lambda: is_ready(world.http))
        await world.settle()
        await world.reconcile()
        detail = await alice.get(f"/api/tickets/{made['id']}")
        assert [said["body"] for said in detail["messages"]] == ["Hello"]
        assert detail["state"] == "in_progress"
