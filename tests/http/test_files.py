"""Uploads, and files as their owner gets them. What holds of the disk is shown to hold of S3."""

import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import httpx
import pytest

from supportd.files.admission import DAY_S, MOST_EACH
from supportd.files.sweeper import UNUSED_S
from supportd.handlers import uploads
from tests.files import makers
from tests.files.opening import BUCKET, CREDENTIALS, bucket_client, moto
from tests.harness import MongoDatabase, Sdk, World, living
from tests.raw_uploads import END, MULTIPART, PNG, UPLOAD, line, part, try_body, try_upload, uploaded
from tests.waiting import eventually

MIB = 2**20
TEXT = b"a line of text\n" * 20_000  # some 300 kB
NAMED = {
    "jpeg": (makers.jpeg(), "image/jpeg", "inline"),
    "png": (makers.png(), "image/png", "inline"),
    "gif": (makers.gif(), "image/gif", "inline"),
    "webp": (makers.webp(), "image/webp", "inline"),
    "bmp": (makers.bmp(), "image/bmp", "inline"),
    "pdf": (makers.pdf(), "application/pdf", "attachment"),
    "mp4": (makers.mp4(), "video/mp4", "inline"),
    "txt": (TEXT, "text/plain; charset=utf-8", "attachment"),
}


class Living(Protocol):
    """Opens a world with one storage or the other."""

    def __call__(self, **changes: Any) -> AbstractAsyncContextManager[World]: ...


@pytest.fixture(scope="module")
def s3_address() -> Iterator[str]:
    with moto() as address:
        yield address


@pytest.fixture(params=["local", "s3"])
def files_world(request: pytest.FixtureRequest, mongo: MongoDatabase) -> Living:
    if request.param == "local":
        return partial(living, mongo)
    os.environ.update(CREDENTIALS)
    address = request.getfixturevalue("s3_address")
    bucket = {"s3_bucket": BUCKET, "s3_endpoint_url": address, "s3_region": "eu-central-1"}
    return partial(living, mongo, files_backend="s3", **bucket)


async def fetch(sdk: Sdk, path: str, **headers: str) -> httpx.Response:
    """A GET, and where it leads to."""
    response = await sdk.call("GET", path, headers=headers)
    if response.status_code != 302:
        return response
    async with httpx.AsyncClient(trust_env=False) as http:
        return await http.get(response.headers["Location"], headers=headers)


def left_behind(world: World) -> list[Path]:
    """Files on the disk that aren't where files are kept."""
    return list((Path(world.settings.files_dir) / "incoming").iterdir())


def kept(world: World) -> list[Path]:
    return [path for path in (Path(world.settings.files_dir) / "stored").rglob("*") if path.is_file()]


async def key_of(world: World, file_id: str) -> str:
    record = await world.server.parts.stores.files.get(file_id)
    assert record is not None
    return record.key


async def is_stored(world: World, key: str) -> bool:
    """Whether the bytes are there."""
    if world.settings.files_backend == "local":
        return any(path.name == key.replace("/", "-") for path in kept(world))
    with closing(bucket_client(world.settings.s3_endpoint_url or "")) as client:
        return any(each["Key"] == key for each in client.list_objects_v2(Bucket=BUCKET).get("Contents", ()))


async def chunks(body: bytes) -> AsyncIterator[bytes]:
    yield body


@asynccontextmanager
async def half_sent(world: World) -> AsyncIterator[Callable[[str], Awaitable[None]]]:
    """Begins uploads that don't go on before the end."""
    async with AsyncExitStack() as stack:

        async def begin(user: str) -> None:
            connection = await stack.enter_async_context(line(world))
            await connection.begin(world.sdk(user), length=MIB)
            await connection.send(part(b"a" * 1000))

        yield begin


def refused(response: httpx.Response) -> tuple[int, str, str]:
    told = response.json()
    return response.status_code, told["error"], told["message"]


@pytest.mark.parametrize("kind", NAMED)
async def test_each_type_comes_back_as_what_it_is(files_world: Living, kind: str) -> None:
    data, content_type, disposition = NAMED[kind]
    async with files_world() as world:
        alice = world.sdk()
        file = await uploaded(alice, data, "holiday")
        assert file == {
            "id": file["id"],
            "name": f"holiday.{'jpg' if kind == 'jpeg' else kind}",
            "contentType": content_type,
            "size": len(data),
            "createdAt": file["createdAt"],
        }
        assert abs(file["createdAt"] / 1000 - world.clock.time()) < 60

        got = await fetch(alice, f"/api/files/{file['id']}")
        assert got.status_code == 200
        assert got.content == data
        assert got.headers["Content-Type"] == content_type
        assert got.headers["Content-Disposition"] == f'{disposition}; filename="{file["name"]}"'
        assert got.headers["Cache-Control"] == "private, no-store"
        assert left_behind(world) == []
        assert world.metric("files_stored_total", type=kind) == 1


async def test_what_is_served_here_can_do_nothing(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        file = await uploaded(world.sdk())
        got = await world.sdk().call("GET", f"/api/files/{file['id']}")
        assert got.headers["X-Content-Type-Options"] == "nosniff"
        assert got.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
        assert got.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert got.headers["Accept-Ranges"] == "bytes"


async def test_a_file_is_its_owners_alone(files_world: Living) -> None:
    async with files_world() as world:
        file = await uploaded(world.sdk("alice"))
        for method in ("GET", "HEAD"):
            anothers = await world.sdk("bob").call(method, f"/api/files/{file['id']}")
            absent = await world.sdk("bob").call(method, f"/api/files/{'0' * 32}")
            assert anothers.status_code == absent.status_code == 404
            assert anothers.content == absent.content
            assert set(anothers.headers) == set(absent.headers)


@pytest.mark.parametrize(
    "id_",
    ["..%2F..%2Fetc%2Fpasswd", "%2e%2e", "a%00b", "a%0d%0aX-A:%20b", "a" * 129, "a.b", "a/b", "%C3%A4", "a%20b"],
)
async def test_what_is_no_id_is_not_found(mongo: MongoDatabase, id_: str) -> None:
    async with living(mongo) as world:
        for path in (f"/api/files/{id_}", f"/files/{id_}?t=a"):
            assert (await world.sdk().call("GET", path)).status_code == 404


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("../../etc/passwd", "passwd.png"),
        ("C:\\fakepath\\me.PNG", "me.PNG"),
        ("a\r\nX-Evil: yes.png", "aX-Evil: yes.png"),
        ("nul\x00.png", "nul%00.png"),
        ("naïve 日本.png", "naïve 日本.png"),
        ('"; filename="evil.exe', "_"),
        ("run.bat", "run.bat.png"),
        ("", "file.png"),
        ("x" * 1000 + ".png", "x" * 196 + ".png"),
    ],
)
async def test_a_name_is_for_people_only(mongo: MongoDatabase, given: str, name: str) -> None:
    async with living(mongo) as world:
        file = await uploaded(world.sdk(), PNG, given)
        got = await world.sdk().call("GET", f"/api/files/{file['id']}")
        assert "X-Evil" not in got.headers
        assert got.headers["Content-Disposition"].startswith('inline; filename="')
        assert len(kept(world)) == 1
        assert not [path for path in kept(world) if name[:4] in path.name]
        if name != "_":
            assert file["name"] == name


# What isn't taken


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(64), "HEIC"),
        (b"<html><script>alert(1)</script></html>", "markup"),
        (b"MZ\x90\x00" + bytes(100), ""),
        (makers.png()[:-12], "PNG"),
        (makers.zip_archive(), "ZIP"),
    ],
)
async def test_a_refused_file_says_why(mongo: MongoDatabase, data: bytes, reason: str) -> None:
    async with living(mongo) as world:
        status, error, message = refused(await try_upload(world.sdk(), data, "a.png", "image/png"))
        assert (status, error) == (400, "validation_error")
        assert message.startswith("file: ")
        assert reason in message
        assert left_behind(world) == kept(world) == []
        assert world.metric("uploads_refused_total", reason="content") == 1


BODIES = {
    "another type": (b"{}", "application/json", "bad_request"),
    "no type": (b"", "", "bad_request"),
    "no boundary": (b"", "multipart/form-data", "bad_request"),
    "nothing": (b"", MULTIPART, "bad_request"),
    "no multipart": (b"hello", MULTIPART, "bad_request"),
    "cut off": (part(), MULTIPART, "bad_request"),
    "no part": (END, MULTIPART, "validation_error"),
    "two files": (part() + part() + END, MULTIPART, "validation_error"),
    "another field": (part(disposition='form-data; name="document"') + END, MULTIPART, "validation_error"),
    "an empty file": (part(b"") + END, MULTIPART, "validation_error"),
    "a header twice": (part(more='Content-Disposition: form-data; name="file"\r\n') + END, MULTIPART, "bad_request"),
}


@pytest.mark.parametrize("body", BODIES)
async def test_a_wrong_body_is_a_clear_400(mongo: MongoDatabase, body: str) -> None:
    data, content_type, expected = BODIES[body]
    async with living(mongo) as world:
        status, error, message = refused(await try_body(world.sdk(), data, content_type))
        assert (status, error) == (400, expected)
        assert expected == "bad_request" or message.startswith("file: ")
        assert left_behind(world) == kept(world) == []
        assert world.metric("uploads_refused_total", reason="body") == 1


async def test_a_file_of_the_full_size_is_taken(files_world: Living) -> None:
    async with files_world(max_file_mb=1) as world:
        data = b"a" * MIB
        file = await uploaded(world.sdk(), data, "a.txt")
        assert (await fetch(world.sdk(), f"/api/files/{file['id']}")).content == data
        assert refused(await try_upload(world.sdk(), data + b"a", "a.txt")) == (
            400,
            "validation_error",
            "file: must have at most 1 MB",
        )
        assert world.metric("uploads_refused_total", reason="too_large") == 1


async def test_a_file_that_says_it_is_too_large_is_refused_before_it_comes(mongo: MongoDatabase) -> None:
    async with living(mongo, max_file_mb=1) as world, line(world) as connection:
        await connection.begin(world.sdk(), length=200 * MIB)
        status, headers, body = await connection.answer()
        assert (status, headers["connection"]) == (400, "close")
        assert b"file: must have at most 1 MB" in body
        with contextlib.suppress(ConnectionError):  # it may go on, but not for ever
            for _ in range(200):
                await connection.send(bytes(MIB))
            pytest.fail("all of it was taken")
        await eventually(lambda: world.server.lifecycle.under_way == 0)
        assert world.metric("http_requests_total", route="upload", method="POST", status="400") == 1


async def test_a_file_is_refused_at_the_byte_that_is_too_much(mongo: MongoDatabase) -> None:
    async with living(mongo, max_file_mb=1) as world, line(world) as connection:
        await connection.begin(world.sdk())
        await connection.chunk(part(b"a" * MIB)[:-2])
        await eventually(lambda: [path for path in left_behind(world) if path.stat().st_size == MIB])
        await connection.chunk(b"a")
        status, _, body = await connection.answer()
        assert status == 400
        assert b"file: must have at most 1 MB" in body
        assert left_behind(world) == []


async def test_who_waits_for_leave_to_send_is_told_no(mongo: MongoDatabase) -> None:
    async with living(mongo, max_file_mb=1) as world, line(world) as connection:
        await connection.begin(world.sdk(), length=20 * MIB, more="Expect: 100-continue\r\n")
        status, _, _ = await connection.answer()
        assert status == 400
        assert await connection.closed()


async def test_the_answer_reaches_who_sends_on(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        stranger = Sdk(world.http, "alice", "no token")
        response = await try_upload(stranger, b"a" * 20 * MIB, "a.txt")
        assert response.status_code == 401
        too_large = await try_upload(world.sdk(), b"a" * 40 * MIB, "a.txt")
        assert refused(too_large)[2] == "file: must have at most 20 MB"


# Clients that leave


async def test_nothing_stays_of_who_leaves(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        async with line(world) as connection:
            await connection.begin(world.sdk(), length=MIB)
            await connection.send(part(b"a" * 100_000))
            await eventually(lambda: left_behind(world))
        await eventually(lambda: not left_behind(world))
        await eventually(lambda: world.server.lifecycle.under_way == 0)
        assert world.metric("uploads_refused_total", reason="client_left") == 1
        assert kept(world) == []


async def test_who_sends_nothing_more_is_cut_off(mongo: MongoDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "STALL_S", 0.1)
    async with living(mongo) as world, line(world) as connection:
        await connection.begin(world.sdk(), length=MIB)
        await connection.send(part(b"a" * 1000))
        assert await connection.closed()
        await eventually(lambda: not left_behind(world))


# How much


async def test_a_user_has_so_many_uploads_at_once(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        async with half_sent(world) as lines:
            for _ in range(MOST_EACH):
                await lines("alice")
            await eventually(lambda: world.server.lifecycle.under_way == MOST_EACH)
            response = await try_upload(world.sdk("alice"))
            assert response.status_code == 429
            assert int(response.headers["Retry-After"]) > 0
            await uploaded(world.sdk("bob"))
            assert world.metric("uploads_refused_total", reason="limited") == 1
        await eventually(lambda: world.server.lifecycle.under_way == 0)
        await uploaded(world.sdk("alice"))


async def test_all_have_so_many_uploads_at_once(mongo: MongoDatabase) -> None:
    async with living(mongo, max_uploads=2) as world:
        async with half_sent(world) as lines:
            await lines("alice")
            await lines("bob")
            await eventually(lambda: world.server.lifecycle.under_way == 2)
            assert (await try_upload(world.sdk("carol"))).status_code == 429
        await eventually(lambda: world.server.lifecycle.under_way == 0)
        await uploaded(world.sdk("carol"))


async def test_a_user_has_so_many_bytes_a_day(mongo: MongoDatabase) -> None:
    async with living(mongo, max_upload_mb_per_day=1) as world:
        await uploaded(world.sdk("alice"), b"a" * 700_000, "a.txt")
        response = await try_upload(world.sdk("alice"), b"a" * 700_000, "a.txt")
        assert response.status_code == 429
        assert int(response.headers["Retry-After"]) >= 3600
        chunked = {"content": chunks(part(b"a" * 700_000) + END), "headers": {"Content-Type": MULTIPART}}
        assert (await world.sdk("alice").call("POST", UPLOAD, **chunked)).status_code == 429
        await uploaded(world.sdk("alice"))
        await uploaded(world.sdk("bob"), b"a" * 700_000, "a.txt")
        world.clock.advance(DAY_S)
        await uploaded(world.sdk("alice"), b"a" * 700_000, "a.txt")
        assert left_behind(world) == []


async def test_uploads_are_writes(mongo: MongoDatabase) -> None:
    async with living(mongo, write_rate_limit_per_minute=2) as world:
        file = await uploaded(world.sdk())
        await uploaded(world.sdk())
        response = await try_upload(world.sdk())
        assert response.status_code == 429
        assert response.headers["RateLimit"].startswith('"writes";r=0')
        for method in ("GET", "HEAD"):
            got = await world.sdk().call(method, f"/api/files/{file['id']}")
            assert (got.status_code, got.headers["RateLimit"].partition(";")[0]) == (200, '"reads"')


# What is left over


async def test_a_file_that_is_never_used_goes(files_world: Living) -> None:
    async with files_world() as world:
        file, used = await uploaded(world.sdk()), await uploaded(world.sdk())
        keys = [await key_of(world, each["id"]) for each in (file, used)]
        claim: dict[str, Any] = {"user_id": "alice", "for_": "a message", "at": datetime.now(UTC)}
        assert await world.server.parts.stores.files.claim([used["id"]], **claim)
        world.clock.advance(UNUSED_S - 60)
        await world.server.parts.file_sweeper.run()
        assert (await fetch(world.sdk(), f"/api/files/{file['id']}")).content == PNG
        world.clock.advance(120)
        await world.server.parts.file_sweeper.run()
        assert (await world.sdk().call("GET", f"/api/files/{file['id']}")).status_code == 404
        assert (await fetch(world.sdk(), f"/api/files/{used['id']}")).content == PNG
        assert [await is_stored(world, key) for key in keys] == [False, True]


# Other methods


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD"])
async def test_the_place_for_uploads_takes_nothing_else(mongo: MongoDatabase, method: str) -> None:
    async with living(mongo) as world:
        response = await world.sdk().call(method, UPLOAD, content=part() + END, headers={"Content-Type": MULTIPART})
        assert response.status_code == 405
        assert response.headers["Allow"] == "POST"
