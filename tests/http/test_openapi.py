"""The document says what the code does, is OpenAPI 3.1, and can be read at `/docs` without anything else."""

import re
from dataclasses import fields
from html.parser import HTMLParser
from typing import Any

import httpx
import jsonschema_rs
import msgspec
import pytest
import schemathesis
from msgspec import Struct

from supportd import __version__
from supportd.handlers import complaints, conversations, csat, devices, diagnostics, preferences, tickets
from supportd.handlers.web import Auth
from supportd.openapi.document import Document, document
from supportd.routes import ID, Route, Services, routes
from tests.conformance import Contract, contract
from tests.harness import MongoDatabase, living

SECURITY: dict[Auth, list[Any]] = {
    Auth.PUBLIC: [],
    Auth.BEARER: [{"session": []}],
    Auth.HMAC: [{"intercom": []}],
    Auth.LINK: [{"link": []}],
}
BODIES: dict[str, type[Struct]] = {
    "startConversation": conversations.StartBody,
    "replyToConversation": conversations.ReplyBody,
    "replyToTicket": tickets.ReplyBody,
    "clarifyTicket": tickets.ClarifyBody,
    "rate": csat.CsatBody,
    "complain": complaints.ComplaintBody,
    "registerDevice": devices.RegisterBody,
    "changeNotificationSettings": preferences.PreferencesBody,
    "reportDiagnostics": diagnostics.DiagnosticsBody,
}
METHODS = {"get", "head", "post", "put", "patch", "delete", "options", "trace"}


@pytest.fixture
def told() -> Document:
    return document(__version__)


def table() -> list[Route]:
    nothing: dict[str, Any] = {item.name: None for item in fields(Services)}
    return routes(Services(**nothing))


def path_of(pattern: str) -> str:
    """The pattern as a path of the document, whatever its parameters are called there."""
    return re.sub(r"\\(.)", r"\1", pattern.replace(ID, "{}"))


def operations(told: Document) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (method.upper(), re.sub(r"\{[^}]*\}", "{}", path)): operation
        for path, item in told["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    }


def test_the_document_and_the_code_have_the_same_routes(told: Document) -> None:
    served = {(verb, path_of(route.pattern)): auth for route in table() for verb, auth in route.verbs.items()}
    documented = operations(told)
    assert documented.keys() == served.keys()
    for call, auth in served.items():
        assert documented[call]["security"] == SECURITY[auth], call


def test_ids_in_the_document_are_those_of_the_routes(told: Document) -> None:
    assert told["components"]["schemas"]["Id"]["pattern"] == f"^{ID.strip('()')}$"
    for path, item in told["paths"].items():
        named = [contract().resolved(each)["name"] for each in item.get("parameters", [])]
        assert named == re.findall(r"\{([^}]*)\}", path)


def test_it_is_openapi_3_1(told: Document) -> None:
    assert told["openapi"].startswith("3.1.")
    assert told["info"]["version"] == __version__
    schemathesis.openapi.from_dict(told).validate()
    names = [operation["operationId"] for operation in operations(told).values()]
    assert len(set(names)) == len(names)
    for _, schema in schemas(told):
        jsonschema_rs.meta.validate({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})


def test_every_operation_is_described(told: Document) -> None:
    areas = {tag["name"] for tag in told["tags"]}
    for call, operation in operations(told).items():
        assert operation["summary"], call
        assert len(operation["tags"]) == 1, call
        assert set(operation["tags"]) <= areas, call
        assert "500" in operation["responses"], call
        if "session" in str(operation["security"]):
            assert {"401", "429"} <= set(operation["responses"]), call


def test_references_lead_somewhere_and_nothing_is_left_over(told: Document) -> None:
    used = {each["$ref"] for each in walk(told) if "$ref" in each}
    there = {f"#/components/{kind}/{name}" for kind, parts in told["components"].items() for name in parts}
    schemes = {f"#/components/securitySchemes/{name}" for name in told["components"]["securitySchemes"]}
    assert used == there - schemes


def test_its_examples_are_what_its_schemas_say(told: Document) -> None:
    checked = 0
    for owner in walk(told):
        schema = owner.get("schema")
        if isinstance(schema, dict):
            given = [each["value"] for each in owner.get("examples", {}).values()]
            for example in given + ([owner["example"]] if "example" in owner else []):
                assert [error.message for error in contract().errors(schema, example)] == []
                checked += 1
    for _, schema in schemas(told):
        for example in schema.get("examples", []):
            assert [error.message for error in contract().errors(schema, example)] == []
            checked += 1
    assert checked > 30


def test_answers_have_the_documented_keys_and_no_other(told: Document) -> None:
    for call, operation in operations(told).items():
        for status, answer in operation["responses"].items():
            for content in contract().resolved(answer).get("content", {}).values():
                schema = contract().resolved(content["schema"])
                if schema.get("type") == "object" and call != ("GET", "/openapi.json"):
                    assert schema["additionalProperties"] is False, (call, status)
                    assert set(schema["required"]) == set(schema["properties"]), (call, status)


def test_poll_has_five_keys(told: Document) -> None:
    poll = told["components"]["schemas"]["Poll"]
    assert set(poll["properties"]) == {"messages", "latestTimestamp", "state", "snoozedUntil", "rated"}


@pytest.mark.parametrize(("operation", "struct"), BODIES.items(), ids=lambda value: value if type(value) is str else "")
def test_a_documented_body_is_the_one_that_is_read(told: Document, operation: str, struct: type[Struct]) -> None:
    (found,) = [each for each in operations(told).values() if each["operationId"] == operation]
    documented = properties(found["requestBody"]["content"]["application/json"]["schema"])
    (_, read) = msgspec.json.schema_components([struct])
    shown = read[struct.__name__]["properties"]
    assert documented.keys() == shown.keys()
    for name, schema in shown.items():
        assert bounds(schema, read) <= bounds(documented[name], told["components"]["schemas"]), name


def test_every_documented_body_is_compared(told: Document) -> None:
    with_body = {each["operationId"] for each in operations(told).values() if "requestBody" in each}
    assert with_body == {*BODIES, "uploadFile", "receiveWebhook"}


def properties(schema: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = contract().resolved(schema)["properties"]
    return found


def bounds(schema: dict[str, Any], named: dict[str, Any]) -> set[tuple[str, str]]:
    """Patterns, values and limits, wherever in the schema they are."""
    inner = [named[schema["$ref"].rpartition("/")[2]]] if "$ref" in schema else []
    limits = ("pattern", "minimum", "maximum")
    found: set[tuple[str, str]] = {(key, str(schema[key])) for key in limits if key in schema}
    found |= {("enum", str(value)) for value in schema.get("enum", ()) if value is not None}
    for each in [*inner, *schema.get("anyOf", ()), *schema.get("oneOf", ())]:
        found |= bounds(each, named)
    return found


def schemas(told: Document) -> list[tuple[str, dict[str, Any]]]:
    return list(told["components"]["schemas"].items())


def walk(node: Any) -> list[dict[str, Any]]:
    """Every object of the document."""
    inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    found = [each for value in inner for each in walk(value)]
    return [node, *found] if isinstance(node, dict) else found


# What the harness does to every answer


GOOD = httpx.Response(
    200,
    headers={"X-Request-Id": "a", "X-Content-Type-Options": "nosniff"},
    json={"status": "ok", "version": "1", "uptime": 1},
    request=httpx.Request("GET", "http://localhost/health"),
)


def changed(**changes: Any) -> httpx.Response:
    headers = {"X-Request-Id": "a", "X-Content-Type-Options": "nosniff", **changes.pop("headers", {})}
    made = {"status_code": 200, "json": GOOD.json(), "request": GOOD.request, **changes}
    return httpx.Response(headers={name: value for name, value in headers.items() if value is not None}, **made)


def test_an_answer_as_documented_passes() -> None:
    assert contract().problems(GOOD) == []


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (changed(status_code=202), "status"),
        (changed(json={**GOOD.json(), "more": 1}), "more"),
        (changed(json={"status": "ok", "version": "1"}), "uptime"),
        (changed(json={**GOOD.json(), "uptime": "1"}), "uptime"),
        (changed(headers={"X-Request-Id": None}), "X-Request-Id"),
        (changed(headers={"X-Request-Id": "a b"}), "X-Request-Id"),
        (changed(headers={"Content-Type": "text/html"}), "content type"),
        (changed(json=None, content=b"{", headers={"Content-Type": "application/json"}), "JSON"),
        (changed(request=httpx.Request("GET", "http://localhost/nothing")), "status"),
        (changed(request=httpx.Request("PUT", "http://localhost/health")), "Allow"),
    ],
)
def test_an_answer_that_differs_does_not(answer: httpx.Response, problem: str) -> None:
    assert problem in "\n".join(contract().problems(answer))


def test_an_id_that_the_routes_refuse_is_an_unknown_path(told: Document) -> None:
    request = httpx.Request("GET", "http://localhost/api/conversations/a.b")
    assert "status" in "\n".join(Contract(told).problems(replace_request(GOOD, request)))


def replace_request(response: httpx.Response, request: httpx.Request) -> httpx.Response:
    return httpx.Response(response.status_code, headers=response.headers, content=response.content, request=request)


# What is served


class Links(HTMLParser):
    """Collects what a page names and refers to."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.refers: set[str] = set()
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.append(tag)
        self.ids += filter(None, [given.get("id")])
        self.refers |= {value or "" for name, value in given.items() if name in {"href", "src", "action", "srcset"}}
        assert not {name for name in given if name.startswith("on") or name == "style"}


async def test_the_document_is_served_to_anybody(mongo: MongoDatabase, told: Document) -> None:
    async with living(mongo) as world:
        response = await world.http.get("/openapi.json")
        assert response.status_code == 200
        assert response.json() == told
        assert response.headers["Content-Type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize("path", ["/openapi.json", "/docs"])
async def test_who_has_the_page_is_told_so(mongo: MongoDatabase, path: str) -> None:
    async with living(mongo) as world:
        first = await world.http.get(path)
        etag = first.headers["ETag"]
        assert first.headers["Cache-Control"] == "no-cache"
        again = await world.http.get(path, headers={"If-None-Match": etag})
        assert (again.status_code, again.content) == (304, b"")
        assert (await world.http.get(path, headers={"If-None-Match": '"another"'})).status_code == 200


async def test_the_page_needs_nothing_else(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        response = await world.http.get("/docs")
        page = Links()
        page.feed(response.text)
        assert response.headers["Content-Type"] == "text/html; charset=utf-8"
        assert response.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'sha256-")
        assert not {"script", "link", "img", "iframe", "object", "form"} & set(page.tags)
        assert len(set(page.ids)) == len(page.ids)
        assert page.refers == {ref for ref in page.refers if ref.removeprefix("#") in page.ids} | {"/openapi.json"}
        assert len(response.content) < 256 * 1024


async def test_the_page_tells_of_everything(mongo: MongoDatabase, told: Document) -> None:
    async with living(mongo) as world:
        text = (await world.http.get("/docs")).text
        page = Links()
        page.feed(text)
        assert {operation["operationId"] for operation in operations(told).values()} <= set(page.ids)
        assert {f"schema-{name}" for name, _ in schemas(told)} <= set(page.ids)
        assert {"header", "nav", "main", "h1", "h2", "h3", "th"} <= set(page.tags)
        assert __version__ in text
