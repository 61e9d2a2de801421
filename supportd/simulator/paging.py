"""Sorting and cursor pagination (contract, part 1.5). Cursors are stateless, as Intercom's are."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from supportd.simulator.errors import ApiError, invalid
from supportd.simulator.search import Document

MAX_PER_PAGE = 150

SortKey = tuple[int, int | str, str]


@dataclass(frozen=True, slots=True)
class Hit:
    """Something found: what it is sorted by, and its wire form."""

    id: str
    fields: Document
    wire: dict[str, Any]


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which page is wanted, and in which order."""

    per_page: int
    starting_after: str | None
    sort_field: str
    descending: bool


@dataclass(frozen=True, slots=True)
class Page:
    """One page, with the `pages` object beside it."""

    items: list[dict[str, Any]]
    pages: dict[str, Any]
    total_count: int


def page_size(given: Any, default: int) -> int:
    """The page size asked for, at most 150. Raises 400 for nonsense."""
    if given is None or given == "":
        return default
    try:
        size = int(given)
    except (TypeError, ValueError):
        size = 0
    if size < 1:
        raise invalid("per_page must be a positive number", field="per_page")
    return min(size, MAX_PER_PAGE)


def cut(hits: Sequence[Hit], request: PageRequest, *, by_position: bool = False) -> Page:
    """The wanted page of what was found, after the cursor or by its number. Raises 400 for a bad cursor."""
    ordered = sorted(hits, key=lambda hit: _key(hit, request.sort_field), reverse=request.descending)
    number = 1
    rest = ordered
    if request.starting_after:
        after, number = _decode(request.starting_after)
        rest = [hit for hit in ordered if _is_past(_key(hit, request.sort_field), after, request)]
        if by_position:
            rest = ordered[(number - 1) * request.per_page :]
    shown = rest[: request.per_page]
    pages: dict[str, Any] = {
        "type": "pages",
        "page": number,
        "per_page": request.per_page,
        "total_pages": -(-len(ordered) // request.per_page),
    }
    if len(rest) > len(shown):
        cursor = _encode(_key(shown[-1], request.sort_field), number + 1)
        pages["next"] = {"page": number + 1, "starting_after": cursor}
    return Page([hit.wire for hit in shown], pages, len(ordered))


def _key(hit: Hit, field: str) -> SortKey:
    """Nothing sorts first, numbers before text, and ids decide ties."""
    value = hit.fields.get(field)
    if isinstance(value, int):
        return (1, value, hit.id)
    return (0, 0, hit.id) if value is None else (2, str(value), hit.id)


def _is_past(key: SortKey, after: SortKey, request: PageRequest) -> bool:
    return key < after if request.descending else key > after


def _encode(key: SortKey, page: int) -> str:
    rank, value, item_id = key
    shown: Any = value * 1000 if isinstance(value, int) and rank == 1 else value if rank else None
    return base64.b64encode(msgspec.json.encode([shown, item_id, page])).decode()


def _decode(cursor: str) -> tuple[SortKey, int]:
    try:
        raw = base64.b64decode(cursor, validate=True)
        value, item_id, page = msgspec.json.decode(raw, type=tuple[int | str | None, str, int])
    except (binascii.Error, ValueError, msgspec.MsgspecError) as error:
        message = (
            "Invalid starting_after param. Please try again using a starting_after value from a paginated response"
        )
        raise ApiError(400, "client_error", message) from error
    if value is None:
        return (0, 0, item_id), page
    return ((1, value // 1000, item_id) if isinstance(value, int) else (2, value, item_id)), page
