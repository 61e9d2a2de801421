"""A server that has a file, for the simulator to fetch."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler


@dataclass
class Host:
    """What it answers to every GET; `asked` are the paths, and `authorizations` what came with them."""

    url: str = ""
    status: int = 200
    content: bytes = b"a picture"
    content_type: str = "image/png"
    redirect: str = ""
    asked: list[str] = field(default_factory=list)
    authorizations: list[str | None] = field(default_factory=list)
    closing: asyncio.Event = field(default_factory=asyncio.Event)


class _Handler(RequestHandler):
    def initialize(self, *, host: Host) -> None:
        self.host = host

    async def get(self) -> None:
        self.host.asked.append(self.request.path)
        self.host.authorizations.append(self.request.headers.get("Authorization"))
        if self.host.status == 0:
            await self.host.closing.wait()
        if self.host.redirect and self.request.path != self.host.redirect:
            self.redirect(self.host.redirect)
            return
        self.set_status(self.host.status or 500)
        self.set_header("Content-Type", self.host.content_type)
        self.write(self.host.content)


@contextlib.asynccontextmanager
async def hosting() -> AsyncIterator[Host]:
    host = Host()
    sockets = bind_sockets(0, "127.0.0.1")
    server = HTTPServer(Application([(".*", _Handler, {"host": host})], log_function=lambda _: None))
    server.add_sockets(sockets)
    host.url = f"http://127.0.0.1:{sockets[0].getsockname()[1]}"
    try:
        yield host
    finally:
        host.closing.set()
        server.stop()
        await server.close_all_connections()
