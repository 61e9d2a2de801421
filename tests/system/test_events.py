"""`supportd events replay`: what was received is processed again, by hand, beside a server that runs."""

import asyncio
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from supportd.dev.ports import free_port
from tests.harness import MongoDatabase, living
from tests.system.processes import environment, serve_environment


def replay(environ: dict[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "supportd", "events", "replay", *arguments],
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def environ_of(mongo: MongoDatabase) -> dict[str, str]:
    return serve_environment(mongo.uri, mongo.name, "http://127.0.0.1:1")


@pytest.mark.logs("webhook can't be processed")
async def test_what_failed_is_shown_and_what_went_well_changes_nothing(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        alice = world.sdk()
        chat = await alice.start(body="Hello")
        await world.operator.reply(chat["id"], "<p>one</p>")
        await world.settle()
        first = await alice.poll(chat["id"], since=chat["latestTimestamp"])
        await world.operator.trouble(forbidden_path=f"/conversations/{chat['id']}", statistics=False)
        await world.operator.reply(chat["id"], "<p>two</p>")
        await world.settle()
        assert (await alice.poll(chat["id"], since=first["latestTimestamp"]))["messages"] == []
        await world.operator.no_trouble()

        looked = await asyncio.to_thread(replay, environ_of(mongo), "--since", "1h", "--dry-run")
        stored = await world.server.parts.database["webhook_events"].count_documents({})
        assert (looked.returncode, looked.stdout) == (0, f"{stored} events would be processed again\n")
        assert await world.server.parts.stores.webhook_events.count_pending() == 0

        for _ in range(2):
            done = await asyncio.to_thread(replay, environ_of(mongo), "--since", "1h")
            assert (done.returncode, done.stdout, done.stderr) == (0, f"{stored} events will be processed again\n", "")
            await world.server.parts.inbox.sweep()
            await world.server.parts.inbox.drain()
        second = await alice.poll(chat["id"], since=first["latestTimestamp"])
        assert [message["body"] for message in second["messages"]] == ["two"]
        whole = (await alice.show(chat["id"]))["messages"]
        assert [message["body"] for message in whole] == ["Hello", "one", "two"]
        assert (await alice.poll(chat["id"], since=second["latestTimestamp"]))["messages"] == []
        assert await world.server.parts.stores.webhook_events.count_pending() == 0


async def test_only_what_came_since_then_is_taken(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        await world.sdk().start(body="Hello")
        await world.settle()
        world.clock.jump(-3 * 3600)
        await world.sdk("bob").start(body="Hello")
        await world.settle()
        events = world.server.parts.stores.webhook_events
        everything = await events.count_done(since=datetime.now(UTC) - timedelta(days=1), until=datetime.now(UTC))
        two_hours_ago = datetime.now(UTC) - timedelta(hours=2)
        for since in ("2h", two_hours_ago.isoformat(), two_hours_ago.replace(tzinfo=None).isoformat()):
            done = await asyncio.to_thread(replay, environ_of(mongo), "--since", since, "--dry-run")
            assert done.stdout == "1 events would be processed again\n", done.stderr
        assert everything == 2


@pytest.mark.parametrize("since", ["", "yesterday", "2", "-2h", "2w", "2026-13-01", "2999-01-01", "999999999d"])
def test_a_bad_time_is_refused_and_named(since: str) -> None:
    done = replay(environment(), f"--since={since}")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--since" in done.stderr
    assert repr(since) in done.stderr
    assert "Traceback" not in done.stderr


def test_a_time_is_required() -> None:
    assert replay(environment()).returncode == 2


def test_a_missing_setting_is_named() -> None:
    done = replay(environment(), "--since", "1h")
    assert (done.returncode, done.stdout) == (2, "")
    assert "is required" in done.stderr


def test_without_mongodb_it_fails_in_one_line() -> None:
    environ = serve_environment(f"mongodb://127.0.0.1:{free_port()}", "none", "http://127.0.0.1:1")
    done = replay(environ, "--since", "1h")
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1)
    assert "MongoDB" in done.stderr
