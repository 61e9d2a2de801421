"""`supportd check`: each fault is named in its line, and nothing is changed by looking."""

import asyncio
import contextlib
import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pymongo
import pytest

from supportd.check.finding import Finding, Verdict
from supportd.check.mongodb import version
from supportd.check.report import check
from supportd.dev.ports import LOOPBACK, free_port
from supportd.simulator.app import Simulator
from supportd.stores.diagnosis import Facts
from tests.files.opening import BUCKET, CREDENTIALS, moto
from tests.harness import DrivenClock, MongoDatabase, Operator, living, simulating
from tests.push.fcm import Fault, Fcm
from tests.push.telegram import BOT_TOKEN, Telegram
from tests.system.mongods import bare_mongod, hello, with_key
from tests.system.processes import environment, serve_environment
from tests.waiting import eventually

NOWHERE = "http://127.0.0.1:1"
PUSH = {"push.fcm", "push.telegram"}
PERMISSIONS = {
    f"intercom.{verb}_{what}" for verb in ("read", "write") for what in ("users", "conversations", "tickets", "tags")
}


def environ_of(mongo: MongoDatabase, intercom: str, **values: str) -> dict[str, str]:
    return serve_environment(mongo.uri, mongo.name, intercom, FILES_DIR=str(mongo.files_dir), **values)


async def looked(environ: dict[str, str], *, ahead_s: float = 0.0) -> dict[str, Finding]:
    clock = DrivenClock()
    clock.jump(ahead_s)
    findings = await check(environ, clock=clock)
    assert len({each.name for each in findings}) == len(findings)
    assert all("\n" not in each.says for each in findings)
    return {each.name: each for each in findings}


def wrongs(found: dict[str, Finding]) -> set[str]:
    return {name for name, each in found.items() if each.verdict is Verdict.WRONG}


@contextlib.asynccontextmanager
async def intercom(mongo: MongoDatabase, **values: str) -> AsyncIterator[tuple[Operator, dict[str, str]]]:
    """An Intercom, and the settings that name it."""
    async with simulating() as simulator, httpx.AsyncClient(base_url=simulator.base_url, trust_env=False) as http:
        yield Operator(http), environ_of(mongo, simulator.base_url, INTERCOM_TIMEOUT="1", **values)


def command(environ: dict[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    run = [sys.executable, "-m", "supportd", "check", *arguments]
    return subprocess.run(run, env=environ, capture_output=True, text=True, timeout=60, check=False)


# All is well


async def test_the_command_says_a_line_for_each_thing_and_changes_nothing(mongo: MongoDatabase) -> None:
    async with intercom(mongo, PUBLIC_URL="https://support.example") as (_, environ):
        text = await asyncio.to_thread(command, environ)
        found = json.loads((await asyncio.to_thread(command, environ, "--json")).stdout)
    assert (text.returncode, text.stderr) == (0, "")
    verdicts = {each["name"]: each["verdict"] for each in found["checks"]}
    assert found["ok"] is True
    assert {name for name, verdict in verdicts.items() if verdict != "ok"} == {"webhook.secret"}
    assert set(verdicts) >= PERMISSIONS | {"configuration", "mongodb.writable", "files.folder", "clock"}
    lines = text.stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(verdicts)
    assert all(": " in line for line in lines)
    with pymongo.MongoClient[dict[str, Any]](mongo.uri) as client:
        assert client[mongo.name].list_collection_names() == []
    assert [path for path in mongo.files_dir.rglob("*") if path.is_file()] == []


def state_of(simulator: Simulator) -> str:
    """All that it keeps, but for how many of its answers had a number."""
    return re.sub(r"'request': [0-9]+", "", repr(simulator.workspace)).replace(", }", "}")


async def test_intercom_is_left_as_it_was(mongo: MongoDatabase) -> None:
    async with simulating() as simulator:
        before = state_of(simulator)
        assert wrongs(await looked(environ_of(mongo, simulator.base_url))) == set()
        assert state_of(simulator) == before


# Settings


@pytest.mark.parametrize(
    ("name", "value"), [("JWT_SECRET", ""), ("INTERCOM_ADMIN_ID", " "), ("PORT", "x"), ("FCM_SERVICE_ACCOUNT", "{}")]
)
def test_a_bad_setting_is_named(name: str, value: str) -> None:
    done = command(serve_environment("mongodb://127.0.0.1:1", "test", NOWHERE, **{name: value}))
    assert done.returncode == 1
    assert done.stdout.startswith(f"configuration  wrong: {name} ")
    assert len(done.stdout.splitlines()) == 1


async def test_no_secret_is_shown(mongo: MongoDatabase) -> None:
    canary = "canary-0451-canary-0451-canary-0451"
    secrets = ("JWT_SECRET", "INTERCOM_ACCESS_TOKEN", "INTERCOM_CLIENT_SECRET")
    async with intercom(mongo, **dict.fromkeys(secrets, canary)) as (_, environ):
        environ["MONGO_URI"] = f"mongodb://user:{canary}@{mongo.uri.removeprefix('mongodb://')}"
        done = await asyncio.to_thread(command, environ)
    assert done.returncode == 1
    assert canary not in done.stdout + done.stderr


# Push


@pytest.mark.logs("FCM access refused")
async def test_what_push_needs_is_asked_for_and_nobody_is_told(mongo: MongoDatabase) -> None:
    fcm, telegram = Fcm(), Telegram()
    async with intercom(mongo) as (_, environ), contextlib.AsyncExitStack() as stack:
        assert {(await looked(environ))[name].says[:3] for name in PUSH} == {"off"}
        for each in fcm, telegram:
            each.listen()
            stack.push_async_callback(each.close)
        environ |= {"FCM_SERVICE_ACCOUNT": json.dumps(fcm.account), "FCM_BASE_URL": fcm.url}
        environ |= {"TELEGRAM_BOT_TOKEN": BOT_TOKEN, "TELEGRAM_BASE_URL": telegram.url}
        assert wrongs(await looked(environ)) == set()

        fcm.faults.append(Fault(403, google_status="PERMISSION_DENIED"))
        found = await looked({**environ, "TELEGRAM_BOT_TOKEN": "7:revoked"})
        assert wrongs(found) == PUSH
        assert "may not send for the project wallet-app (403: " in found["push.fcm"].says
        assert found["push.telegram"].says.startswith("TELEGRAM_BOT_TOKEN isn't accepted")

        fcm.grant_fault = (400, {"error": "invalid_grant", "error_description": "canary"})
        assert "invalid_grant" in (await looked(environ))["push.fcm"].says
        assert (fcm.messages, telegram.messages) == ([], [])
    found = await looked(environ)
    assert all(found[name].says.startswith("no answer from ") for name in PUSH)
    assert BOT_TOKEN not in repr(found)


# MongoDB


async def of_mongodb(mongo: MongoDatabase, uri: str) -> dict[str, Finding]:
    found = await looked({**environ_of(mongo, NOWHERE), "MONGO_URI": uri})
    return {name: each for name, each in found.items() if name.startswith("mongodb.")}


async def test_nobody_answers(mongo: MongoDatabase) -> None:
    found = await of_mongodb(mongo, f"mongodb://127.0.0.1:{free_port()}")
    assert wrongs(found) == {"mongodb.reachable"}
    assert found["mongodb.writable"].verdict is Verdict.UNKNOWN


async def test_the_password_is_refused_and_the_set_has_another_name(mongo: MongoDatabase) -> None:
    refused = await of_mongodb(mongo, mongo.uri.replace("mongodb://", "mongodb://user:wrong@"))
    assert "password" in refused["mongodb.reachable"].says
    other = await of_mongodb(mongo, mongo.uri.replace("=rs0", "=other"))
    assert wrongs(other) == {"mongodb.reachable"}
    assert "no member of the replica set" in other["mongodb.reachable"].says


async def test_a_mongod_of_no_replica_set(mongo: MongoDatabase, tmp_path: Path) -> None:
    with bare_mongod(tmp_path) as port:
        await eventually(lambda: hello(port))
        alone = await of_mongodb(mongo, f"mongodb://{LOOPBACK}:{port}")
        assert wrongs(alone) == {"mongodb.replica_set"}
        assert "--replSet" in alone["mongodb.replica_set"].says
        named = await of_mongodb(mongo, f"mongodb://{LOOPBACK}:{port}/?replicaSet=rs0")
        assert wrongs(named) == {"mongodb.reachable"}


async def test_a_replica_set_that_was_never_initiated_then_a_user_who_may_only_read(
    mongo: MongoDatabase, tmp_path: Path
) -> None:
    with bare_mongod(tmp_path, "--replSet", "rs0", *with_key(tmp_path)) as port:
        await eventually(lambda: hello(port))
        uri = f"mongodb://{LOOPBACK}:{port}"
        for asked in (uri, f"{uri}/?replicaSet=rs0", f"{uri}/?directConnection=true"):
            found = await of_mongodb(mongo, asked)
            assert wrongs(found) == {"mongodb.reachable"}
            assert "rs.initiate()" in found["mongodb.reachable"].says
        members = [{"_id": 0, "host": f"{LOOPBACK}:{port}"}]
        with pymongo.MongoClient[dict[str, Any]](f"{uri}/?directConnection=true") as client:
            client.admin.command("replSetInitiate", {"_id": "rs0", "members": members})
            await eventually(lambda: hello(port).get("isWritablePrimary"))
            client.admin.command("createUser", "reader", pwd="reader", roles=["readAnyDatabase"])
        reader = await of_mongodb(mongo, f"mongodb://reader:reader@{LOOPBACK}:{port}/?replicaSet=rs0")
        assert wrongs(reader) == {"mongodb.writable"}
        assert "readWrite" in reader["mongodb.writable"].says


@pytest.mark.parametrize(
    ("told", "verdict"), [("5.0.31", "wrong"), ("6.0.5", "ok"), ("8.2.0-rc1", "ok"), ("10.0.0", "ok"), ("?", "wrong")]
)
def test_the_version(told: str, verdict: str) -> None:
    assert version(Facts(told, "rs0")).verdict == verdict


# Intercom


async def test_nobody_answers_for_intercom(mongo: MongoDatabase) -> None:
    found = await looked(environ_of(mongo, NOWHERE))
    assert wrongs(found) == {"intercom.token"}
    assert "INTERCOM_BASE_URL" in found["intercom.token"].says
    assert {found[name].verdict for name in PERMISSIONS | {"clock"}} == {Verdict.UNKNOWN}


async def test_the_token_and_the_teammate(mongo: MongoDatabase) -> None:
    async with intercom(mongo) as (_, environ):
        found = await looked({**environ, "INTERCOM_ACCESS_TOKEN": "another"})
        assert wrongs(found) == {"intercom.token"}
        assert "INTERCOM_ACCESS_TOKEN" in found["intercom.token"].says
        found = await looked({**environ, "INTERCOM_ADMIN_ID": "1"})
        assert wrongs(found) == {"intercom.admin"}
        assert "INTERCOM_ADMIN_ID" in found["intercom.admin"].says


@pytest.mark.parametrize(
    ("forbidden", "missing"),
    [
        ("/contacts/find_by_external_id", {"intercom.read_users"}),
        ("/contacts/0", {"intercom.write_users"}),
        ("/conversations/search", {"intercom.read_conversations"}),
        ("/conversations/0", {"intercom.write_conversations"}),
        ("/tickets/search", {"intercom.read_tickets"}),
        ("/tickets/0", {"intercom.write_tickets"}),
        ("/tags", {"intercom.read_tags", "intercom.write_tags"}),
    ],
)
async def test_a_missing_permission_is_named(mongo: MongoDatabase, forbidden: str, missing: set[str]) -> None:
    async with intercom(mongo) as (operator, environ):
        await operator.trouble(forbidden_path=forbidden)
        assert wrongs(await looked(environ)) == missing


async def test_while_intercom_fails_nothing_is_called_right(mongo: MongoDatabase) -> None:
    faults: list[dict[str, Any]] = [{"outage": "error"}, {"outage": "refuse"}, {"garbage": "half"}, {"error_rate": 1}]
    async with intercom(mongo) as (operator, environ):
        for fault in faults:
            await operator.no_trouble()
            await operator.trouble(**fault)
            found = await looked(environ)
            assert wrongs(found) == {"intercom.token"}
            assert {found[name].verdict for name in PERMISSIONS} == {Verdict.UNKNOWN}


@pytest.mark.parametrize(("ahead_s", "words"), [(90, "ahead of"), (-3600, "behind")])
async def test_the_clock_is_off(mongo: MongoDatabase, ahead_s: float, words: str) -> None:
    async with intercom(mongo) as (_, environ):
        found = await looked(environ, ahead_s=ahead_s)
        assert wrongs(found) == {"clock"}
        assert words in found["clock"].says
        assert wrongs(await looked(environ, ahead_s=ahead_s / abs(ahead_s) * 30)) == set()


# Webhooks


async def test_the_client_secret_shows_by_what_the_running_supportd_was_sent(mongo: MongoDatabase) -> None:
    async with living(mongo, webhooks=False) as world:
        environ = environ_of(mongo, world.simulator.base_url, METRICS_PORT=str(world.server.metrics_port))

        async def secret() -> Finding:
            return (await looked(environ))["webhook.secret"]

        assert (await secret()).verdict is Verdict.UNKNOWN
        ping = b'{"type": "notification_event", "topic": "ping", "data": {}}'
        await world.http.post("/webhooks/intercom", content=ping, headers={"X-Hub-Signature": "sha1=" + "0" * 40})
        assert (await secret()).verdict is Verdict.WRONG
        assert "INTERCOM_CLIENT_SECRET" in (await secret()).says
        await world.operator.control("POST", "/webhook", {"url": f"{world.http.base_url}/webhooks/intercom"})
        await world.operator.control("POST", "/webhook/ping")
        assert (await secret()).verdict is Verdict.OK


# Files


async def test_the_folder_cant_be_made(mongo: MongoDatabase, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    found = await looked(environ_of(mongo, NOWHERE) | {"FILES_DIR": str(tmp_path / "file" / "files")})
    assert "files.folder" in wrongs(found)
    assert "FILES_DIR" in found["files.folder"].says


@pytest.mark.logs("file storage unavailable")
async def test_a_bucket_that_takes_files_and_others_that_dont(mongo: MongoDatabase) -> None:
    os.environ.update(CREDENTIALS)
    with moto() as address:
        cases = [(BUCKET, address, ""), ("another", address, "NoSuchBucket"), (BUCKET, NOWHERE, "Endpoint")]
        for bucket, endpoint, fault in cases:
            s3 = {"FILES_BACKEND": "s3", "S3_BUCKET": bucket, "S3_ENDPOINT_URL": endpoint, "S3_REGION": "eu-central-1"}
            found = await looked(environ_of(mongo, NOWHERE, **s3))
            assert ("files.bucket" in wrongs(found)) is bool(fault)
            assert fault in found["files.bucket"].says


def test_it_needs_no_settings_to_explain_itself() -> None:
    done = command(environment(), "--help")
    assert done.returncode == 0
    assert "--json" in done.stdout
