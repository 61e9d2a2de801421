"""Searches in Intercom, page by page. A change between two pages may repeat an item, or hide it (Intercom's docs,
pagination): repeats are left out here, what was hidden is found by the next search that overlaps.
"""

from collections.abc import AsyncIterator
from typing import Any, Generic, Protocol, TypeVar

from supportd.intercom.budget import Priority
from supportd.intercom.transport import Transport
from supportd.intercom.wire import Id

PAGE = 150


class Searchable(Protocol):
    """What can be searched for: it is told apart by its id and the time (s) of its last change."""

    id: Id
    updated_at: int


Item = TypeVar("Item", bound=Searchable)


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
        """What belongs to a contact, the most recently updated first."""
        query = {"field": "contact_ids", "operator": "=", "value": contact_id}
        async for item in self._run(query, order="descending", max_pages=max_pages, priority=Priority.COLD_LOAD):
            yield item

    async def updated_since(self, since: int, *, max_pages: int) -> AsyncIterator[Item]:
        """What was updated at or after `since` (s), oldest update first.

        Asks for one second earlier: the docs disagree whether `>` includes equality.
        """
        query = {"field": "updated_at", "operator": ">", "value": since - 1}
        async for item in self._run(query, order="ascending", max_pages=max_pages, priority=Priority.RECONCILER):
            yield item

    async def _run(
        self, query: dict[str, Any], *, order: str, max_pages: int, priority: Priority
    ) -> AsyncIterator[Item]:
        body: dict[str, Any] = {
            "query": query,
            "sort": {"field": "updated_at", "order": order},
            "pagination": {"per_page": PAGE},
        }
        seen = set()
        for _ in range(max_pages):
            reply = await self._transport.call(self._operation, "POST", self._path, body, priority=priority)
            page = reply.decode(self._page)
            for item in page.found:
                key = (str(item.id), item.updated_at)
                if key not in seen:
                    seen.add(key)
                    yield item
            if page.cursor is None:
                return
            body["pagination"] = {"per_page": PAGE, "starting_after": page.cursor}
