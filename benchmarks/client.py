"""A client that costs little: one keep-alive connection, raw bytes."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from benchmarks.figures import BenchmarkFailed

T = TypeVar("T")


@dataclass
class Connection:
    """A connection to supportd. One request at a time."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @classmethod
    async def to(cls, port: int) -> "Connection":
        """A new connection."""
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    def ask(self, path: str, token: str) -> None:
        """Sends a GET."""
        self.writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode())

    def tell(self, path: str, body: bytes, headers: dict[str, str]) -> None:
        """Sends a POST."""
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n{lines}\r\n"
        self.writer.write(head.encode() + body)

    async def answer(self) -> bytes:
        """The body of the next answer. Raises `BenchmarkFailed` if it isn't a 200."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise BenchmarkFailed(f"the server answered {head!r}")
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        return await self.reader.readexactly(int(length))

    async def get(self, path: str, token: str) -> bytes:
        """Sends a GET and reads its answer."""
        self.ask(path, token)
        return await self.answer()

    def close(self) -> None:
        """Ends it."""
        self.writer.close()


async def shared(
    port: int, items: Iterable[T], act: Callable[[Connection, T], Awaitable[object]], *, at_once: int
) -> None:
    """Does `act` with each item, over `at_once` connections."""
    left = iter(items)

    async def one() -> None:
        connection = await Connection.to(port)
        for item in left:
            await act(connection, item)
        connection.close()

    await asyncio.gather(*(one() for _ in range(at_once)))
