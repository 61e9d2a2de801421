"""Uploads while MongoDB, the disk or S3 fails: a clear error, nothing half stored served, nothing that stays."""

import asyncio
import os
import socket
import threading
import tracemalloc
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, closing
from pathlib import Path

import pytest

from supportd.dev.mongod import running_mongod
from supportd.errors import FileStorageUnavailable
from supportd.files.admission import MOST_EACH
from supportd.files.incoming import THREADS
from supportd.files.sweeper import UNFINISHED_S, UNUSED_S
from supportd.files.threads import Threads
from tests.files.opening import BUCKET, CREDENTIALS
from tests.harness import MongoDatabase, World, living, serving, settings, simulating
from tests.raw_uploads import END, PNG, Line, line, part, try_upload, uploaded
from tests.waiting import eventually

PNGS_LENGTH = len(part() + END)
PIECE_BYTES = 16 * 1024


def on_disk(world: World, folder: str) -> list[Path]:
    return [path for path in (Path(world.settings.files_dir) / folder).rglob("*") if path.is_file()]


async def records(world: World) -> int:
    return await world.server.parts.database["files"].count_documents({})


async def swept(world: World) -> None:
    world.clock.advance(UNFINISHED_S + 60)
    await world.server.parts.file_sweeper.run()


@pytest.mark.logs("storage unavailable", "periodic task failed")
async def test_mongodb_gone_in_mid_upload(tmp_path: Path) -> None:
    async with (
        running_mongod(tmp_path) as mongod,
        living(MongoDatabase(mongod.uri, "files", tmp_path / "files")) as world,
        line(world) as connection,
    ):
        kept = await uploaded(world.sdk())
        await connection.begin(world.sdk(), length=PNGS_LENGTH)
        await connection.send(part())
        await eventually(lambda: on_disk(world, "incoming"))

        mongod.kill()
        await connection.send(END)
        status, _, body = await connection.answer()
        assert (status, b"service_unavailable" in body) == (502, True)
        assert on_disk(world, "incoming") == []
        assert len(on_disk(world, "stored")) == 1
        assert (await try_upload(world.sdk())).status_code == 502
        assert (await world.sdk().call("GET", f"/api/files/{kept['id']}")).status_code == 502

        mongod.restart()
        await eventually(lambda: _is_ready(world))
        await swept(world)
        assert await records(world) == 1
        assert (await world.sdk().call("GET", f"/api/files/{kept['id']}")).content == PNG


async def _is_ready(world: World) -> bool:
    return (await world.http.get("/ready")).status_code == 200


@pytest.mark.logs("file storage unavailable")
async def test_a_disk_that_fails(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        folder = Path(world.settings.files_dir) / "stored"
        folder.rename(folder.with_name("away"))
        response = await try_upload(world.sdk())
        assert (response.status_code, response.json()["error"]) == (502, "service_unavailable")
        assert on_disk(world, "incoming") == []
        assert world.metric("uploads_refused_total", reason="unavailable") == 1

        folder.with_name("away").rename(folder)
        await swept(world)
        assert await records(world) == 0
        await uploaded(world.sdk())


@pytest.mark.logs("file storage unavailable")
async def test_what_couldnt_be_stored_counts_against_nobody(mongo: MongoDatabase) -> None:
    data = b"a" * 700_000
    async with living(mongo, max_upload_mb_per_day=1) as world:
        folder = Path(world.settings.files_dir) / "stored"
        folder.rename(folder.with_name("away"))
        for _ in range(3):
            assert (await try_upload(world.sdk(), data, "a.txt")).status_code == 502
        folder.with_name("away").rename(folder)
        await uploaded(world.sdk(), data, "a.txt")
        assert (await try_upload(world.sdk(), data, "a.txt")).status_code == 429

        await swept(world)
        assert await records(world) == 1


@pytest.mark.logs("file storage unavailable")
async def test_a_disk_that_takes_no_more(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        incoming = Path(world.settings.files_dir) / "incoming"
        incoming.rename(incoming.with_name("away"))
        assert (await try_upload(world.sdk())).status_code == 502
        assert await records(world) == 0


@pytest.mark.logs("file storage unavailable")
async def test_s3_down(mongo: MongoDatabase) -> None:
    os.environ.update(CREDENTIALS)
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
    async with living(mongo, files_backend="s3", s3_bucket=BUCKET, s3_endpoint_url=address, s3_region="a") as world:
        response = await try_upload(world.sdk())
        assert (response.status_code, response.json()["error"]) == (502, "service_unavailable")
        assert on_disk(world, "incoming") == []


@asynccontextmanager
async def hanging(threads: Threads) -> AsyncIterator[None]:
    """Has nothing reach the disk for a while."""
    go = threading.Event()
    held = [asyncio.ensure_future(threads.run(go.wait)) for _ in range(THREADS)]
    try:
        yield
    finally:
        go.set()
        await asyncio.gather(*held)


async def unchanged(look: Callable[[], int]) -> None:
    """Waits until it stays as it is."""
    seen: list[int] = []

    def stays() -> bool:
        seen.append(look())
        return len(seen) > 25 and len(set(seen[-25:])) == 1

    await eventually(stays)


async def pour(connection: Line, body: bytes, sent: Counter[str]) -> None:
    """Sends it all, and keeps no more than a piece of it back."""
    connection.writer.transport.set_write_buffer_limits(high=0)
    for start in range(0, len(body), PIECE_BYTES):
        await connection.send(body[start : start + PIECE_BYTES])
        sent["bytes"] += PIECE_BYTES


async def test_what_a_slow_disk_cant_take_waits_in_the_network(mongo: MongoDatabase) -> None:
    body, sent = part(b"x" * 12 * 2**20) + END, Counter[str]()
    async with living(mongo) as world, AsyncExitStack() as stack:
        await uploaded(world.sdk())
        lines = [await stack.enter_async_context(line(world)) for _ in range(MOST_EACH)]
        async with hanging(world.server.parts.files._incoming._threads):
            tracemalloc.start()
            stack.callback(tracemalloc.stop)
            for connection in lines:
                await connection.begin(world.sdk(), length=len(body))
            pouring = [asyncio.ensure_future(pour(connection, body, sent)) for connection in lines]
            await eventually(lambda: world.server.lifecycle.under_way == MOST_EACH)
            await unchanged(lambda: sent["bytes"])
            held = tracemalloc.get_traced_memory()[0] / MOST_EACH
            assert sent["bytes"] < MOST_EACH * len(body)
        assert held <= 256 * 1024
        await asyncio.gather(*pouring)
        assert [(await connection.answer())[0] for connection in lines] == [201] * MOST_EACH


async def test_what_a_crash_left_half_stored_is_never_served_and_goes(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        file = await uploaded(world.sdk())
        files = world.server.parts.database["files"]
        await files.update_one({"_id": file["id"]}, {"$set": {"state": "pending"}})  # the bytes came, their mark didn't
        assert (await world.sdk().call("GET", f"/api/files/{file['id']}")).status_code == 404
        await swept(world)
        assert await records(world) == 0
        assert on_disk(world, "stored") == []


async def test_what_a_crash_left_on_its_way_in_is_gone_after_the_next_start(mongo: MongoDatabase) -> None:
    async with simulating() as simulator:
        configuration = settings(mongo, simulator.base_url)
        async with serving(configuration, simulator) as world:
            file = await uploaded(world.sdk())
        left = Path(configuration.files_dir) / "incoming" / "0123456789abcdef0123456789abcdef"
        left.write_bytes(b"half a file")
        async with serving(configuration, simulator) as world:
            assert not left.exists()
            assert (await world.sdk().call("GET", f"/api/files/{file['id']}")).content == PNG


@pytest.mark.logs("file missing")
async def test_bytes_that_somebody_took_away(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        file = await uploaded(world.sdk())
        for path in on_disk(world, "stored"):
            path.unlink()
        response = await world.sdk().call("GET", f"/api/files/{file['id']}")
        assert (response.status_code, response.json()["error"]) == (404, "not_found")
        assert "Content-Disposition" not in response.headers


@pytest.mark.logs("file storage unavailable")
async def test_bytes_that_somebody_cut_short_are_no_shorter_file(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        file = await uploaded(world.sdk(), b"a line\n" * 100_000, "a.txt")
        for path in on_disk(world, "stored"):
            os.truncate(path, 100_000)
        async with line(world) as connection:
            request = f"GET /api/files/{file['id']} HTTP/1.1\r\nHost: supportd\r\n"
            await connection.send(f"{request}Authorization: Bearer {world.sdk().token}\r\n\r\n".encode())
            whole = await connection.reader.read()
        assert len(whole.partition(b"\r\n\r\n")[2]) == 100_000
        assert world.server.lifecycle.under_way == 0


@pytest.mark.logs("file storage unavailable")
async def test_what_cant_be_deleted_now_is_deleted_later(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        await uploaded(world.sdk())
        world.clock.advance(UNUSED_S + 60)
        folder = Path(world.settings.files_dir) / "stored"
        folder.rename(folder.with_name("away"))
        with pytest.raises(FileStorageUnavailable):
            await world.server.parts.file_sweeper.run()
        assert await records(world) == 1

        folder.with_name("away").rename(folder)
        await world.server.parts.file_sweeper.run()
        assert await records(world) == 0
        assert on_disk(world, "stored") == []
