"""Files in a folder of this machine.

A file gets its place by a rename, after its bytes are on the disk: it is there whole or not at all, after a crash too.
Folders are opened one by one and never through a symbolic link, so nothing in the folder leads out of it.
"""

import errno
import os
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from io import FileIO
from pathlib import Path

from supportd.files.incoming import FILE_MODE, FOLDER_MODE, prepare_folder
from supportd.files.storage import CHUNK_BYTES, KEY, Served, missing, translated, unavailable
from supportd.files.threads import Threads

THREADS = 16
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class LocalStorage:
    """`FileStorage` in `folder/stored`, spread over 256 folders."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "stored"
        self._threads = Threads("local files", most=THREADS)

    def prepare(self) -> None:
        """Makes the folder. Raises `ConfigError`."""
        prepare_folder(self._folder)

    async def put(self, source: Path, key: str, content_type: str) -> None:  # noqa: ARG002 - the record has it
        """Moves a temporary file of the same file system to its place."""
        with translated("put"):
            await self._threads.run(self._put, source, *_place(key))

    @asynccontextmanager
    async def reading(self, key: str, *, start: int, length: int) -> AsyncIterator[AsyncIterator[bytes]]:
        """Opens a file and reads it in threads."""
        with translated("open"):
            try:
                file = await self._threads.run(self._open, *_place(key))
            except FileNotFoundError:
                raise missing() from None
        with file:
            yield self._chunks(file, start, length)

    async def redirect(self, key: str, served: Served) -> str | None:  # noqa: ARG002 - the same for all
        """None: nobody else serves these files."""
        return None

    async def delete(self, key: str) -> None:
        """Removes a file."""
        with translated("delete"):
            await self._threads.run(self._delete, *_place(key))

    async def owned(self, owner: str) -> list[str]:
        """Looks through all folders."""
        with translated("list"):
            return await self._threads.run(self._owned, owner)

    async def check(self) -> None:
        """Writes a file and removes it."""
        with translated("check"):
            await self._threads.run(self._check)

    def close(self) -> None:
        """Frees the threads."""
        self._threads.close()

    @contextmanager
    def _root(self) -> Iterator[int]:
        """The folder. If it is gone, as when a disk isn't mounted, nothing can be said of any file."""
        try:
            root = os.open(self._folder, FOLDER)
        except FileNotFoundError:
            raise OSError(errno.ENODEV, "no folder") from None
        try:
            yield root
        finally:
            os.close(root)

    def _put(self, source: Path, shard: str, name: str) -> None:
        with _opened(source, READ) as file:
            os.fsync(file)
        with self._root() as root:
            with suppress(FileExistsError):
                os.mkdir(shard, FOLDER_MODE, dir_fd=root)
            os.fsync(root)
            with _opened(shard, FOLDER, root) as folder:
                os.rename(source, name, dst_dir_fd=folder)
                os.fsync(folder)

    def _open(self, shard: str, name: str) -> FileIO:
        with self._root() as root, _opened(shard, FOLDER, root) as folder:
            return FileIO(name, "rb", opener=lambda found, _: os.open(found, READ, dir_fd=folder))

    async def _chunks(self, file: FileIO, start: int, length: int) -> AsyncIterator[bytes]:
        end = start + length
        while start < end:
            with translated("read"):
                chunk = await self._threads.run(os.pread, file.fileno(), min(CHUNK_BYTES, end - start), start)
            if not chunk:
                raise unavailable("read", "cut short")
            yield chunk
            start += len(chunk)

    def _delete(self, shard: str, name: str) -> None:
        with (
            suppress(FileNotFoundError),
            self._root() as root,
            _opened(shard, FOLDER, root) as folder,
        ):
            os.unlink(name, dir_fd=folder)
            os.fsync(folder)

    def _owned(self, owner: str) -> list[str]:
        found = []
        with self._root() as root:
            for shard in os.listdir(root):  # noqa: PTH208 - through the folder that is open
                with _opened(shard, FOLDER, root) as folder:
                    found += [name for name in os.listdir(folder) if name.startswith(f"{owner}-")]  # noqa: PTH208
        return sorted(name.replace("-", "/", 1) for name in found)

    def _check(self) -> None:
        name = f"check-{secrets.token_hex(8)}"
        with self._root() as root:
            try:
                with _opened(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, root) as file:
                    os.write(file, b"?")
                    os.fsync(file)
            finally:
                with suppress(FileNotFoundError):
                    os.unlink(name, dir_fd=root)


def _place(key: str) -> tuple[str, str]:
    """The folder and the name under which a key's file is."""
    parts = KEY.fullmatch(key)
    assert parts is not None, "a key of ours"
    return parts["random"][:2], f"{parts['owner']}-{parts['random']}"


@contextmanager
def _opened(path: Path | str, flags: int, folder: int | None = None) -> Iterator[int]:
    file = os.open(path, flags, FILE_MODE, dir_fd=folder)
    try:
        yield file
    finally:
        os.close(file)
