import asyncio
import os
import random
import secrets
import select
import stat
import threading
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from supportd.errors import BadRequest, ConfigError, FileStorageUnavailable, NotFound, ValidationFailed
from supportd.files.incoming import Incoming, IncomingFile
from supportd.files.local import LocalStorage
from supportd.files.multipart import FileReader
from supportd.files.s3 import PART_BYTES, S3Storage
from supportd.files.storage import CHUNK_BYTES, Served, new_key, translated
from supportd.files.threads import Threads
from supportd.files.upload import Upload
from tests.files.opening import BUCKET, CREDENTIALS, OWNER, Open, answering, bucket_client, s3
from tests.waiting import eventually

FAILS = pytest.mark.logs("file storage unavailable")
SERVED = Served("image/png", "inline; filename=\"_.png\"; filename*=UTF-8''%C3%A9.png", "private, max-age=60")
FEW = b"hello, world"
MANY = random.Random(1).randbytes(2 * PART_BYTES + 12345)


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if not path.is_dir()]


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def modes(folder: Path) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {"folder": set(), "file": set()}
    for path in folder.rglob("*"):
        found["folder" if path.is_dir() else "file"].add(stat.S_IMODE(path.lstat().st_mode))
    return found


def fill_disk_beneath(file: IncomingFile) -> None:
    with Path("/dev/full").open("wb") as full:
        os.dup2(full.fileno(), file._file)


def pipe_beneath(file: IncomingFile) -> int:
    """Has writes of more than some 64 KiB hang until they are read here."""
    reading, writing = os.pipe()
    os.dup2(writing, file._file)
    os.close(writing)
    return reading


# What holds of each storage


def test_keys_name_the_owner_and_nothing_else() -> None:
    keys = {new_key(OWNER) for _ in range(1000)}
    assert len(keys) == 1000
    assert {key.split("/")[0] for key in keys} == {OWNER}
    with pytest.raises(AssertionError):
        new_key("alice")


@pytest.mark.parametrize("data", [FEW, MANY, b"x" * CHUNK_BYTES, b"x" * PART_BYTES], ids=len)
async def test_what_is_put_is_read(opened: Open, data: bytes, tmp_path: Path) -> None:
    async with opened() as kept:
        key = await kept.put(data)
        assert await kept.read(key, 0, len(data)) == data
        assert files_in(tmp_path / "incoming") == []


@pytest.mark.parametrize(
    ("start", "length"),
    [(0, 1), (5, 0), (len(MANY) - 1, 1), (CHUNK_BYTES - 1, 2), (1, CHUNK_BYTES + 1), (12345, len(MANY) - 12345)],
)
async def test_a_range_is_read_in_small_chunks(opened: Open, start: int, length: int) -> None:
    async with opened() as kept:
        key = await kept.put(MANY)
        async with kept.storage.reading(key, start=start, length=length) as chunks:
            found = [chunk async for chunk in chunks]
        assert b"".join(found) == MANY[start : start + length]
        assert max(map(len, found), default=0) <= CHUNK_BYTES


@pytest.mark.logs("file missing")
async def test_what_isnt_there_is_not_found(opened: Open) -> None:
    async with opened() as kept:
        await kept.put(FEW)
        with pytest.raises(NotFound):
            await kept.read(new_key(OWNER), 0, 1)


@pytest.mark.logs("file missing")
async def test_what_is_deleted_is_gone_and_may_be_deleted_again(opened: Open) -> None:
    async with opened() as kept:
        key, other = await kept.put(FEW), await kept.put(FEW)
        for _ in range(2):
            await kept.storage.delete(key)
        with pytest.raises(NotFound):
            await kept.read(key, 0, 1)
        assert await kept.read(other, 0, len(FEW)) == FEW


async def test_an_owners_files_are_found(opened: Open) -> None:
    owner = secrets.token_hex(6)
    keys = sorted(new_key(owner) for _ in range(3))
    async with opened() as kept:
        assert await kept.storage.owned(owner) == []
        await kept.put(FEW)
        for key in keys:
            await kept.storage.put((await kept.arrived(FEW)).path, key, "text/plain")
        assert await kept.storage.owned(owner) == keys
        await kept.storage.delete(keys[0])
        assert await kept.storage.owned(owner) == keys[1:]


@FAILS
async def test_a_file_that_is_shorter_than_it_should_be_is_an_error(opened: Open) -> None:
    async with opened() as kept:
        key = await kept.put(FEW)
        with pytest.raises(FileStorageUnavailable, match="Files are unavailable"):
            await kept.read(key, 0, len(FEW) + 1)


@FAILS
async def test_a_file_that_cant_be_put_leaves_nothing(opened: Open) -> None:
    async with opened() as kept:
        file = await kept.arrived(FEW)
        file.discard()
        key = new_key(OWNER)
        with pytest.raises(FileStorageUnavailable) as caught:
            await kept.storage.put(file.path, key, "image/png")
        assert caught.value.reason == "FileNotFoundError"


async def test_a_reader_that_goes_away_leaves_nothing_open(opened: Open) -> None:
    async with opened() as kept:
        key = await kept.put(MANY)
        await kept.read(key, 0, 1)  # connections stay for the next
        before = open_files()
        for _ in range(5):
            async with kept.storage.reading(key, start=0, length=len(MANY)) as chunks:
                assert await anext(chunks)
        await eventually(lambda: open_files() <= before)


async def test_many_at_once(opened: Open) -> None:
    async with opened() as kept:
        contents = [bytes([number]) * 100_000 for number in range(30)]
        keys = await asyncio.gather(*map(kept.put, contents))
        found = await asyncio.gather(*(kept.read(key, 0, 100_000) for key in keys))
        assert found == contents
        await asyncio.gather(*map(kept.storage.delete, keys))


async def test_a_storage_that_can_be_written_passes_and_keeps_nothing_of_it(opened: Open, tmp_path: Path) -> None:
    async with opened() as kept:
        await kept.storage.check()
        assert files_in(tmp_path) == []


# On the disk


async def test_only_we_may_read_what_is_on_the_disk(on_disk: Open, tmp_path: Path) -> None:
    async with on_disk() as kept:
        key = await kept.put(FEW)
        await kept.arrived(FEW)
        (stored,) = files_in(tmp_path / "stored")
        assert stored.relative_to(tmp_path / "stored").parts == (key[13:15], key.replace("/", "-"))
        assert modes(tmp_path) == {"folder": {0o700}, "file": {0o600}}
        assert await kept.storage.redirect(key, SERVED) is None


@pytest.mark.parametrize(
    "key", ["", "../x", f"{OWNER}/../../etc/passwd", f"{OWNER}/" + "A" * 32, f"{OWNER}/{'a' * 32}\n"]
)
async def test_a_key_leads_nowhere_else(on_disk: Open, key: str) -> None:
    async with on_disk() as kept:
        with pytest.raises(AssertionError):
            await kept.read(key, 0, 1)


@FAILS
@pytest.mark.parametrize("kind", ["file", "folder", "pipe"])
async def test_nothing_in_the_folder_leads_out_of_it(on_disk: Open, tmp_path: Path, kind: str) -> None:
    outside = tmp_path / "outside"
    async with on_disk() as kept:
        key = await kept.put(FEW)
        (stored,) = files_in(tmp_path / "stored")
        if kind == "folder":
            stored.parent.rename(outside)
            stored.parent.symlink_to(outside)
        else:
            stored.rename(outside)
            stored.symlink_to(outside) if kind == "file" else os.mkfifo(stored)
        with pytest.raises(FileStorageUnavailable):
            await kept.read(key, 0, 1)
        assert outside.exists()


@FAILS
async def test_a_disk_that_isnt_mounted_says_nothing_of_any_file(on_disk: Open, tmp_path: Path) -> None:
    async with on_disk() as kept:
        key = await kept.put(FEW)
        file = await kept.arrived(FEW)
        (tmp_path / "stored").rename(tmp_path / "elsewhere")
        for action in (kept.read(key, 0, 1), kept.storage.delete(key), kept.storage.check()):
            with pytest.raises(FileStorageUnavailable):
                await action
        with pytest.raises(FileStorageUnavailable):
            await kept.storage.put(file.path, new_key(OWNER), "image/png")
        (tmp_path / "elsewhere").rename(tmp_path / "stored")
        assert await kept.read(key, 0, len(FEW)) == FEW
        assert len(files_in(tmp_path / "stored")) == 1


@pytest.mark.parametrize("name", ["stored", "incoming"])
@pytest.mark.parametrize("kind", ["file", "link"])
def test_a_folder_that_cant_be_used_stops_the_start(tmp_path: Path, name: str, kind: str) -> None:
    if kind == "file":
        (tmp_path / name).touch()
    else:
        (tmp_path / name).symlink_to(tmp_path)
    with (
        closing(LocalStorage(tmp_path) if name == "stored" else Incoming(tmp_path)) as found,
        pytest.raises(ConfigError, match=r"^FILES_DIR can't be used"),
    ):
        found.prepare()


# On the way in


async def test_what_others_left_goes_at_the_start_and_what_is_being_written_stays(
    on_disk: Open, tmp_path: Path
) -> None:
    async with on_disk() as kept:
        writing = await kept.arrived(FEW)
        left = tmp_path / "incoming" / "left"
        left.write_bytes(FEW)
        (tmp_path / "incoming" / "a folder").mkdir()
        with closing(Incoming(tmp_path)) as another:
            another.prepare()
        assert files_in(tmp_path) == [writing.path]
        await writing.write(FEW)
        assert writing.path.read_bytes() == FEW * 2
        writing.discard()
        writing.discard()
        assert files_in(tmp_path) == []


@FAILS
async def test_a_full_disk_is_a_clear_error(on_disk: Open) -> None:
    async with on_disk() as kept:
        file = await kept.arrived(FEW)
        fill_disk_beneath(file)
        with pytest.raises(FileStorageUnavailable) as caught:
            await file.write(FEW)
        assert (caught.value.status, caught.value.reason) == (502, "disk full")
        file.discard()
        assert not file.path.exists()


@FAILS
def test_any_error_of_the_system_is_ours() -> None:
    with pytest.raises(FileStorageUnavailable) as caught, translated("read"):
        raise TimeoutError
    assert caught.value.reason == "TimeoutError"


def upload(incoming: Incoming, *, max_bytes: int = 10**9) -> Upload:
    reader = FileReader("multipart/form-data; boundary=b", max_bytes=max_bytes)
    return Upload(reader=reader, incoming=incoming)


def body(data: bytes) -> bytes:
    return b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n' + data + b"\r\n--b--\r\n"


async def test_an_upload_is_a_file_with_exactly_its_bytes(on_disk: Open, tmp_path: Path) -> None:
    sent = body(MANY)
    async with on_disk() as kept:
        with upload(kept.incoming) as arriving:
            for start in range(0, len(sent), CHUNK_BYTES):
                await arriving.feed(sent[start : start + CHUNK_BYTES])
            file = arriving.finish()
            assert (arriving.name, file.size) == ("a.png", len(MANY))
            assert file.path.read_bytes() == MANY
        assert files_in(tmp_path) == []


@pytest.mark.parametrize("ending", ["too large", "broken", "cut off", "client gone", "client gone while it is written"])
async def test_an_upload_that_fails_leaves_nothing(on_disk: Open, tmp_path: Path, ending: str) -> None:
    start = body(b"x" * 1000)[:-500]
    async with on_disk() as kept:
        before = open_files()
        with upload(kept.incoming, max_bytes=2000) as arriving:
            await arriving.feed(start)
            assert len(files_in(tmp_path)) == 1
            if ending == "too large":
                with pytest.raises(ValidationFailed, match="at most"):
                    await arriving.feed(b"x" * 2000)
            elif ending == "broken":
                with pytest.raises(ValidationFailed, match="only part"):
                    await arriving.feed(b"\r\n--b\r\n")
            elif ending == "cut off":
                with pytest.raises(BadRequest, match="no end"):
                    arriving.finish()
            else:
                more = asyncio.ensure_future(arriving.feed(b"x" * 500))
                await asyncio.sleep(0)
                arriving.discard()
                await more
                await arriving.feed(b"x")
        assert files_in(tmp_path) == []
        assert open_files() <= before


async def test_a_disk_that_hangs_holds_up_nobody_who_leaves(on_disk: Open, tmp_path: Path) -> None:
    async with on_disk() as kept:
        file = await kept.arrived(FEW)
        hanging = pipe_beneath(file)
        writing = asyncio.ensure_future(file.write(b"x" * 100_000))
        await eventually(lambda: select.select([hanging], [], [], 0)[0])
        file.discard()
        assert not writing.done()
        assert len(files_in(tmp_path)) == 1
        os.read(hanging, 100_000)
        await writing
        assert files_in(tmp_path) == []
        os.close(hanging)


async def test_a_client_that_goes_while_its_file_is_made_leaves_nothing(on_disk: Open, tmp_path: Path) -> None:
    async with on_disk() as kept:
        arriving = upload(kept.incoming)
        first = asyncio.ensure_future(arriving.feed(body(FEW)))
        await asyncio.sleep(0)
        arriving.discard()
        await first
        assert files_in(tmp_path) == []


async def test_work_in_a_thread_is_over_when_its_waiter_is() -> None:
    go, over = threading.Event(), threading.Event()

    def work() -> None:
        go.wait()
        over.set()

    with closing(Threads("test", most=1)) as threads:
        waiter = asyncio.ensure_future(threads.run(work))
        await asyncio.sleep(0)
        waiter.cancel()
        await asyncio.sleep(0)
        assert not waiter.done()
        go.set()
        with pytest.raises(asyncio.CancelledError):
            await waiter
        assert over.is_set()


# In S3


async def test_s3_serves_a_file_itself_with_our_headers(on_s3: Open) -> None:
    async with on_s3() as kept:
        key = await kept.put(FEW, "text/plain")
        address = await kept.storage.redirect(key, SERVED)
        assert address is not None
        async with httpx.AsyncClient(trust_env=False) as http:
            whole = await http.get(address)
            some = await http.get(address, headers={"Range": "bytes=7-11"})
        assert (whole.status_code, whole.content) == (200, FEW)
        assert whole.headers["Content-Type"] == SERVED.content_type
        assert whole.headers["Content-Disposition"] == SERVED.disposition
        assert whole.headers["Cache-Control"] == SERVED.cache_control
        assert (some.status_code, some.content) == (206, b"world")
        query = httpx.URL(address).params
        assert query["X-Amz-Expires"] == "60"
        assert query["X-Amz-Algorithm"] == "AWS4-HMAC-SHA256"


async def test_s3_knows_the_type_and_gets_large_files_in_parts(on_s3: Open, s3_address: str) -> None:
    async with on_s3() as kept:
        small, large = await kept.put(FEW, "text/plain"), await kept.put(MANY)
        with closing(bucket_client(s3_address)) as client:
            heads = [client.head_object(Bucket=BUCKET, Key=key) for key in (small, large)]
            assert client.list_multipart_uploads(Bucket=BUCKET).get("Uploads", []) == []
        assert [head["ContentType"] for head in heads] == ["text/plain", "image/png"]
        assert heads[1]["ETag"].endswith('-3"')
        assert "-" not in heads[0]["ETag"]


@FAILS
@pytest.mark.parametrize("trouble", ["no server", "no bucket"])
async def test_s3_that_is_away_is_a_clear_error(tmp_path: Path, trouble: str, s3_address: str) -> None:
    os.environ.update(CREDENTIALS)
    async with answering(lambda _: b"") as closed:
        pass
    address = closed if trouble == "no server" else s3_address
    async with s3(tmp_path, address, bucket="another") as kept:
        file = await kept.arrived(FEW)
        for action in (
            kept.storage.put(file.path, new_key(OWNER), "image/png"),
            kept.storage.delete(new_key(OWNER)),
            kept.storage.check(),
            kept.read(new_key(OWNER), 0, 1),
        ):
            with pytest.raises(FileStorageUnavailable):
                await action
        file.discard()


@FAILS
async def test_a_file_that_s3_has_only_in_part_isnt_stored(tmp_path: Path) -> None:
    os.environ.update(CREDENTIALS)
    asked = []

    def respond(method: str) -> bytes:
        asked.append(method)
        length = 5 if method == "HEAD" else 0
        return b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % length

    async with answering(respond) as address, s3(tmp_path, address) as kept:
        with pytest.raises(FileStorageUnavailable) as caught:
            await kept.put(FEW)
    assert caught.value.reason == "cut short"
    assert asked == ["PUT", "HEAD", "DELETE"]


async def test_boto3_starts_no_threads_of_its_own(tmp_path: Path) -> None:
    """Else each upload has ten more, and their buffers."""
    os.environ.update(CREDENTIALS)
    before = {thread.name for thread in threading.enumerate()}
    seen: set[str] = set()

    def respond(method: str) -> bytes:
        seen.update(thread.name for thread in threading.enumerate())
        length = len(FEW) if method == "HEAD" else 0
        return b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % length

    async with answering(respond) as address, s3(tmp_path, address) as kept:
        await kept.put(FEW)
    assert {name.partition("_")[0] for name in seen - before} == {"incoming", "s3"}


@FAILS
async def test_an_answer_of_s3_that_breaks_off_is_an_error(tmp_path: Path) -> None:
    os.environ.update(CREDENTIALS)
    short = b"HTTP/1.1 206 Partial Content\r\nContent-Length: 1000\r\n\r\nshort"
    async with answering(lambda _: short) as address, s3(tmp_path, address) as kept:
        with pytest.raises(FileStorageUnavailable):
            await kept.read(new_key(OWNER), 0, 1000)


@pytest.mark.parametrize("address", ["http://[", "http://a b"])
def test_an_address_that_is_none_stops_the_start(address: str) -> None:
    with pytest.raises(ConfigError, match=r"^S3_ENDPOINT_URL or S3_REGION"):
        S3Storage(bucket=BUCKET, endpoint_url=address, region="eu-central-1")
