"""Feedback as CSV that a spreadsheet may open, or as JSON, an object a line: so any number of them can be streamed."""

import csv
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import msgspec

from supportd.stores.feedback import Feedback

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a cell of a formula begins with: OWASP, CSV injection
BOM = "\ufeff"


class CsvWriter:
    """Rows as RFC 4180 has them. A text that could be a formula gets an apostrophe before it."""

    def __init__(self, out: TextIO, *, bom: bool) -> None:
        if bom:
            out.write(BOM)
        self._csv = csv.writer(out, lineterminator="\r\n")
        self._csv.writerow(Feedback.__struct_fields__)

    def write(self, feedback: Feedback) -> None:
        """Writes a row."""
        self._csv.writerow([_cell(value) for value in msgspec.to_builtins(feedback).values()])


class JsonWriter:
    """An object a line."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def write(self, feedback: Feedback) -> None:
        """Writes a line."""
        self._out.write(msgspec.json.encode(feedback).decode() + "\n")


def _cell(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


@contextmanager
def written_whole(path: Path) -> Iterator[TextIO]:
    """A file that only its owner may read, and that has its name once it is whole; after an error nothing is left."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".export-")  # its mode is 0600
    unfinished = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
