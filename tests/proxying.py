"""A TCP proxy between two real parts: the network, which a test can delay, hold, cut and take away."""

import asyncio
import contextlib
import enum
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

LOOPBACK = "127.0.0.1"
CHUNK_BYTES = 64 * 1024


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
        self._listening: socket.socket | None = None
        self._carrying: set[asyncio.Task[None]] = set()

    @property
    def open(self) -> int:
        """How many connections there are."""
        return len(self._connections)

    async def allow(self) -> None:
        """Connections are taken; what was held passes."""
        self._passable.set()
        if self._listening is None:
            self._listening = socket.create_server((LOOPBACK, self.port))
            self._listening.setblocking(False)
            self.port = self._listening.getsockname()[1]
            asyncio.get_running_loop().add_reader(self._listening, self._accept, self._listening)

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
        if self._listening is not None:
            asyncio.get_running_loop().remove_reader(self._listening)
            self._listening.close()
            self._listening = None
        self.cut()

    async def close(self) -> None:
        """Takes nothing any more, and waits until every connection is gone."""
        self.refuse()
        carrying = list(self._carrying)
        for task in carrying:
            task.cancel()
        await asyncio.gather(*carrying, return_exceptions=True)
        await asyncio.sleep(0)  # what was aborted is closed in the loop's next turn

    def _accept(self, listening: socket.socket) -> None:
        """Takes a connection; it is carried or closed, whatever comes then.

        asyncio's own server loses a connection that it accepted in the turn before it is closed (CPython 3.11).
        """
        with contextlib.suppress(OSError):  # the client left
            client, _ = listening.accept()
            client.setblocking(False)
            task = asyncio.create_task(self._carry(client))
            self._carrying.add(task)
            task.add_done_callback(self._carrying.discard)
            task.add_done_callback(lambda _: client.close())

    async def _carry(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            reader, writer = await asyncio.open_connection(sock=client)
            try:
                await self._connect(reader, writer)
            finally:
                writer.transport.abort()

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
