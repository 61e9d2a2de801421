"""`supportd serve` as a process: how it starts, is told to stop, and is killed."""

import asyncio
import configparser
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from supportd import server
from supportd.dev.ports import free_port
from tests.harness import MongoDatabase
from tests.system.processes import Processes, environment, processes, serve_environment
from tests.waiting import eventually

PROJECT = Path(__file__).parents[2]
REQUIRED = ["JWT_SECRET", "MONGO_URI", "INTERCOM_ACCESS_TOKEN", "INTERCOM_CLIENT_SECRET", "INTERCOM_ADMIN_ID"]


def run(command: str, environ: dict[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "supportd", command, *arguments],
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_setting_refuses_the_start_and_is_named(name: str) -> None:
    environ = serve_environment("mongodb://127.0.0.1:1", "supportd", "http://127.0.0.1:1")
    del environ[name]
    done = run("serve", environ)
    assert (done.returncode, done.stderr) == (2, f"supportd: {name} is required\n")


@pytest.mark.parametrize(
    ("name", "value"),
    [("JWT_SECRET", "too short"), ("PORT", "http"), ("MONGO_URI", "localhost"), ("RECONCILE_INTERVAL", "-1")],
)
def test_a_bad_setting_refuses_the_start_and_is_named(name: str, value: str) -> None:
    done = run("serve", {**serve_environment("mongodb://127.0.0.1:1", "x", "http://127.0.0.1:1"), name: value})
    assert done.returncode == 2
    assert done.stderr.startswith(f"supportd: {name} must ")
    assert "Traceback" not in done.stderr


def test_a_token_needs_the_secret() -> None:
    done = run("token", environment(), "--user", "alice")
    assert (done.returncode, done.stdout) == (2, "")
    assert "JWT_SECRET" in done.stderr


async def test_a_port_in_use_is_said_in_one_line(mongo: MongoDatabase, tmp_path: Path) -> None:
    async with processes(mongo.uri, mongo.name, tmp_path) as running:
        environ = serve_environment(mongo.uri, mongo.name, "http://127.0.0.1:1", PORT=running.api.rpartition(":")[2])
        done = await asyncio.to_thread(run, "serve", environ)
        assert done.returncode == 3
        assert done.stderr.startswith("supportd: can't listen on 127.0.0.1:")
        assert len(done.stderr.splitlines()) == 1


async def test_the_metrics_port_in_use_is_named(mongo: MongoDatabase, tmp_path: Path) -> None:
    async with processes(mongo.uri, mongo.name, tmp_path) as running:
        taken = running.metrics.split(":")[2].partition("/")[0]
        environ = serve_environment(mongo.uri, mongo.name, "http://127.0.0.1:1", METRICS_PORT=taken)
        done = await asyncio.to_thread(run, "serve", environ)
        assert (done.returncode, len(done.stderr.splitlines())) == (3, 1)
        assert f"127.0.0.1:{taken}" in done.stderr


@pytest.mark.parametrize("fd", ["0", "999"])
async def test_an_inherited_socket_that_is_none_is_said_in_one_line(mongo: MongoDatabase, fd: str) -> None:
    done = await asyncio.to_thread(
        run, "serve", serve_environment(mongo.uri, mongo.name, "http://127.0.0.1:1", LISTEN_FD=fd)
    )
    assert done.returncode == 3
    assert done.stderr.startswith(f"supportd: can't listen on LISTEN_FD {fd}: ")
    assert len(done.stderr.splitlines()) == 1


async def test_a_second_signal_cuts_what_still_runs(mongo: MongoDatabase, tmp_path: Path) -> None:
    async with processes(mongo.uri, mongo.name, tmp_path, INTERCOM_TIMEOUT="60") as running:
        chat = await running.sdk().start(body="Hello")
        await running.operator.trouble(latency_s=30)
        path = f"/api/conversations/{chat['id']}/reply"
        replying = asyncio.create_task(running.sdk().call("POST", path, json={"body": "x"}))
        await eventually(lambda: called(running, "POST /conversations/{id}/reply"))
        os.kill(running.supportd.pid, signal.SIGTERM)
        await eventually(lambda: "stopping" in running.supportd.last_lines())
        os.kill(running.supportd.pid, signal.SIGTERM)
        await eventually(lambda: not running.supportd.running, timeout_s=4)
        assert running.supportd.exit_code == 0
        await asyncio.gather(replying, return_exceptions=True)


def test_the_deadline_is_under_ten_seconds_and_supervisord_waits_longer() -> None:
    assert server.DRAIN_S + 2 * server.LAST_S < 8  # closing takes up to two seconds more where MongoDB is gone
    parsed = configparser.RawConfigParser()
    parsed.read(PROJECT / "supervisord.conf")
    assert parsed.getint("fcgi-program:supportd", "stopwaitsecs") > 10


async def test_it_starts_without_mongodb_and_says_so(tmp_path: Path) -> None:
    async with processes(f"mongodb://127.0.0.1:{free_port()}", "none", tmp_path, webhooks=False) as running:
        ready = await running.http.get("/ready")
        assert (ready.status_code, ready.json()["checks"]["database"]) == (503, "unreachable")


async def test_sigterm_answers_held_polls_and_ends_with_0(mongo: MongoDatabase, tmp_path: Path) -> None:
    async with processes(mongo.uri, mongo.name, tmp_path) as running:
        users = [running.sdk(f"user-{number}") for number in range(50)]
        chats = [(await user.start(body="Hello")) for user in users]
        await running.operator.control("POST", "/webhook/flush")
        held = [
            asyncio.create_task(user.poll(chat["id"], since=chat["latestTimestamp"], wait=25))
            for user, chat in zip(users, chats, strict=True)
        ]
        await eventually(lambda: parked(running, 50))

        exit_code = await asyncio.to_thread(running.supportd.stop)

        polls = await asyncio.gather(*held)
        assert [poll["messages"] for poll in polls] == [[]] * 50
        assert exit_code == 0


async def test_sigterm_lets_a_running_send_finish(mongo: MongoDatabase, tmp_path: Path) -> None:
    async with processes(mongo.uri, mongo.name, tmp_path) as running:
        chat = await running.sdk().start(body="Hello")
        await running.operator.trouble(latency_s=1.0)
        replying = asyncio.create_task(running.sdk().reply(chat["id"], "on my way out"))
        await eventually(lambda: called(running, "POST /conversations/{id}/reply"))
        assert await asyncio.to_thread(running.supportd.stop) == 0
        assert (await replying)["message"]["body"] == "on my way out"


async def called(running: Processes, operation: str) -> bool:
    return operation in await running.operator.calls()


async def parked(running: Processes, count: int) -> bool:
    async with httpx.AsyncClient(trust_env=False) as http:
        return f"supportd_held_polls {count}.0" in (await http.get(running.metrics)).text


async def test_killed_at_any_time_no_message_is_missing_or_doubled(mongo: MongoDatabase, tmp_path: Path) -> None:
    async with processes(mongo.uri, mongo.name, tmp_path, RECONCILE_INTERVAL="0.2") as running:
        alice = running.sdk()
        chat = await alice.start(body="Hello")
        since = chat["latestTimestamp"]
        seen: list[str] = []
        for round_ in range(4):
            for number in range(3):
                await running.operator.reply(chat["id"], f"<p>{round_}.{number}</p>")
            running.supportd.kill(signal.SIGKILL)
            await running.operator.reply(chat["id"], f"<p>{round_}.down</p>")
            await running.restart()
            expected = 4 * (round_ + 1)

            async def all_seen(expected: int = expected) -> bool:
                nonlocal since
                poll = await alice.poll(chat["id"], since=since)
                since = poll["latestTimestamp"]
                seen.extend(message["body"] for message in poll["messages"])
                return len(seen) >= expected

            await eventually(all_seen)
        assert seen == [f"{round_}.{step}" for round_ in range(4) for step in ("0", "1", "2", "down")]


async def test_without_webhooks_a_change_shows_within_the_interval(mongo: MongoDatabase, tmp_path: Path) -> None:
    async with processes(mongo.uri, mongo.name, tmp_path, webhooks=False, RECONCILE_INTERVAL="0.2") as running:
        alice = running.sdk()
        chat = await alice.start(body="Hello")
        await running.operator.reply(chat["id"], "<p>Hello</p>")

        async def shown() -> bool:
            return bool((await alice.poll(chat["id"], since=chat["latestTimestamp"]))["messages"])

        await eventually(shown)
