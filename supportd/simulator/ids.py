"""Ids that look like Intercom's and repeat under the same seed."""

import hashlib
import uuid
from collections.abc import Mapping

from supportd.simulator.workspace import Workspace

FIRST: Mapping[str, int] = {
    "conversation": 215_470_000_000_000,
    "message": 3_381_000_000,
    "part": 37_358_000_000,
    "upload": 1_904_000_000,
    "tag": 7_520_000,
    "ticket_type": 2_979_000,
    "ticket_state": 4_517_000,
    "ticket_attribute": 8_514_000,
}


class Ids:
    """Counts up per kind of object; the counts live in the workspace, so no id is used twice after a restart."""

    def __init__(self, *, seed: int, workspace: Workspace) -> None:
        self._seed = seed
        self._counters = workspace.counters

    def number(self, kind: str) -> str:
        """The next decimal id of a kind named in `FIRST`; each kind counts in a range of its own."""
        offset = int(self._digest(kind)[:8], 16) % 100_000
        return str(FIRST[kind] + offset + self._next(kind))

    def small(self, kind: str) -> str:
        """The next number of a kind, from 1, whatever the seed: the ones that people read."""
        return str(self._next(kind))

    def contact(self) -> str:
        """The next contact id: 24 hex digits."""
        return self._digest(f"contact:{self._next('contact')}")[:24]

    def notification(self) -> str:
        """The next webhook notification's id."""
        return f"notif_{self._uuid('notification')}"

    def option(self) -> str:
        """The next id of an item in a list attribute."""
        return self._uuid("option")

    def request(self) -> str:
        """The next request id of an error."""
        return self._uuid("request")

    def _uuid(self, kind: str) -> str:
        return str(uuid.UUID(self._digest(f"{kind}:{self._next(kind)}")[:32], version=4))

    def _next(self, kind: str) -> int:
        self._counters[kind] = self._counters.get(kind, 0) + 1
        return self._counters[kind]

    def _digest(self, text: str) -> str:
        return hashlib.sha256(f"{self._seed}:{text}".encode()).hexdigest()
