"""Wrong bodies of every kind, for any route that takes JSON."""

import json
from typing import Any

import httpx

from tests.harness import Sdk

JSON_TYPE = "application/json"
MANY_BYTES = 10 * 1024 * 1024

# What no text field takes. Whether it takes null or nothing at all is the field's own rule.
NO_TEXT: list[Any] = [5, 0, 1.5, True, False, [], ["hello"], {}, {"$gt": ""}, {"$ne": None}, "", "a\x00b" * 5]
HALVES = ("\\ud800", "\\udc00", "\\udfff\\ud800", "a\\ud83dz", "halves of a pair \\ud83d")


def unreadable(readable: Any) -> list[tuple[bytes, str]]:
    """Bodies that nobody can read, each with its Content-Type, made from one that is fine."""
    fine = json.dumps(readable).encode()
    return [
        (b"", JSON_TYPE),
        (b"{", JSON_TYPE),
        (b"hello", JSON_TYPE),
        (fine + fine, JSON_TYPE),
        (fine[:-1], JSON_TYPE),
        (fine.decode().encode("utf-16"), JSON_TYPE),
        (fine[:-1] + b', "x": NaN}', JSON_TYPE),
        (fine[:-1] + b', "x": "\xff\xfe"}', JSON_TYPE),
        (fine, "text/plain"),
        (fine, "application/x-www-form-urlencoded"),
        (b"broken", "multipart/form-data; boundary=x"),
        (b"broken", "multipart/form-data"),
        (b"[" * 60_000, JSON_TYPE),
        (fine[:-1] + b', "x": "' + b"x" * MANY_BYTES + b'"}', JSON_TYPE),
        (b"x" * MANY_BYTES, JSON_TYPE),
    ]


async def send(sdk: Sdk, method: str, path: str, body: Any) -> httpx.Response:
    return await sdk.call(method, path, content=json.dumps(body), headers={"Content-Type": JSON_TYPE})


async def assert_names(sdk: Sdk, method: str, path: str, body: Any, field: str) -> None:
    """The body is refused, and the message names the field and repeats nothing of what was sent."""
    response = await send(sdk, method, path, body)
    assert (response.status_code, response.json()["error"]) == (400, "validation_error"), (
        str(body)[:80],
        response.text,
    )
    assert set(response.json()) == {"error", "message"}
    assert response.json()["message"].partition(":")[0] == field, (str(body)[:80], response.text)
    assert "canary" not in response.text


async def assert_unreadable(sdk: Sdk, method: str, path: str, readable: Any) -> None:
    """Whatever isn't JSON is refused as such."""
    for content, content_type in unreadable(readable):
        response = await sdk.call(method, path, content=content, headers={"Content-Type": content_type})
        assert response.status_code == 400, (content[:60], content_type, response.text)
        assert response.json()["error"] in {"bad_request", "validation_error"}


async def assert_no_halves(sdk: Sdk, method: str, path: str, fine: dict[str, Any], field: str) -> None:
    """Half a surrogate pair is no text."""
    for half in HALVES:
        content = json.dumps({**fine, field: "HALF"}).replace("HALF", half)
        response = await sdk.call(method, path, content=content, headers={"Content-Type": JSON_TYPE})
        assert response.status_code == 400, (content, response.text)
        assert response.json()["error"] in {"bad_request", "validation_error"}
