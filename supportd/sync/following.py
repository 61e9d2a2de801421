"""Several processes on one database: each takes over what the others store.

A webhook reaches one of them, and so does a user's write. What it stores of that, MongoDB tells to all of them. What a
process stored itself comes back to it too, and is no news.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing

from supportd.stores.changes import Changes

TakeOver = Callable[[str, int | None], Awaitable[None]]


class Following:
    """Follows the changes, by the collection that each is in."""

    def __init__(self, changes: Changes, *, take_over: Mapping[str, TakeOver], forget_all: Callable[[], None]) -> None:
        self._changes = changes
        self._take_over = take_over
        self._forget_all = forget_all

    async def run(self) -> None:
        """Follows until it is cancelled; what may have been missed before is forgotten, and read again when needed.

        Raises:
            StorageUnavailable: MongoDB is away. The next run goes on where this one was.
        """
        async with aclosing(self._changes.read()) as changes:
            async for change in changes:
                if change is None:
                    self._forget_all()
                else:
                    await self._take_over[change.collection](change.id, change.version)
