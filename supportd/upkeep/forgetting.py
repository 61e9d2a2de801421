"""One person's data: counted, exported, erased, and searched for again."""

import asyncio
import base64
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from supportd.errors import NotFound
from supportd.files.local import LocalStorage
from supportd.files.s3 import S3Storage
from supportd.files.storage import FileStorage, owner_of
from supportd.stores.mongo import Document
from supportd.stores.personal import PERSONAL, Mention, Person, PersonalStore
from supportd.upkeep.exporting import written_whole

Progress = Callable[[str, int], None]
FOLDER_MODE = 0o700
STORED_FILES = "stored files"  # where bytes are left, in place of a collection's name


class Exported(NamedTuple):
    """How many documents of each collection were written, and the ids of files whose bytes are gone."""

    counts: dict[str, int]
    lost: list[str]


def storage_of(settings: dict[str, Any]) -> FileStorage:
    """Where the files' bytes are. Raises `ConfigError`."""
    if settings["files_backend"] == "s3":
        return S3Storage(
            bucket=settings["s3_bucket"], endpoint_url=settings["s3_endpoint_url"], region=settings["s3_region"]
        )
    return LocalStorage(Path(settings["files_dir"]))


class Forgetting:
    """What is done with one person's data. Each step may be done again."""

    def __init__(self, *, store: PersonalStore, storage: FileStorage, progress: Progress) -> None:
        self._store = store
        self._storage = storage
        self._progress = progress

    async def count(self, person: Person) -> dict[str, int]:
        """How many documents each collection has of the person."""
        return {name: len([each async for each in self._store.find(person, name)]) for name in PERSONAL}

    async def export(self, person: Person, folder: Path) -> Exported:
        """Writes `records.jsonl`, a document a line, and the files' bytes under their ids.

        A file whose bytes are gone is named in the answer, and keeps nothing else from being written.

        Raises:
            StorageUnavailable, FileStorageUnavailable: MongoDB, the disk or S3 can't be read.
        """
        lost: list[str] = []
        await asyncio.to_thread(folder.mkdir, mode=FOLDER_MODE, parents=True, exist_ok=True)
        counts = dict.fromkeys(PERSONAL, 0)
        with written_whole(folder / "records.jsonl") as out:
            for name in PERSONAL:
                async for document in self._store.find(person, name):
                    line = {"collection": name, "document": _plain(document)}
                    out.write(msgspec.json.encode(line).decode() + "\n")
                    if name == "files" and document["state"] == "stored" and not await self._save(document, folder):
                        lost.append(str(document["_id"]))
                    counts[name] += 1
                    self._progress(f"exporting {name}", counts[name])
        return Exported(counts, lost)

    async def erase(self, person: Person) -> dict[str, int]:
        """Erases all, a file's bytes before its record. Raises `StorageUnavailable`, `FileStorageUnavailable`."""
        counts = dict.fromkeys(PERSONAL, 0)
        for name in PERSONAL:
            async for document in self._store.find(person, name):
                if name == "files":
                    await self._storage.delete(document["key"])
                await self._store.erase(name, document)
                counts[name] += 1
                self._progress(f"erasing {name}", counts[name])
        return counts

    async def search(self, person: Person) -> list[Mention]:
        """What names the person anywhere in the database, and what is left of the person's files.

        Files are looked for by their owner, so that those are found too of which no record says anything.
        """
        left: list[Mention] = []
        read = 0
        async for found in self._store.search(person):
            read += 1
            self._progress("searching", read)
            if found is not None:
                left.append(found)
        for owner in {owner_of(key) for key in person.file_keys}:
            left += [Mention(STORED_FILES, key) for key in await self._storage.owned(owner)]
        return left

    async def _save(self, document: Document, folder: Path) -> bool:
        """Writes a file's bytes; False if they are gone."""
        path = folder / str(document["_id"])
        try:
            async with self._storage.reading(document["key"], start=0, length=int(document["size"])) as chunks:
                path.touch(mode=0o600)
                with path.open("wb") as out:
                    async for chunk in chunks:
                        out.write(chunk)
        except NotFound:
            return False
        return True


def _plain(value: Any) -> Any:
    """A document in JSON's types: bytes in base64, times as ISO 8601."""
    match value:
        case dict():
            return {str(key): _plain(inner) for key, inner in value.items()}
        case list():
            return [_plain(inner) for inner in value]
        case bytes():
            return base64.b64encode(value).decode()
        case int() if not isinstance(value, bool):
            return int(value)
        case datetime():
            return value.isoformat() + "Z"
        case str() | float() | bool() | None:
            return value
        case _:
            return str(value)
