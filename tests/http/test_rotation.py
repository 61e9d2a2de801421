"""Secrets are changed by a restart with the new one and the one before: nobody notices. Then the old one is void."""

import hashlib
import hmac
import json
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from supportd.simulator.app import Simulator
from tests.harness import CLIENT_SECRET, JWT_SECRET, MongoDatabase, World, serving, settings, simulating, token
from tests.push.pushing import house
from tests.raw_uploads import link_token
from tests.uploading import PNG, reachable, reply_with, upload

NEWER = "the-next-secret-of-more-than-thirty-two-bytes"
LINKS = "a-secret-for-links-of-more-than-thirty-two-bytes"


async def status(world: World, path: str, session: str) -> int:
    response = await world.http.get(path, headers={"Authorization": f"Bearer {session}"})
    return response.status_code


async def test_sessions(mongo: MongoDatabase) -> None:
    old, new = token("alice"), token("alice", secret=NEWER)
    async with simulating() as simulator:
        async with serving(settings(mongo, simulator.base_url), simulator) as world:
            chat = await world.sdk().start(body="Hello")
            assert await status(world, "/api/conversations", new) == 401
        rotating = settings(mongo, simulator.base_url, jwt_secret=NEWER, jwt_secret_previous=JWT_SECRET)
        async with serving(rotating, simulator) as world:
            for session in (old, new):
                assert await status(world, f"/api/conversations/{chat['id']}/poll?since=0", session) == 200
        async with serving(settings(mongo, simulator.base_url, jwt_secret=NEWER), simulator) as world:
            assert await status(world, f"/api/conversations/{chat['id']}", old) == 401
            assert await status(world, f"/api/conversations/{chat['id']}", new) == 200


async def test_intercoms_access_token(mongo: MongoDatabase) -> None:
    """A second app's token works beside the first, so that no call fails while the one is changed for the other."""
    async with simulating(more_access_tokens=("of-the-second-app",)) as simulator:
        before = settings(mongo, simulator.base_url)
        after = settings(mongo, simulator.base_url, intercom_access_token="of-the-second-app")
        async with serving(before, simulator) as world:
            chat = await world.sdk().start(body="Hello")
            async with serving(after, simulator) as next_one:
                await next_one.sdk().reply(chat["id"], "By the second")
                await world.sdk().reply(chat["id"], "By the first")
            await world.settle()
        async with serving(after, simulator) as world:
            await world.reconcile()
            shown = (await world.sdk().show(chat["id"]))["messages"]
            assert [message["body"] for message in shown] == ["Hello", "By the second", "By the first"]


@pytest.mark.logs("FCM access refused")
async def test_fcms_key(mongo: MongoDatabase) -> None:
    """An account has several keys; the old one is deleted once the new one is in use."""
    async with house(mongo) as parts:
        async with parts.running() as running:
            await running.register()
            chat = await running.chat()
            await running.answer(chat, "By the first key")
            await running.push()
            first = running.fcm.account
        parts.fcm.add_key("second")
        async with parts.running() as running:
            del parts.fcm.keys[first["private_key_id"]]
            await running.push()
            await running.answer(chat, "By the second key")
            await running.push()
            assert [message["notification"]["body"] for message in parts.fcm.messages] == [
                "By the first key",
                "By the second key",
            ]
        async with parts.running(fcm_service_account=json.dumps(first)) as running:
            await running.answer(chat, "Refused")
            await running.push()
            assert len(parts.fcm.messages) == 2


@pytest.mark.logs("push refused")
async def test_telegrams_token(mongo: MongoDatabase) -> None:
    """The old one is void at once; what wasn't told meanwhile is told under the new one."""
    newer = "110201543:AAnother-one-of-the-same-bot"
    async with house(mongo) as parts:
        async with parts.running() as running:
            await running.register("12345", platform="tma")
            chat = await running.chat()
            parts.telegram.bot_token = newer
            await running.answer(chat)
            await running.push()
            assert parts.telegram.messages == []
        async with parts.running(telegram_bot_token=newer) as running:
            await running.push(after_s=120)
            assert parts.telegram.chats == [12345]


async def webhook(world: World, secret: str) -> int:
    """Whether a ping that is signed with this secret is taken."""
    body = b'{"type": "notification_event", "topic": "ping", "data": {}}'
    signature = "sha1=" + hmac.new(secret.encode(), body, hashlib.sha1).hexdigest()
    response = await world.http.post("/webhooks/intercom", content=body, headers={"X-Hub-Signature": signature})
    return response.status_code


async def test_webhooks(mongo: MongoDatabase) -> None:
    """Intercom signs with the new secret at once; what it is sending again has the old signature."""
    async with simulating() as simulator:
        changes = {"intercom_client_secret": NEWER, "intercom_client_secret_previous": CLIENT_SECRET}
        async with serving(settings(mongo, simulator.base_url, **changes), simulator) as world:
            assert [await webhook(world, secret) for secret in (NEWER, CLIENT_SECRET, "another")] == [200, 200, 401]
        del changes["intercom_client_secret_previous"]
        async with serving(settings(mongo, simulator.base_url, **changes), simulator, webhooks=False) as world:
            assert [await webhook(world, secret) for secret in (NEWER, CLIENT_SECRET)] == [200, 401]


async def files_of(mongo: MongoDatabase, simulator: Simulator) -> tuple[str, str, str]:
    """Three ways to a file: its owner's, a link to it, and a link of a message that has it."""
    async with reachable(mongo, simulator) as world:
        loose, sent = [await upload(world.sdk()) for _ in range(2)]
        chat = await world.sdk().start(body="Hello")
        answer = await reply_with(world.sdk(), chat, sent["id"], body="See")
        link = urlsplit(answer["message"]["attachments"][0]["url"])
        direct = f"/files/{loose['id']}?t={link_token(world, loose['id'])}"
        return f"/api/files/{loose['id']}", direct, f"{link.path}?{link.query}"


async def opened(world: World, path: str, session: str) -> httpx.Response:
    return await world.http.get(path, headers={"Authorization": f"Bearer {session}"} if "/api/" in path else {})


@pytest.mark.parametrize(
    ("during", "after"),
    [
        pytest.param(
            {"jwt_secret": NEWER, "jwt_secret_previous": JWT_SECRET},
            {"jwt_secret": NEWER},
            id="derived from JWT_SECRET",
        ),
        pytest.param(
            {"file_url_secret": LINKS, "file_url_secret_previous": JWT_SECRET}, {"file_url_secret": LINKS}, id="its own"
        ),
    ],
)
async def test_files(mongo: MongoDatabase, during: dict[str, Any], after: dict[str, Any]) -> None:
    """Links that were given out hold until the former secret goes; who owns a file doesn't hang on a secret."""
    async with simulating() as simulator:
        paths = await files_of(mongo, simulator)
        for changes, statuses in ((during, [200, 200, 200]), (after, [200, 404, 404])):
            configuration = settings(mongo, simulator.base_url, **changes)
            async with serving(configuration, simulator) as world:
                session = token("alice", secret=configuration.jwt_secret)
                answers = [await opened(world, path, session) for path in paths]
                assert [answer.status_code for answer in answers] == statuses
                assert answers[0].content == PNG
