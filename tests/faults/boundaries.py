"""The places in a send at which a crash matters, and a network that stops each send at one of them."""

import enum
from dataclasses import dataclass, field

from tests.proxying import Passing, Proxy, Way


class Boundary(enum.Enum):
    """What doesn't happen any more: of these steps of a send, the first that never crosses the network."""

    INTENT = "the intent is stored"
    CALL = "the call reaches who carries it out"
    TAKEN = "the call's answer comes back"
    ANSWER = "the answer is stored"


@dataclass
class Stop:
    """A send by its user's key and its words, and where it is to be stopped. `calling` is the call's connection."""

    record_id: str
    words: str
    boundary: Boundary
    reached: bool = False
    calling: tuple[str, int] | None = None


@dataclass
class Boundaries:
    """Stops sends at their boundaries, in the traffic of one supportd. What would cross one stays in the proxy."""

    mongodb: Proxy
    intercom: Proxy
    stops: list[Stop] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._asked: dict[tuple[str, int], bytes] = {}
        self.mongodb.watch = lambda passing: self._look("mongodb", self.mongodb, passing)
        self.intercom.watch = lambda passing: self._look("intercom", self.intercom, passing)

    def all_reached(self) -> bool:
        """Whether each send stands at its boundary."""
        return all(stop.reached for stop in self.stops)

    def cut(self) -> None:
        """What was stopped is lost, with all connections; what is sent from now on passes."""
        self.stops = []
        self._asked.clear()
        self.mongodb.cut()
        self.intercom.cut()

    def _look(self, server: str, proxy: Proxy, passing: Passing) -> None:
        connection = (server, passing.connection)
        if passing.way is Way.ANSWER:
            self._asked.pop(connection, None)
            crossing = [stop for stop in self.stops if stop.calling == connection and stop.boundary is Boundary.TAKEN]
        else:
            asked = self._asked[connection] = self._asked.get(connection, b"") + passing.data
            crossing = [stop for stop in self.stops if _crosses(stop, connection, asked)]
        for stop in crossing:
            stop.reached = True
            proxy.stall(passing.connection)


def _crosses(stop: Stop, connection: tuple[str, int], asked: bytes) -> bool:
    if _is_call(stop, connection[0], asked):
        stop.calling = stop.calling or connection
        return stop.boundary is Boundary.CALL
    is_change = connection[0] == "mongodb" and b"update\0" in asked and stop.record_id.encode() in asked
    if stop.boundary is Boundary.INTENT:
        return is_change and b"intent\0" in asked
    return stop.boundary is Boundary.ANSWER and is_change and b"answer\0" in asked and b"status\0" in asked


def _is_call(stop: Stop, server: str, asked: bytes) -> bool:
    """A complaint goes to MongoDB, everything else to Intercom."""
    if server == "mongodb":
        return b"insert\0" in asked and b"complaints\0" in asked and stop.words.encode() in asked
    return asked.startswith(b"POST ") and stop.words.encode() in asked
