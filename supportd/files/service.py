"""Files from upload to download: received, verified, recorded and stored; found again for who may have them.

The record is there before the bytes, and says that they are stored only after they are. So whatever fails or crashes
in between leaves a record that is never served, and the sweeper takes it and its bytes away.
"""

import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import structlog

from supportd.clock import Clock
from supportd.errors import FileStorageUnavailable, NotFound, RateLimited, StorageUnavailable, ValidationFailed
from supportd.files import names
from supportd.files.admission import Quota, Slots
from supportd.files.incoming import Incoming, IncomingFile
from supportd.files.multipart import FIELD, OVERHEAD_BYTES, FileReader, TooLarge
from supportd.files.refusal import Refused
from supportd.files.signing import Purpose, Signer
from supportd.files.storage import FileStorage, Served, new_key, translated
from supportd.files.threads import Threads
from supportd.files.types import FileType
from supportd.files.upload import Upload
from supportd.files.verification import verify
from supportd.identity import Identity
from supportd.metrics import Metrics
from supportd.stores.files import FileRecord, FileStore

VERIFIERS = 2  # they take the processor more than the disk
LINKED = (Purpose.INTERCOM, Purpose.CLIENT)
MORE_EXTENSIONS = {FileType.JPEG: ("jpeg", "jpe"), FileType.MP4: ("m4v",)}


class NotAccepted(ValidationFailed):
    """The file isn't one of the types, or isn't whole. The message says which and why."""


class FileService:
    """What users and links may do with files."""

    def __init__(
        self,
        *,
        store: FileStore,
        storage: FileStorage,
        incoming: Incoming,
        signer: Signer,
        slots: Slots,
        quota: Quota,
        max_file_bytes: int,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._store = store
        self._storage = storage
        self._incoming = incoming
        self._signer = signer
        self._slots = slots
        self._quota = quota
        self._max_file_bytes = max_file_bytes
        self._clock = clock
        self._metrics = metrics
        self._verifiers = Threads("verification", most=VERIFIERS)
        for kind in FileType:
            metrics.files_stored.labels(kind.name.lower())

    @contextmanager
    def receiving(self, caller: Identity, *, content_type: str, length: int) -> Iterator[Upload]:
        """An upload to feed the body to; its slot and its temporary file go with the context.

        `length` is that of the body in bytes, 0 where it isn't known.

        Raises:
            BadRequest: it isn't multipart/form-data.
            ValidationFailed: it is too large for a file.
            RateLimited: too many uploads are under way.
        """
        with self._slots.taken(caller.user_id):
            reader = FileReader(content_type, max_bytes=self._max_file_bytes)
            if length > self._max_file_bytes + OVERHEAD_BYTES:
                raise TooLarge(self._max_file_bytes)
            with Upload(reader=reader, incoming=self._incoming) as upload:
                yield upload

    async def admit(self, caller: Identity, *, length: int) -> None:
        """Asks before the bytes come whether they could be kept. Raises `RateLimited` and `StorageUnavailable`."""
        await self._quota.check(caller.user_id, more=length)

    async def keep(self, caller: Identity, upload: Upload) -> FileRecord:
        """Verifies, records and stores what was received.

        Raises:
            BadRequest, ValidationFailed: there is no such file in it, or it isn't one of the types.
            RateLimited: the user stored too much today.
            StorageUnavailable, FileStorageUnavailable: it can't be stored. What is left of it, the sweeper removes.
        """
        file = upload.finish()
        kind = await self._verified(file.path)
        record = self._record(caller, upload.name, kind, file)
        await self._begin(record)
        await self._put(file.path, record)
        if not await self._store.finish(record.id):
            raise FileStorageUnavailable("took too long")
        self._metrics.files_stored.labels(kind.name.lower()).inc()
        return record

    async def owned(self, file_id: str, user_id: str) -> FileRecord:
        """The user's file, attached or not. Raises `NotFound` and `StorageUnavailable`."""
        record = await self._store.get(file_id)
        if record is None or record.user_id != user_id:
            raise NotFound
        return record

    async def linked(self, file_id: str, token: str) -> FileRecord:
        """The file that a link is for, to whoever has it. Raises `NotFound` and `StorageUnavailable`."""
        held = [self._signer.verify(token, file_id, purpose) for purpose in LINKED]
        record = await self._store.get(file_id) if any(held) else None
        if record is None:
            raise NotFound
        return record

    def reading(
        self, record: FileRecord, *, start: int, length: int
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """A part of a file, in chunks; as `FileStorage.reading`."""
        return self._storage.reading(record.key, start=start, length=length)

    async def redirect(self, record: FileRecord, served: Served) -> str | None:
        """A short-lived address that gives the file; None where it is read here. Raises `FileStorageUnavailable`."""
        return await self._storage.redirect(record.key, served)

    def close(self) -> None:
        """Frees the threads."""
        self._verifiers.close()

    async def _verified(self, path: Path) -> FileType:
        try:
            with translated("verify"):
                return await self._verifiers.run(verify, path)
        except Refused as refused:
            structlog.get_logger("supportd.files").info("upload refused", reason=refused.reason)
            raise NotAccepted(FIELD, refused.reason) from None

    def _record(self, caller: Identity, name: str, kind: FileType, file: IncomingFile) -> FileRecord:
        extensions = (kind.extension, *MORE_EXTENSIONS.get(kind, ()))
        now_ms = int(self._clock.time() * 1000)  # MongoDB keeps milliseconds
        return FileRecord(
            id=secrets.token_hex(16),
            user_id=caller.user_id,
            name=names.with_extension(names.display_name(name), *extensions),
            content_type=kind.content_type,
            size=file.size,
            key=new_key(caller.user_hash),
            created_at=datetime.fromtimestamp(now_ms / 1000, UTC),
        )

    async def _put(self, path: Path, record: FileRecord) -> None:
        """Stores the bytes. What can't be stored counts against nobody."""
        try:
            await self._storage.put(path, record.key, record.content_type)
        except FileStorageUnavailable:
            with suppress(StorageUnavailable):  # then it counts until the sweeper comes
                await self._store.give_up(record.id)
            raise

    async def _begin(self, record: FileRecord) -> None:
        """Records the file, unless it is too much: of many at once none is overlooked, since each counts itself."""
        await self._store.begin(record)
        try:
            await self._quota.check(record.user_id, more=0)
        except RateLimited:
            await self._store.forget(record.id)
            raise


def served(record: FileRecord, *, cache_control: str) -> Served:
    """The headers that a file is served with. Only what can't act is shown in place."""
    inline = any(kind.inline for kind in FileType if kind.content_type == record.content_type)
    disposition = names.content_disposition(record.name, inline=inline)
    return Served(content_type=record.content_type, disposition=disposition, cache_control=cache_control)
