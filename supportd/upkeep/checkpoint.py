"""How far a comparison has come: an SQLite file, so that one that is killed goes on where it was."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from supportd.errors import ConfigError
from supportd.upkeep.differences import Difference, Kind, What

SCHEMA = """
CREATE TABLE IF NOT EXISTS run (id TEXT NOT NULL, about TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS steps (name TEXT PRIMARY KEY, position TEXT NOT NULL, compared INTEGER, done INTEGER);
CREATE TABLE IF NOT EXISTS seen (kind TEXT, id TEXT, PRIMARY KEY (kind, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS differences (
    number INTEGER PRIMARY KEY, kind TEXT, id TEXT, what TEXT, detail TEXT, repaired INTEGER DEFAULT 0,
    UNIQUE (kind, id, what, detail)
);
"""
FILE_MODE = 0o600  # it has Intercom's ids


class Advance(NamedTuple):
    """What a step did since the last: where it is now, what it compared, saw at Intercom, and found."""

    position: str
    compared: int = 0
    seen: Iterable[str] = ()
    differences: Iterable[Difference] = ()


class Checkpoint:
    """One comparison of a database with a workspace, which `about` names. Each call is stored before it returns."""

    def __init__(self, path: Path, *, about: str) -> None:
        """Opens the one that was cut off, or begins a new one.

        Raises:
            ConfigError: the file can't be used, is of another comparison, or another run uses it just now.
        """
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=FILE_MODE)
            self._file = sqlite3.connect(path, isolation_level=None, timeout=0)
            self._file.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._file.execute("BEGIN IMMEDIATE")
            self._file.execute("ROLLBACK")
            self._file.executescript(SCHEMA)
        except (sqlite3.Error, OSError) as error:
            raise ConfigError(f"--checkpoint: {path} can't be used, or another run uses it ({error})") from None
        self.id, self.resumed = self._begin(about)

    def close(self) -> None:
        """Closes the file, which stays."""
        self._file.close()

    def remove(self) -> None:
        """Closes the file and removes it: the comparison is over."""
        self.close()
        with suppress(FileNotFoundError):
            self._path.unlink()

    def position(self, step: str) -> str:
        """Where a step is; empty at its beginning."""
        found = self._file.execute("SELECT position FROM steps WHERE name = ?", (step,)).fetchone()
        return str(found[0]) if found else ""

    def is_done(self, step: str) -> bool:
        """Whether a step was ended."""
        return self._file.execute("SELECT 1 FROM steps WHERE name = ? AND done", (step,)).fetchone() is not None

    def compared(self) -> dict[str, int]:
        """How many each step compared."""
        return {str(name): int(count) for name, count in self._file.execute("SELECT name, compared FROM steps")}

    def advance(self, step: str, kind: Kind, to: Advance) -> None:
        """Takes over what a step did, all or nothing."""
        with self._file:
            self._file.execute("BEGIN")
            self._file.executemany("INSERT OR IGNORE INTO seen VALUES (?, ?)", [(kind, id_) for id_ in to.seen])
            self._file.executemany(
                "INSERT OR IGNORE INTO differences (kind, id, what, detail) VALUES (?, ?, ?, ?)", list(to.differences)
            )
            self._file.execute(
                "INSERT INTO steps VALUES (?, ?, ?, 0) ON CONFLICT (name) DO UPDATE"
                " SET position = excluded.position, compared = compared + excluded.compared",
                (step, to.position, to.compared),
            )

    def end(self, step: str) -> None:
        """Takes over that a step was ended."""
        self._file.execute("INSERT INTO steps VALUES (?, '', 0, 1) ON CONFLICT (name) DO UPDATE SET done = 1", (step,))

    def unseen(self, kind: Kind, ids: Iterable[str]) -> set[str]:
        """Those that no step saw at Intercom."""
        seen = "SELECT 1 FROM seen WHERE kind = ? AND id = ?"
        return {id_ for id_ in ids if self._file.execute(seen, (kind, id_)).fetchone() is None}

    def new_contacts(self) -> set[str]:
        """The contacts at Intercom of users who have another one here."""
        query = "SELECT detail FROM differences WHERE kind = ? AND what = ?"
        return {str(found[0]) for found in self._file.execute(query, (Kind.CONTACT, What.OTHER_ID))}

    def differences(self, *, unrepaired: bool = False) -> Iterator[Difference]:
        """What was found, in that order."""
        where = "WHERE NOT repaired" if unrepaired else ""
        found = self._file.execute(f"SELECT kind, id, what, detail FROM differences {where} ORDER BY number")  # noqa: S608 - no value in it
        for kind, id_, what, detail in found.fetchall():
            yield Difference(Kind(kind), id_, What(what), detail)

    def repaired(self, difference: Difference) -> None:
        """Takes over that a difference was repaired."""
        query = "UPDATE differences SET repaired = 1 WHERE kind = ? AND id = ? AND what = ? AND detail = ?"
        self._file.execute(query, difference)

    def _begin(self, about: str) -> tuple[str, bool]:
        found = self._file.execute("SELECT id, about FROM run").fetchone()
        if found is None:
            id_ = uuid4().hex
            self._file.execute("INSERT INTO run VALUES (?, ?)", (id_, about))
            return id_, False
        if found[1] != about:
            raise ConfigError(f"--checkpoint: {self._path} is of another database; name another file, or use --fresh")
        return str(found[0]), True
