"""Uploads as an app makes them, and as no app should."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx

from supportd.files.signing import Purpose, Signer
from tests.files import makers
from tests.harness import JWT_SECRET, Sdk, World

PNG = makers.png()
UPLOAD = "/api/files/upload"
BOUNDARY = "a-boundary"
MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"
END = f"--{BOUNDARY}--\r\n".encode()


def link_token(world: World, file_id: str, purpose: Purpose = Purpose.INTERCOM, *, ttl_s: float = 600) -> str:
    """What the server signs links with, made apart from it."""
    signer = Signer(secrets=(JWT_SECRET,), clock=world.clock)
    return signer.sign(file_id, purpose, expires_at=int(world.clock.time() + ttl_s))


async def try_upload(sdk: Sdk, data: bytes = PNG, name: str = "a.png", kind: str = "image/png") -> httpx.Response:
    return await sdk.call("POST", UPLOAD, files={"file": (name, data, kind)})


async def uploaded(sdk: Sdk, data: bytes = PNG, name: str = "a.png") -> Any:
    response = await try_upload(sdk, data, name)
    assert response.status_code == 201, response.text
    return response.json()


async def try_body(sdk: Sdk, body: bytes, content_type: str = MULTIPART) -> httpx.Response:
    return await sdk.call("POST", UPLOAD, content=body, headers={"Content-Type": content_type})


def part(data: bytes = PNG, *, disposition: str = 'form-data; name="file"; filename="a.png"', more: str = "") -> bytes:
    return f"--{BOUNDARY}\r\nContent-Disposition: {disposition}\r\n{more}\r\n".encode() + data + b"\r\n"


@dataclass
class Line:
    """A connection of one's own, to send half of something or nothing at all."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def begin(self, sdk: Sdk, *, length: int | None = None, more: str = "") -> None:
        """Sends the headers of an upload; without a length it is chunked."""
        size = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
        await self.send(
            f"POST {UPLOAD} HTTP/1.1\r\nHost: supportd\r\nAuthorization: Bearer {sdk.token}\r\n"
            f"Content-Type: {MULTIPART}\r\n{size}\r\n{more}\r\n".encode()
        )

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def chunk(self, data: bytes) -> None:
        await self.send(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        """The status, the headers by their names in lower case, and the body."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
        body = await self.reader.readexactly(int(headers.get("content-length", 0)))
        return int(head[0].split()[1]), headers, body

    async def closed(self) -> bool:
        """Waits until the server has closed it; False if more comes."""
        with contextlib.suppress(ConnectionError):
            return await self.reader.read(1) == b""
        return True


def line(world: World) -> contextlib.AbstractAsyncContextManager[Line]:
    return line_to(world.server.port)


@contextlib.asynccontextmanager
async def line_to(port: int) -> AsyncIterator[Line]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Line(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
