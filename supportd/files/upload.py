"""One upload, from the body's chunks to a temporary file."""

from types import TracebackType

from supportd.files.incoming import Incoming, IncomingFile
from supportd.files.multipart import FileReader


class Upload:
    """Feed it each chunk, then `finish` it. As a context it discards the temporary file at its end, moved or not."""

    def __init__(self, *, reader: FileReader, incoming: Incoming) -> None:
        self._reader = reader
        self._incoming = incoming
        self._file: IncomingFile | None = None
        self._discarded = False

    async def feed(self, chunk: bytes) -> None:
        """Takes the next bytes of the body to the disk, and is over when they are there.

        Raises:
            BadRequest, ValidationFailed: as `FileReader.feed`.
            FileStorageUnavailable: the disk doesn't take them.
        """
        found = self._reader.feed(chunk)
        if not found or self._discarded:
            return
        if self._file is None:
            self._file = await self._incoming.create()
            if self._discarded:
                self._file.discard()
        await self._file.write(found)

    def finish(self) -> IncomingFile:
        """The file, with all of its bytes written. Raises as `FileReader.finish`."""
        self._reader.finish()
        assert self._file is not None, "it isn't empty"
        return self._file

    @property
    def name(self) -> str:
        """The file's name, as the client sent it."""
        return self._reader.name

    def discard(self) -> None:
        """Takes the temporary file away. May come at any time, also while a chunk is written, and twice."""
        self._discarded = True
        if self._file is not None:
            self._file.discard()

    def __enter__(self) -> "Upload":
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Discards."""
        self.discard()
