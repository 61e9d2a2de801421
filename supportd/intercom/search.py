"""Searches in Intercom, page by page.

Cursors keep no state: a change between two pages may repeat an item or hide it (Intercom's docs, pagination). So what
was updated is read by time, each page from where the one before ended: what changes meanwhile moves to the end and is
seen there, and nothing takes its place unseen.
"""

from collections.abc import AsyncIterator
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from supportd.errors import IntercomUnavailable
from supportd.intercom.budget import Priority
from supportd.intercom.transport import Transport
from supportd.intercom.wire import Id

PAGE = 150


class Searchable(Protocol):
    """What can be searched for: it is told apart by its id and the time (s) of its last change."""

    id: Id
    updated_at: int


Item = TypeVar("Item", bound=Searchable)


class Batch(NamedTuple, Generic[Item]):
    """Some of what was updated. Up to `read_to` (Intercom's s) nothing is missing; None where that can't be said."""

    items: list[Item]
    read_to: int | None


class Page(Protocol[Item]):
    """One page of what was found."""

    @property
    def found(self) -> list[Item]:
        """The items."""

    @property
    def cursor(self) -> str | None:
        """The cursor of the next page; none on the last."""


class Search(Generic[Item]):
    """The search of one kind of thing."""

    def __init__(self, *, transport: Transport, operation: str, path: str, page: type[Page[Item]]) -> None:
        self._transport = transport
        self._operation = operation
        self._path = path
        self._page = page

    async def of_contact(self, contact_id: str, *, max_pages: int) -> AsyncIterator[Item]:
        """What belongs to a contact, the most recently updated first, repeats left out."""
        query = {"field": "contact_ids", "operator": "=", "value": contact_id}
        seen: set[_Key] = set()
        cursor = None
        for _ in range(max_pages):
            page, _ = await self._ask(query, "descending", cursor, Priority.COLD_LOAD)
            for item in _unseen(page.found, seen):
                yield item
            cursor = page.cursor
            if cursor is None:
                return

    async def updated_since(self, since: int) -> AsyncIterator[Batch[Item]]:
        """What was updated at or after `since` (s), oldest update first, repeats left out.

        A cursor is followed only through a second that fills a page, and where Intercom doesn't sort.

        Raises:
            IntercomUnavailable: an outage, or pages that never end.
        """
        seen: set[_Key] = set()
        cursor: str | None = None
        in_order = True
        while True:
            page, asked_at = await self._ask(_since(since), "ascending", cursor, Priority.RECONCILER)
            fresh = _unseen(page.found, seen)
            if not fresh and cursor is not None and page.cursor is not None:
                raise IntercomUnavailable("unreadable", sent=True)
            times = [item.updated_at for item in page.found]
            in_order = in_order and times == sorted(times)
            newest = max(times, default=since)
            yield Batch(fresh, min(newest, asked_at) if in_order else None)
            cursor = page.cursor
            if cursor is None:
                return
            if in_order and newest > since:
                since, cursor = newest, None
                seen = {key for key in seen if key[1] >= since}

    async def _ask(
        self, query: dict[str, Any], order: str, cursor: str | None, priority: Priority
    ) -> tuple[Page[Item], int]:
        """One page, and Intercom's time (s) when it answered."""
        pagination = {"per_page": PAGE} if cursor is None else {"per_page": PAGE, "starting_after": cursor}
        body = {"query": query, "sort": {"field": "updated_at", "order": order}, "pagination": pagination}
        reply = await self._transport.call(
            self._operation, "POST", self._path, body, kind=self._page, priority=priority
        )
        return reply.value, reply.observed_at


_Key = tuple[str, int]


def _since(second: int) -> dict[str, Any]:
    """Asks for one second earlier: the docs disagree whether `>` includes equality."""
    return {"field": "updated_at", "operator": ">", "value": second - 1}


def _unseen(items: list[Item], seen: set[_Key]) -> list[Item]:
    """Those that aren't in `seen` yet, which then has them."""
    found = {(str(item.id), item.updated_at): item for item in items}
    fresh = [item for key, item in found.items() if key not in seen]
    seen.update(found)
    return fresh
