"""How much memory files take on their way out, measured on the process."""

from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.harness import MongoDatabase
from tests.raw_uploads import line_to, uploaded
from tests.system.processes import processes
from tests.system.test_uploads import film, kib
from tests.uploading import reply_with

MIB = 2**20
READERS = 30
FILES = 3  # as many as the simulator takes in one body
FILE_BYTES = 20 * MIB
MAX_GROWTH_KIB = 16 * 1024  # while 80 MiB are sent along, or 600 MiB are asked for


@pytest.mark.timeout(120)
async def test_large_files_are_sent_along_a_piece_at_a_time(mongo: MongoDatabase, tmp_path: Path) -> None:
    async with processes(mongo.uri, mongo.name, tmp_path, FILES_DIR=str(tmp_path / "files")) as running:
        alice = running.sdk()
        chat = await alice.start(body="Hello")
        await reply_with(alice, chat, (await uploaded(alice, film(MIB), "first.mp4"))["id"])
        large = film(FILE_BYTES)
        files = [await uploaded(alice, large, f"{n}.mp4") for n in range(FILES)]
        before = kib(running, "VmHWM")

        sent = await reply_with(alice, chat, *(file["id"] for file in files))

        assert [file["size"] for file in sent["message"]["attachments"]] == [FILE_BYTES] * FILES
        assert kib(running, "VmHWM") - before <= MAX_GROWTH_KIB


@pytest.mark.timeout(120)
async def test_who_reads_slowly_holds_no_file_in_memory(mongo: MongoDatabase, tmp_path: Path) -> None:
    async with (
        processes(mongo.uri, mongo.name, tmp_path, webhooks=False, FILES_DIR=str(tmp_path / "files")) as running,
        AsyncExitStack() as stack,
    ):
        alice = running.sdk()
        file = await uploaded(alice, film(FILE_BYTES), "a.mp4")
        head = f"GET /api/files/{file['id']} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {alice.token}\r\n\r\n"
        port = int(running.api.rpartition(":")[2])
        before = kib(running, "VmHWM")
        for line in [await stack.enter_async_context(line_to(port)) for _ in range(READERS)]:
            await line.send(head.encode())
            assert b" 200 OK" in await line.reader.readline()
        assert (await alice.call("GET", f"/api/files/{file['id']}")).headers["Content-Length"] == str(FILE_BYTES)
        assert kib(running, "VmHWM") - before <= MAX_GROWTH_KIB
