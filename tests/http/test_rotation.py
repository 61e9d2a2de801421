"""Secrets are changed by a restart with the new one and the one before: nobody notices. Then the old one is void."""

import hashlib
import hmac
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from supportd.simulator.app import Simulator
from tests.harness import CLIENT_SECRET, JWT_SECRET, MongoDatabase, World, serving, settings, simulating, token
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
