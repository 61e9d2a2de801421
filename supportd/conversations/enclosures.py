"""Files that go along with a reply: claimed so that each is used once, and handed to Intercom."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple

import msgspec
import structlog

from supportd.clock import Clock
from supportd.conversations.messages import Files, file_id_in, in_place_of_words
from supportd.conversations.sent_files import attachment_of
from supportd.conversations.state import Message
from supportd.errors import NotFound, StorageUnavailable, ValidationFailed
from supportd.files.signing import FileLinks, Purpose
from supportd.files.storage import FileStorage
from supportd.idempotency import Attempt
from supportd.intercom import wire
from supportd.intercom.enclosed import Enclosed, FileToSend
from supportd.stores.files import FileRecord, FileStore

FIELD = "attachmentIds"


class Draft(NamedTuple):
    """A reply as a user wants it sent: words, files, or both."""

    body: str
    file_ids: tuple[str, ...] = ()


class Letter(NamedTuple):
    """A reply whose files are claimed."""

    body: str
    records: tuple[FileRecord, ...] = ()

    @property
    def text(self) -> str:
        """What Intercom is sent as its words."""
        return self.body or in_place_of_words(record.name for record in self.records)

    @property
    def files(self) -> Files:
        """Its files by their ids, as the message shows them."""
        return {record.id: attachment_of(record) for record in self.records}

    def has(self, part: wire.Part) -> bool:
        """Whether the files on a part may be these: each is one of them, for Intercom drops what it can't fetch."""
        names = {record.name for record in self.records}
        return all(
            file.name in names or file_id_in(file.name) in self.files for file in part.attachments or [] if file.url
        )


class Enclosures:
    """Claims files, and makes what Intercom takes of them."""

    def __init__(
        self, *, store: FileStore, storage: FileStorage, links: FileLinks, public_url: str, max_files: int, clock: Clock
    ) -> None:
        self._store = store
        self._storage = storage
        self._links = links
        self._public_url = public_url
        self._max_files = max_files
        self._clock = clock

    @asynccontextmanager
    async def claimed(self, draft: Draft, *, user_id: str, to: str, attempt: Attempt) -> AsyncIterator[Letter]:
        """Claims the files of a reply `to` a conversation or ticket, and frees them if it surely wasn't sent.

        After an uncertain fate they are kept for a retry: under the same key, or without one for the same reply.

        Raises:
            ValidationFailed: there are too many, or one isn't the user's, or was used for something else.
            StorageUnavailable: they can't be claimed, and nothing was sent.
        """
        if not draft.file_ids:
            yield Letter(draft.body)
            return
        if len(draft.file_ids) > self._max_files:
            raise ValidationFailed(FIELD, f"must have at most {self._max_files} ids")
        claim = f"{to}/{attempt.name()}"
        retry = f"{to}/{_digest(user_id, draft)}"  # of the same reply, where no key names it
        now = datetime.fromtimestamp(self._clock.time(), UTC)
        left_by = None if attempt.keyed else retry
        records = await self._store.claim(draft.file_ids, user_id=user_id, for_=claim, left_by=left_by, at=now)
        if records is None:
            raise ValidationFailed(FIELD, "must be files that you uploaded and didn't send yet")
        try:
            yield Letter(draft.body, tuple(records))
        except BaseException:
            with suppress(StorageUnavailable):
                if not attempt.uncertain:
                    await self._store.release(claim)
                elif not attempt.keyed:
                    await self._store.leave(claim, retry)
            raise
        with suppress(StorageUnavailable):
            await self._store.settle(claim)

    def by_address(self, letter: Letter) -> Enclosed:
        """All of them by signed addresses."""
        return Enclosed(urls=[self._address(record) for record in letter.records])

    def by_address_and_bytes(self, letter: Letter) -> Enclosed:
        """Images by signed addresses, which Intercom documents for them; what else there is by its bytes.

        Sending them raises `ValidationFailed` where the bytes of a file are gone, and `FileStorageUnavailable` where
        they can't be read.
        """
        images = [record for record in letter.records if record.content_type.startswith("image/")]
        others = [record for record in letter.records if record not in images]
        return Enclosed(
            urls=[self._address(record) for record in images], files=[self._to_send(record) for record in others]
        )

    def _address(self, record: FileRecord) -> str:
        return f"{self._public_url}{self._links.path(record.id, Purpose.INTERCOM)}"

    def _to_send(self, record: FileRecord) -> FileToSend:
        content_type = record.content_type.partition(";")[0]
        return FileToSend(record.name, content_type, record.size, partial(self._opened, record))

    @asynccontextmanager
    async def _opened(self, record: FileRecord) -> AsyncIterator[AsyncIterator[bytes]]:
        try:
            async with self._storage.reading(record.key, start=0, length=record.size) as chunks:
                yield chunks
        except NotFound:
            raise ValidationFailed(FIELD, "must be files that are still there") from None


def warn_of_lost(draft: Draft, message: Message) -> None:
    """Logs how many files a message lacks that was sent with them: Intercom may be unable to reach `PUBLIC_URL`."""
    lost = len(draft.file_ids) - len(message.attachments)
    if lost > 0 and not message.redacted:
        structlog.get_logger("supportd.conversations").warning("files not delivered", count=lost)


def _digest(user_id: str, draft: Draft) -> str:
    return hashlib.sha256(msgspec.json.encode([user_id, draft])).hexdigest()
