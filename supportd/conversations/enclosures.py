"""Files that go along with a reply: claimed so that each is used once, and handed to Intercom."""

import base64
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple

import msgspec

from supportd.conversations.messages import Files, file_id_in, in_place_of_words
from supportd.conversations.sent_files import attachment_of
from supportd.errors import NotFound, StorageUnavailable, ValidationFailed
from supportd.files.signing import FileLinks, Purpose
from supportd.files.storage import FileStorage
from supportd.idempotency import Attempt
from supportd.intercom import wire
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
        self, *, store: FileStore, storage: FileStorage, links: FileLinks, public_url: str, max_files: int
    ) -> None:
        self._store = store
        self._storage = storage
        self._links = links
        self._public_url = public_url
        self._max_files = max_files

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
        claim = f"{to}/{attempt.reserved_id() if attempt.keyed else _digest(user_id, to, draft)}"
        records = await self._store.claim(draft.file_ids, user_id=user_id, for_=claim)
        if records is None:
            raise ValidationFailed(FIELD, "must be files that you uploaded and didn't send yet")
        try:
            yield Letter(draft.body, tuple(records))
        except BaseException:
            if not attempt.uncertain:
                with suppress(StorageUnavailable):
                    await self._store.release(claim)
            raise
        if not attempt.keyed:
            with suppress(StorageUnavailable):
                await self._store.settle(claim, f"{to}/sent")

    def by_address(self, letter: Letter) -> wire.Enclosed:
        """All of them by signed addresses."""
        return wire.Enclosed(attachment_urls=[self._address(record) for record in letter.records])

    async def by_address_and_bytes(self, letter: Letter) -> wire.Enclosed:
        """Images by signed addresses, which Intercom documents for them; what else there is by its bytes.

        Raises:
            ValidationFailed: the bytes of one are gone.
            FileStorageUnavailable: they can't be read.
        """
        images = [record for record in letter.records if record.content_type.startswith("image/")]
        others = [record for record in letter.records if record not in images]
        return wire.Enclosed(
            attachment_urls=[self._address(record) for record in images],
            attachment_files=[await self._upload(record) for record in others],
        )

    def _address(self, record: FileRecord) -> str:
        return f"{self._public_url}{self._links.path(record.id, Purpose.INTERCOM)}"

    async def _upload(self, record: FileRecord) -> wire.UploadedFile:
        read = bytearray()
        try:
            async with self._storage.reading(record.key, start=0, length=record.size) as chunks:
                async for chunk in chunks:
                    read += chunk
        except NotFound:
            raise ValidationFailed(FIELD, "must be files that are still there") from None
        content_type = record.content_type.partition(";")[0]
        return wire.UploadedFile(record.name, content_type, base64.b64encode(read).decode())


def _digest(user_id: str, to: str, draft: Draft) -> str:
    return hashlib.sha256(msgspec.json.encode([user_id, to, draft])).hexdigest()
