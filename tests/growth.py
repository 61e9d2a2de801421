"""What the parts of a server hold: each container in memory, and how much is in it."""

import functools
import types
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass

import cachetools

WALKED = ("supportd", "prometheus_client", "collections", "cachetools")
Plain = (dict, list, set, tuple, deque)


@dataclass(frozen=True)
class Held:
    """A container: whose it is, how much is in it, and how much there may be, where it says so."""

    name: str
    size: int
    bound: int | None = None


def held_by(root: object) -> list[Held]:
    """Everything that is reachable from an object of ours, through objects of ours. What is cached isn't entered."""
    seen: set[int] = set()
    found: list[Held] = []
    todo: list[tuple[str, object]] = [("", root)]
    while todo:
        name, item = todo.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, cachetools.Cache):
            found.append(Held(name, len(item), int(item.maxsize)))
            continue
        if isinstance(item, Plain):
            found.append(Held(name, len(item)))
        todo += _within(name, item)
    return found


def sizes(root: object) -> Counter[str]:
    """By name, how much is in containers that have no bound of their own."""
    counted: Counter[str] = Counter()
    for held in held_by(root):
        if held.bound is None:
            counted[held.name] += held.size
    return counted


def bounds(root: object) -> dict[str, int]:
    """By name, how much may be in those that have one."""
    return {held.name: held.bound for held in held_by(root) if held.bound is not None}


def _within(name: str, item: object) -> Iterator[tuple[str, object]]:
    if isinstance(item, dict):
        yield from ((name, value) for value in item.values())
    elif isinstance(item, Plain):
        yield from ((name, value) for value in item)
    elif isinstance(item, types.MethodType):
        yield name, item.__self__
    elif isinstance(item, functools.partial):
        yield from ((name, each) for each in (item.func, *item.args, *item.keywords.values()))
    elif isinstance(item, types.FunctionType):
        yield from ((name, cell.cell_contents) for cell in item.__closure__ or () if _is_filled(cell))
    elif type(item).__module__.partition(".")[0] in WALKED and not isinstance(item, type):
        slots = (slot for kind in type(item).__mro__ for slot in getattr(kind, "__slots__", ()))
        names = {*getattr(item, "__dict__", ()), *slots}
        yield from ((f"{type(item).__name__}.{each}", getattr(item, each, None)) for each in names)


def _is_filled(cell: types.CellType) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False
