"""Users with files to send, a server that Intercom can reach, and what became of the files there."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import httpx

from supportd.dev.ports import free_port
from supportd.simulator.app import Simulator
from tests.files import makers
from tests.harness import MongoDatabase, Sdk, World, serving, settings, simulating

PNG = makers.png()
PDF = makers.pdf()
TEXT = b"It was on Monday."
OPERATORS = {"name": "guide.pdf", "content_type": "application/pdf", "data": "JVBERi0xLjQ="}
OPERATORS_BYTES = b"%PDF-1.4"


@contextlib.asynccontextmanager
async def reachable(
    mongo: MongoDatabase, simulator: Simulator, *, webhooks: bool = True, **changes: Any
) -> AsyncIterator[World]:
    """A server whose links lead to it."""
    port = free_port()
    configuration = settings(
        mongo, simulator.base_url, **{"port": port, "public_url": f"http://127.0.0.1:{port}", **changes}
    )
    async with serving(configuration, simulator, webhooks=webhooks) as world:
        yield world


@contextlib.asynccontextmanager
async def living(mongo: MongoDatabase, *, webhooks: bool = True, **changes: Any) -> AsyncIterator[World]:
    """The whole world, with links that lead to its server."""
    async with simulating() as simulator, reachable(mongo, simulator, webhooks=webhooks, **changes) as world:
        yield world


async def upload(sdk: Sdk, name: str = "receipt.png", content: bytes = PNG) -> dict[str, Any]:
    response = await sdk.call("POST", "/api/files/upload", files={"file": (name, content)})
    assert response.status_code == 201, response.text
    found: dict[str, Any] = response.json()
    return found


async def reply_with(sdk: Sdk, chat: dict[str, Any], *ids: str, status: int = 201, **body: Any) -> Any:
    given = {"attachmentIds": list(ids), **body}
    return await sdk.post(f"/api/conversations/{chat['id']}/reply", given, status=status)


async def opened(url: str) -> httpx.Response:
    """What a client gets that opens a link as it is, without a token."""
    async with httpx.AsyncClient(trust_env=False, follow_redirects=True, timeout=40) as browser:
        return await browser.get(url)


async def in_intercom(world: World, chat: dict[str, Any]) -> list[dict[str, Any]]:
    """The user's parts after the first message."""
    parts = (await world.operator.truth(chat["id"]))["conversation_parts"]["conversation_parts"]
    return [part for part in parts if part["author"]["type"] == "user"]
