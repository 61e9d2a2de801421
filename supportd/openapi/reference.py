"""The document as the page shows it: operations by tag, and schemas as rows of fields."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from supportd.openapi.document import Document

METHODS = ("get", "head", "post", "put", "delete")
CODE = re.compile(r"`([^`]+)`")
BOUNDS = {
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minimum": "{} or more",
    "maximum": "{} or less",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "maxProperties": "at most {} keys",
    "default": "default {}",
}


@dataclass(frozen=True)
class Piece:
    """A piece of a line: text, code, or a link to a schema of that name."""

    text: str
    code: bool = False
    schema: str = ""


Line = list[Piece]


@dataclass(frozen=True)
class Row:
    """A field, a parameter or a header."""

    name: str
    place: str
    required: bool
    kind: Line
    notes: list[str]
    pattern: str
    about: Line


@dataclass(frozen=True)
class Content:
    """A body: its media type, what it is, its fields where they are told here, and examples as (name, JSON)."""

    media_type: str
    kind: Line
    rows: list[Row]
    examples: list[tuple[str, str]]


@dataclass(frozen=True)
class Answer:
    """An answer: an operation's by its status, or a shared one by its name, which is what `shared` refers to."""

    name: str
    shared: str
    about: Line
    headers: list[str]
    content: Content | None


@dataclass(frozen=True)
class Operation:
    """A verb of a path."""

    id: str
    method: str
    path: str
    summary: str
    about: list[Line]
    security: str
    parameters: list[Row]
    body: Content | None
    answers: list[Answer]


@dataclass(frozen=True)
class Area:
    """The operations with one tag."""

    name: str
    about: str
    operations: list[Operation]


@dataclass(frozen=True)
class Schema:
    """A named schema."""

    name: str
    about: Line
    kind: Line
    rows: list[Row]
    examples: list[tuple[str, str]]


class Reference:
    """Reads the document for the page."""

    def __init__(self, document: Document) -> None:
        self._document = document

    def areas(self) -> list[Area]:
        """The operations, in the order of the document's tags."""
        operations = list(self._operations())
        return [
            Area(tag["name"], tag["description"], [each for name, each in operations if name == tag["name"]])
            for tag in self._document["tags"]
        ]

    def schemas(self) -> list[Schema]:
        """The named schemas by name."""
        return [
            Schema(name, line(schema.get("description", "")), kind(schema), self._rows(schema), _examples(schema))
            for name, schema in sorted(self._components("schemas"))
        ]

    def shared_answers(self) -> list[Answer]:
        """The answers that many operations have."""
        return [self._answer(name, told) for name, told in self._components("responses")]

    def headers(self) -> list[Row]:
        """The headers of answers, by name."""
        return [self._header(name, told) for name, told in sorted(self._components("headers"))]

    def _components(self, of: str) -> Iterable[tuple[str, dict[str, Any]]]:
        found: dict[str, dict[str, Any]] = self._document["components"][of]
        return found.items()

    def _operations(self) -> Iterator[tuple[str, Operation]]:
        for path, item in self._document["paths"].items():
            for method in METHODS:
                if method in item:
                    yield item[method]["tags"][0], self._operation(path, method, item)

    def _operation(self, path: str, method: str, item: dict[str, Any]) -> Operation:
        told = item[method]
        schemes = [name for way in told["security"] for name in way]
        body = told.get("requestBody")
        return Operation(
            id=told["operationId"],
            method=method.upper(),
            path=path,
            summary=told["summary"],
            about=paragraphs(told.get("description", "")),
            security=schemes[0] if schemes else "",
            parameters=[self._parameter(each) for each in item.get("parameters", []) + told.get("parameters", [])],
            body=None if body is None else self._content(body),
            answers=[self._answer(status, each) for status, each in told["responses"].items()],
        )

    def _answer(self, name: str, told: dict[str, Any]) -> Answer:
        if "$ref" in told:
            shared = told["$ref"].rpartition("/")[2]
            return Answer(name, shared, line(self._resolved(told)["description"]), [], None)
        return Answer(name, "", line(told["description"]), list(told.get("headers", ())), self._content(told))

    def _content(self, told: dict[str, Any]) -> Content | None:
        for media_type, each in told.get("content", {}).items():
            schema = each["schema"]
            inner = [] if "$ref" in schema else self._rows(schema)
            return Content(media_type, kind(schema), inner, _examples(each))
        return None

    def _parameter(self, told: dict[str, Any]) -> Row:
        told = self._resolved(told)
        return _row(told["name"], told, told["schema"], place=told["in"], required=told.get("required", False))

    def _header(self, name: str, told: dict[str, Any]) -> Row:
        return _row(name, told, told["schema"], place="", required=told.get("required", False))

    def _rows(self, schema: dict[str, Any], before: str = "") -> list[Row]:
        """The fields of an object, and those of objects within it under dotted names."""
        rows = []
        for name, inner in schema.get("properties", {}).items():
            path = f"{before}{name}"
            rows.append(_row(path, inner, inner, place="", required=name in schema.get("required", ())))
            rows += self._rows(inner, f"{path}.") + self._rows(inner.get("items", {}), f"{path}[].")
        return rows

    def _resolved(self, told: dict[str, Any]) -> dict[str, Any]:
        if "$ref" not in told:
            return told
        found: Any = self._document
        for key in told["$ref"].removeprefix("#/").split("/"):
            found = found[key]
        return dict(found)


def paragraphs(text: str) -> list[Line]:
    """Prose as lines of pieces; what is in backticks is code."""
    return [line(each) for each in text.split("\n\n") if each.strip()]


def line(text: str) -> Line:
    """One line of prose."""
    return [Piece(part, code=bool(at % 2)) for at, part in enumerate(CODE.split(text)) if part]


def kind(schema: dict[str, Any]) -> Line:
    """What a value is, in short."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        narrowed = [f", {key} {value}" for key, value in _narrowed(schema)]
        return [Piece(name, schema=name), *map(Piece, narrowed)]
    if "const" in schema:
        return [Piece(_json(schema["const"]), code=True)]
    if "enum" in schema:
        return _joined([[Piece(_json(value), code=True)] for value in schema["enum"]])
    if "oneOf" in schema:
        return _joined([kind(each) for each in schema["oneOf"]])
    if schema.get("type") == "array":
        return [Piece("list of "), *kind(schema["items"])]
    types = schema.get("type", "any")
    return _joined([[Piece(each)] for each in ([types] if isinstance(types, str) else types)])


def _narrowed(schema: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, inner in schema.get("properties", {}).items():
        yield name, " or ".join(_json(value) for value in inner.get("enum", [inner.get("const")]))


def _row(name: str, told: dict[str, Any], schema: dict[str, Any], *, place: str, required: bool) -> Row:
    return Row(
        name=name,
        place=place,
        required=required,
        kind=kind(schema),
        notes=[words.format(schema[key]) for key, words in BOUNDS.items() if key in schema],
        pattern=schema.get("pattern", ""),
        about=line(told.get("description", "")),
    )


def _joined(kinds: list[Line]) -> Line:
    joined: Line = []
    for each in kinds:
        joined += [*([Piece(" or ")] if joined else []), *each]
    return joined


def _examples(told: dict[str, Any]) -> list[tuple[str, str]]:
    """Examples of a media type (by name) or of a schema (a list)."""
    given = told.get("examples", {})
    if isinstance(given, dict):
        named = [(name, each["value"]) for name, each in given.items()]
    else:
        named = [("", each) for each in given]
    if "example" in told:
        named.append(("", told["example"]))
    return [(name, _pretty(value)) for name, value in named]


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _pretty(value: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
