"""Every string of every JSON body, as the document names them, tried with what isn't a string or isn't text.

Always 400 in the error shape, nothing stored, nothing sent. A new field is tried as soon as the document has it.
"""

import copy
import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import httpx
import pytest

from supportd import __version__
from supportd.openapi.document import document
from tests.conformance import contract
from tests.harness import CLIENT_SECRET, MongoDatabase, World, living

MARK = "the field under test"
ITEM = "an item"
HOSTILE: dict[str, bytes] = {
    "an object": b'{"a": "b"}',
    "a query": b'{"$gt": ""}',
    "an array": b'["a", "b"]',
    "a number": b"12345",
    "true": b"true",
    "NUL": b'"0123456789\\u0000abc"',
    "NUL as it is": b'"0123456789\x00abc"',
    "half a pair": b'"0123456789\\ud800"',
    "the other half": b'"\\udc00 0123456789"',
    "half a pair as bytes": b'"0123456789\xed\xa0\x80"',
    "no UTF-8": b'"0123456789\xff\xfe"',
    "10 MB": b'"' + b"x" * 10_000_000 + b'"',
}
# Intercom cuts texts in the middle of an emoji; what is half there is mended, since Intercom signed it.
MENDED = {"receiveWebhook": {"half a pair", "the other half"}}


class Field(NamedTuple):
    """A string of an operation's body, and a good body to put it into."""

    operation: str
    method: str
    path: str
    keys: tuple[str, ...]
    schema: dict[str, Any]
    body: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.operation}-{'.'.join(self.keys)}"

    def with_value(self, value: Any) -> Any:
        """The good body, with the value in place of the string, or of the list that has it."""
        body = copy.deepcopy(self.body)
        keys, value = (self.keys[:-1], [value]) if self.keys[-1] == ITEM else (self.keys, value)
        inner = body
        for key in keys[:-1]:
            inner = inner.setdefault(key, {}) if isinstance(inner.get(key, {}), dict) else inner
        inner[keys[-1]] = value
        return body


def strings(schema: dict[str, Any], before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Where the schema has strings."""
    schema = contract().resolved(schema)
    for way in [*schema.get("oneOf", ()), *schema.get("allOf", ())]:
        yield from strings(way, before)
    kinds = schema.get("type", ())
    values = schema.get("enum", ())
    if "string" in ([kinds] if isinstance(kinds, str) else kinds) or any(isinstance(value, str) for value in values):
        yield before
    for name, inner in schema.get("properties", {}).items():
        yield from strings(inner, (*before, name))
    if isinstance(schema.get("additionalProperties"), dict):
        yield from strings(schema["additionalProperties"], (*before, "any key"))
    if "items" in schema:
        yield from strings(schema["items"], (*before, ITEM))


def found() -> Iterator[Field]:
    for path, item in document(__version__)["paths"].items():
        for method, operation in item.items():
            content = operation.get("requestBody", {}).get("content", {}) if isinstance(operation, dict) else {}
            for told in filter(None, [content.get("application/json")]):
                good = told["example"] if "example" in told else next(iter(told["examples"].values()))["value"]
                for keys in strings(told["schema"]):
                    yield Field(operation["operationId"], method.upper(), path, keys, told["schema"], good)


FIELDS = list(found())


def hostile(field: Field) -> Iterator[tuple[str, bytes]]:
    """The bodies to try: those that the document doesn't allow."""
    for name in HOSTILE.keys() - MENDED.get(field.operation, set()):
        body = json.dumps(field.with_value(MARK)).encode().replace(f'"{MARK}"'.encode(), HOSTILE[name])
        if name == "10 MB" or not is_allowed(field.schema, body):
            yield name, body


def is_allowed(schema: dict[str, Any], body: bytes) -> bool:
    try:
        given = json.loads(body)
        json.dumps(given, ensure_ascii=False).encode()
    except ValueError:
        return False
    return not contract().errors(schema, given)


async def stored(world: World) -> dict[str, int]:
    database = world.server.parts.database
    return {name: await database[name].count_documents({}) for name in await database.list_collection_names()}


async def send(world: World, field: Field, ids: dict[str, str], body: bytes) -> httpx.Response:
    signature = hmac.new(CLIENT_SECRET.encode(), body, hashlib.sha1).hexdigest()
    headers = {"Content-Type": "application/json", "X-Hub-Signature": f"sha1={signature}"}
    return await world.sdk().call(field.method, field.path.format(**ids), content=body, headers=headers)


def test_the_fields_are_found() -> None:
    names = {str(field) for field in FIELDS}
    assert {"startConversation-body", "startConversation-reason.main", "startConversation-meta.any key"} <= names
    assert {"replyToTicket-body", "rate-comment", "complain-category", "registerDevice-token"} <= names
    assert {"replyToConversation-attachmentIds.an item", "replyToTicket-attachmentIds.an item"} <= names
    assert {field.operation for field in FIELDS} >= {"clarifyTicket", "reportDiagnostics", "receiveWebhook"}


@pytest.mark.parametrize("operation", sorted({field.operation for field in FIELDS}))
async def test_what_is_no_text_is_refused_and_leaves_no_trace(mongo: MongoDatabase, operation: str) -> None:
    async with living(mongo) as world:
        started = await world.sdk().start(body="Hello", meta={"browser": "Firefox"})
        ticket = await world.operator.make_ticket()
        ids = {"conversationId": started["id"], "ticketId": ticket["id"]}
        await world.settle()
        await world.finish_jobs()
        await world.operator.forget_calls()
        before = await stored(world)
        for field in (each for each in FIELDS if each.operation == operation):
            for name, body in hostile(field):
                response = await send(world, field, ids, body)
                assert response.status_code == 400, (str(field), name, response.text)
                assert response.json()["error"] in {"validation_error", "bad_request"}, (str(field), name)
        assert await stored(world) == before
        assert await world.operator.calls() == {}


async def test_the_good_bodies_are_good(mongo: MongoDatabase) -> None:
    async with living(mongo) as world:
        started = await world.sdk().start(body="Hello")
        ticket = await world.operator.make_ticket()
        ids = {"conversationId": started["id"], "ticketId": ticket["id"]}
        await world.settle()
        for field in {each.operation: each for each in FIELDS}.values():
            body = field.body if "conversationId" not in field.body else {**field.body, "conversationId": started["id"]}
            response = await send(world, field, ids, json.dumps(body).encode())
            assert response.status_code < 300, (str(field), response.text)
