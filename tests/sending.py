"""Sends under an `Idempotency-Key`, and what became of them in Intercom."""

import asyncio
from typing import Any

import httpx

from supportd.conversations.richtext import as_text
from tests.harness import Sdk, World
from tests.waiting import eventually

REPLY = "POST /conversations/{id}/reply"
START = "POST /conversations"
RUN_S = 21  # after which a key whose run crashed may be taken over, and nothing that it sent can still arrive
LATE_S = 11  # after which what was cut off can't arrive any more


async def send(sdk: Sdk, path: str, body: Any, key: str = "key-1") -> httpx.Response:
    return await sdk.call("POST", path, json=body, headers={"Idempotency-Key": key})


async def reply(sdk: Sdk, chat: dict[str, Any], words: str, key: str = "key-1") -> httpx.Response:
    return await send(sdk, f"/api/conversations/{chat['id']}/reply", {"body": words}, key)


async def start(sdk: Sdk, key: str = "key-1", **body: Any) -> httpx.Response:
    return await send(sdk, "/api/conversations", body, key)


async def replies(world: World, chat: dict[str, Any]) -> list[str]:
    """What the user said in Intercom after the first message."""
    parts = (await world.operator.truth(chat["id"]))["conversation_parts"]["conversation_parts"]
    return [as_text(part["body"]) for part in parts if part["author"]["type"] == "user"]


async def conversations(world: World) -> int:
    found: int = (await world.operator.control("GET", "/status"))["conversations"]
    return found


async def notes(world: World, conversation_id: str) -> list[str]:
    parts = (await world.operator.truth(conversation_id))["conversation_parts"]["conversation_parts"]
    return [as_text(part["body"]) for part in parts if part["part_type"] == "note"]


async def under_way(world: World, operation: str, request: "asyncio.Task[httpx.Response]") -> None:
    """Waits until the request's call has reached Intercom."""

    async def has_come() -> bool:
        assert not request.done(), request.result().text
        return operation in await world.operator.calls()

    await eventually(has_come)


def is_replayed(response: httpx.Response) -> bool:
    return bool(response.headers.get("Idempotent-Replayed") == "true")


def is_conflict(response: httpx.Response) -> bool:
    if response.status_code != 409:
        return False
    return bool(response.json()["error"] == "conflict" and int(response.headers["Retry-After"]) >= 1)
