"""References such as AW-123, by which people speak of tickets."""

import re
from typing import NamedTuple


class Wanted(NamedTuple):
    """What a search is for: tickets whose number begins with these digits; none means every ticket."""

    digits: str


class References:
    """Writes references with the configured prefix, and reads what users type of them."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    def of(self, number: str) -> str:
        """The reference of the ticket with this number."""
        return f"{self._prefix}-{number}"

    def wanted(self, typed: str) -> Wanted | None:
        """The beginning of a reference, in any case and with or without its prefix; None if no reference begins so."""
        if re.fullmatch("[0-9]+", typed):
            return Wanted(typed)
        start = f"{self._prefix}-"
        if start.casefold().startswith(typed.casefold()):
            return Wanted("")
        head, digits = typed[: len(start)], typed[len(start) :]
        if head.casefold() == start.casefold() and re.fullmatch("[0-9]+", digits):
            return Wanted(digits)
        return None
