"""How much memory uploads take, measured on the process: a bound that their sizes have no part in."""

import asyncio
import re
import shutil
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from supportd.files.admission import MOST_EACH
from tests.files import makers
from tests.harness import MongoDatabase
from tests.raw_uploads import END, Line, line_to, part, uploaded
from tests.system.processes import Processes, processes
from tests.waiting import eventually

MIB = 2**20
UPLOADS = 100
FILE_BYTES = 20 * MIB  # MAX_FILE_MB as it is unless set
PIECE_BYTES = MIB
# Issue and documents promise 256 KiB an upload. The rest is a constant: stacks and arenas of the threads that write,
# verify and store, two verifications of 100 KiB, the metrics and records of what was stored.
MAX_GROWTH_KIB = UPLOADS * 256 + 8 * 1024


@pytest.mark.timeout(240)  # it is 2 GB to the disk
async def test_100_uploads_of_the_full_size_at_once(mongo: MongoDatabase, tmp_path: Path) -> None:
    files = tmp_path / "files"
    async with (
        processes(mongo.uri, mongo.name, tmp_path, webhooks=False, FILES_DIR=str(files)) as running,
        AsyncExitStack() as stack,
    ):
        stack.callback(shutil.rmtree, files)
        await uploaded(running.sdk("first"))  # brings what is loaded and started once
        idle = kib(running, "VmRSS")
        body = part(film(FILE_BYTES))
        lines = await begun(running, stack, length=len(body) + len(END))
        for start in range(0, len(body), PIECE_BYTES):  # side by side, so that none waits for the others for long
            piece = body[start : start + PIECE_BYTES]
            await asyncio.gather(*(line.send(piece) for line in lines))
        await eventually(lambda: whole_but_for_their_end(files) == UPLOADS, timeout_s=120)

        await asyncio.gather(*(line.send(END) for line in lines))
        answers = await asyncio.gather(*(line.answer() for line in lines))

        assert [status for status, _, _ in answers] == [201] * UPLOADS
        assert kib(running, "VmHWM") - idle <= MAX_GROWTH_KIB


def film(size: int) -> bytes:
    """An MP4 of so many bytes, nearly all of them in its media."""
    without = len(makers.mp4(boxes=makers.moov() + makers.box(b"mdat")))
    return makers.mp4(boxes=makers.moov() + makers.box(b"mdat", b"\x55" * (size - without)))


async def begun(running: Processes, stack: AsyncExitStack, *, length: int) -> list[Line]:
    """All the connections, each with the headers of an upload sent."""
    port = int(running.api.rpartition(":")[2])
    lines = [await stack.enter_async_context(line_to(port)) for _ in range(UPLOADS)]
    for number, line in enumerate(lines):
        await line.begin(running.sdk(f"user-{number // MOST_EACH}"), length=length)
    return lines


def whole_but_for_their_end(files: Path) -> int:
    """How many uploads are under way with all bytes of the file on the disk."""
    return sum(path.stat().st_size == FILE_BYTES for path in (files / "incoming").iterdir())


def kib(running: Processes, field: str) -> int:
    """A field of the process's status, see proc(5): `VmRSS` is what it has, `VmHWM` the most it ever had."""
    status = Path(f"/proc/{running.supportd.pid}/status").read_text()
    found = re.search(rf"^{field}:\s+(\d+) kB$", status, re.MULTILINE)
    assert found is not None, "Linux tells"
    return int(found[1])
