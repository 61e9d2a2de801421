"""Which files of ours the messages of a conversation or ticket have.

Intercom shows a copy that it fetched under the end of its address, which is the file's id, and one that it was sent
under its name. So whoever tells of a message first, it has its files: nothing of a send must be remembered for it.
"""

from collections.abc import Sequence

from supportd.conversations.messages import Files, author_of
from supportd.conversations.state import Attachment, Part
from supportd.intercom import wire
from supportd.stores.files import FileRecord, FileStore


class SentFiles:
    """Knows the files that were sent to each place."""

    def __init__(self, *, store: FileStore) -> None:
        self._store = store

    async def among(self, told: Sequence[wire.Part], *, of: str, known: Sequence[Part], given: Files) -> Files:
        """The files of ours that the parts told may have, `of` the place that they are in.

        Those of `known` parts aren't asked for again. A file counts only where it was sent: a name proves nothing.

        Raises:
            StorageUnavailable: a part is new, and the records can't be asked.
        """
        found = {file.file_id: file for part in known for file in part.message.attachments if file.file_id}
        ids = {part.message.id for part in known}
        new = any(part.attachments and _is_users(part) and str(part.id) not in ids for part in told)
        if new:
            found |= {record.id: attachment_of(record) for record in await self._store.sent_to(f"{of}/")}
        return {**found, **given}


def attachment_of(record: FileRecord) -> Attachment:
    """A file as a message shows it."""
    return Attachment(record.name, "", record.content_type, record.size, file_id=record.id)


def _is_users(part: wire.Part) -> bool:
    return author_of(part.author).type == "user"
