"""Files on their way in: temporary ones, in a folder of their own."""

import fcntl
import os
import secrets
from contextlib import suppress
from pathlib import Path
from threading import Lock

from supportd.errors import ConfigError
from supportd.files.storage import translated
from supportd.files.threads import Threads

THREADS = 8
FILE_MODE = 0o600
FOLDER_MODE = 0o700


class IncomingFile:
    """A temporary file, for the process that made it only: the file is locked while it is open."""

    def __init__(self, path: Path, *, threads: Threads) -> None:
        self.path = path
        self.size = 0
        self._threads = threads
        self._lock = Lock()
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE)
        self._discarded = self._closed = False
        fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    async def write(self, data: bytes) -> None:
        """Adds bytes, in a thread. Raises `FileStorageUnavailable`."""
        with translated("write"):
            await self._threads.run(self._write, data)

    def discard(self) -> None:
        """Closes the file and takes it away, unless it was moved elsewhere. May come at any time, and twice.

        It doesn't wait for a disk that hangs: a write that is under way does this when it is over.
        """
        self._discarded = True
        self._remove_if_discarded()

    def _write(self, data: bytes) -> None:
        left = memoryview(data)
        try:
            with self._lock:
                while left and not self._discarded:
                    written = os.write(self._file, left)
                    self.size += written
                    left = left[written:]
        finally:
            self._remove_if_discarded()

    def _remove_if_discarded(self) -> None:
        """Whoever lets the lock go calls this, so that none is forgotten."""
        if not self._discarded or not self._lock.acquire(blocking=False):
            return
        try:
            if not self._closed:
                self._closed = True
                with suppress(OSError):  # the next start removes what is left
                    self.path.unlink(missing_ok=True)
                os.close(self._file)
        finally:
            self._lock.release()


class Incoming:
    """The folder of temporary files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "incoming"
        self._threads = Threads("incoming", most=THREADS)

    def prepare(self) -> None:
        """Makes the folder, and removes what processes that are gone left in it.

        Raises:
            ConfigError: it can't be made or used.
        """
        prepare_folder(self._folder)
        for path in self._folder.iterdir():
            with suppress(OSError):
                _remove_if_left(path)

    async def create(self) -> IncomingFile:
        """A new file, empty. Raises `FileStorageUnavailable`."""
        path = self._folder / secrets.token_hex(16)
        with translated("create"):
            return await self._threads.run(IncomingFile, path, threads=self._threads)

    def close(self) -> None:
        """Frees the threads."""
        self._threads.close()


def prepare_folder(folder: Path) -> None:
    """Makes a folder that only we can read, unless it is there.

    Raises:
        ConfigError: that failed, or something else is in its place.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=FOLDER_MODE, exist_ok=True)
        if folder.is_symlink():
            raise NotADirectoryError
        folder.chmod(FOLDER_MODE)
    except OSError as error:
        raise ConfigError(f"FILES_DIR can't be used ({type(error).__name__})") from None


def _remove_if_left(path: Path) -> None:
    """A file that somebody still writes is locked: that raises `BlockingIOError`."""
    file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
    finally:
        os.close(file)
