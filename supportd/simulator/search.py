"""Evaluates search queries as Intercom's documentation describes them (contract, parts 3.3, 4.7 and 12).

Pure: a document is a mapping of field names to values, lists for fields with several.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from supportd.simulator.errors import ApiError, invalid

Kind = Literal["text", "words", "number", "date", "flag", "ids"]
Value = str | int | bool | list[str] | None
Document = Mapping[str, Value]
Predicate = Callable[[Document], bool]

MAX_FILTERS = 15
MAX_DEPTH = 2
DAY_S = 86_400

EQUALITY = frozenset({"=", "!=", "IN", "NIN"})
ORDER = frozenset({">", "<", ">=", "<="})
MATCHING = frozenset({"~", "!~", "^", "$"})
OPERATORS: Mapping[Kind, frozenset[str]] = {
    "text": EQUALITY | MATCHING,
    "words": EQUALITY | MATCHING,
    "number": EQUALITY | ORDER,
    "date": EQUALITY | ORDER,
    "flag": frozenset({"=", "!="}),
    "ids": EQUALITY,
}
DAY_OPERATORS = frozenset({"=", "<", ">"})


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one search route reads queries.

    `strict` makes `>` and `<` exclude equality; the documentation describes conversations' as "or equal". `by_day`
    compares dates by calendar day (UTC here), as contacts' are.
    """

    fields: Mapping[str, Kind]
    strict: bool = False
    by_day: bool = False


def compile_query(query: Any, dialect: Dialect) -> Predicate:
    """A predicate over documents. Raises 400 as Intercom does for what it doesn't understand."""
    return _compile(query, dialect, depth=0)


def _compile(query: Any, dialect: Dialect, *, depth: int) -> Predicate:
    if not isinstance(query, dict):
        raise invalid("query must be an object", field="query")
    if "field" in query:
        return _filter(query, dialect)
    operator, group = query.get("operator"), query.get("value")
    if operator not in {"AND", "OR"} or not isinstance(group, list):
        raise invalid("a query is a filter, or AND or OR over a list of them", field="query")
    if depth == MAX_DEPTH:
        raise invalid(f"queries can be nested at most {MAX_DEPTH} levels deep", field="query")
    if len(group) > MAX_FILTERS:
        raise invalid(f"a group can hold at most {MAX_FILTERS} filters", field="query")
    predicates = [_compile(member, dialect, depth=depth + 1) for member in group]
    quantifier = all if operator == "AND" else any
    return lambda document: quantifier(predicate(document) for predicate in predicates)


def _filter(query: dict[str, Any], dialect: Dialect) -> Predicate:
    field, operator, wanted = query["field"], query.get("operator"), query.get("value")
    kind = dialect.fields.get(field) if isinstance(field, str) else None
    if kind is None:
        raise ApiError(400, "invalid_field", f"{field} is not a valid search field", field=str(field))
    by_day = kind == "date" and dialect.by_day
    allowed = DAY_OPERATORS if by_day else OPERATORS[kind]
    if operator not in allowed:
        raise invalid(f"operator {operator} is not valid for {field}", field=field)
    test = _test(kind, operator, _values(kind, operator, wanted, field), dialect, by_day=by_day)
    return lambda document: test(document.get(field))


def _values(kind: Kind, operator: str, wanted: Any, field: str) -> list[Any]:
    if operator in {"IN", "NIN"}:
        if not isinstance(wanted, list):
            raise invalid(f"{operator} needs a list", field=field)
        return [_value(kind, each, field) for each in wanted]
    if wanted is None and operator not in EQUALITY:
        raise invalid(f"{operator} needs a value", field=field)
    return [_value(kind, wanted, field)]


def _value(kind: Kind, wanted: Any, field: str) -> Any:
    if wanted is None:
        return None
    if kind in {"number", "date"}:
        if isinstance(wanted, bool) or not re.fullmatch(r"-?\d+", str(wanted)):
            raise invalid(f"{field} needs a number", field=field)
        return int(wanted)
    if kind == "flag":
        if str(wanted).lower() not in {"true", "false"}:
            raise invalid(f"{field} needs true or false", field=field)
        return str(wanted).lower() == "true"
    if not isinstance(wanted, str | int):
        raise invalid(f"{field} needs a string", field=field)
    return str(wanted)


def _test(kind: Kind, operator: str, wanted: list[Any], dialect: Dialect, *, by_day: bool) -> Callable[[Value], bool]:
    if kind == "ids":
        return _ids_test(operator, wanted)
    if operator in EQUALITY:
        equals = _same_day if by_day else _words_match if kind == "words" else _equal
        negated = operator in {"!=", "NIN"}
        return lambda found: any(equals(found, each) for each in wanted) is not negated
    if operator in ORDER:
        return _order_test(operator, wanted[0], strict=dialect.strict, by_day=by_day)
    return _text_test(operator, wanted[0], by_word=kind == "words")


def _ids_test(operator: str, wanted: list[Any]) -> Callable[[Value], bool]:
    negated = operator in {"!=", "NIN"}

    def test(found: Value) -> bool:
        held = found if isinstance(found, list) else []
        return any(each in held for each in wanted) is not negated

    return test


def _order_test(operator: str, wanted: Any, *, strict: bool, by_day: bool) -> Callable[[Value], bool]:
    if by_day:
        day = int(wanted) // DAY_S * DAY_S
        operator, wanted = (">=", day + DAY_S) if operator == ">" else ("<=", day - 1)
    inclusive = operator in {">=", "<="} or not strict
    sign = 1 if operator.startswith(">") else -1

    def test(found: Value) -> bool:
        if not isinstance(found, int):
            return False
        distance: int = sign * (found - wanted)
        return distance > 0 or (inclusive and distance == 0)

    return test


def _text_test(operator: str, wanted: Any, *, by_word: bool) -> Callable[[Value], bool]:
    text = str(wanted).casefold()

    def test(found: Value) -> bool:
        candidates = _words(found) if by_word else [str(found or "").casefold()]
        if operator == "^":
            return any(each.startswith(text) for each in candidates)
        if operator == "$":
            return any(each.endswith(text) for each in candidates)
        contained = _words_match(found, text) if by_word else text in candidates[0]
        return contained is (operator == "~")

    return test


def _equal(found: Value, wanted: Any) -> bool:
    return bool(found == wanted)


def _same_day(found: Value, wanted: Any) -> bool:
    return isinstance(found, int) and found // DAY_S == wanted // DAY_S


def _words_match(found: Value, wanted: Any) -> bool:
    words = _words(found)
    return all(word in words for word in _words(wanted))


def _words(text: Any) -> list[str]:
    return re.findall(r"\w+", str(text or "").casefold())
