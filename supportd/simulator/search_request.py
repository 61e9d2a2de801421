"""The body of a search call (contract, parts 3.3 and 4.7)."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from supportd.simulator.errors import invalid
from supportd.simulator.paging import PageRequest, page_size
from supportd.simulator.search import Kind


class Pagination(Struct):
    """How many, and after which cursor."""

    per_page: int | str | None = None
    starting_after: str | None = None


class Sort(Struct):
    """By which field, and which way round."""

    field: str = "updated_at"
    order: str = "descending"


class SearchBody(Struct):
    """A search. Its query is checked where it is compiled."""

    query: Any = None
    pagination: Pagination | None = None
    sort: Sort | None = None

    def page(self, *, default_size: int, fields: Mapping[str, Kind]) -> PageRequest:
        """Which page it asks for. Raises 400 for a size or an order that can't be."""
        pagination, sort = self.pagination or Pagination(), self.sort or Sort()
        if sort.field not in fields:
            raise invalid(f"{sort.field} is not a valid sort field", field="sort")
        if sort.order not in {"ascending", "descending"}:
            raise invalid(f"{sort.order} is not a valid sort order", field="sort")
        return PageRequest(
            per_page=page_size(pagination.per_page, default_size),
            starting_after=pagination.starting_after,
            sort_field=sort.field,
            descending=sort.order == "descending",
        )
