"""What the fixtures of the store tests give."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta

from supportd.stores.stores import Stores

Open = Callable[[], AbstractAsyncContextManager[Stores]]

# Of today, since what is old is dropped by the database itself.
START = datetime.now(UTC).replace(microsecond=0)


def at(seconds: float) -> datetime:
    """So many seconds after the start."""
    return START + timedelta(seconds=seconds)
