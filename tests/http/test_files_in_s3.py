"""Files in S3: clients are sent there for the bytes, and get what they would get here."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any

import httpx
import pytest

from tests.files.opening import BUCKET, CREDENTIALS, moto
from tests.harness import MongoDatabase, World
from tests.raw_uploads import link_token
from tests.uploading import PDF, PNG, TEXT, in_intercom, living, opened, reply_with, upload

Living = Callable[..., AbstractAsyncContextManager[World]]


@pytest.fixture(scope="module")
def s3_address() -> Iterator[str]:
    with moto() as address:
        yield address


@pytest.fixture
def in_s3(mongo: MongoDatabase, s3_address: str) -> Living:
    os.environ.update(CREDENTIALS)
    bucket: dict[str, Any] = {"s3_bucket": BUCKET, "s3_endpoint_url": s3_address, "s3_region": "eu-central-1"}
    return partial(living, mongo, files_backend="s3", **bucket)


async def ask(world: World, path: str, method: str = "GET", **headers: str) -> httpx.Response:
    return await world.sdk().call(method, path, headers=headers)


def both(world: World, file: dict[str, Any]) -> list[str]:
    """Where the file is for its owner, and for whoever has a link."""
    return [f"/api/files/{file['id']}", f"/files/{file['id']}?t={link_token(world, file['id'])}"]


async def test_a_get_is_sent_to_the_bucket_for_a_minute(in_s3: Living) -> None:
    async with in_s3() as world, httpx.AsyncClient(trust_env=False) as browser:
        file = await upload(world.sdk(), "na\u00efve \u65e5.txt", TEXT)
        for path, caching in zip(both(world, file), ["private, no-store", "private, max-age=3600"], strict=True):
            told = await ask(world, path)
            assert (told.status_code, told.content) == (302, b"")
            assert told.headers["Cache-Control"] == "private, no-store"
            assert told.headers["X-Content-Type-Options"] == "nosniff"
            assert "ETag" not in told.headers
            assert "X-Amz-Expires=60" in told.headers["Location"]
            got = await browser.get(told.headers["Location"])
            assert (got.status_code, got.content) == (200, TEXT)
            assert got.headers["Content-Type"] == "text/plain; charset=utf-8"
            assert got.headers["Cache-Control"] == caching
            disposition = got.headers["Content-Disposition"]
            assert disposition.startswith("attachment; ")
            assert "filename*=UTF-8''na%C3%AFve%20%E6%97%A5.txt" in disposition


async def test_a_part_comes_from_the_bucket(in_s3: Living) -> None:
    async with in_s3() as world, httpx.AsyncClient(trust_env=False) as browser:
        file = await upload(world.sdk(), "a.txt", TEXT)
        for path in both(world, file):
            told = await ask(world, path, Range="bytes=3-9")
            got = await browser.get(told.headers["Location"], headers={"Range": "bytes=3-9"})
            assert (told.status_code, got.status_code, got.content) == (302, 206, TEXT[3:10])


async def test_what_needs_no_bytes_is_answered_here(in_s3: Living) -> None:
    async with in_s3() as world:
        file = await upload(world.sdk())
        for path in both(world, file):
            told = await ask(world, path, "HEAD")
            assert (told.status_code, told.headers["Content-Length"]) == (200, str(len(PNG)))
            assert told.headers["Content-Type"] == "image/png"
            known = await ask(world, path, **{"If-None-Match": told.headers["ETag"]})
            assert (known.status_code, known.content) == (304, b"")
        forged = await world.http.get(f"/files/{file['id']}?t=x")
        assert forged.status_code == 404
        assert "Location" not in forged.headers


async def test_replies_bring_files_from_the_bucket_along(in_s3: Living) -> None:
    """Intercom follows the redirect of an image; what isn't one is sent from the bucket."""
    async with in_s3() as world:
        alice = world.sdk()
        chat = await alice.start(body="Hello")
        ids = [(await upload(alice, name, data))["id"] for name, data in (("a.png", PNG), ("a.pdf", PDF))]
        sent = (await reply_with(alice, chat, *ids))["message"]
        [part] = await in_intercom(world, chat)
        assert [(await opened(file["url"])).content for file in part["attachments"]] == [PNG, PDF]
        assert [(await opened(file["url"])).content for file in sent["attachments"]] == [PNG, PDF]
