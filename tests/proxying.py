"""A TCP proxy between two real parts: the network, which a test can delay, hold, cut and take away."""

import asyncio
import contextlib
import enum
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

LOOPBACK = "127.0.0.1"
CHUNK_BYTES = 64 * 1024
ACCEPTING_TURNS = 5  # of the loop, until a connection that was just accepted is carried


class Way(enum.Enum):
    """Which way bytes go."""

    REQUEST = "to the server"
    ANSWER = "to the client"


@dataclass(frozen=True)
class Passing:
    """Some bytes on their way, in the order in which they came."""

    way: Way
    connection: int
    data: bytes


Watch = Callable[[Passing], None]


class Proxy:
    """Clients that connect to `port` reach `target_port`, as far as the network lets them.

    `watch` sees all bytes before they pass, and may call the proxy's methods: what it cuts or holds doesn't pass.
    """

    def __init__(self, target_port: int) -> None:
        self.port = 0
        self.delay_s = 0.0
        self.watch: Watch | None = None
        self._target_port = target_port
        self._passable = asyncio.Event()
        self._passable.set()
        self._stalled: set[int] = set()
        self._detained: dict[int, asyncio.Event] = {}
        self._connections: dict[int, tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = {}
        self._made = 0
        self._server: asyncio.Server | None = None
        self._carrying: set[asyncio.Task[None] | None] = set()

    @property
    def open(self) -> int:
        """How many connections there are."""
        return len(self._connections)

    async def allow(self) -> None:
        """Connections are taken; what was held passes."""
        self._passable.set()
        if self._server is None:
            self._server = await asyncio.start_server(self._carry, LOOPBACK, self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    def hold(self) -> None:
        """Nothing passes in either direction until `allow`, as where packets are lost; connections stay."""
        self._passable.clear()

    def stall(self, connection: int) -> None:
        """Nothing passes on this connection any more, ever; it stays until it is cut."""
        self._stalled.add(connection)

    def detain(self, connection: int) -> None:
        """Nothing passes on this connection until `release`, even if the client has left by then."""
        self._detained.setdefault(connection, asyncio.Event())

    def release(self) -> None:
        """What was detained passes."""
        for event in self._detained.values():
            event.set()
        self._detained.clear()

    def cut(self) -> None:
        """Every connection is reset; new ones are taken."""
        for pair in list(self._connections.values()):
            for writer in pair:
                writer.transport.abort()

    def refuse(self) -> None:
        """Every connection is reset and none is taken until `allow`."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self.cut()

    async def close(self) -> None:
        """Takes nothing any more, and waits until every connection is gone."""
        self.refuse()
        for _ in range(ACCEPTING_TURNS):
            await asyncio.sleep(0)
        carrying = [task for task in self._carrying if task is not None]
        for task in carrying:
            task.cancel()
        await asyncio.gather(*carrying, return_exceptions=True)
        await asyncio.sleep(0)  # what was aborted is closed in the loop's next turn

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        self._carrying.add(task)
        try:
            with contextlib.suppress(OSError, asyncio.CancelledError):  # asyncio logs a callback that was cancelled
                await self._connect(reader, writer)
        finally:
            writer.transport.abort()
            self._carrying.discard(task)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = self._made = self._made + 1
        to_reader, to_writer = await asyncio.open_connection(LOOPBACK, self._target_port)
        self._connections[number] = (writer, to_writer)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pass(Way.REQUEST, number, reader, to_writer))
                both.create_task(self._pass(Way.ANSWER, number, to_reader, writer))
        finally:
            del self._connections[number]
            to_writer.transport.abort()

    async def _pass(self, way: Way, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK_BYTES):
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                if self.watch is not None:
                    self.watch(Passing(way, number, data))
                await self._passable.wait()
                if number in self._detained:
                    await self._detained[number].wait()
                if number in self._stalled:
                    return
                writer.write(data)
                await writer.drain()
            if writer.can_write_eof():
                writer.write_eof()


@contextlib.asynccontextmanager
async def proxied(target_port: int) -> AsyncIterator[Proxy]:
    """A proxy to a port on loopback, which lets everything pass to begin with."""
    proxy = Proxy(target_port)
    await proxy.allow()
    try:
        yield proxy
    finally:
        await proxy.close()
