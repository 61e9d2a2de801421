"""How long MongoDB takes to answer: the driver tells of each command, on the thread that made it."""

from collections.abc import Callable

from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

# What our calls become. The rest of a long answer is a part of its `find`; the driver's own housekeeping isn't told.
COMMANDS = {
    "aggregate": "aggregate",
    "createIndexes": "create_indexes",
    "delete": "delete",
    "find": "find",
    "findAndModify": "find_and_modify",
    "getMore": "find",
    "insert": "insert",
    "ping": "ping",
    "update": "update",
}


class CommandTimes(CommandListener):
    """Tells `observe` the operation, as `outbox.find`, and its seconds: of each command that was answered or failed."""

    def __init__(self, observe: Callable[[str, float], None]) -> None:
        self._observe = observe
        self._under_way: dict[int, str] = {}  # by the driver's own number

    def started(self, event: CommandStartedEvent) -> None:
        """Remembers the collection: the driver doesn't name it again."""
        name = COMMANDS.get(event.command_name)
        if name is not None:
            on = event.command.get("collection" if event.command_name == "getMore" else event.command_name)
            self._under_way[event.request_id] = f"{on}.{name}" if isinstance(on, str) else name

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """It was answered."""
        self._ended(event)

    def failed(self, event: CommandFailedEvent) -> None:
        """It was refused, or got no answer."""
        self._ended(event)

    def _ended(self, event: CommandSucceededEvent | CommandFailedEvent) -> None:
        operation = self._under_way.pop(event.request_id, None)
        if operation is not None:
            self._observe(operation, event.duration_micros / 1_000_000)
