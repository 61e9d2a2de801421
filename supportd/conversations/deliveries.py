"""How long messages take to those who wait for them: from Intercom's time to the first poll that gives one."""

from collections.abc import Iterable

from supportd.clock import Clock
from supportd.conversations.state import Message
from supportd.metrics import Metrics


class Deliveries:
    """Measures in whole seconds, as Intercom's times are. `clock` is Intercom's."""

    def __init__(self, *, clock: Clock, metrics: Metrics) -> None:
        self._clock = clock
        self._seconds = metrics.delivery_seconds

    def note(self, given: Iterable[Message], *, after: int) -> None:
        """Measures those that came after `after` (ms), but the users' own: a device of theirs has them already."""
        now_s = int(self._clock.time())
        for message in given:
            if message.created_at > after and message.author.type != "user":
                self._seconds.observe(max(0, now_s - message.created_at // 1000))
