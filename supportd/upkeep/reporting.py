"""How a script speaks: progress on a terminal, and its result as lines for people or one JSON object."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, TextIO


class Reporting:
    """A script's voice: progress goes to `err` where that is a terminal, the result to `out`."""

    def __init__(self, *, out: TextIO, err: TextIO, as_json: bool) -> None:
        self._out = out
        self._err = err
        self._as_json = as_json
        self._drawn = 0

    def progress(self, words: str, done: int, total: int | None = None) -> None:
        """Draws how far it is, over what was drawn before. Nothing is drawn where nobody looks."""
        if not self._err.isatty():
            return
        line = f"{words}: {done:,}" if total is None else f"{words}: {done:,} of {total:,}"
        self._err.write("\r" + line.ljust(self._drawn))
        self._err.flush()
        self._drawn = len(line)

    def result(self, result: Mapping[str, Any], lines: Iterable[str]) -> None:
        """Prints the result once: the object where JSON was asked for, else the lines."""
        self._end_progress()
        text = json.dumps(result, ensure_ascii=False) if self._as_json else "\n".join(lines)
        print(text, file=self._out, flush=True)

    def trouble(self, words: str) -> None:
        """Says what went wrong, also where progress isn't drawn."""
        self._end_progress()
        print(words, file=self._err, flush=True)

    def _end_progress(self) -> None:
        if self._drawn:
            print(file=self._err)
        self._drawn = 0
